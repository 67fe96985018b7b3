"""Work that Ctrl-C does not cut in half."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from amocrm.unbroken import to_the_end


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as a person has it, even where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_result_is_kept_and_returned() -> None:
    assert to_the_end(lambda: 20, lambda result: result + 1) == 21


def test_work_and_keeping_have_threads_of_their_own() -> None:
    threads: list[int] = []
    to_the_end(
        lambda: threads.append(threading.get_ident()),
        lambda _: threads.append(threading.get_ident()),
    )
    assert threads[0] != threading.get_ident()
    assert threads[1] == threading.get_ident()


def test_what_the_work_raises_is_raised_and_nothing_is_kept() -> None:
    kept: list[object] = []

    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        to_the_end(fail, kept.append)
    assert kept == []


def test_an_interruption_is_raised_when_the_result_is_kept() -> None:
    kept: list[int] = []

    def interrupted() -> int:
        _thread.interrupt_main()
        return 5

    with pytest.raises(KeyboardInterrupt):
        to_the_end(interrupted, kept.append)
    assert kept == [5]


def test_an_interruption_of_the_keeping_keeps_again() -> None:
    kept: list[int] = []

    def keep(result: int) -> None:
        kept.append(result)
        if len(kept) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_the_end(lambda: 5, keep)
    assert kept == [5, 5]


def test_another_thread_does_its_work_itself() -> None:
    threads: list[int] = []
    worker = threading.Thread(
        target=to_the_end,
        args=(lambda: threads.append(threading.get_ident()), lambda _: None),
    )
    worker.start()
    worker.join(10)
    assert threads == [worker.ident]


LAST = """
import atexit
from amocrm.unbroken import to_the_end

atexit.register(lambda: print(to_the_end(lambda: "done", str)))
"""


def test_a_program_on_its_way_out_still_gets_its_work_done() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LAST], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
