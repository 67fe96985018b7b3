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
    """One value with an age. Thread-safe.

    Args:
        clock: the clock of the client.
        fetch: gets the value.
    """

    def __init__(self, clock: Clock, fetch: Callable[[], T]) -> None:
        self._clock = clock
        self._fetch = fetch
        # Re-entrant, because a handler that runs during the fetch may need the value, too.
        self._lock = ForkLock()
        self._version = 0
        self._cached: tuple[T, float] | None = None
        self._error: AmoCRMError | None = None

    def get(self, age: float, fetch: Callable[[], T] | None = None) -> T:
        """Return the cached value if it is younger than `age` seconds; else fetch it.

        Args:
            age: seconds.
            fetch: gets the value this time, instead of the usual function.

        Raises:
            AmoCRMError: it could not be fetched; all threads that waited for it get the same error.
        """
        version, cached = self._version, self._cached
        if cached is not None and self._clock.monotonic() - cached[1] < age:
            return cached[0]
        with self._lock:
            if self._version == version:
                return self._renew(fetch)
            if self._error is not None:
                raise self._error
            return self._cached[0] if self._cached is not None else self._renew(fetch)

    def renew(self) -> T:
        """Fetch the value now, whatever its age."""
        with self._lock:
            return self._renew()

    def forget(self) -> None:
        """Drop the value; it is fetched again when it is next needed."""
        with self._lock:
            self._cached = None
            self._version += 1

    @property
    def held(self) -> T | None:
        """The cached value, whatever its age; None if there is none."""
        return None if self._cached is None else self._cached[0]

    def _renew(self, fetch: Callable[[], T] | None = None) -> T:
        try:
            value = self._fetch() if fetch is None else fetch()
        except AmoCRMError as error:
            # Only an AmoCRMError is shared: after Ctrl-C in this thread, the next thread fetches.
            self._error = error
            self._version += 1
            raise
        self._cached, self._error = (value, self._clock.monotonic()), None
        self._version += 1
        return value


class LRUCache(Generic[T]):
    """The most recently used values, by name. Thread-safe.

    Args:
        size: the largest number of values.
        is_pinned: whether a value must stay; the cache may exceed its size because of such values.
    """

    def __init__(self, size: int, is_pinned: Callable[[T], bool] = lambda _: False) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ConfigurationError("max_clients must be a whole number from 1")
        self._size = size
        self._is_pinned = is_pinned
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = ForkLock()

    def __len__(self) -> int:
        return len(self._values)

    def held(self, name: str) -> T | None:
        """Return the value of a name; None if there is none."""
        with self._lock:
            if name in self._values:
                self._values.move_to_end(name)
            return self._values.get(name)

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Return the value of a name, making it if there is none; all threads get the same one.

        Args:
            name: of the value.
            make: makes the value; it must be quick, because other threads wait for it.
        """
        with self._lock:
            if name not in self._values:
                self._values[name] = make()
            self._values.move_to_end(name)
            self._evict(name)
            return self._values[name]

    def _evict(self, newest: str) -> None:
        """Remove the least recently used values that are too many."""
        for name in list(self._values):
            if len(self._values) <= self._size:
                return
            if name != newest and not self._is_pinned(self._values[name]):
                del self._values[name]

    def take(self, name: str) -> T | None:
        """Remove a value and return it; None if there is none."""
        with self._lock:
            return self._values.pop(name, None)

    def all(self) -> list[T]:
        """Return all values."""
        with self._lock:
            return list(self._values.values())

    def clear(self) -> list[T]:
        """Remove all values and return them."""
        with self._lock:
            values = list(self._values.values())
            self._values.clear()
            return values
