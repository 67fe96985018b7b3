"""What a forked child renews: all of it, whatever one of them raises."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from amocrm import AmoCRM, MemoryStore, TokenStoreError
from amocrm._support.forks import ForkLock, after_fork, before_fork
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.processes import in_child

KEY = Key("client", "example.amocrm.ru")

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


class Guard:
    """Something of the parent's."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.renewed = False
        self.trouble = trouble
        after_fork(self)

    def renew_after_fork(self) -> None:
        self.renewed = True
        if self.trouble is not None:
            raise self.trouble


def test_an_owner_that_raises_stops_no_other_and_is_reported() -> None:
    told: list[BaseException | None] = []
    guards = [Guard(OSError("broken") if number % 3 == 1 else None) for number in range(30)]
    before, sys.unraisablehook = sys.unraisablehook, lambda trouble: told.append(trouble.exc_value)
    try:
        assert in_child(lambda: all(one.renewed for one in guards) and str(told[0]) == "broken")
    finally:
        sys.unraisablehook = before
    assert not any(one.renewed for one in guards)


class Open:
    """Something that must not be open in two processes."""

    def __init__(self) -> None:
        self.is_open = True
        before_fork(self)

    def release_before_fork(self) -> None:
        self.is_open = False


def test_what_another_thread_opens_during_a_fork_keeps_nothing_else_open() -> None:
    opened, late = [Open() for _ in range(3)], list[Open]()

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        """Open something as soon as the fork goes through what is open."""
        if frame.f_code.co_name == "__iter__" and frame.f_locals.get("item") in opened and not late:
            late.append(Open())
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        child = os.fork()
        if child == 0:
            os._exit(0)
    finally:
        sys.settrace(before)
    os.waitpid(child, 0)
    assert late
    assert not any(one.is_open for one in opened)


def test_a_lock_of_another_thread_of_the_parent_is_free_in_a_child_and_stays_locked_here() -> None:
    lock = ForkLock()
    with acquired_elsewhere(lock):
        assert in_child(lambda: is_free(lock))
        assert not is_free(lock)
    assert is_free(lock)


def test_a_child_that_is_forked_inside_a_lock_can_leave_it_and_acquire_it() -> None:
    lock = ForkLock()

    def child() -> bool:
        free = is_free(lock)
        with lock:
            acquired = not is_free(lock)
        lock.release()  # which the parent acquired
        return free and acquired and is_free(lock)

    with lock:
        assert in_child(child)
        assert not is_free(lock)
    assert is_free(lock)


def test_leaving_a_lock_of_before_the_fork_does_not_release_another_thread_s() -> None:
    lock = ForkLock()

    def child() -> bool:
        with acquired_elsewhere(lock):
            lock.release()
            return not is_free(lock)

    with lock:
        assert in_child(child)


def test_only_a_thread_that_has_acquired_a_lock_may_release_it() -> None:
    lock = ForkLock()
    with pytest.raises(RuntimeError):
        lock.release()
    with acquired_elsewhere(lock):
        with pytest.raises(RuntimeError):
            lock.release()
        assert not lock.acquire(blocking=False)


def test_locks_are_free_when_owners_are_renewed() -> None:
    class Owner:
        def __init__(self) -> None:
            self.lock, self.renewed = ForkLock(), False
            after_fork(self)

        def renew_after_fork(self) -> None:
            self.renewed = self.lock.acquire(blocking=False)

    owners = [Owner() for _ in range(20)]
    with ExitStack() as stack:
        for owner in owners:
            stack.enter_context(acquired_elsewhere(owner.lock))
        assert in_child(lambda: all(owner.renewed for owner in owners))


def is_free(lock: ForkLock) -> bool:
    """Whether another thread could acquire a lock."""
    results: list[bool] = []

    def attempt() -> None:
        results.append(lock.acquire(blocking=False))
        if results[0]:
            lock.release()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return results[0]


@contextmanager
def acquired_elsewhere(lock: ForkLock) -> Iterator[None]:
    """Let another thread hold a lock while the block runs."""
    acquired, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            acquired.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert acquired.wait(30)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_child_reads_a_memory_store_and_locks_only_its_own_tokens() -> None:
    store, other = MemoryStore(), Key("client", "other.amocrm.ru")
    assert store.save(KEY, "parent's", None)
    assert store.save(other, "parent's", None)

    def test() -> bool:
        for key in (KEY, other):
            with pytest.raises(TokenStoreError, match="forked from"):
                store.lock(key, 1)
        own = store.load(KEY) == "parent's" and store.save(KEY, "child's", "parent's")
        store.forget(other)
        with store.lock(KEY, 1), store.lock(other, 1), store.lock(Key("client", "third"), 1):
            return own

    assert in_child(test)
    with store.lock(KEY, 1):
        assert store.load(KEY) == store.load(other) == "parent's"


def test_a_memory_store_s_lock_that_a_thread_of_the_parent_holds_stops_no_child() -> None:
    store, held, done = MemoryStore(), threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock(KEY, 1):
            held.set()
            done.wait(30)

    worker = threading.Thread(target=hold)
    worker.start()
    assert held.wait(30)

    def test() -> bool:
        with store.lock(KEY, 5):
            return True

    try:
        assert in_child(test)
    finally:
        done.set()
        worker.join()


@pytest.mark.parametrize("path", ["/api/v4/leads/custom_fields", "/api/v4/account"])
def test_a_child_that_is_forked_while_the_parent_fetches_definitions_can_read_them(
    portal: Sandbox, clock: ManualClock, path: str
) -> None:
    """The fields, and the account's time zone."""
    parent, asked, answer = os.getpid(), threading.Event(), threading.Event()

    class Slow(requests.Session):
        def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
            if os.getpid() == parent and urlsplit(str(request.url)).path == path:
                asked.set()
                assert answer.wait(60)
            return super().send(request, **settings)

    auth: Any = {"access_token": portal.issue_long_lived()}
    with AmoCRM("example", auth, session=portal.session(), rate_limiter=None, clock=clock) as crm:
        crm.leads.custom_fields.create({"name": "Region", "type": "text"})
    with AmoCRM(
        "example", auth, session=portal.mount(Slow()), rate_limiter=None, clock=clock
    ) as crm:

        def read() -> bool:
            fields = crm.leads.cf({})
            fields["Region"] = "north"
            return bool(fields["Region"] == "north")

        fetching = threading.Thread(target=read)
        fetching.start()
        try:
            assert asked.wait(30)
            assert in_child(read)
        finally:
            answer.set()
            fetching.join()
        assert read()
