"""Resets locks and connections in a forked child.

Without this, a lock that another thread of the parent had acquired would stay locked in the child
forever, two processes would read each other's responses from one socket, and a copied lock file
would keep the parent's lock after the parent has ended.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import Final, Protocol, TypeVar

__all__ = ["ForkLock", "after_fork", "before_fork"]

_Owner = TypeVar("_Owner")


class _Renewed(Protocol):
    """Holds sockets, files or work in progress, which a forked child must not share."""

    def renew_after_fork(self) -> None:
        """Drop the parent's resources in the child, and leave them open for the parent.

        Renewals run in no fixed order, after all locks were reset: one must not rely on another.
        """
        ...


class _Released(Protocol):
    """Holds something that must not even be open in two processes."""

    def release_before_fork(self) -> None:
        """Close it in the parent, which opens it again when it needs it."""
        ...


_renewed: Final[weakref.WeakSet[_Renewed]] = weakref.WeakSet()


def after_fork(owner: _Renewed) -> None:
    """Call `owner.renew_after_fork()` in each forked child, as long as `owner` exists."""
    _renewed.add(owner)


_released: Final[weakref.WeakSet[_Released]] = weakref.WeakSet()


def before_fork(owner: _Released) -> None:
    """Call `owner.release_before_fork()` before each fork, as long as `owner` exists."""
    _released.add(owner)


class ForkLock:
    """A re-entrant lock that is free in a forked child, whichever thread had acquired it.

    It protects memory only. The thread that forked may leave its `with` blocks in the child.
    """

    __slots__ = ("__weakref__", "_is_reset", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_reset = False
        _locks.add(self)

    def acquire(self, blocking: bool = True) -> bool:
        """Acquire the lock; return whether this succeeded."""
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """Release the lock.

        Raises:
            RuntimeError: this thread has not acquired it.
        """
        self.__exit__()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            # This thread acquired the lock before it forked, and the child has another one.
            if not self._is_reset:
                raise

    def reset(self) -> None:
        """Replace the inner lock by a free one; for the fork hook only."""
        self._lock = threading.RLock()
        self._is_reset = True


_locks: Final[weakref.WeakSet[ForkLock]] = weakref.WeakSet()


def _members(owners: weakref.WeakSet[_Owner]) -> list[_Owner]:
    """Return what is in a set, to which another thread may be adding something."""
    while True:
        with contextlib.suppress(RuntimeError):  # It has changed during the iteration.
            return list(owners)


def _renew_all() -> None:
    """Reset all locks, then renew all owners; raise the first failure at the end."""
    for lock in _members(_locks):
        lock.reset()
    first: Exception | None = None
    for owner in _members(_renewed):
        try:
            owner.renew_after_fork()
        except Exception as error:
            first = first or error
    if first is not None:
        # No code can catch it: Python prints what a fork hook raises.
        raise first


def _release_all() -> None:
    for owner in _members(_released):
        owner.release_before_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_release_all, after_in_child=_renew_all)
