"""`amocrm keepalive`: pairs are renewed before their end, and the others are told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from amocrm import Integration
from amocrm.cli.opening import open_client
from amocrm.cli.profiles import Profile, Profiles
from amocrm.cli.settings import CalledAccount
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.file import FileStore
from tests.cli.conftest import Done, Run

DAY = 86_400.0


class Old(NamedTuple):
    """A portal whose clock is advanced, and profiles of it."""

    portal: Sandbox
    clock: ManualClock
    profiles: Profiles
    profile: Profile

    def log_in(self, name: str) -> None:
        self.profiles.save(name, self.profile)
        target = CalledAccount(name, self.profile)
        with open_client(target, self.profiles) as crm:
            crm.connection.set_code(self.portal.issue_code())

    def granted(self) -> int:
        return sum(1 for seen in self.portal.log if seen.path == "/oauth2/access_token")


@pytest.fixture
def old(folder: Path) -> Iterator[Old]:
    """Pairs that are granted now are 40 days old."""
    clock = ManualClock()
    clock.advance(time.time() - 40 * DAY - clock.time())
    portal = Sandbox(rps=None, seed=0, clock=clock)
    one = portal.integration
    with portal.serve() as served:
        yield Old(
            portal, clock, Profiles(str(folder)),
            Profile("example.amocrm.ru", one.client_id, one.client_secret, one.redirect_uri,
                    base_url=served.url),
        )  # fmt: skip


def rows(done: Done) -> dict[str, Any]:
    return {row["name"]: row for row in map(json.loads, done.out.splitlines())}


def test_an_old_pair_is_renewed_once(run: Run, old: Old) -> None:
    old.log_in("shop")
    old.clock.advance(40 * DAY)
    before = old.granted()
    ran = run("keepalive")
    assert (ran.code, rows(ran)["shop"]["outcome"]) == (0, "renewed")
    assert "Before, it ran: never" in ran.err
    assert old.granted() == before + 1
    again = run("keepalive")
    assert (again.code, rows(again)["shop"]["outcome"]) == (0, "fresh")
    assert "never" not in again.err
    assert old.granted() == before + 1
    assert rows(run("keepalive", "--days", "0"))["shop"]["outcome"] == "renewed"


def test_one_that_fails_does_not_stop_the_others(run: Run, old: Old) -> None:
    old.log_in("first")
    old.profiles.save("broken", Profile("broken.amocrm.ru"))
    old.profiles.save("empty", old.profile._replace(domain="other.amocrm.ru"))
    ran = run("keepalive", "--quiet")
    found = rows(ran)
    assert ran.code == 3
    outcomes = {name: row["outcome"] for name, row in found.items()}
    assert outcomes == {"first": "renewed", "broken": "failed", "empty": "missing"}
    assert ran.err.splitlines() == [f"broken: {found['broken']['error']}"]
    last = json.loads(run("keepalive", "--last").out)
    assert (last["place"], last["failed"]) == ("profiles", 1)
    assert last["ran_at"]


def test_a_revoked_pair_needs_a_person(run: Run, old: Old) -> None:
    old.log_in("shop")
    old.portal.revoke_tokens()
    ran = run("keepalive")
    assert (ran.code, rows(ran)["shop"]["outcome"]) == (4, "failed")
    assert "shop: " in ran.err


def test_a_long_lived_token_is_only_told(run: Run, old: Old, folder: Path) -> None:
    url = old.profile.base_url
    token = old.portal.issue_long_lived()
    ran = run("login", "example", "--token", "-", "--base-url", url, stdin=f"{token}\n")
    assert ran.code == 0, ran.err
    (row,) = rows(run("keepalive")).values()
    assert row["outcome"] == "long-lived"
    assert row["until"]


def test_all_accounts_of_a_programs_store(
    run: Run, old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, store = old.portal.integration, tmp_path / "store"
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri, store=FileStore(store),
        base_url=old.profile.base_url,
    ) as integration:  # fmt: skip
        redirect = old.portal.agree(integration.consent_url("state"))
        integration.callback(redirect.partition("?")[2], "state")
    old.profiles.save("shop", old.profile)
    ran = run("keepalive", "--store", str(store))
    assert (ran.code, rows(ran)["example.amocrm.ru"]["outcome"]) == (0, "renewed")
    assert json.loads(run("keepalive", "--last", "--store", str(store)).out)["failed"] == 0
    assert json.loads(run("keepalive", "--last").out)["ran_at"] is None
    assert run("keepalive", "--store", str(tmp_path / "none")).code == 2


def test_a_damaged_note_is_no_obstacle(run: Run, old: Old, folder: Path) -> None:
    old.log_in("shop")
    note = folder / "keepalive.json"
    for content in ("", "[]", '{"profiles": 5}', '{"profiles": {"ran_at": "x", "failed": 0}}'):
        note.write_text(content)
        note.chmod(0o600)
        assert json.loads(run("keepalive", "--last").out)["ran_at"] is None
        assert run("keepalive").code == 0
        assert json.loads(run("keepalive", "--last").out)["ran_at"]
