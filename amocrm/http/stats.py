"""What was sent and waited for so far: numbers to look at, and one value for each attempt."""

from __future__ import annotations

from typing import NamedTuple

from amocrm._support.forks import ForkLock


class Waits(NamedTuple):
    """Seconds that calls have waited, all threads together, by reason.

    Attributes:
        rate_limiter: for a turn.
        limit: because the server answered 429 and asked for a pause.
        backoff: before another try, after a lost answer or a server error.
    """

    rate_limiter: float = 0.0
    limit: float = 0.0
    backoff: float = 0.0


class Stats(NamedTuple):
    """What a client has done so far: a snapshot.

    Attributes:
        calls: requests that were sent, repetitions and grants of tokens included.
        retries: those of them that repeated another.
        errors: calls that ended in an error of the server's or the network's.
        refused: calls that were not sent, because their turn was too far away or the server
            blocks this address.
        limited: answers 429.
        sent: bytes of bodies sent.
        received: bytes of bodies received, decoded.
        waits: seconds waited, by reason.
    """

    calls: int = 0
    retries: int = 0
    errors: int = 0
    refused: int = 0
    limited: int = 0
    sent: int = 0
    received: int = 0
    waits: Waits = Waits()


class Done(NamedTuple):
    """One attempt that is over; what handlers of `request:done` get.

    Attributes:
        method: HTTP method.
        path: without host and query.
        status: of the answer; None if none came.
        duration: seconds from its turn to the end of the answer.
        wait: seconds it had waited for its turn, and before as a repetition.
        attempt: 1 for the first; a repetition that renews the token keeps its number.
        request_id: the answer's `X-Request-Id`, for amoCRM's support; None if there was none.
    """

    method: str
    path: str
    status: int | None
    duration: float
    wait: float
    attempt: int
    request_id: str | None


class StatsCounter:
    """Counts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._calls = self._retries = self._errors = self._refused = self._limited = 0
        self._sent = self._received = 0
        self._rate_limiter = self._limit = self._backoff = 0.0

    def count(
        self, sent: int, received: int, is_retry: bool, is_limited: bool, waited: float, held: float
    ) -> None:
        """Count one attempt; of the seconds it waited, the server had asked for those held."""
        with self._lock:
            self._calls += 1
            self._retries += is_retry
            self._limited += is_limited
            self._sent += sent
            self._received += received
            self._rate_limiter += waited - held
            self._limit += held

    def wait_before_retry(self, seconds: float, *, limited: bool) -> None:
        """Count a wait between two attempts."""
        with self._lock:
            if limited:
                self._limit += seconds
            else:
                self._backoff += seconds

    def refuse(self) -> None:
        """Count a call that was not sent."""
        with self._lock:
            self._refused += 1

    def fail(self) -> None:
        """Count a call that ended in an error."""
        with self._lock:
            self._errors += 1

    def snapshot(self) -> Stats:
        """Return all numbers, as of one moment."""
        with self._lock:
            return Stats(
                self._calls, self._retries, self._errors, self._refused, self._limited,
                self._sent, self._received, Waits(self._rate_limiter, self._limit, self._backoff),
            )  # fmt: skip
