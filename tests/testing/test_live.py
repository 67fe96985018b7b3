"""`--amocrm-live`: the same tests on the account of a profile; here that is a served sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amocrm.cli.opening import long_lived_key
from amocrm.cli.profiles import Profile, Profiles
from amocrm.sandbox import Sandbox
from amocrm.stores.file import FileStore
from tests.testing.conftest import Run

pytest_plugins = ["pytester"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMOCRM_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("AMOCRM_DOMAIN", "production")  # It must not name the account.
    monkeypatch.setenv("AMOCRM_TOKEN", "secret")
    return tmp_path / "config"


@pytest.fixture
def technical(folder: Path) -> Iterator[Sandbox]:
    """A technical account, whose profile is `tech`."""
    portal = Sandbox(("technical",), rps=None)
    portal.add("leads", {"name": "There already"})
    with portal.serve(threads=4) as served:
        profile = Profile("technical.amocrm.ru", base_url=served.url, long_lived=True)
        profiles = Profiles(str(folder))
        profiles.save("tech", profile)
        FileStore(profiles.tokens).save(long_lived_key(profile), portal.issue_long_lived(), None)
        yield portal


TESTS = """
    def test_reads(amocrm):
        assert amocrm.account.get()["subdomain"] == "technical"
        assert [one["name"] for one in amocrm.leads.list()] == ["There already"]

    def test_writes(amocrm):
        amocrm.leads.create({"name": "New"})

    def test_sandbox(amocrm, amocrm_sandbox): pass
    def test_clock(amocrm_clock): pass
    def test_webhooks(amocrm_webhooks): pass
    def test_server(amocrm_server): pass
    """


def test_it_reads_the_account_and_refuses_to_change_it(
    run: Run, technical: Sandbox, folder: Path
) -> None:
    shown = run(TESTS, "--amocrm-live", "tech", "-rs", passed=1, failed=1, skipped=4)
    assert "amocrm: live on the account of the profile 'tech', reads only" in shown
    assert "it needs the sandbox, and --amocrm-live tech runs on a real account" in shown
    assert "POST /api/v4/leads was not sent: this client is read-only" in shown
    assert "--amocrm-live-writes lets tests change the account" in shown
    assert [one.method for one in technical.log] == ["GET", "GET"]
    assert {one.account for one in technical.log} == {"technical"}
    assert (folder / "rate-limits").exists(), "the limit that all programs of the user share"


def test_writes_are_allowed_on_request(run: Run, technical: Sandbox) -> None:
    options = ("--amocrm-live", "tech", "--amocrm-live-writes")
    shown = run(TESTS, *options, passed=2, skipped=4)
    assert "'tech', reads and writes" in shown
    assert [one["name"] for one in technical.leads()] == ["There already", "New"]


@pytest.mark.parametrize("options", [(), ("--amocrm-live-writes",)])
def test_a_test_leaves_the_next_one_a_client_that_works(
    run: Run, technical: Sandbox, folder: Path, options: tuple[str, ...]
) -> None:
    def tokens() -> dict[str, str]:
        return {one.name: one.read_text() for one in (folder / "tokens").glob("*.json")}

    before = tokens()
    tests = """
        import pytest
        from amocrm import ConfigurationError

        def test_close(amocrm):
            with amocrm:
                amocrm.on("request:done", lambda done: 1 / 0)

        def test_tokens(amocrm):
            pair = {"access_token": "a", "refresh_token": "b", "expires_in": 86400,
                    "server_time": 9_000_000_000, "token_type": "Bearer"}
            for change, value in (("set_token", pair), ("set_code", "def502")):
                with pytest.raises(ConfigurationError, match=f"{change} would replace the stored"):
                    getattr(amocrm.connection, change)(value)

        def test_reads(amocrm):
            assert amocrm.account.get()["subdomain"] == "technical"
        """
    run(tests, "--amocrm-live", "tech", *options, passed=3)
    assert [one.path for one in technical.log] == ["/api/v4/account"]
    assert tokens() == before != {}


def test_tests_without_our_fixtures_run_as_ever(run: Run, technical: Sandbox) -> None:
    run("def test_own(): pass", "--amocrm-live", "tech", passed=1)
    assert technical.log == []


def test_what_is_missing_is_told_in_one_line(run: Run, folder: Path) -> None:
    shown = run("def test_it(amocrm): pass", "--amocrm-live", "nobody", errors=1)
    assert "there is no profile 'nobody' (log in first: amocrm login)" in shown
    assert "plugin.py" not in shown
    shown = run("def test_it(amocrm): pass", "--amocrm-live-writes")
    assert "--amocrm-live-writes needs --amocrm-live PROFILE" in shown
