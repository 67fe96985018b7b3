"""Strangers at the public redirect leave no locks, and call no handlers."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from amocrm import (
    FROM_AMOCRM,
    AmoCRM,
    GrantError,
    Integration,
    MemoryStore,
    ServerError,
    TokenStore,
    TokenStoreError,
)
from amocrm.auth.token import Token
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import TokenRepository
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.file import FileStore
from amocrm.stores.sql import SQLStore
from amocrm.stores.store import STRIPES, Key, striped
from tests.auth.test_integration import agreed, install
from tests.conftest import Make
from tests.servers import DATABASES, URLS, engine, new_place, open_store

DAY = 86_400
ACCOUNT = "/api/v4/account"
TOKENS = "/oauth2/access_token"
HOST = "example.amocrm.ru"
EVENTS = (
    "connection:beforeConnect", "connection:beforeFetchToken", "connection:beforeRefreshToken",
    "connection:authError", "connection:connected", "connection:error", "error",
    "connection:newToken",
)  # fmt: skip


@pytest.fixture(params=["memory", "file", "sqlite", *DATABASES])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Iterator[str]:
    if kind == "memory":
        yield ""
        return
    with new_place(kind, tmp_path) as place:
        yield place


@pytest.fixture
def store(kind: str, place: str) -> Iterator[TokenStore]:
    if kind not in DATABASES:
        yield MemoryStore() if kind == "memory" else open_store(kind, place)
        return
    pool = sa.create_engine(URLS[kind])
    yield SQLStore(pool, place)
    pool.dispose()


def count_locks(store: TokenStore, kind: str, place: str) -> int:
    """Count the locks in the process, in the folder, in the table."""
    if isinstance(store, MemoryStore):
        return len(store._locks._locks)
    if isinstance(store, FileStore):
        return max(len(store._locks), len(os.listdir(place)))
    assert isinstance(store, SQLStore)
    here = max(len(store._threads._locks), len(store._files))
    if kind not in DATABASES:
        return max(here, len(os.listdir(place)))
    with engine(URLS[kind]).connect() as connection:
        rows = connection.execute(sa.text(f"SELECT COUNT(*) FROM {place}_locks")).scalar_one()
    return max(here, int(rows))


@pytest.fixture
def integration(sandbox: Sandbox, clock: ManualClock) -> Iterator[Integration]:
    with make_integration(sandbox, clock, MemoryStore()) as integration:
        yield integration


def make_integration(sandbox: Sandbox, clock: ManualClock, store: TokenStore) -> Integration:
    one = sandbox.integration
    return Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=store, session=sandbox.session(), clock=clock, rate_limiter=None,
    )  # fmt: skip


def forged(name: str, code: str = "made-up") -> dict[str, str]:
    return {"code": code, "referer": f"{name}.amocrm.ru", "from_widget": "1"}


def record_events(crm: AmoCRM) -> list[str]:
    events: list[str] = []
    subscribe: Any = crm.on
    for event in EVENTS:
        subscribe(event, lambda *_, event=event: events.append(event))
    return events


# Locks in the store ------------------------------------------------------------------------------


def test_made_up_accounts_leave_few_locks(
    portal: Sandbox, clock: ManualClock, store: TokenStore, kind: str, place: str
) -> None:
    with make_integration(portal, clock, store) as integration:
        for number in range(STRIPES):
            with pytest.raises(GrantError):
                integration.callback(forged(f"stranger{number}", f"c{number}"), FROM_AMOCRM)
        browser = Client(integration.wsgi_app())
        for number in range(STRIPES // 2):
            query = forged(f"another{number}", f"d{number}")
            assert browser.get("/", query_string=query).status_code == 400
        assert "0 clients" in repr(integration)
    # The database and the lock for saving are there too.
    assert STRIPES / 2 < count_locks(store, kind, place) <= STRIPES + 2


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_ten_thousand_made_up_accounts_leave_few_locks(
    store: TokenStore, kind: str, place: str
) -> None:
    for number in range(10_000):
        with TokenRepository("client", "a.amocrm.ru", store).lock_text(f"code{number}", 1):
            pass
    assert count_locks(store, kind, place) == STRIPES


def test_a_text_selects_the_same_lock_in_every_process_and_one_of_a_few() -> None:
    key = Key("client", HOST)
    texts = [f"+7900{number:07d}" for number in range(2000)]
    fallen = [striped(key, text) for text in texts]
    assert fallen == [striped(key, text) for text in texts]
    assert len(set(fallen)) == STRIPES
    assert striped(key, "+79001234567") == Key("client", "example.amocrm.ru/19")
    assert {one.client_id for one in fallen} == {"client"}
    assert not set(fallen) & {striped(Key("client", ""), text) for text in texts}


# The locks of accounts ---------------------------------------------------------------------------


def jwt(account_id: int) -> str:
    said = base64.urlsafe_b64encode(json.dumps({"account_id": account_id}).encode()).decode()
    return f"e30.{said}.s"


def record(account_id: int, host: str = HOST) -> Record:
    return Record(Token(jwt(account_id), "r", 1_700_000_000), host)


def is_locked(store: TokenStore, key: Key) -> bool:
    try:
        with store.lock(key, 0.01):
            return False
    except TokenStoreError:
        return True


def test_every_host_of_an_account_locks_its_id() -> None:
    store = MemoryStore()
    repository = TokenRepository("client", HOST, store)
    repository.put(record(7), 7)
    repository.point("renamed.amocrm.ru")
    for name in (HOST, "renamed.amocrm.ru"):
        with TokenRepository("client", name, store).lock():
            assert is_locked(store, Key("client", "7"))
            assert not is_locked(store, Key("client", name))
    assert not is_locked(store, Key("client", "7"))


def test_an_unproven_code_locks_no_account() -> None:
    store = MemoryStore()
    TokenRepository("client", HOST, store).put(record(7), 7)
    with TokenRepository("client", HOST, store).lock_text("made-up", 1):
        assert not is_locked(store, Key("client", "7"))
        assert not is_locked(store, Key("client", HOST))
        assert is_locked(store, striped(Key("client", ""), "made-up"))


def test_a_thread_that_waited_for_the_lock_of_a_host_locks_the_account_s_id() -> None:
    store = MemoryStore()
    has_read = threading.Event()

    class Watched(MemoryStore):
        def load(self, key: Key) -> str | None:
            return store.load(key)

        def lock(self, key: Key, timeout: float) -> Any:
            has_read.set()
            return store.lock(key, timeout)

    def late() -> bool:
        with TokenRepository("client", HOST, Watched()).lock():
            return is_locked(store, Key("client", "7")) and not is_locked(
                store, Key("client", HOST)
            )

    repository = TokenRepository("client", HOST, store)
    with ThreadPoolExecutor(1) as pool:
        with repository.lock():
            waiting = pool.submit(late)
            assert has_read.wait(30), "it has read the store, which has no record"
            repository.put(record(7), 7)
        assert waiting.result(30)


# What is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [True, False])
def test_a_refused_installation_calls_no_handler_of_an_installed_client(
    integration: Integration, sandbox: Sandbox, state: bool
) -> None:
    account = install(integration, sandbox)
    token, events = account.connection.get_token(), record_events(account)
    query = forged("example") if not state else {**forged("example"), "state": "s"}
    with pytest.raises(GrantError, match="damaged"):
        integration.callback(query, state="s" if state else FROM_AMOCRM)
    assert events == []
    assert account.connection.get_token() == token
    assert integration.account("example") is account
    assert account.request.get(ACCOUNT).info.status_code == 200


def test_a_granted_installation_calls_the_handlers_of_the_installed_client(
    integration: Integration, sandbox: Sandbox
) -> None:
    account = install(integration, sandbox)
    events = record_events(account)
    assert install(integration, sandbox) is account
    assert events == ["connection:newToken", "connection:connected"]
    integration.callback(agreed(integration, sandbox), state="s")
    assert events == ["connection:newToken", "connection:connected"] * 2


def test_set_code_calls_the_handlers_for_any_code(
    connected: AmoCRM,
) -> None:
    events = record_events(connected)
    with pytest.raises(GrantError):
        connected.connection.set_code("made-up")
    assert events == [
        "connection:beforeFetchToken", "connection:authError", "connection:error", "error",
    ]  # fmt: skip


def test_a_made_up_code_without_a_response_is_not_sent_by_the_next_call(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    make({"code": sandbox.issue_code()}, store=store).connect()
    clock.advance(DAY)
    for method in ("install", "set_code"):
        crm = make(store=store)
        sandbox.inject("server_error", path=TOKENS, times=5)
        with pytest.raises(ServerError):
            getattr(crm.connection, method)("made-up", state=None)
        if method == "install":
            assert crm.request.get(ACCOUNT).info.status_code == 200
            clock.advance(DAY)
            continue
        with pytest.raises(GrantError, match="damaged"):
            crm.request.get(ACCOUNT)


def test_a_handler_of_a_refusal_may_handle_a_redirect(
    integration: Integration, sandbox: Sandbox, clock: ManualClock
) -> None:
    account = install(integration, sandbox)
    sandbox.revoke_tokens()
    clock.advance(DAY + 1)
    redirect = agreed(integration, sandbox)
    account.once("connection:authError", lambda *_: integration.callback(redirect, state="s"))
    with pytest.raises(GrantError):
        account.request.get(ACCOUNT)
    assert account.request.get(ACCOUNT).info.status_code == 200
