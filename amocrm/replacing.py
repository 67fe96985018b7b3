"""A file replaced in one step: its reader sees the old content or the new one, never a half.

It is written beside its place, readable from the first byte by those alone who may read it in the
end, brought to the disk, and put in place.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import BinaryIO, Final, TypeVar

from amocrm.clock import SystemClock

WINDOWS_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between tries to replace a file that somebody reads; only Windows minds readers."""

_PAUSES: Final = WINDOWS_PAUSES if sys.platform == "win32" else ()
_clock: Final = SystemClock()
_Result = TypeVar("_Result")

_PRIVATE: Final = 0o600
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
    with replacement(path, _PRIVATE) as file:
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
    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        insist(lambda: os.replace(fresh, path))
    except BaseException:
        os.unlink(fresh)
        raise
    if _POSIX:
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def insist(step: Callable[[], _Result]) -> _Result:
    """Take a step that Windows refuses while somebody else has the file open for a moment."""
    for pause in _PAUSES:
        try:
            return step()
        except PermissionError:
            _clock.sleep(pause)
    return step()
