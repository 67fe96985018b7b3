"""Makes the final file of the lines of a part in a thread, while more of them are read.

A workbook takes as long to write as its pages take to decode; the waiting for pages is longer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Full, Queue
from typing import BinaryIO, Final, TypeAlias

from amocrm._support import atomic_file

Convert: TypeAlias = Callable[[Iterator[bytes], BinaryIO], None]
"""Writes a file from lines."""

_AHEAD: Final = 8
"""Pages of lines that wait to be converted; when there are more, reading waits."""

_PATIENCE: Final = 0.2
"""Seconds after which a waiting reader looks whether the conversion has failed."""


class Conversion:
    """The final file of an export, while it is written; see `converting`.

    Args:
        path: of the final file, absolute.
        convert: writes it.
        written: the lines that there are already.
    """

    def __init__(self, path: str, convert: Convert, written: Iterator[bytes]) -> None:
        self._path = path
        self._convert = convert
        self._written = written
        self._blocks: Queue[bytes | None] = Queue(_AHEAD)
        self._is_abandoned = False
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(self._run)

    def feed(self, lines: bytes) -> None:
        """Add lines; waits while too many wait to be converted.

        Raises:
            ConfigurationError: the lines before cannot be in a file of this format.
        """
        self._put(lines)

    def finish(self) -> None:
        """Give the file its name; all its lines were added."""
        self._put(None)
        self._done.result()

    def close(self) -> None:
        """End the thread; a file that was not finished is gone."""
        self._is_abandoned = True
        if not self._blocks.full():
            self._blocks.put_nowait(None)
        self._pool.shutdown()

    def _put(self, block: bytes | None) -> None:
        while True:
            if self._done.done():
                self._done.result()
                return
            try:
                self._blocks.put(block, timeout=_PATIENCE)
            except Full:
                continue
            return

    def _run(self) -> None:
        with atomic_file.replacement(self._path) as target:
            self._convert(self._lines(), target)

    def _lines(self) -> Iterator[bytes]:
        for line in self._written:
            self._check()
            yield line
        while (block := self._blocks.get()) is not None:
            for line in block.splitlines(keepends=True):
                self._check()
                yield line
        self._check()

    def _check(self) -> None:
        if self._is_abandoned:
            raise _AbandonedError


class _AbandonedError(Exception):
    """The export has ended before all lines were there."""


@contextmanager
def converting(
    path: str, convert: Convert | None, written: Iterator[bytes]
) -> Generator[Conversion | None]:
    """Begin to write the final file; None if nothing has to be converted."""
    if convert is None:
        yield None
        return
    conversion = Conversion(path, convert, written)
    try:
        yield conversion
    finally:
        conversion.close()
