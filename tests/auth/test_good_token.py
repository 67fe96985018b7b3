"""No call fails while its access token works, whatever happens to the refresh token."""

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

SECONDS_LEFT = {
    "fresh": REFRESH_EARLY + 300,
    "stale": REFRESH_MARGIN + 300,
    "due": REFRESH_MARGIN - 100,
}
"""Seconds that the access token has left."""

TROUBLE = ("refused", "withdrawn", "used", "lost", "store down", "endpoint down")
"""Trouble of the refresh token: this client's settings are wrong; the integration was switched
off; another program has used it; the response to its refresh is lost; and two outages."""


class Store(MemoryStore):
    """Can fail in everything but reading."""

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


class RecordedEvents:
    """Records the events of refusals."""

    def __init__(self, crm: AmoCRM) -> None:
        self.events: list[str] = []
        subscribe: Any = crm.on
        for event in ("connection:authError", "connection:error", "error"):
            subscribe(event, lambda *_, event=event: self.events.append(event))


def refresh_elsewhere(sandbox: Sandbox, token: dict[str, Any]) -> None:
    """Refresh as a program does that does not share the store."""
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


def cause(trouble: str, sandbox: Sandbox, store: Store, token: dict[str, Any]) -> None:
    if trouble == "withdrawn":
        sandbox.uninstall()
    elif trouble == "used":
        refresh_elsewhere(sandbox, token)
    elif trouble == "lost":
        sandbox.inject("lost_after", path=TOKENS)
    elif trouble == "store down":
        store.down = True
    elif trouble == "endpoint down":
        sandbox.inject("server_error", path=TOKENS, times=99)


@pytest.mark.parametrize(
    ("freshness", "trouble", "known", "explicit"),
    list(itertools.product(SECONDS_LEFT, TROUBLE, ("held", "just loaded"), (False, True))),
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
    clock.advance(DAY - SECONDS_LEFT[freshness])
    cause(trouble, sandbox, store, token)
    recorded = RecordedEvents(crm)
    if explicit:
        with pytest.raises(AmoCRMError):
            crm.connection.refresh_token()
        refused = ["connection:authError", "connection:error", "error"]
        calls_handlers = trouble not in ("store down", "endpoint down")
        assert recorded.events == (refused if calls_handlers else [])
    if trouble == "withdrawn":
        # The access token does not work: amoCRM has refused it too.
        with pytest.raises(AuthorizationError):
            crm.request.get(ACCOUNT)
        return
    for _ in range(3):
        assert crm.request.get(ACCOUNT).info.status_code == 200
        clock.advance(REFRESH_COOLDOWN + 1)
    status = crm.connection.status()
    assert (status.freshness, status.unsaved) == (freshness, False)
    is_refused = trouble in ("refused", "used", "lost") and (explicit or freshness != "fresh")
    assert (status.refused is not None) is is_refused
    assert len(recorded.events) == (3 if is_refused else 0), "handlers are called once"
    assert ("outcome=refused" in caplog.text) is is_refused
    assert not caplog.text or all(record.levelno >= logging.DEBUG for record in caplog.records)


@pytest.mark.parametrize("trouble", ["used", "lost"])
@pytest.mark.parametrize("end", ["expired", "answered 401"])
def test_calls_fail_when_the_access_token_expires_or_is_refused(
    make: Make, sandbox: Sandbox, clock: ManualClock, trouble: str, end: str
) -> None:
    store = Store()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    token = crm.connection.get_token() or {}
    clock.advance(DAY - SECONDS_LEFT["due"])
    cause(trouble, sandbox, store, token)
    assert crm.request.get(ACCOUNT).info.status_code == 200
    if end == "expired":
        clock.advance(SECONDS_LEFT["due"] + 1)
    else:
        sandbox.revoke_tokens()
    sent = len(sandbox.log)
    for _ in range(2):
        refused_earlier = r"refused the refresh token earlier.*consent again"
        with pytest.raises(AuthorizationError, match=refused_earlier):
            crm.request.get(ACCOUNT)
    assert len(sandbox.log) == sent + (0 if end == "expired" else 1)
    assert sandbox.counters["grants.refused"] == 1


@pytest.mark.parametrize("seconds_left", [SECONDS_LEFT["due"], -1])
def test_a_consent_in_another_process_clears_the_refusal(
    make: Make, sandbox: Sandbox, clock: ManualClock, seconds_left: int
) -> None:
    store = Store()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    token = crm.connection.get_token() or {}
    clock.advance(DAY - SECONDS_LEFT["due"])
    refresh_elsewhere(sandbox, token)
    assert crm.request.get(ACCOUNT).info.status_code == 200
    make(store=store).connection.set_code(sandbox.issue_code())
    clock.advance(SECONDS_LEFT["due"] - seconds_left)
    if seconds_left > 0:
        sandbox.inject("server_error", path=ACCOUNT, status=401)
    assert crm.request.get(ACCOUNT).info.status_code == 200
    assert crm.connection.status().refused is None


def test_a_wrong_secret_calls_the_handlers_once_and_again_at_expiry(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Store()
    make({"code": sandbox.issue_code()}, store=store).connect()
    crm = make({"client_secret": "another"}, store=store)
    crm.connect()
    recorded = RecordedEvents(crm)
    clock.advance(DAY - SECONDS_LEFT["due"])
    for _ in range(3):
        assert crm.request.get(ACCOUNT).info.status_code == 200
        clock.advance(REFRESH_COOLDOWN + 1)
    assert len(recorded.events) == 3
    clock.advance(SECONDS_LEFT["due"])
    for number in (1, 2):
        with pytest.raises(GrantError, match="do not belong together"):
            crm.request.get(ACCOUNT)
        assert len(recorded.events) == 3 + 3 * number


def test_the_failure_of_a_single_early_request_is_not_shared_with_refresh_token(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    clock.advance(DAY - SECONDS_LEFT["stale"])
    sandbox.inject("server_error", path=TOKENS)
    begun, go = threading.Event(), threading.Event()

    def wait_in_handler(_: object) -> None:
        begun.set()
        assert go.wait(30)

    crm.once("connection:beforeRefreshToken", wait_in_handler)
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(crm.request.get, ACCOUNT)
        assert begun.wait(30)
        result = pool.submit(crm.connection.refresh_token)
        waiting(crm.connection._provider._single_flight, 1)
        go.set()
        assert early.result(30).info.status_code == 200
        assert result.result(30) == crm.connection.get_token()
