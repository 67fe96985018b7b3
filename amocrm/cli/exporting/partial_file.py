"""A file that is written piece by piece, and goes on after a kill where it was.

Lines are added to `leads.csv.part`. From time to time it is flushed to the disk, and its length is
noted in `leads.csv.part.json` together with the place in the source; what a kill leaves behind that
length is cut off. When all is written, the file gets its final name.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, NamedTuple

from amocrm._support import atomic_file
from amocrm._support.file_lock import FileLock
from amocrm.cli.exporting.conversion import Conversion
from amocrm.cli.exporting.source import ExportPosition
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

PAGES_BETWEEN: Final = 4
"""Pages between two notes: about two in a second at the API's limit, for few flushes of a disk."""

_BINARY: Final = getattr(os, "O_BINARY", 0)


class PartState(NamedTuple):
    """What is noted of a part.

    Attributes:
        length: of the part in bytes, up to here.
        rows: that it holds.
        place: in the source.
    """

    length: int = 0
    rows: int = 0
    place: ExportPosition = ExportPosition()


class PartialFile:
    """The open part of one export.

    Args:
        path: of the final file, absolute.
        task: what is exported, in JSON; a part of another task is not continued.
        restart: begin anew, whatever is there.
    """

    def __init__(self, path: str, task: Json, *, restart: bool = False) -> None:
        self._path = path
        self.part = _part_path(path)
        self._note_path = _note_path(path)
        self._task = task
        self.note = PartState() if restart else self._read_note()
        self.is_resumed = self.note != PartState()
        self._pages = 0
        handle = os.open(self.part, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        self._file: BinaryIO = os.fdopen(handle, "r+b")
        try:
            if os.fstat(handle).st_size < self.note.length:
                raise ConfigurationError(
                    f"{self.part} is shorter than was noted", hint="begin anew: --restart"
                )
            self._file.truncate(self.note.length)
            self._file.seek(self.note.length)
        except BaseException:
            self.close()
            raise

    def write(self, lines: bytes) -> None:
        """Add lines that are no rows, such as a header."""
        self._file.write(lines)
        self.note = self.note._replace(length=self.note.length + len(lines))

    def add(self, lines: bytes, rows: int, place: ExportPosition) -> None:
        """Add the rows of a page, and note the place behind it from time to time."""
        self._file.write(lines)
        self.note = PartState(self.note.length + len(lines), self.note.rows + rows, place)
        self._pages += 1
        if self._pages % PAGES_BETWEEN == 0:
            self.save()

    def save(self) -> None:
        """Flush what was written to the disk, and note it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        note = {"task": self._task, **self.note._asdict(), "place": self.note.place._asdict()}
        atomic_file.replace(self._note_path, json.dumps(note).encode())

    def written(self) -> Iterator[bytes]:
        """Return the lines that were written until now; they may be read by another thread."""
        return _lines_of(self.part, self.note.length)

    def finish(self, conversion: Conversion | None = None) -> None:
        """Give the file its final name; or let the final file be finished that its lines make.

        Args:
            conversion: writes the final file; None: the part is the final file.
        """
        self.save()
        if conversion is None:
            atomic_file.retry_on_windows(lambda: os.replace(self.part, self._path))
            atomic_file.sync_folder(self._path)
        else:
            conversion.finish()
        self.close()
        for path in (self._note_path, self.part):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def close(self) -> None:
        """Close it; the part stays, to be continued."""
        self._file.close()

    def _read_note(self) -> PartState:
        try:
            with open(self._note_path, "rb") as file:
                noted = json.load(file)
            note = PartState(noted["length"], noted["rows"], ExportPosition(**noted["place"]))
        except FileNotFoundError:
            return PartState()
        except (ValueError, KeyError, TypeError) as error:
            raise _foreign(f"{self._note_path} is damaged") from error
        if noted["task"] != self._task or min(note.length, note.rows, *note.place) < 0:
            raise _foreign(f"{self._note_path} belongs to another export")
        return note if os.path.exists(self.part) else PartState()


def _lines_of(path: str, length: int) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while length > 0 and (line := file.readline(length)):
            length -= len(line)
            yield line


def _foreign(what: str) -> ConfigurationError:
    return ConfigurationError(what, hint="repeat that export, or begin anew: --restart")


def has_part(path: str) -> bool:
    """Tell whether a run that did not end has left a part of a file, and a note of it."""
    return os.path.exists(_note_path(path)) and os.path.exists(_part_path(path))


def _part_path(path: str) -> str:
    return f"{path}.part"


def _note_path(path: str) -> str:
    return f"{path}.part.json"


@contextmanager
def open_part(path: str, task: Json, *, restart: bool = False) -> Generator[PartialFile]:
    """Open the part of a file while no other process writes it.

    Raises:
        ConfigurationError: another process writes it, it belongs to another export, or it cannot
            be opened.
    """
    lock = f"{path}.part.lock"
    try:
        with FileLock(lock).hold(0):
            file = PartialFile(path, task, restart=restart)
            try:
                yield file
            finally:
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(lock)  # While it is held: who opened it meanwhile finds all done.
    except TimeoutError:
        raise ConfigurationError(f"another process exports to {path}") from None
    except OSError as error:
        raise ConfigurationError(f"{error.filename or path}: {error.strerror}") from error
