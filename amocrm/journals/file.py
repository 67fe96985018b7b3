"""A journal in a text file that only grows, a record a line. A lock file stands beside it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Final

from amocrm.errors import JournalError, TokenStoreError
from amocrm.filelock import FileLock

_PRIVATE: Final = 0o600  # Ids and digests only, yet whose they are is nobody's business.


class FileJournal:
    """A file for one import; it is made when it is not there."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.path.abspath(os.fspath(path))

    def __repr__(self) -> str:
        return self._path

    def open(self) -> _FileLog:
        """Open it; see `Place.open`."""
        with ExitStack() as held:
            try:
                held.enter_context(FileLock(f"{self._path}.lock").hold(0))
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
                handle = os.open(self._path, flags, _PRIVATE)
                held.callback(os.close, handle)
                return _FileLog(self._path, handle, _whole(self._path, handle), held.pop_all())
            except TokenStoreError:
                raise JournalError(
                    f"the journal {self._path} cannot be locked",
                    hint="is the same import running?",
                ) from None
            except OSError as error:
                raise JournalError(f"the journal {self._path}: {error.strerror}") from error


class _FileLog:
    """The open file; see `Log`."""

    def __init__(self, path: str, handle: int, records: list[str], held: ExitStack) -> None:
        self._path = path
        self._handle = handle
        self._records = records
        self._held = held

    def read(self) -> list[str]:
        return self._records

    def append(self, record: str) -> None:
        line = record.encode() + b"\n"
        try:
            # One write: a line is whole, or it is cut and the last one.
            if os.write(self._handle, line) == len(line):
                os.fsync(self._handle)
                return
        except OSError as error:
            raise JournalError(f"the journal {self._path}: {error.strerror}") from error
        raise JournalError(f"the journal {self._path} was cut", hint="is the disk full?")

    def close(self) -> None:
        self._held.close()


def _whole(path: str, handle: int) -> list[str]:
    """Return the lines of a file; drop a last one that is cut.

    Whoever was killed in the middle of a line has not done what it announces, or nobody knows of
    what it tells that it was done.
    """
    with open(path, "rb") as file:
        content = file.read()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.ftruncate(handle, end)
    return content[:end].decode("utf-8", "replace").splitlines()
