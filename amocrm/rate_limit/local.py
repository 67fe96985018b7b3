"""A pace for the threads of one process, and the one that all its clients share."""

from __future__ import annotations

import os
import threading
import weakref
from array import array
from typing import Final

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.rate_limit.base import WindowKeeper
from amocrm.rate_limit.window import Step, Window


class ThreadPace(WindowKeeper):
    """At most `rate` calls in any second, for all threads and clients that share it.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, rate: float = REQUESTS_PER_SECOND) -> None:
        super().__init__(rate)
        self._desk = _Desk(rate)
        _alive.add(self)

    def desk(self, clock: Clock) -> _Desk:
        """Return what gives the window to one thread at a time."""
        return self._desk

    # The two acts of every call are WindowKeeper's, but for the ceremony: they should cost nothing.

    def reserve(self, clock: Clock, patience: float) -> Step:
        """Draw a ticket; see `Window.reserve`."""
        desk = self._desk
        with desk.lock:
            window = desk.window or desk.open()
            return window.reserve(clock.monotonic(), patience, self._jitter.margin)

    def note_margin(self, clock: Clock, ticket: int, margin: float) -> None:
        """See `Window.settle`."""
        desk = self._desk
        with desk.lock:
            (desk.window or desk.open()).settle(ticket, margin)

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child, where the parent's lock may be held for ever."""
        self._desk = _Desk(self.rate)


class _Desk:
    """A window and its lock. Made at its first use: an idle client costs next to nothing."""

    __slots__ = ("_rate", "lock", "window")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.lock = threading.Lock()
        self.window: Window | None = None

    def open(self) -> Window:
        """Make the window; under the lock."""
        self.window = Window(self._rate, array("d", bytes(8 * Window.size(self._rate))))
        return self.window

    def __enter__(self) -> Window:
        self.lock.acquire()
        return self.window or self.open()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def shared_pace(place: str, clock: Clock | None) -> ThreadPace:
    """Return the one pace of this process for a place.

    The limit counts by address, whatever the account, so all clients of one platform share a pace.
    A test server of its own, or a time of its own, has a pace of its own, that is gone with its
    clients; the others stay, or a client made for each call would begin each second anew.

    Args:
        place: the platform's zone, such as `amocrm.ru`, or the origin of a test server.
        clock: a client's own time; None is everybody's.
    """
    key = (place, None if clock is None else id(clock))
    with _choosing:
        pace = _shared.get(key)
        if pace is None:
            pace = _shared[key] = ThreadPace()
            if clock is not None:
                _clocks[pace] = clock  # so that no other clock takes its id
            elif "://" not in place:
                _lasting.append(pace)
        return pace


_choosing = threading.Lock()
_shared: Final[weakref.WeakValueDictionary[tuple[str, int | None], ThreadPace]] = (
    weakref.WeakValueDictionary()
)
_clocks: Final[weakref.WeakKeyDictionary[ThreadPace, Clock]] = weakref.WeakKeyDictionary()
_lasting: Final[list[ThreadPace]] = []
_alive: Final[weakref.WeakSet[ThreadPace]] = weakref.WeakSet()


def _renew_all_after_fork() -> None:
    global _choosing
    _choosing = threading.Lock()
    for pace in list(_alive):
        pace.renew_after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_all_after_fork)
