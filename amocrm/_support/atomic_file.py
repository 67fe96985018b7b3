"""Replaces a file in one step: a reader sees the old content or the new one, never a mixture.

The new content is written to a file beside the old one, with its final permissions from the first
byte, is flushed to the disk, and replaces the old one. A writer locks its new file: a file without
a lock was left by a killed writer, and the next writer of the same path removes it.
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
        """Do nothing: an open file cannot be removed on Windows."""
        return True

    def _sweep(path: str) -> None:
        """Do nothing: Windows cannot tell whether another process still writes a file."""

else:
    import fcntl

    def _claim(handle: int) -> bool:
        """Lock a new file; return False if another writer has already removed it."""
        with contextlib.suppress(OSError):  # Without locks in the file system, nothing is removed.
            fcntl.flock(handle, fcntl.LOCK_EX)
        return os.fstat(handle).st_nlink > 0

    def _sweep(path: str) -> None:
        """Remove the files of killed writers beside a path."""
        folder, name = os.path.split(_stem(path))
        with contextlib.suppress(OSError):
            for entry in os.listdir(folder):
                if entry.startswith(name) and _NEW.fullmatch(entry[len(name) :]):
                    _remove_unlocked(os.path.join(folder, entry))

    def _remove_unlocked(path: str) -> None:
        with contextlib.suppress(OSError):
            handle = open_private(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
            finally:
                os.close(handle)


_NEW: Final = re.compile(r"\.[0-9]+\.[0-9a-f]{8}\.new")
"""The end of the name of a file that is being written."""

_LONGEST: Final = 200
"""The largest part of a name, in bytes, to which this end is added; a name may have 255."""

WINDOWS_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between attempts to replace a file that a process reads; only Windows refuses this."""

_PAUSES: Final = WINDOWS_PAUSES if sys.platform == "win32" else ()
_clock: Final = SystemClock()
_Result = TypeVar("_Result")

_USUAL: Final = 0o666
"""The mode of a file whose readers are set by the user's umask."""
_BINARY: Final = getattr(os, "O_BINARY", 0)
_POSIX: Final = os.name == "posix"


def replace(path: str, content: bytes) -> None:
    """Replace the content of a file; only its owner may read it.

    Args:
        path: of the file, absolute.
        content: the new content.

    Raises:
        OSError: it could not be written; the old file is untouched.
    """
    with replacement(path, PRIVATE_FILE) as file:
        file.write(content)


@contextmanager
def replacement(path: str, mode: int = _USUAL) -> Generator[BinaryIO]:
    """Yield a new file, which replaces the file at `path` if the block ends without an exception.

    Args:
        path: of the file to replace or create, absolute.
        mode: permissions of the new file.

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
                os.replace(fresh, path)  # While it is locked, so that no writer removes it.
        if not _POSIX:
            retry_on_windows(lambda: os.replace(fresh, path))
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
    """Create the new file beside a path; return its path and descriptor."""
    stem = _stem(path)
    while True:
        fresh = f"{stem}.{os.getpid()}.{os.urandom(4).hex()}.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        if _claim(handle):
            return fresh, handle
        os.close(handle)


def _stem(path: str) -> str:
    """Return the beginning of the new files' paths: the path, shortened if its name is long."""
    folder, name = os.path.split(path)
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return os.path.join(folder, name)


def retry_on_windows(step: Callable[[], _Result]) -> _Result:
    """Repeat a step that Windows refuses while another process has the file open."""
    for pause in _PAUSES:
        try:
            return step()
        except PermissionError:
            _clock.sleep(pause)
    return step()
