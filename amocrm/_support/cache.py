"""Small caches: one value with an age, and a bounded collection of the most recently used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock
from amocrm.errors import AmoCRMError, ConfigurationError

T = TypeVar("T")


class CachedValue(Generic[T]):
    """Keeps one thing. Thread-safe.

    Args:
        clock: whose time it is.
        fetch: gets the thing.
    """

    def __init__(self, clock: Clock, fetch: Callable[[], T]) -> None:
        self._clock = clock
        self._fetch = fetch
        # A handler that is called while it is fetched may ask for it, too.
        self._lock = ForkLock()
        self._turns = 0
        self._kept: tuple[T, float] | None = None
        self._error: AmoCRMError | None = None

    def get(self, age: float) -> T:
        """Return what is kept if it is younger than some seconds, else what is there now.

        Raises:
            AmoCRMError: it could not be fetched; all who waited for it get the same error.
        """
        turn, kept = self._turns, self._kept
        if kept is not None and self._clock.monotonic() - kept[1] < age:
            return kept[0]
        with self._lock:
            if self._turns == turn:
                return self._renew()
            if self._error is not None:
                raise self._error
            return self._kept[0] if self._kept is not None else self._renew()

    def renew(self) -> T:
        """Fetch it now, however young it is."""
        with self._lock:
            return self._renew()

    def forget(self) -> None:
        """Fetch it when it is next needed, however young what is kept is."""
        with self._lock:
            self._kept = None
            self._turns += 1

    @property
    def held(self) -> T | None:
        """What is kept, however old; None if nothing is."""
        return None if self._kept is None else self._kept[0]

    def _renew(self) -> T:
        try:
            thing = self._fetch()
        except AmoCRMError as error:
            # Only an error of ours is everybody's: after Ctrl-C in this thread, the next one asks.
            self._error = error
            self._turns += 1
            raise
        self._kept, self._error = (thing, self._clock.monotonic()), None
        self._turns += 1
        return thing


class LRUCache(Generic[T]):
    """Keeps the last used things by name. Thread-safe.

    Args:
        room: how many, at most.
        bound: whether a thing must not leave; then there may be more of them than room for a while.
    """

    def __init__(self, room: int, bound: Callable[[T], bool] = lambda _: False) -> None:
        if isinstance(room, bool) or not isinstance(room, int) or room < 1:
            raise ConfigurationError("max_clients must be a whole number from 1")
        self._room = room
        self._bound = bound
        self._things: OrderedDict[str, T] = OrderedDict()
        self._lock = ForkLock()

    def __len__(self) -> int:
        return len(self._things)

    def held(self, name: str) -> T | None:
        """Return what is on the shelf under a name; None if nothing is."""
        with self._lock:
            if name in self._things:
                self._things.move_to_end(name)
            return self._things.get(name)

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Return what is on the shelf under a name, or put it there; whoever asks gets the same.

        Args:
            name: of the thing.
            make: makes it; quick, for others wait meanwhile.
        """
        with self._lock:
            if name not in self._things:
                self._things[name] = make()
            self._things.move_to_end(name)
            self._make_room(name)
            return self._things[name]

    def _make_room(self, name: str) -> None:
        if len(self._things) > self._room:
            for other in list(self._things):
                if other != name and not self._bound(self._things[other]):
                    del self._things[other]
                if len(self._things) <= self._room:
                    return

    def take(self, name: str) -> T | None:
        """Take a thing off the shelf; None if it is not there."""
        with self._lock:
            return self._things.pop(name, None)

    def all(self) -> list[T]:
        """Return what is on the shelf."""
        with self._lock:
            return list(self._things.values())

    def clear(self) -> list[T]:
        """Take everything off the shelf."""
        with self._lock:
            things = list(self._things.values())
            self._things.clear()
            return things
