"""Opens files that belong to this user only, and refuses anything else in their place.

A user that can write to a folder can put anything there under a file's name: a link to another
file, a FIFO without a writer, an old copy of the file. Only regular files of this user are opened,
links are not followed, and opening never blocks. Hard links are accepted, because backups use them.

Windows has no such owners and modes; a folder there inherits its permissions.
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
    """A file or folder that must not be used.

    Attributes:
        strerror: the reason, as a sentence that begins with "it".
        hint: the command that fixes it, if there is one.
    """

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(errno.EPERM, why)
        self.hint = hint


def open_private(path: str, flags: int) -> int:
    """Open a regular file of this user. A file that is created is readable by this user only.

    Args:
        path: of the file.
        flags: as of `os.open`.

    Returns:
        A descriptor; the caller closes it.

    Raises:
        UnsafeError: it is not a regular file, or belongs to another user.
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
    """Check that a file is a regular file of this user.

    Raises:
        UnsafeError: it is not.
    """
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeError("it is not a regular file", f"move {path!r} away")
    if _HAS_MODES and status.st_uid != os.geteuid():
        raise UnsafeError("it belongs to another user", _owner_hint(path))


def _owner_hint(path: str) -> str:
    """Return a hint: run as the file's user first, because that user's program needs the file."""
    return f"run this as that user, or: chown $(id -u) {path!r}"


def check_private(path: str, status: os.stat_result, then: str = "") -> None:
    """Check that no other user can read or write a file.

    Args:
        path: of the file.
        status: of the file.
        then: end of the hint: the next step after the mode is fixed.

    Raises:
        UnsafeError: another user can.
    """
    check_owner(path, status)
    if _HAS_MODES and stat.S_IMODE(status.st_mode) & 0o077:
        raise UnsafeError("it can be read by others", f"run: chmod 600 {path!r}{then}")


def narrow(handle: int) -> None:
    """Remove the permissions of other users on a file."""
    if _HAS_MODES and stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
        with contextlib.suppress(OSError):  # Some file systems have no modes either.
            os.fchmod(handle, PRIVATE_FILE)


def check_folder(folder: str) -> None:
    """Check that no other user can replace the files of a folder.

    The owners and groups of the parent folders are trusted: usually the program itself is there.
    Folders that everybody can write to are safe if they have the sticky bit, like /tmp.

    Raises:
        UnsafeError: others can write to it, or to a parent folder.
        OSError: it does not exist, or its status cannot be read.
    """
    if not _HAS_MODES:
        return
    status = os.stat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    if status.st_uid != os.geteuid():
        raise UnsafeError("it belongs to another user", _owner_hint(folder))
    if status.st_mode & 0o022:
        raise UnsafeError("others can write to it", f"run: chmod go-w {folder!r}")
    for parent in _above(folder):
        mode = os.stat(parent).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            # The mode of a mounted volume may be impossible to change.
            hint = f"run: chmod o-w {parent!r}, or use another folder"
            raise UnsafeError(f"everybody can write to {parent}", hint)


def make_folder(folder: str) -> None:
    """Create a folder and its missing parents, accessible to this user only.

    Raises:
        OSError: one cannot be created.
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
    """Yield the parent folders, by the given path and by the path without links."""
    for path in {os.path.abspath(folder), os.path.realpath(folder)}:
        while (parent := os.path.dirname(path)) != path:
            yield parent
            path = parent
