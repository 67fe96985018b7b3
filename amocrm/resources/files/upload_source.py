"""What is uploaded: a path, bytes, a binary file, an iterable of bytes, all read part by part."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Protocol, TypeAlias, cast

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json


class Readable(Protocol):
    """A binary file, or anything that is read like one."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most so many bytes; none at the end; None where there is nothing yet."""
        ...


Content: TypeAlias = str | os.PathLike[str] | bytes | bytearray | Readable | Iterable[bytes]
"""What can be uploaded: a path, bytes, a binary file, an iterable of bytes."""


class UploadSource(AbstractContextManager["UploadSource"]):
    """A content of known size, read from its beginning on, again and again if it can be.

    A path is opened and closed here; a file is read from where it stands, and stays open. What
    comes from an iterable, or a file that cannot be wound back, is copied to a temporary file first
    when its size is not told; with its size it is passed on as it comes.

    Args:
        content: what is uploaded.
        size: bytes of it, if they are known. A pipe is not asked for more than that.

    Attributes:
        name: of the file; None if it has none.
        size: bytes of it.
        rewindable: it can be read again.

    Raises:
        ConfigurationError: it is no content, or not of this size.
        OSError: it cannot be read.
    """

    def __init__(self, content: Content, size: int | None = None) -> None:
        if size is not None and (type(size) is not int or size < 0):
            raise ConfigurationError("size must be a number of bytes")
        self.name = _name(content)
        self._held = ExitStack()
        with ExitStack() as opened:
            self._file, self.rewindable = _open(content, size, opened)
            self._start = cast("io.IOBase", self._file).tell() if self.rewindable else 0
            self.size = size if size is not None else self._measure()
            self._held = opened.pop_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    def parts(self, size: int) -> Iterator[bytes]:
        """Yield the content from its beginning, in parts of a size but for the last.

        Raises:
            ConfigurationError: it gives no bytes, or more or less of them than it has; none of its
                last part is yielded then.
        """
        if self.rewindable:
            cast("io.IOBase", self._file).seek(self._start)
        left = self.size
        while left:
            part = self._read(min(size, left))
            left -= len(part)
            if len(part) < min(size, left + len(part)):
                raise self._changed(f"it ended after {self.size - left}")
            if not left and self._tells_its_end and self._read(1):
                raise self._changed("there is more")
            yield part

    @property
    def _tells_its_end(self) -> bool:
        """Whether asking for more ends: the writer of a pipe may say nothing for ever."""
        return self.rewindable or isinstance(getattr(self._file, "raw", None), _Flow)

    def _read(self, size: int) -> bytes:
        """Read as many bytes, or what is left: a pipe gives what it has."""
        pieces: list[bytes] = []
        while size:
            piece = _piece(self._file, size)
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _measure(self) -> int:
        file = cast("io.IOBase", self._file)
        end = file.seek(0, os.SEEK_END)
        file.seek(self._start)
        return max(0, end - self._start)

    def _changed(self, how: str) -> ConfigurationError:
        return ConfigurationError(f"the source is not of {self.size} bytes: {how}")


def _name(content: Content) -> str | None:
    path = content if isinstance(content, (str, os.PathLike)) else getattr(content, "name", None)
    # The name of a file that was opened by its number is that number.
    return os.path.basename(path) if isinstance(path, (str, os.PathLike)) else None


def _open(content: Content, size: int | None, opened: ExitStack) -> tuple[Readable, bool]:
    """Return what is read, and whether it can be wound back."""
    if isinstance(content, (str, os.PathLike)):
        # Which may be a pipe with a name.
        content = opened.enter_context(open(content, "rb"))  # noqa: SIM115  that is one
    if isinstance(content, (bytes, bytearray)):
        return io.BytesIO(content), True
    if isinstance(content, io.TextIOBase):
        raise ConfigurationError("the source is a file of text", hint='open it as "rb"')
    if hasattr(content, "read"):
        file = cast("Readable", content)
        if _winds_back(file):
            return file, True
        pieces = iter(lambda: _piece(file, io.DEFAULT_BUFFER_SIZE), b"")
    elif isinstance(content, Iterable):
        file, pieces = io.BufferedReader(_Flow(iter(content))), iter(content)
    else:
        raise ConfigurationError(
            "source must be a path, bytes, a binary file or an iterable of bytes"
        )
    if size is not None:
        return file, False
    spool: IO[bytes] = opened.enter_context(TemporaryFile())  # noqa: SIM115  that is one
    for piece in pieces:
        spool.write(_bytes(piece))
    spool.seek(0)
    return spool, True


def _winds_back(file: object) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable()) if callable(seekable) else False


def _piece(file: Readable, size: int) -> bytes:
    """Read at most so many bytes; none at the end, and only there."""
    piece = file.read(size)
    if piece is None:
        raise ConfigurationError("the source has nothing to read yet", hint="make it blocking")
    return _bytes(piece)


def _bytes(piece: object) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, (bytearray, memoryview)):
        return bytes(piece)
    raise ConfigurationError(f"the source gives {type(piece).__name__}, not bytes")


class _Flow(io.RawIOBase):
    """The pieces of an iterable, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Json, /) -> int:
        """Fill a buffer with what comes next; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(_bytes(piece))
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
