"""A rate limiter for the processes of one machine: a small file, under a lock between processes.

The monotonic clock is the same for all processes until the machine restarts, so the file stores
its instants as they are. It also stores the time of the start, and is reset after a restart. A
killed process leaves nothing to clean up: its slots expire, and the kernel frees the lock.

The file is read and written, not mapped: a process that has mapped a file is killed when another
one truncates it. The numbers come first, as doubles, then a mark. A file without the mark is left
as it is, unless it is empty or an older version has written it.
"""

from __future__ import annotations

import errno
import math
import os
import struct
from array import array
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from amocrm._support.clock import Clock
from amocrm._support.file_lock import FileLock
from amocrm._support.private_files import check_private, open_private
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import RateLimiterError
from amocrm.rate_limit.base import WindowRateLimiter
from amocrm.rate_limit.window import Window

LOCK_PATIENCE: Final = 10.0
"""Seconds to wait for the lock. It is needed for microseconds: a process that holds it longer is
suspended."""

SAME_BOOT: Final = 60.0
"""Seconds by which the calculated start of the machine may change: the wall clock may be set."""

_NUMBERS: Final = 1 + Window.size(1000)
"""The start of the machine, then the window, long enough for the highest rate."""


_NUMBER: Final = struct.Struct("d")
_SIZE: Final = _NUMBER.size * _NUMBERS
_MARK: Final = b"amocrm pace 2\r\n\0"
_FAR: Final = 1e11
"""Unix seconds later than any machine's clock shows."""


class FileRateLimiter(WindowRateLimiter):
    """At most `rate` calls in any second, for all processes of a machine that name the same file.

    Args:
        path: of the file, on a local disk. The file, and a lock file beside it, are created if
            they do not exist. All processes must run as one user.
        rate: calls in a second.

    Raises:
        ConfigurationError: the rate is not a number of calls per second.
    """

    def __init__(self, path: str | os.PathLike[str], rate: float = REQUESTS_PER_SECOND) -> None:
        super().__init__(rate)
        self._path = os.path.abspath(os.fspath(path))
        self._lock = FileLock(f"{self._path}.lock")
        self._opened: _Opened | None = None

    def __repr__(self) -> str:
        return f"FileRateLimiter({self._path!r})"

    @contextmanager
    def locked_window(self, clock: Clock) -> Generator[Window, None, None]:
        """Lock the window for one thread of one process.

        Raises:
            RateLimiterError: the file cannot be opened or locked, or is not a rate limiter's.
        """
        try:
            with self._lock.hold(LOCK_PATIENCE):
                opened = self._open()
                opened.read(clock)
                yield opened.window
                opened.write()
        except TimeoutError as error:
            raise RateLimiterError(f"the rate limiter cannot be locked: {error}") from error
        except OSError as error:
            raise RateLimiterError(
                f"the rate limiter {self._path} cannot be opened or locked: {error.strerror}",
                hint=getattr(error, "hint", None)
                or "name a file on a local disk that every process may write",
            ) from error

    def _open(self) -> _Opened:
        """Return the open file, opened again if another file has replaced it."""
        opened = self._opened
        try:
            if opened is not None and _signature(os.stat(self._path)) == opened.signature:
                return opened
        except FileNotFoundError:
            pass
        self._opened = opened = _Opened(self._path, self.rate)
        return opened


class _Opened:
    """An open file, checked to be a rate limiter's."""

    def __init__(self, path: str, rate: float) -> None:
        self._row = _Row()
        self.window = Window(rate, self._row)
        self._handle = open_private(path, os.O_RDWR | os.O_CREAT)
        check_private(path, os.fstat(self._handle))
        content = _read(self._handle, _SIZE + len(_MARK) + 1)
        if content[_SIZE:] != _MARK:
            if content and not _is_unmarked_pace(content):
                raise RateLimiterError(
                    f"{path} is not a rate limiter's file",
                    hint="name another file; this one was not changed",
                )
            _write(self._handle, _SIZE, _MARK)
        self.signature = _signature(os.fstat(self._handle))

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            os.close(self._handle)

    def read(self, clock: Clock) -> None:
        """Read the numbers of the window; zeros if the machine has restarted since."""
        content = _read(self._handle, _SIZE)
        if len(content) < _SIZE:
            raise OSError(errno.EIO, "it was truncated")
        boot = clock.time() - clock.monotonic()
        if not abs(_NUMBER.unpack_from(content)[0] - boot) < SAME_BOOT:
            content = _NUMBER.pack(boot).ljust(_SIZE, b"\0")
            _write(self._handle, 0, content)
        self._row.fill(content)

    def write(self) -> None:
        """Write the changed numbers, that of the next slot last: a kill may come in between.

        A slot that is not counted yet does no harm; a counted one without its times would begin
        too early.
        """
        for index in sorted(self._row.changed, reverse=True):
            _write(self._handle, _NUMBER.size * (index + 1), _NUMBER.pack(self._row[index]))


class _Row:
    """The numbers of the window, and which of them have changed."""

    def __init__(self) -> None:
        self.fill(bytes(_SIZE))

    def fill(self, content: bytes) -> None:
        """Set the numbers from a file; the first one there is the start of the machine."""
        self._numbers = memoryview(bytearray(content)).cast("d")[1:]
        self.changed: set[int] = set()

    def __getitem__(self, index: int, /) -> float:
        return self._numbers[index]

    def __setitem__(self, index: int, value: float, /) -> None:
        self._numbers[index] = value
        self.changed.add(index)

    def __len__(self) -> int:
        return _NUMBERS - 1


def _signature(status: os.stat_result) -> tuple[int, ...]:
    """Return values that change when a file is replaced, truncated, or gets another owner."""
    return status.st_dev, status.st_ino, status.st_uid, status.st_mode, status.st_size


def _read(handle: int, size: int) -> bytes:
    os.lseek(handle, 0, os.SEEK_SET)  # Windows has no `pread`; the lock protects the position.
    return os.read(handle, size)


def _write(handle: int, place: int, content: bytes) -> None:
    os.lseek(handle, place, os.SEEK_SET)
    if os.write(handle, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_unmarked_pace(content: bytes) -> bool:
    """Whether a version before the mark has written a file: a start, then monotonic instants."""
    if len(content) != _SIZE:
        return False
    boot, *numbers = array("d", content)
    return all(map(math.isfinite, numbers)) and (0 < boot < _FAR or not any(content))
