"""Work that Ctrl-C does not cut in half."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading

import pytest

from amocrm._support.shield import shielded

pytestmark = pytest.mark.usefixtures("ctrl_c")


def test_a_result_is_kept_and_returned() -> None:
    assert shielded(lambda: 20, lambda result: result + 1) == 21


def test_work_and_keeping_have_threads_of_their_own() -> None:
    threads: list[int] = []
    shielded(
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
        shielded(fail, kept.append)
    assert kept == []


def test_an_interruption_is_raised_when_the_result_is_kept() -> None:
    kept: list[int] = []

    def interrupted() -> int:
        _thread.interrupt_main()
        return 5

    with pytest.raises(KeyboardInterrupt):
        shielded(interrupted, kept.append)
    assert kept == [5]


def test_an_interruption_of_the_keeping_keeps_again() -> None:
    kept: list[int] = []

    def keep(result: int) -> None:
        kept.append(result)
        if len(kept) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shielded(lambda: 5, keep)
    assert kept == [5, 5]


def test_another_thread_does_its_work_itself() -> None:
    threads: list[int] = []
    worker = threading.Thread(
        target=shielded,
        args=(lambda: threads.append(threading.get_ident()), lambda _: None),
    )
    worker.start()
    worker.join(60)
    assert threads == [worker.ident]


LAST = """
import atexit
from amocrm._support.shield import shielded

atexit.register(lambda: print(shielded(lambda: "done", str)))
"""


def test_a_program_on_its_way_out_still_gets_its_work_done() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LAST], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


TERMINATED = """
import os, signal, sys
from amocrm._support.shield import shielded

def work():
    for _ in range(int(sys.argv[1])):
        os.kill(os.getpid(), signal.SIGTERM)
        while signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL and sys.argv[2] == "bare":
            pass
    return "kept"

def handle(number, frame):
    print("handled", flush=True)

if sys.argv[2] == "handled":
    signal.signal(signal.SIGTERM, handle)
print(shielded(work, lambda kept: (print(kept, flush=True), "returned")[1]), flush=True)
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is another thing there")


def terminated(times: int, how: str) -> tuple[list[str], int]:
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED, str(times), how],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split(), done.returncode


@posix
def test_sigterm_ends_the_process_when_the_result_is_kept() -> None:
    assert terminated(0, "bare") == (["kept", "returned"], 0)
    assert terminated(1, "bare") == (["kept"], -signal.SIGTERM)


@posix
def test_a_second_sigterm_is_obeyed_at_once() -> None:
    assert terminated(2, "bare") == ([], -signal.SIGTERM)


@posix
def test_a_program_s_own_handler_of_sigterm_is_left_alone() -> None:
    printed, status = terminated(1, "handled")
    assert (sorted(printed), status) == (["handled", "kept", "returned"], 0)


DAEMON = """
import threading
from amocrm._support.shield import shielded

begun = threading.Event()

def work():
    begun.set()
    threading.main_thread().join()
    return "kept"

threading.Thread(target=lambda: shielded(work, print), daemon=True).start()
begun.wait(60)
"""


def test_a_daemon_thread_s_work_is_waited_for_at_the_program_s_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DAEMON], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("kept\n", "")
