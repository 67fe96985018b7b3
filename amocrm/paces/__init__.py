"""Who may call when: one Pace for everybody who shares an address."""

from __future__ import annotations

from typing import Protocol

from amocrm.clock import Clock

__all__ = ["Pace"]


class Pace(Protocol):
    """A turn for each call."""

    def wait(self, clock: Clock, patience: float) -> float:
        """Wait for a turn and take it.

        Args:
            clock: whose time it is.
            patience: seconds the caller may wait at most.

        Returns:
            0.0 when the turn was taken; else the seconds it is still away, because that is beyond
            `patience`: then no turn was taken.
        """
        ...

    def hold(self, clock: Clock, seconds: float) -> None:
        """Let nobody leave for some seconds from now."""
        ...
