"""No call fails while its access token is good, whatever has become of the refresh token."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from amocrm import AmoCRM, AmoCRMError, AuthorizationError, GrantError, MemoryStore
from amocrm.auth.cooldowns import REFRESH_COOLDOWN
from amocrm.auth.token import REFRESH_EARLY, REFRESH_MARGIN
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.conftest import Make
from tests.support.test_single_flight import waiting

DAY = 86_400
ACCOUNT = "/api/v4/account"
TOKENS = "/oauth2/access_token"

LEFT = {"fresh": REFRESH_EARLY + 300, "stale": REFRESH_MARGIN + 300, "due": REFRESH_MARGIN - 100}
"""Seconds that the access token has left."""

TROUBLE = ("refused", "withdrawn", "used", "lost", "store down", "endpoint down")
"""What befalls the refresh token: this client's settings are wrong; the integration was switched
off; another program has spent it; the answer to its renewal gets lost; and two outages."""


class Store(MemoryStore):
    """Can be out of order for everything but reading."""

    down = False

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        if self.down:
            raise OSError("no space left")
        return super().save(key, text, replaces)

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        if self.down:
            raise OSError("no locks left")
        with super().lock(key, timeout):
            yield


class Heard:
    """What a client's handlers are told of refusals."""

    def __init__(self, crm: AmoCRM) -> None:
        self.events: list[str] = []
        subscribe: Any = crm.on
        for event in ("connection:authError", "connection:error", "error"):
            subscribe(event, lambda *_, event=event: self.events.append(event))


def spend(sandbox: Sandbox, token: dict[str, Any]) -> None:
    """Refresh as another program does that does not share the store."""
    one = sandbox.integration
    with sandbox.session() as session:
        answer = session.post(
            f"https://example.amocrm.ru{TOKENS}",
            json={
                "client_id": one.client_id,
                "client_secret": one.client_secret,
                "redirect_uri": one.redirect_uri,
                "grant_type": "refresh_token",
                "refresh_token": token["refresh_token"],
            },
        )
    assert answer.status_code == 200


def befall(trouble: str, sandbox: Sandbox, store: Store, token: dict[str, Any]) -> None:
    if trouble == "withdrawn":
        sandbox.uninstall()
    elif trouble == "used":
        spend(sandbox, token)
    elif trouble == "lost":
        sandbox.inject("lost_after", path=TOKENS)
    elif trouble == "store down":
        store.down = True
    elif trouble == "endpoint down":
        sandbox.inject("server_error", path=TOKENS, times=99)


@pytest.mark.parametrize(
    ("freshness", "trouble", "known", "explicit"),
    list(itertools.product(LEFT, TROUBLE, ("held", "just loaded"), (False, True))),
)
def test_calls_go_on_while_the_access_token_is_good(
    make: Make, sandbox: Sandbox, clock: ManualClock, caplog: pytest.LogCaptureFixture,
    freshness: str, trouble: str, known: str, explicit: bool,
) -> None:  # fmt: skip
    store = Store()
    first = make({"code": sandbox.issue_code()}, store=store)
    first.connect()
    token = first.connection.get_token() or {}
    wrong = {"client_secret": "another"} if trouble == "refused" else {}
    crm = make(wrong, store=store)
    if known == "held":
        crm.connect()
    clock.advance(DAY - LEFT[freshness])
    befall(trouble, sandbox, store, token)
    heard = Heard(crm)
    if explicit:
        with pytest.raises(AmoCRMError):
            crm.connection.refresh_token()
        refused = ["connection:authError", "connection:error", "error"]
        told = trouble not in ("store down", "endpoint down")
        assert heard.events == (refused if told else [])
    if trouble == "withdrawn":
        # The access token is not good: amoCRM has refused it as well.
        with pytest.raises(AuthorizationError):
            crm.request.get(ACCOUNT)
        return
    for _ in range(3):
        assert crm.request.get(ACCOUNT).info.status_code == 200
        clock.advance(REFRESH_COOLDOWN + 1)
    status = crm.connection.status()
    assert (status.freshness, status.unsaved) == (freshness, False)
    spent = trouble in ("refused", "used", "lost") and (explicit or freshness != "fresh")
    assert (status.refused is not None) is spent
    assert len(heard.events) == (3 if spent else 0), "the handlers are told once"
    assert ("outcome=refused" in caplog.text) is spent
    assert not caplog.text or all(record.levelno >= logging.DEBUG for record in caplog.records)


@pytest.mark.parametrize("trouble", ["used", "lost"])
@pytest.mark.parametrize("end", ["expired", "answered 401"])
def test_calls_end_when_the_access_token_does(
    make: Make, sandbox: Sandbox, clock: ManualClock, trouble: str, end: str
) -> None:
    store = Store()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    token = crm.connection.get_token() or {}
    clock.advance(DAY - LEFT["due"])
    befall(trouble, sandbox, store, token)
    assert crm.request.get(ACCOUNT).info.status_code == 200
    if end == "expired":
        clock.advance(LEFT["due"] + 1)
    else:
        sandbox.revoke_tokens()
    sent = len(sandbox.log)
    for _ in range(2):
        refused_earlier = r"refused the refresh token earlier.*consent again"
        with pytest.raises(AuthorizationError, match=refused_earlier):
            crm.request.get(ACCOUNT)
    assert len(sandbox.log) == sent + (0 if end == "expired" else 1)
    assert sandbox.counters["grants.refused"] == 1


@pytest.mark.parametrize("left", [LEFT["due"], -1])
def test_a_consent_given_elsewhere_ends_the_trouble(
    make: Make, sandbox: Sandbox, clock: ManualClock, left: int
) -> None:
    store = Store()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    token = crm.connection.get_token() or {}
    clock.advance(DAY - LEFT["due"])
    spend(sandbox, token)
    assert crm.request.get(ACCOUNT).info.status_code == 200
    make(store=store).connection.set_code(sandbox.issue_code())
    clock.advance(LEFT["due"] - left)
    if left > 0:
        sandbox.inject("server_error", path=ACCOUNT, status=401)
    assert crm.request.get(ACCOUNT).info.status_code == 200
    assert crm.connection.status().refused is None


def test_a_wrong_secret_is_told_once_and_again_when_it_matters(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Store()
    make({"code": sandbox.issue_code()}, store=store).connect()
    crm = make({"client_secret": "another"}, store=store)
    crm.connect()
    heard = Heard(crm)
    clock.advance(DAY - LEFT["due"])
    for _ in range(3):
        assert crm.request.get(ACCOUNT).info.status_code == 200
        clock.advance(REFRESH_COOLDOWN + 1)
    assert len(heard.events) == 3
    clock.advance(LEFT["due"])
    for number in (1, 2):
        with pytest.raises(GrantError, match="do not belong together"):
            crm.request.get(ACCOUNT)
        assert len(heard.events) == 3 + 3 * number


def test_a_try_that_gives_up_at_once_fails_nobody_who_asks_in_earnest(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    clock.advance(DAY - LEFT["stale"])
    sandbox.inject("server_error", path=TOKENS)
    begun, go = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        begun.set()
        assert go.wait(30)

    crm.once("connection:beforeRefreshToken", hold)
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(crm.request.get, ACCOUNT)
        assert begun.wait(30)
        asked = pool.submit(crm.connection.refresh_token)
        waiting(crm.connection._provider._single_flight, 1)
        go.set()
        assert early.result(30).info.status_code == 200
        assert asked.result(30) == crm.connection.get_token()
