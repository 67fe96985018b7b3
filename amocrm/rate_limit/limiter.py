"""The protocol of rate limiters: decides when a call may be sent."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from amocrm._support.clock import Clock

__all__ = ["RateLimiter", "Refusal", "Slot"]


class Refusal(NamedTuple):
    """The call must not be sent.

    Attributes:
        away: seconds until it is worth asking again.
        blocked: the server blocks this account or address; otherwise too many calls wait.
    """

    away: float
    blocked: bool = False


class Slot(Protocol):
    """Permission for one call, which is sent now."""

    @property
    def waited(self) -> float:
        """Seconds that the caller has waited for it."""
        ...

    @property
    def held(self) -> float:
        """Those of these seconds that the server had asked for."""
        ...

    def opening(self) -> None:
        """Report that the call has to open a connection first, which delays it."""
        ...

    def leaving(self) -> None:
        """Report that the call is about to be sent; may wait, if the slot is long over.

        A user's session cannot do so.
        """
        ...

    def sent(self) -> None:
        """Report that the call was sent over its new connection; a user's session cannot do so."""
        ...

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        """Report that the call is over.

        Args:
            came: monotonic seconds when the response began; None if there was none.
            blocked: according to the response, the server blocks this account or address.
        """
        ...


class RateLimiter(Protocol):
    """Gives each call a slot. Thread-safe."""

    def wait(self, clock: Clock, patience: float) -> Slot | Refusal:
        """Wait for a slot.

        Args:
            clock: the clock of the client.
            patience: the longest wait in seconds.

        Returns:
            The slot; or at once a refusal, if the slot is further away than `patience` or the
            server blocks this account or address.

        Raises:
            RateLimiterError: the file or the server that it shares cannot be reached.
        """
        ...

    def hold(self, clock: Clock, seconds: float) -> None:
        """Send no call for some seconds: the server has answered 429."""
        ...

    def block(self, clock: Clock, seconds: float) -> float | None:
        """Refuse all calls for some seconds, then let one test the block.

        Returns:
            The seconds until the test, if these are others.
        """
        ...
