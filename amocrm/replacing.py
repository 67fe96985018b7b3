"""A file replaced in one step: its reader sees the old content or the new one, never a half.

It is written beside its place, readable by its owner alone from the first byte, brought to the
disk, and put in place.
"""

from __future__ import annotations

import os
from typing import Final

_PRIVATE: Final = 0o600
_POSIX: Final = os.name == "posix"


def replace(path: str, content: bytes) -> None:
    """Give a file a new content.

    Args:
        path: of the file; whole, not relative.
        content: all of it.

    Raises:
        OSError: it could not be written; the old file is untouched.
    """
    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise
    if _POSIX:
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
