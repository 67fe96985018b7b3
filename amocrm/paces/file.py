"""A pace for the processes of one machine: a small mapped file, under a lock between processes.

Monotonic time is one for all processes of a boot, so instants are shared as they are. After another
boot they mean nothing: the file tells of which boot it is, and is begun anew. A killed process
leaves nothing to clean up: the turns it did not take pass, and the kernel frees the lock.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, NamedTuple

from amocrm.clock import Clock
from amocrm.core.pace import Window
from amocrm.errors import PaceError, TokenStoreError
from amocrm.filelock import FileLock
from amocrm.limits import REQUESTS_PER_SECOND
from amocrm.paces.windows import WindowKeeper

LOCK_PATIENCE: Final = 10.0
"""Seconds to wait for the lock. It is held for microseconds: whoever holds it longer is stopped."""

SAME_BOOT: Final = 60.0
"""Seconds by which the instant of a boot may move: the wall clock is set now and then."""

_NUMBERS: Final = 1 + Window.size(1000)
"""The boot, then the window: as long as any rate needs, for those who share it may differ in it."""


class _Mapped(NamedTuple):
    """The file as it was opened: which one it was, its numbers, and the window on them."""

    inode: int
    numbers: memoryview[float]
    window: Window


class FilePace(WindowKeeper):
    """At most `rate` calls in any second, for all processes of a machine that name the same file.

    Args:
        path: of the file, on a local disk; it is made when it is not there, and a lock beside it.
        rate: calls in a second.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, path: str | os.PathLike[str], rate: float = REQUESTS_PER_SECOND) -> None:
        super().__init__(rate)
        self._path = os.path.abspath(os.fspath(path))
        self._lock = FileLock(f"{self._path}.lock")
        self._mapped: _Mapped | None = None

    def __repr__(self) -> str:
        return f"FilePace({self._path!r})"

    @contextmanager
    def desk(self, clock: Clock) -> Generator[Window, None, None]:
        """Give the window to one thread of one process at a time.

        Raises:
            PaceError: the file cannot be opened or locked.
        """
        try:
            with self._lock.hold(LOCK_PATIENCE):
                yield self._window(clock)
        except TokenStoreError as error:  # which is how a FileLock puts it
            raise PaceError(f"the pace cannot be shared: {error.args[0]}") from error
        except OSError as error:
            raise PaceError(
                f"the pace {self._path} cannot be opened: {error.strerror}",
                hint="name a file on a local disk that every process may write",
            ) from error

    def _window(self, clock: Clock) -> Window:
        """Return the window, on the file that bears the name now: somebody may have removed it."""
        mapped = self._mapped
        try:
            if mapped is not None and os.stat(self._path).st_ino == mapped.inode:
                return mapped.window
        except FileNotFoundError:
            pass
        self._mapped = mapped = _map(self._path, self.rate)
        boot = clock.time() - clock.monotonic()
        if not abs(mapped.numbers[0] - boot) < SAME_BOOT:
            for index in range(_NUMBERS):
                mapped.numbers[index] = 0.0
            mapped.numbers[0] = boot
        return mapped.window


def _map(path: str, rate: float) -> _Mapped:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o600)
    try:
        if os.fstat(handle).st_size != 8 * _NUMBERS:
            os.ftruncate(handle, 0)
            os.ftruncate(handle, 8 * _NUMBERS)
        numbers = memoryview(mmap.mmap(handle, 8 * _NUMBERS)).cast("d")
        return _Mapped(os.fstat(handle).st_ino, numbers, Window(rate, numbers[1:]))
    finally:
        os.close(handle)
