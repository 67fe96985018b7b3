"""A rate limiter for the processes of one machine: one file, under a lock between processes.

Monotonic time is one for all processes of a boot, so instants are shared as they are. After another
boot they mean nothing: the file tells of which boot it is, and is begun anew. A killed process
leaves nothing to clean up: the slots it did not take pass, and the kernel frees the lock.

The file is read and written, not mapped: who cuts a mapped file kills all that have mapped it.
It begins with a mark; a file without it is not touched, unless it is empty, or versions before have
written it. A table of records follows, one for each budget in use, found by a digest of its key;
one that is idle is used for the next budget. A window that needs room for more numbers than fit
into a record has it behind the table.
"""

from __future__ import annotations

import errno
import math
import os
import struct
from array import array
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final

from amocrm._support.clock import Clock
from amocrm._support.file_lock import FileLock
from amocrm._support.private_files import check_private, open_private
from amocrm.errors import RateLimiterError
from amocrm.rate_limit.base import WindowRateLimiter
from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.learning import Counting, Knowledge
from amocrm.rate_limit.window import FIRST_RING, Window

LOCK_PATIENCE: Final = 10.0
"""Seconds to wait for the lock. It is held for microseconds: whoever holds it longer is stopped."""

SAME_BOOT: Final = 60.0
"""Seconds by which the instant of a boot may move: the wall clock is set now and then."""

SETS: Final = 512
"""Groups of records; the digest of a key says in which one a budget is looked for first."""
SET_RECORDS: Final = 16
"""Records of a group: they are read at once."""

_MARK: Final = b"amocrm limits 2\0"
_MARK_BEFORE: Final = b"amocrm limits 1\0"
_HEAD: Final = struct.Struct("16sd")
"""The mark, and the instant of the boot."""
_RECORD: Final = struct.Struct("16s 5d 2i 7d 16d d")
"""Digest, numbers of the window, its ring unless that is elsewhere, `free_at`; see `_pack`."""
_SET_SIZE: Final = SET_RECORDS * _RECORD.size
_TABLE: Final = 4096
"""Where the table begins."""
_END: Final = _TABLE + SETS * _SET_SIZE
_UNUSED: Final = bytes(16)

_OLD_SIZE: Final = 8 * (1 + 4 + 2 * (1024 + 1000))
_OLD_MARK: Final = b"amocrm pace 2\r\n\0"
_FAR: Final = 1e11
"""Unix seconds that no clock of a machine shows."""


class FileRateLimiter(WindowRateLimiter):
    """A rate limit for all processes of a machine that name the same file.

    Args:
        path: of the file, on a local disk; it is made when it is not there, and a lock beside it.
            All processes run as one user.
        rate: calls in a second of all who share it, whatever the account. None counts each call as
            its platform does: per integration and account, per account, or per address.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, path: str | os.PathLike[str], rate: float | None = None) -> None:
        super().__init__(rate)
        self._path = os.path.abspath(os.fspath(path))
        self._file = _File(self._path)

    def __repr__(self) -> str:
        return f"FileRateLimiter({self._path!r})"

    @contextmanager
    def locked_windows(
        self, clock: Clock, budgets: Sequence[Budget]
    ) -> Generator[list[Window], None, None]:
        """Give the windows of some budgets to one thread of one process at a time.

        Raises:
            RateLimiterError: the file cannot be opened or locked, or is not a rate limiter's.
        """
        try:
            with self._file.lock.hold(LOCK_PATIENCE):
                opened = self._file.open()
                records = opened.read(clock, budgets)
                yield [record.window for record in records]
                for record in records:
                    opened.write(record)
        except TimeoutError as error:
            raise RateLimiterError(f"the rate limiter cannot be locked: {error}") from error
        except OSError as error:
            raise RateLimiterError(
                f"the rate limiter {self._path} cannot be opened or locked: {error.strerror}",
                hint=getattr(error, "hint", None)
                or "name a file on a local disk that every process may write",
            ) from error


class _File:
    """The file that bears a name, and its lock; shared by all that `scoped` returned."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._opened: _Opened | None = None
        self.lock = FileLock(f"{path}.lock")

    def open(self) -> _Opened:
        """Return the file that bears the name now: somebody may have put another in its place."""
        opened = self._opened
        try:
            if opened is not None and _signature(os.stat(self._path)) == opened.signature:
                return opened
        except FileNotFoundError:
            pass
        self._opened = opened = _Opened(self._path)
        return opened


class _FileWindow(Window):
    """A window that notes which slots have changed.

    Attributes:
        changed: their positions in the ring.
    """

    __slots__ = ("changed",)

    def __init__(self, rate: float, first: int = 0) -> None:
        super().__init__(rate, first)
        self.changed: set[int] = set()

    def opening(self, number: int, now: float) -> None:
        """See `Window.opening`."""
        super().opening(number, now)
        self.changed.add(self._position(number))

    def _occupy(self, number: int, at: float, margin: float) -> None:
        super()._occupy(number, at, margin)
        self.changed.add(self._position(number))


class _Record:
    """One budget's place in the table, with its window.

    Attributes:
        place: where it stands in the file.
        ring_at: where the ring of its window stands; 0: in the record.
        room: numbers that have room there.
        before: its bytes as they are in the file.
    """

    __slots__ = ("before", "digest", "place", "ring_at", "room", "window")

    def __init__(
        self, place: int, digest: bytes, window: _FileWindow, ring_at: int, room: int, before: bytes
    ) -> None:
        self.place = place
        self.digest = digest
        self.window = window
        self.ring_at = ring_at
        self.room = room
        self.before = before


class _Opened:
    """The file as it was opened, once it is known to be a rate limiter's."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle = open_private(path, os.O_RDWR | os.O_CREAT)
        check_private(path, os.fstat(self._handle))
        content = _read(self._handle, 0, _OLD_SIZE + len(_OLD_MARK) + 1)
        size = os.fstat(self._handle).st_size
        if not content or _is_of_before(content):
            os.ftruncate(self._handle, 0)
            os.ftruncate(self._handle, _END)
            _write(self._handle, 0, _MARK)
        elif not content.startswith(_MARK) or size < _END:
            raise RateLimiterError(
                f"{path} is not a rate limiter's file", hint="name another; it is left as it is"
            )
        self.signature = _signature(os.fstat(self._handle))

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            os.close(self._handle)

    def read(self, clock: Clock, budgets: Sequence[Budget]) -> list[_Record]:
        """Read the windows of some budgets; new ones if those in the file are of another boot."""
        now = clock.monotonic()
        boot = clock.time() - now
        head = _read(self._handle, 0, _HEAD.size)
        if len(head) < _HEAD.size:
            raise OSError(errno.EIO, "it was cut meanwhile")
        if not abs(_HEAD.unpack(head)[1] - boot) < SAME_BOOT:
            os.ftruncate(self._handle, _TABLE)
            os.ftruncate(self._handle, _END)
            _write(self._handle, 0, _HEAD.pack(_MARK, boot))
            self.signature = _signature(os.fstat(self._handle))
        records: list[_Record] = []
        for key, rate, learned in budgets:
            record = self._find(blake2b(key.encode(), digest_size=16).digest(), rate, now, records)
            if learned:
                record.window.use_knowledge(now)
            records.append(record)
        return records

    def write(self, record: _Record) -> None:
        """Write a record if it has changed: in one piece, for a kill may come between.

        A ring behind the table is written first. Slots there that nobody has reserved do no harm.
        """
        window = record.window
        if len(window.ring) > 2 * record.room:
            record.ring_at = os.lseek(self._handle, 0, os.SEEK_END)
            record.room = len(window.ring) // 2
            _write(self._handle, record.ring_at, window.ring.tobytes())
            self.signature = _signature(os.fstat(self._handle))
        elif record.ring_at:
            for position in window.changed:
                slot = window.ring[position : position + 2].tobytes()
                _write(self._handle, record.ring_at + 8 * position, slot)
        content = _pack(record)
        if content != record.before:
            _write(self._handle, record.place, content)

    def _find(self, digest: bytes, rate: float, now: float, taken: Sequence[_Record]) -> _Record:
        """Find the record of a budget, or one that is not in use."""
        home, idle = int.from_bytes(digest[:4], "big"), (0, b"")
        for step in range(SETS):
            place = _TABLE + (home + step) % SETS * _SET_SIZE
            content = _read(self._handle, place, _SET_SIZE)
            if len(content) < _SET_SIZE:
                raise OSError(errno.EIO, "it was cut meanwhile")
            has_end = False
            for at in range(0, _SET_SIZE, _RECORD.size):
                one = content[at : at + _RECORD.size]
                if one.startswith(digest):
                    return self._unpack(place + at, one, rate)
                has_end = has_end or one.startswith(_UNUSED)
                is_taken = any(record.place == place + at for record in taken)
                if not idle[0] and not is_taken and _idle_at(one) <= now:
                    idle = place + at, one
            if has_end:
                break
        if not idle[0]:
            raise RateLimiterError(f"{self._path} has no room for another account")
        place, before = idle
        ring_at, room = _ring(before)
        # Numbers that were never drawn before: a late response must not be taken for another's.
        window = _FileWindow(rate, int(now * 1e6))
        window.ring = array("d", bytes(16 * room))
        return _Record(place, digest, window, ring_at, room, before)

    def _unpack(self, place: int, content: bytes, rate: float) -> _Record:
        digest, *numbers = _RECORD.unpack(content)
        ring_at, room = _ring(content)
        window = _FileWindow(rate, int(numbers[1]))
        window.next, window.not_before, window.blocked = int(numbers[0]), numbers[2], numbers[3]
        window.probe, window.blocks = int(numbers[4]), int(numbers[5])
        window.knowledge = Knowledge(
            Counting(numbers[6]), numbers[7], int(numbers[8]), numbers[9], numbers[10]
        )
        window.ring, window.free_at = array("d", numbers[14:-1]), numbers[-1]
        if ring_at:
            ring = _read(self._handle, ring_at, 16 * room)
            if len(ring) < 16 * room:
                raise OSError(errno.EIO, "it was cut meanwhile")
            window.ring = array("d", ring)
        return _Record(place, digest, window, ring_at, room, content)


def _pack(record: _Record) -> bytes:
    window = record.window
    inside = (0.0,) * (2 * FIRST_RING) if record.ring_at else window.ring
    return _RECORD.pack(
        record.digest, window.next, window.first, window.not_before, window.blocked, window.probe,
        window.blocks, *window.knowledge, window.idle_at(), record.ring_at, record.room,
        *inside, window.free_at,
    )  # fmt: skip


def _idle_at(content: bytes) -> float:
    return float(struct.unpack_from("d", content, 16 + 8 * 10)[0])


def _ring(content: bytes) -> tuple[int, int]:
    """Return where a record has its ring, and for how many numbers."""
    ring_at, room = struct.unpack_from("2d", content, 16 + 8 * 11)
    return int(ring_at), int(room) or FIRST_RING


def _signature(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file is replaced, cut, or given to others."""
    return status.st_dev, status.st_ino, status.st_uid, status.st_mode, status.st_size


def _read(handle: int, place: int, size: int) -> bytes:
    os.lseek(handle, place, os.SEEK_SET)  # Windows has no `pread`; the lock keeps others away.
    return os.read(handle, size)


def _write(handle: int, place: int, content: bytes) -> None:
    os.lseek(handle, place, os.SEEK_SET)
    if os.write(handle, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_of_before(content: bytes) -> bool:
    """Tell whether versions before have written a file: a boot's instant, then other numbers."""
    if content.startswith(_MARK_BEFORE):
        return True
    if len(content) == _OLD_SIZE + len(_OLD_MARK):
        return content.endswith(_OLD_MARK)
    if len(content) != _OLD_SIZE:
        return False
    boot, *numbers = array("d", content)
    return all(map(math.isfinite, numbers)) and (0 < boot < _FAR or not any(content))
