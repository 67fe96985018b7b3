"""Files of this user alone: how they are opened, and what is refused in their place.

Whoever can write to a folder can put anything there under a file's name: a link to another file, a
FIFO that nobody writes to, an old file once more. Only a regular file of this user is opened, links
are not followed, and opening never waits. Hard links are not refused, for backups make them.

Windows has neither such owners nor such modes; a folder there inherits who may read it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import Final

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700

_HAS_MODES: Final = sys.platform != "win32"
_FLAGS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class UnsafeError(OSError):
    """What stands in the place of a file or folder must not be used.

    Attributes:
        strerror: why, as a sentence about "it".
        hint: the command that mends it, if there is one.
    """

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(errno.EPERM, why)
        self.hint = hint


def open_private(path: str, flags: int) -> int:
    """Open a regular file of this user; what is made is readable by its owner alone.

    Args:
        path: of the file.
        flags: as of `os.open`.

    Returns:
        A descriptor; the caller closes it.

    Raises:
        UnsafeError: it is no regular file, or belongs to another user.
        OSError: it cannot be opened, or is a link.
    """
    handle = os.open(path, flags | _FLAGS, PRIVATE_FILE)
    try:
        check_owner(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def check_owner(path: str, status: os.stat_result) -> None:
    """Refuse what is no regular file, and what another user has made.

    Raises:
        UnsafeError: it is.
    """
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeError("it is no regular file", f"move {path!r} away")
    if _HAS_MODES and status.st_uid != os.geteuid():
        raise UnsafeError("it belongs to another user", _hand_over(path))


def _hand_over(path: str) -> str:
    """Say what helps: root that takes a file from the program it belongs to would stop that."""
    return f"run this as that user, or: chown $(id -u) {path!r}"


def check_private(path: str, status: os.stat_result, then: str = "") -> None:
    """Refuse what others can read, or may have written, too.

    Args:
        path: of the file.
        status: of the file.
        then: what is to be done after its mode was mended.

    Raises:
        UnsafeError: they can.
    """
    check_owner(path, status)
    if _HAS_MODES and stat.S_IMODE(status.st_mode) & 0o077:
        raise UnsafeError("it can be read by others", f"run: chmod 600 {path!r}{then}")


def narrow(handle: int) -> None:
    """Take a file of this user from others who can read or write it."""
    if _HAS_MODES and stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
        with contextlib.suppress(OSError):  # Some file systems have no modes either.
            os.fchmod(handle, PRIVATE_FILE)


def check_folder(folder: str) -> None:
    """Refuse a folder whose files others can replace.

    The owners and groups of the folders above it are trusted: the program itself lies there as a
    rule. Folders that everybody can write to are safe if they have the sticky bit, like /tmp.

    Raises:
        UnsafeError: others can write to it, or to one above it.
        OSError: it is not there, or cannot be looked at.
    """
    if not _HAS_MODES:
        return
    status = os.stat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    if status.st_uid != os.geteuid():
        raise UnsafeError("it belongs to another user", _hand_over(folder))
    if status.st_mode & 0o022:
        raise UnsafeError("others can write to it", f"run: chmod go-w {folder!r}")
    for parent in _above(folder):
        mode = os.stat(parent).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            # Of a mounted volume nobody may be able to change it.
            hint = f"run: chmod o-w {parent!r}, or use another folder"
            raise UnsafeError(f"everybody can write to {parent}", hint)


def make_folder(folder: str) -> None:
    """Make a folder and those above it, each for its owner alone, unless they are there.

    Raises:
        OSError: one cannot be made.
    """
    try:
        os.mkdir(folder, PRIVATE_FOLDER)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
    except FileNotFoundError:
        parent = os.path.dirname(folder)
        if parent == folder:
            raise
        make_folder(parent)
        make_folder(folder)


def _above(folder: str) -> Iterator[str]:
    """Give the folders above one, along its name and along what its links lead to."""
    for path in {os.path.abspath(folder), os.path.realpath(folder)}:
        while (parent := os.path.dirname(path)) != path:
            yield parent
            path = parent
