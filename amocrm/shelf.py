"""A bounded shelf of things that are made when they are asked for; the least used one leaves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from amocrm.errors import ConfigurationError

T = TypeVar("T")


class Shelf(Generic[T]):
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
        self._lock = threading.Lock()

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

    def renew_after_fork(self) -> None:
        """Part from the parent process, whose lock may be held for ever."""
        self._lock = threading.Lock()
