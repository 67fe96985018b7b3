"""Locks of files: between threads, processes and forked children."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from amocrm._support.file_lock import LONGEST_POLL, SHORTEST_POLL, FileLock
from amocrm._support.private_files import UnsafeError
from tests.processes import in_child

posix = pytest.mark.skipif(os.name != "posix", reason="modes and locks of POSIX")


def test_a_lock_that_is_not_free_in_time_is_a_timeout_error_that_names_it(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    lock = FileLock(path)
    for second in (lock, FileLock(path)):
        with lock.hold(1):
            with pytest.raises(TimeoutError, match=r"held the lock .*/lock for 0\.01 s"):
                with second.hold(0.01):
                    pytest.fail("it was locked twice")
    with lock.hold(0):
        pass


@posix
def test_a_lock_that_cannot_be_opened_is_an_os_error_with_its_hint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), FileLock(str(tmp_path / "no" / "lock")).hold(1):
        pass
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(UnsafeError, match="not a regular file") as refusal:
        with FileLock(str(tmp_path / "lock")).hold(1):
            pass
    assert refusal.value.hint


@posix
def test_a_file_system_without_locks_is_not_reported_as_a_lock_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(handle: int, operation: int) -> None:
        if operation != fcntl.LOCK_UN:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    lock = FileLock(str(tmp_path / "lock"))
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        with pytest.raises(OSError, match=os.strerror(errno.ENOLCK)), lock.hold(1):
            pass
    with lock.hold(0):
        pass


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_frees_its_parent_s_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    mine, theirs = FileLock(path), FileLock(path)
    with mine.hold(1):

        def is_kept_out() -> bool:
            with pytest.raises(TimeoutError), mine.hold(0.01):
                pass
            return True

        assert in_child(is_kept_out)
        with pytest.raises(TimeoutError), theirs.hold(0.01):
            pass
    with theirs.hold(0.01):
        pass


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_children_that_are_forked_while_a_lock_file_is_being_opened_keep_no_lock(
    tmp_path: Path,
) -> None:
    """Opening lets other threads go on: a child may have a copy of a file that no code knows of."""
    paths = [str(tmp_path / name) for name in "abcd"]
    over, stuck = threading.Event(), list[str]()

    def take(path: str) -> None:
        lock = FileLock(path)
        while not over.is_set():
            try:
                with lock.hold(2):
                    pass
            except TimeoutError:
                stuck.append(path)
                return

    takers = [threading.Thread(target=take, args=(path,)) for path in paths]
    for taker in takers:
        taker.start()
    ours, theirs = os.pipe()
    children: list[int] = []
    for _ in range(60):
        child = os.fork()
        if child == 0:
            os.close(theirs)
            os.read(ours, 1)  # until the parent has seen whether its locks are free
            os._exit(0)
        children.append(child)
    over.set()
    for taker in takers:
        taker.join()
    try:
        assert stuck == []
        for path in paths:
            with FileLock(path).hold(0.01):
                pass
    finally:
        os.close(theirs)
        for child in children:
            os.waitpid(child, 0)
        os.close(ours)


def test_the_lock_is_polled_finely() -> None:
    assert 0 < SHORTEST_POLL < LONGEST_POLL <= 0.005
