"""The line to the server: a turn of the pace, then one attempt. Everything we send takes it."""

from __future__ import annotations

import logging
import random
from typing import Final

from amocrm.clock import Clock
from amocrm.core.fault import request_id
from amocrm.core.policy import Again
from amocrm.core.wire import Call, Lost
from amocrm.errors import RateLimitedError
from amocrm.paces import Pace
from amocrm.transport import Answer, Transport

QUEUE_PATIENCE: Final = 120.0
"""Seconds a call stands in the queue of the pace at most, before it is refused unsent. Shorter than
the margin of a token's renewal, so that no token dies in the queue."""

LONGEST_HOLD: Final = 3600.0
"""Seconds that all calls are held at most, whatever the server asks for: five minutes is what it
has been seen to ask, and a number gone wrong must not stop a program for months."""

_log = logging.getLogger("amocrm")


class Line:
    """Sends calls in turn. Thread-safe.

    Args:
        transport: what sends them.
        pace: who may send when; None for at once.
        clock: whose time it is.
    """

    def __init__(self, transport: Transport, pace: Pace | None, clock: Clock) -> None:
        self._transport = transport
        self._pace = pace
        self.clock = clock
        self.jitter = random.random

    def send(self, call: Call) -> Answer | Lost:
        """Wait for a turn and send a call once.

        Raises:
            RateLimitedError: the turn is too far away; nothing was sent.
        """
        if self._pace is not None and (away := self._pace.wait(self.clock, QUEUE_PATIENCE)) > 0:
            raise _too_far(call, away)
        if not _log.isEnabledFor(logging.DEBUG):
            return self._transport.send(call)
        started = self.clock.monotonic()
        outcome = self._transport.send(call)
        _note(call, outcome, self.clock.monotonic() - started)
        return outcome

    def rest(self, verdict: Again) -> None:
        """Wait before the next attempt; everybody waits when the server asked for it."""
        if verdict.everybody:
            self.hold(verdict.delay)
        self.clock.sleep(verdict.delay)

    def hold(self, seconds: float) -> None:
        """Let nobody who shares the pace send for some seconds."""
        if self._pace is not None and seconds > 0:
            self._pace.hold(self.clock, min(seconds, LONGEST_HOLD))


def _too_far(call: Call, away: float) -> RateLimitedError:
    error = RateLimitedError(
        f"{call.method} {call.path} was not sent: its turn is {away:.0f} s away",
        method=call.method,
        path=call.path,
        status=429,
        title="Too Many Requests",
        hint="the server asked for a pause, or more calls are queued than the pace lets through",
    )
    error.retry_after = away
    return error


def _note(call: Call, outcome: Answer | Lost, seconds: float) -> None:
    """Log one attempt: no query, no header, no body."""
    if isinstance(outcome, Lost):
        _log.debug("%s %s lost in %.3f s: %s", call.method, call.path, seconds, outcome.reason)
    else:
        _log.debug(
            "%s %s %d in %.3f s, request %s",
            call.method, call.path, outcome.status, seconds, request_id(outcome),
        )  # fmt: skip
