"""A file replaced in one step: its reader sees the old content or the new one, never a half.

It is written beside its place, readable from the first byte by those alone who may read it in the
end, brought to the disk, and put in place. Who writes holds a lock on what is written: what nobody
holds was left by a killed writer, and the next one to write to the same place removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import BinaryIO, Final, TypeVar

from amocrm._support.clock import SystemClock
from amocrm._support.private_files import PRIVATE_FILE, open_private

if sys.platform == "win32":

    def _claim(handle: int) -> bool:
        """Do nothing: what is open cannot be removed there."""
        return True

    def _sweep(path: str) -> None:
        """Do nothing: nobody can tell there whether a file is still written to."""

else:
    import fcntl

    def _claim(handle: int) -> bool:
        """Lock a file that was just made; False if somebody took it for one that was left."""
        with contextlib.suppress(OSError):  # A file system may have no locks: then nobody sweeps.
            fcntl.flock(handle, fcntl.LOCK_EX)
        return os.fstat(handle).st_nlink > 0

    def _sweep(path: str) -> None:
        """Remove what killed writers left beside a place."""
        folder, name = os.path.split(_stem(path))
        with contextlib.suppress(OSError):
            for found in os.listdir(folder):
                if found.startswith(name) and _LEFT.fullmatch(found[len(name) :]):
                    _remove_unheld(os.path.join(folder, found))

    def _remove_unheld(path: str) -> None:
        with contextlib.suppress(OSError):
            handle = open_private(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
            finally:
                os.close(handle)


_LEFT: Final = re.compile(r"\.[0-9]+\.[0-9a-f]{8}\.new")
"""What the name of a file that is being written ends in."""

_LONGEST: Final = 200
"""Bytes of a name that leave room for that; a name may have 255."""

WINDOWS_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between tries to replace a file that somebody reads; only Windows minds readers."""

_PAUSES: Final = WINDOWS_PAUSES if sys.platform == "win32" else ()
_clock: Final = SystemClock()
_Result = TypeVar("_Result")

_USUAL: Final = 0o666
"""Who may read it is left to the user's own mask."""
_BINARY: Final = getattr(os, "O_BINARY", 0)
_POSIX: Final = os.name == "posix"


def replace(path: str, content: bytes) -> None:
    """Give a file a new content; only its owner may read it.

    Args:
        path: of the file; whole, not relative.
        content: all of it.

    Raises:
        OSError: it could not be written; the old file is untouched.
    """
    with replacement(path, PRIVATE_FILE) as file:
        file.write(content)


@contextmanager
def replacement(path: str, mode: int = _USUAL) -> Generator[BinaryIO]:
    """Give the file that takes another one's place when the block ends, unless it fails.

    Args:
        path: of the file that is replaced, or made; whole, not relative.
        mode: who may read it.

    Raises:
        OSError: it could not be written; the old file is untouched.
    """
    _sweep(path)
    fresh, handle = _open_fresh(path, mode)
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if _POSIX:
                os.replace(fresh, path)  # While it is locked: nobody takes it for left.
        if not _POSIX:
            insist(lambda: os.replace(fresh, path))
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        raise
    sync_folder(path)


def sync_folder(path: str) -> None:
    """Write the folder of a file to the disk, so that the file's name survives a power failure.

    Does nothing on Windows, which cannot open folders.
    """
    if _POSIX:
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _open_fresh(path: str, mode: int) -> tuple[str, int]:
    """Make a file beside a place; return its path and descriptor."""
    stem = _stem(path)
    while True:
        fresh = f"{stem}.{os.getpid()}.{os.urandom(4).hex()}.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        if _claim(handle):
            return fresh, handle
        os.close(handle)


def _stem(path: str) -> str:
    """Return how the names of the files beside a place begin: as its own, unless that is long."""
    folder, name = os.path.split(path)
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return os.path.join(folder, name)


def insist(step: Callable[[], _Result]) -> _Result:
    """Take a step that Windows refuses while somebody else has the file open for a moment."""
    for pause in _PAUSES:
        try:
            return step()
        except PermissionError:
            _clock.sleep(pause)
    return step()
