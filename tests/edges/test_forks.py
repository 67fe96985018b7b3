"""What a forked child renews: all of it, whatever one of them raises."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest

from amocrm import MemoryStore, TokenStoreError
from amocrm.forks import after_fork
from amocrm.stores import Key

KEY = Key("client", "example.amocrm.ru")

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def in_child(test: Callable[[], bool]) -> bool:
    """Run a test in a forked child, which nothing of pytest's may run in."""
    child = os.fork()
    if child == 0:
        verdict = 1
        try:
            signal.alarm(20)  # which ends it, should it wait for ever
            verdict = 0 if test() else 2
        finally:
            os._exit(verdict)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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


def test_one_that_raises_stops_none_of_the_others_and_is_told() -> None:
    told: list[BaseException | None] = []
    guards = [Guard(OSError("broken") if number % 3 == 1 else None) for number in range(30)]
    before, sys.unraisablehook = sys.unraisablehook, lambda trouble: told.append(trouble.exc_value)
    try:
        assert in_child(lambda: all(one.renewed for one in guards) and str(told[0]) == "broken")
    finally:
        sys.unraisablehook = before
    assert not any(one.renewed for one in guards)


def test_a_memory_store_lets_a_child_read_what_the_parent_kept_and_lock_what_is_its_own() -> None:
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
