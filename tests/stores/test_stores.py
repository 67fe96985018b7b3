"""The seam `store=`: persist, then hold, then notify; one grant for all who share a store."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from amocrm import AmoCRM, MemoryStore, TokenStoreError
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.conftest import Make

DAY = 86_400


class Diary(MemoryStore):
    """A store that notes what is asked of it, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.failing: set[str] = set()

    def _note(self, what: str) -> None:
        self.notes.append(what)
        if what in self.failing:
            raise OSError(f"{what}: no space left")

    def steps(self) -> list[str]:
        """What was noted, without repetitions."""
        return [note for note, _ in itertools.groupby(self.notes)]

    def load(self, key: Key) -> str | None:
        self._note("load")
        return super().load(key)

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        self._note("begin" if '"asked_at"' in text else "save")
        return super().save(key, text, replaces)

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        self._note("lock")
        with super().lock(key, timeout):
            yield
        self.notes.append("unlock")


@pytest.fixture
def store() -> Diary:
    return Diary()


def test_persist_then_hold_then_notify(make: Make, sandbox: Sandbox, store: Diary) -> None:
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.on("connection:beforeFetchToken", lambda _: store.notes.append("ask"))
    crm.on("connection:newToken", lambda _: store.notes.append("tell"))
    crm.connect()
    # The name that leads to the record is written before it.
    assert store.steps() == [
        "load", "lock", "load", "ask", "load", "save", "load", "save", "unlock", "tell",
    ]  # fmt: skip


def test_a_refresh_is_asked_for_under_the_lock_and_after_loading_again(
    make: Make, sandbox: Sandbox, store: Diary, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    crm.on("connection:beforeRefreshToken", lambda _: store.notes.append("ask"))
    crm.on("connection:newToken", lambda _: store.notes.append("tell"))
    clock.advance(DAY + 1)
    store.notes.clear()
    crm.request.get("/api/v4/account")
    assert store.steps() == [
        "lock", "load", "ask", "begin", "save", "unlock", "tell",
    ]  # fmt: skip


def test_a_restart_goes_on_with_the_stored_token(
    make: Make, sandbox: Sandbox, store: Diary
) -> None:
    make({"code": sandbox.issue_code()}, store=store).connect()
    again = make(store=store)
    again.request.get("/api/v4/account")
    assert sandbox.counters["grants.code"] == 1
    assert sandbox.counters["grants.refresh"] == 0


def test_the_stored_token_is_kept_by_integration_and_account(
    make: Make, sandbox: Sandbox, store: Diary
) -> None:
    make({"code": sandbox.issue_code()}, store=store).connect()
    mine, other = (str(sandbox.account(name).id) for name in ("example", "other"))
    assert store.load(Key(sandbox.integration.client_id, mine)) is not None
    assert store.load(Key(sandbox.integration.client_id, other)) is None
    assert store.load(Key("another", mine)) is None
    assert store.accounts(sandbox.integration.client_id) == [mine]


def test_clients_that_share_a_store_refresh_once(
    make: Make, sandbox: Sandbox, store: Diary, clock: ManualClock
) -> None:
    clients = [make({"code": sandbox.issue_code()}, store=store)]
    clients[0].connect()
    clients += [make(store=store) for _ in range(3)]
    for crm in clients:
        crm.connect()
    clock.advance(DAY + 1)
    for crm in clients:
        assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_a_failed_save_is_told_and_the_pair_stays_usable(
    make: Make, sandbox: Sandbox, store: Diary, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    clock.advance(DAY + 1)
    store.failing = {"save"}
    told: list[object] = []
    crm.on("connection:newToken", told.append)
    with pytest.raises(TokenStoreError, match=r"could not save.*OSError.*stays usable") as failure:
        crm.request.get("/api/v4/account")
    assert isinstance(failure.value.__cause__, OSError)
    assert len(told) == 1
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


@pytest.mark.parametrize("what", ["lock", "load", "begin"])
def test_no_refresh_token_is_spent_when_the_store_is_out_of_order(
    make: Make, sandbox: Sandbox, clock: ManualClock, store: Diary, what: str
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    clock.advance(DAY + 1)
    store.failing = {what}
    with pytest.raises(TokenStoreError, match="could not"):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == 0
    store.failing = set()
    assert crm.request.get("/api/v4/account").info.status_code == 200


@pytest.mark.parametrize("what", ["load", "lock"])
def test_nothing_is_spent_when_the_store_is_out_of_order(
    make: Make, sandbox: Sandbox, store: Diary, what: str
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=store)
    store.failing = {what}
    with pytest.raises(TokenStoreError, match=f"could not {what}"):
        crm.connect()
    assert sandbox.log == []
    store.failing = set()
    assert crm.connect()


def test_what_happens_under_the_lock_is_not_blamed_on_the_store(
    make: Make, sandbox: Sandbox, store: Diary
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=store)

    def broken(_: object) -> None:
        raise OSError("mine")

    crm.on("connection:beforeFetchToken", broken)
    with pytest.raises(OSError, match="mine"):
        crm.connect()


def test_a_stored_token_that_was_renewed_elsewhere_is_adopted(
    connected: AmoCRM, make: Make, sandbox: Sandbox, store: Diary, clock: ManualClock
) -> None:
    one, two = make({"code": sandbox.issue_code()}, store=store), make(store=store)
    one.connect()
    two.connect()
    one.connection.refresh_token()
    assert two.connection.refresh_token() == one.connection.get_token()
    assert sandbox.counters["grants.refresh"] == 1


def test_the_memory_store_waits_for_its_lock_only_so_long() -> None:
    store, key = MemoryStore(), Key("a", "b")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock(key, 1):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    with pytest.raises(TokenStoreError, match=r"held the token's lock for 0\.01 s"):
        with store.lock(key, 0.01):
            pass
    with store.lock(Key("a", "other"), 0.01):
        pass
    done.set()
    thread.join()
    with store.lock(key, 1):
        pass
