"""Counts calls, bytes and waits for `crm.stats`; `Done` describes one attempt."""

from __future__ import annotations

from typing import NamedTuple

from amocrm._support.forks import ForkLock


class Waits(NamedTuple):
    """Seconds that calls have waited, by reason, added up over all threads.

    Attributes:
        rate_limiter: for a slot of the rate limiter.
        limit: for the end of a pause after a 429.
        backoff: before a retry, after a lost response or a server error.
    """

    rate_limiter: float = 0.0
    limit: float = 0.0
    backoff: float = 0.0


class Stats(NamedTuple):
    """The counters of a client at one moment.

    Attributes:
        calls: requests sent, including retries and token requests.
        retries: requests that repeated an earlier attempt.
        errors: calls that ended in a server error, a refusal or a network error.
        refused: calls that were not sent, because the rate limit would have delayed them too long
            or amoCRM blocks the account or this IP address.
        limited: responses with status 429.
        sent: bytes of request bodies.
        received: bytes of response bodies after decompression.
        waits: seconds waited, by reason.
        address_limited: refusals have shown that amoCRM counts the calls of this IP address, and
            all calls of those who share the rate limiter are limited together.
    """

    calls: int = 0
    retries: int = 0
    errors: int = 0
    refused: int = 0
    limited: int = 0
    sent: int = 0
    received: int = 0
    waits: Waits = Waits()
    address_limited: bool = False


class Done(NamedTuple):
    """One finished attempt of a call; handlers of `request:done` receive it.

    Attributes:
        method: HTTP method.
        path: without host and query.
        status: HTTP status of the response; None if no response arrived.
        duration: seconds from the slot of the rate limiter to the end of the response.
        wait: seconds waited before this attempt: for a slot and, if it is a retry, for the backoff.
        attempt: 1 for the first; sending again with a refreshed token does not count as a retry.
        request_id: the response's `X-Request-Id`, for amoCRM's support; None if it has none.
        account: the host of the account, as the client was created for it; empty for chats.
    """

    method: str
    path: str
    status: int | None
    duration: float
    wait: float
    attempt: int
    request_id: str | None
    account: str = ""


class StatsCounter:
    """Counts the calls of one client. Thread-safe."""

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._calls = self._retries = self._errors = self._refused = self._limited = 0
        self._sent = self._received = 0
        self._rate_limiter = self._limit = self._backoff = 0.0

    def count(
        self,
        sent: int,
        received: int,
        is_retry: bool,
        is_limited: bool,
        waited: float,
        paused: float,
    ) -> None:
        """Count one attempt.

        Args:
            sent: bytes of the request's body.
            received: bytes of the response's body.
            is_retry: whether it repeats an earlier attempt.
            is_limited: whether it was answered 429.
            waited: seconds it waited for a slot of the rate limiter.
            paused: seconds of `waited` that a pause after a 429 caused.
        """
        with self._lock:
            self._calls += 1
            self._retries += is_retry
            self._limited += is_limited
            self._sent += sent
            self._received += received
            self._rate_limiter += waited - paused
            self._limit += paused

    def count_backoff(self, seconds: float, *, after_429: bool) -> None:
        """Count a wait between two attempts."""
        with self._lock:
            if after_429:
                self._limit += seconds
            else:
                self._backoff += seconds

    def count_refused(self) -> None:
        """Count a call that was not sent."""
        with self._lock:
            self._refused += 1

    def count_error(self) -> None:
        """Count a call that ended in an error."""
        with self._lock:
            self._errors += 1

    def snapshot(self) -> Stats:
        """Return all counters, read at one moment."""
        with self._lock:
            return Stats(
                self._calls, self._retries, self._errors, self._refused, self._limited,
                self._sent, self._received, Waits(self._rate_limiter, self._limit, self._backoff),
            )  # fmt: skip
