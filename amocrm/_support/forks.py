"""Parting from the parent process: what a forked child must not use is renewed in it.

A lock that another thread of the parent held stays held in the child for ever, a socket that both
use mixes up their answers, and a lock on a file outlives the parent in the child's copy.
"""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol

__all__ = ["after_fork"]


class Renewed(Protocol):
    """What has something that a child must not share."""

    def renew_after_fork(self) -> None:
        """Let go of what is the parent's, and leave it to the parent."""
        ...


_renewed: Final[weakref.WeakSet[Renewed]] = weakref.WeakSet()


def after_fork(one: Renewed) -> None:
    """Have `one.renew_after_fork()` called in each forked child, as long as `one` lives."""
    _renewed.add(one)


def _renew_all() -> None:
    """Renew them all, whatever one of them raises; then let Python tell of the first failure."""
    first: Exception | None = None
    for one in list(_renewed):
        try:
            one.renew_after_fork()
        except Exception as error:
            first = first or error
    if first is not None:
        # Nobody can catch it: Python prints it, as it does what any hook of a fork raises.
        raise first


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_all)
