"""Logging in by a code, by a token, over a browser; profiles; logging out."""

from __future__ import annotations

import json
import stat
import webbrowser
from pathlib import Path
from urllib.request import urlopen

import pytest

from amocrm.cli.consent_code import code_of_paste, has_browser, is_address, loopback_server
from amocrm.errors import AccessDeniedError, ConfigurationError, StateMismatchError
from tests.cli.conftest import Run, Shop


@pytest.fixture
def integration(folder: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    one = shop.portal.integration
    monkeypatch.setenv("AMOCRM_BASE_URL", shop.url)
    monkeypatch.setenv("AMOCRM_CLIENT_ID", one.client_id)
    monkeypatch.setenv("AMOCRM_CLIENT_SECRET", one.client_secret)
    return shop


def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"AMOCRM_{name}")


def test_a_code_from_standard_input(
    run: Run, integration: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("login", "example", "--code", "-", stdin=f"{integration.portal.issue_code()}\n")
    assert (done.code, done.out) == (0, "")
    without_variables(monkeypatch)
    who = json.loads(run("whoami").out)
    assert (who["profile"], who["user"], who["is_admin"]) == ("example", "Ann", True)
    known = json.loads(run("status").out)
    assert (known["token"], known["freshness"]) == ("pair", "fresh")
    assert known["refresh_expires_at"] > known["expires_at"]
    for path in [folder / "profiles.toml", *(folder / "tokens").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("accounts", "--quiet").out.count("\n") == 1
    assert run("logout").code == 0
    assert run("whoami").code == 4
    texts = [path.read_text() for path in folder.rglob("*") if path.suffix in (".json", ".toml")]
    assert not [text for text in texts if "refresh_token" in text or "client_secret" in text]


def test_a_long_lived_token_from_standard_input(
    run: Run, integration: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = integration.token
    assert run("login", "example", "--token", "-", "--name", "live", stdin=token).code == 0
    without_variables(monkeypatch)
    assert json.loads(run("whoami").out)["profile"] == "live"
    assert json.loads(run("status").out)["token"] == "long-lived"
    assert token not in (folder / "profiles.toml").read_text()
    wrong = token[:-9] + "AAAAAAAAA"
    done = run("login", "example", "--token", "-", "--base-url", integration.url, stdin=wrong)
    assert done.code == 4
    assert wrong not in done.err
    assert run("--profile", "live", "whoami").code == 0


def test_a_browser_comes_back_to_this_machine(
    run: Run, integration: Shop, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"http://127.0.0.1:{free_port}/"
    one = integration.portal.add_integration(uri)

    def agree(url: str) -> bool:
        with urlopen(integration.portal.agree(url), timeout=5) as page:
            return bool(page.status == 200)

    monkeypatch.setattr(webbrowser, "open", agree)
    monkeypatch.setenv("BROWSER", "any")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv("AMOCRM_CLIENT_ID", one.client_id)
    monkeypatch.setenv("AMOCRM_CLIENT_SECRET", one.client_secret)
    done = run("login", "example", "--redirect-uri", uri)
    assert done.code == 0, done.err
    assert "Logged in to Example" in done.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["login", "example", "--code", "abc"], "", "a secret is no argument"),
        (["login", "example", "--token", "abc"], "", "a secret is no argument"),
        (["login", "example", "--code", "-"], "", "no code"),
        (["login", "example", "--code", "-"], "a b", "no code"),
        (["login", "example", "--code", "-"], "http://x/?code=a&state=b", "--paste"),
        (["login", "example", "--token", "-"], "\0\0", "access_token"),
        (["login", "example", "--code", "-", "--token", "-"], "", "exclude"),
        (["login", "--no-input"], "", "DOMAIN"),
        (["login", "evil.example.org"], "", "not an account"),
        (["login", "example", "--name", "a/b"], "", "name of a profile"),
        (["login", "example", "--name", "../x"], "", "name of a profile"),
        (["login", "example", "--no-input", "--paste"], "", "--code -"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_2(
    run: Run, integration: Shop, folder: Path, arguments: list[str], stdin: str, said: str
) -> None:
    done = run(*arguments, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]
    assert "abc" not in done.err
    assert not (folder / "profiles.toml").exists()


def test_a_code_works_once_and_a_used_one_is_exit_4(run: Run, integration: Shop) -> None:
    code = integration.portal.issue_code()
    assert run("login", "example", "--code", "-", stdin=code).code == 0
    done = run("login", "example", "--code", "-", stdin="wrong")
    assert (done.code, done.err.count("\n")) == (4, 1)


def test_a_name_is_not_taken_from_another_account(run: Run, integration: Shop) -> None:
    token = integration.token
    assert run("login", "example", "--token", "-", stdin=token).code == 0
    kommo = ("login", "example.kommo.com", "--token", "-")
    done = run(*kommo, "--name", "example", stdin=token)
    assert (done.code, "choose another --name" in done.err) == (2, True)


QUERY = "code=abc&state=mine&referer=example.amocrm.ru"


@pytest.mark.parametrize(
    "pasted", [f"http://127.0.0.1:3000/?{QUERY}", f"?{QUERY}", QUERY, "  abc \n"]
)
def test_a_code_is_read_from_what_is_pasted(pasted: str) -> None:
    assert code_of_paste(pasted, "mine", "example.amocrm.ru") == "abc"


@pytest.mark.parametrize(
    ("pasted", "error"),
    [
        (f"http://x/?{QUERY}".replace("mine", "yours"), StateMismatchError),
        ("http://x/?code=abc", StateMismatchError),
        (f"{QUERY}&code=other", StateMismatchError),
        (QUERY.replace("example.", "other."), AccessDeniedError),
        (QUERY.replace("example.amocrm.ru", "evil.org"), StateMismatchError),
        ("?error=access_denied&state=mine", AccessDeniedError),
        ("http://x/?state=mine", StateMismatchError),
        ("a" * 9_000, ConfigurationError),
    ],
)
def test_a_forged_address_is_refused(pasted: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        code_of_paste(pasted, "mine", "example.amocrm.ru")


def test_a_code_is_no_address() -> None:
    assert not is_address("def502009c8d")
    assert not is_address("c2VjcmV0==")


def test_where_a_browser_can_come_back_to() -> None:
    assert loopback_server("http://localhost:3000/back") == (3000, "localhost", 300.0)
    assert loopback_server("http://127.0.0.1/") == (80, "127.0.0.1", 300.0)
    for uri in ("https://127.0.0.1/", "https://example.org/", "http://example.org/", "http://[x"):
        assert loopback_server(uri) is None
    assert has_browser({"DISPLAY": ":0"})
    assert not has_browser({"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"})
    assert not has_browser({})
