"""A journal in a text file, one record per line, with a lock file beside it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm._support.atomic_file import sync_folder
from amocrm._support.file_lock import FileLock
from amocrm._support.private_files import open_private
from amocrm.errors import JournalError

_HEAD: Final = b'{"journal":'
"""How the first record of a journal begins."""


class FileJournal:
    """A file for one import; it is created if it does not exist.

    It contains only ids and digests; still, only its owner can read it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.path.abspath(os.fspath(path))

    def __repr__(self) -> str:
        return self._path

    def open(self) -> _FileLog:
        """Open it; see `JournalStorage.open`."""
        with ExitStack() as stack:
            stack.enter_context(locked(f"{self._path}.lock", 0, self))
            try:
                handle = open_private(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
                stack.callback(os.close, handle)
                records, end = _read(self._path, handle)
                if not records:
                    sync_folder(self._path)  # It may have been created just now.
                return _FileLog(self._path, handle, records, end, stack.pop_all())
            except OSError as error:
                raise JournalError(
                    f"the journal {self._path}: {error.strerror}",
                    hint=getattr(error, "hint", None),
                ) from error


@contextmanager
def locked(path: str, timeout: float, journal: object) -> Generator[None, None, None]:
    """Hold the lock file of a journal.

    Raises:
        JournalError: others held it for `timeout` seconds, or it cannot be opened or locked.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(path).hold(timeout))
        except TimeoutError:
            raise in_use(journal) from None
        except OSError as error:
            raise JournalError(
                f"the journal {journal!r} cannot be locked: {error.strerror}",
                hint=getattr(error, "hint", None),
            ) from error
        yield


def in_use(journal: object) -> JournalError:
    """Return the error for a journal that somebody else has open."""
    return JournalError(
        f"the journal {journal!r} cannot be locked", hint="is the same import running?"
    )


class _FileLog:
    """The open file; see `OpenJournal`."""

    def __init__(
        self, path: str, handle: int, records: list[str], end: int | None, stack: ExitStack
    ) -> None:
        self._path = path
        self._handle = handle
        self._records = records
        self._end = end
        self._stack = stack

    def read(self) -> list[str]:
        return self._records

    def append(self, record: str) -> None:
        line = record.encode() + b"\n"
        try:
            self._remove_cut_line()
            # One write, so that only the last line of the file can be cut.
            if os.write(self._handle, line) == len(line):
                os.fsync(self._handle)
                return
        except OSError as error:
            raise JournalError(f"the journal {self._path}: {error.strerror}") from error
        raise JournalError(
            f"the last line of the journal {self._path} is cut", hint="is the disk full?"
        )

    def close(self) -> None:
        self._stack.close()

    def _remove_cut_line(self) -> None:
        """Remove a cut last line, once the file is known to be a journal.

        The process was killed while it wrote this line: so the call was not sent yet, or its result
        is unknown without the line.
        """
        end, self._end = self._end, None
        if end is not None:
            os.ftruncate(self._handle, end)


def _read(path: str, handle: int) -> tuple[list[str], int | None]:
    """Return the complete lines of a file, and their end if a cut line follows them."""
    with open(handle, "rb", closefd=False) as file:
        content = file.read()
    end = content.rfind(b"\n") + 1
    cut = content[end:]
    if end == 0 and not (cut.startswith(_HEAD) or _HEAD.startswith(cut)):
        raise JournalError(
            f"{path} is not a journal", hint="name another file; this one was not changed"
        )
    return content[:end].decode("utf-8", "replace").splitlines(), end if cut else None
