"""Who may call when: one RateLimiter for everybody who shares an address."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from amocrm._support.clock import Clock

__all__ = ["RateLimiter", "Refusal", "Slot"]


class Refusal(NamedTuple):
    """No turn was given.

    Attributes:
        away: seconds until it is worth asking again.
        blocked: the server blocks this address; else too many wait.
    """

    away: float
    blocked: bool = False


class Slot(Protocol):
    """A turn that was taken: the call leaves now."""

    @property
    def waited(self) -> float:
        """Seconds it was waited for."""
        ...

    @property
    def held(self) -> float:
        """Seconds of these that the server had asked for."""
        ...

    def opening(self) -> None:
        """Say that the call has to open a connection first, and will arrive later than others."""
        ...

    def sent(self) -> None:
        """Say that the call is on its way now; of a session of the user's own, nobody can say."""
        ...

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        """Say that the call is over.

        Args:
            came: the instant (monotonic seconds) its answer began to come; None if it did not.
            blocked: the answer was that this address is blocked.
        """
        ...


class RateLimiter(Protocol):
    """A turn for each call. Thread-safe."""

    def wait(self, clock: Clock, patience: float) -> Slot | Refusal:
        """Wait for a turn and take it.

        Args:
            clock: whose time it is.
            patience: seconds the caller may wait at most.

        Returns:
            The turn; or a refusal, at once, when it lies beyond `patience` or the address is
            blocked.

        Raises:
            RateLimiterError: what is shared with others cannot be reached.
        """
        ...

    def hold(self, clock: Clock, seconds: float) -> None:
        """Let nobody leave for some seconds: the server has answered 429."""
        ...

    def block(self, clock: Clock, seconds: float) -> None:
        """Refuse everybody for some seconds, then let one try: the server blocks this address."""
        ...
