"""Sends one attempt of a call when the rate limiter allows it. All calls are sent here."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from amocrm._support.clock import Clock
from amocrm._support.emitter import Emitter
from amocrm.errors import SHORT, BlockedError, RateLimitedError, ReplyError, printable
from amocrm.http.error_mapping import is_block, request_id
from amocrm.http.messages import Call, NoReply
from amocrm.http.retry import FIRST, Again, GiveUp, RetryState
from amocrm.http.stats import Done, StatsCounter
from amocrm.http.transport.transport import Answer, Transport
from amocrm.rate_limit.base import TakenSlot
from amocrm.rate_limit.limiter import RateLimiter, Refusal, Slot

QUEUE_PATIENCE: Final = 120.0
"""Seconds a call stands in the queue of the rate limiter at most, before it is refused unsent.
Shorter than the margin of a token's renewal, so that no token dies in the queue."""

LONGEST_HOLD: Final = 3600.0
"""Seconds that all calls are held at most, whatever the server asks for: five minutes is what it
has been seen to ask, and a number gone wrong must not stop a program for months."""

DONE: Final = "request:done"

BeforeSend: TypeAlias = Callable[[], object]

_log = logging.getLogger("amocrm")


class Sender:
    """Sends calls in turn, and counts. Thread-safe.

    Args:
        transport: what sends them.
        rate_limiter: who may send when; None for at once.
        clock: whose time it is.
        emitter: who is told of each attempt.
    """

    def __init__(
        self, transport: Transport, rate_limiter: RateLimiter | None, clock: Clock, emitter: Emitter
    ) -> None:
        self._transport = transport
        self._rate_limiter = rate_limiter
        self._emitter = emitter
        self._telling = threading.local()
        self.clock = clock
        self.counter = StatsCounter()
        self.jitter = random.random

    def send(
        self,
        call: Call,
        state: RetryState = FIRST,
        before_send: BeforeSend | None = None,
        patience: float = QUEUE_PATIENCE,
    ) -> Answer | NoReply:
        """Wait for a turn and send a call once.

        Args:
            call: what to send.
            state: which attempt it is.
            before_send: is called when the turn has come; what it raises keeps the call here.
            patience: seconds to wait for the turn.

        Raises:
            RateLimitedError: the turn is too far away; nothing was sent.
            BlockedError: the server blocks this address; nothing was sent.
            RateLimiterError: the rate limiter cannot be reached; nothing was sent.
        """
        slot: Slot | None = None
        if self._rate_limiter is not None:
            given = self._rate_limiter.wait(self.clock, patience)
            if isinstance(given, Refusal):
                self.counter.count_refused()
                raise _refused(call, given)
            slot = given
        if before_send is not None:
            before_send()
        started = self.clock.monotonic()
        outcome = self._attempt(call, slot)
        self._count(call, outcome, state, slot)
        # Nothing of others stands between the answer to a grant and its keeping, neither a handler
        # nor a filter of the log: what it raises would cost the pair.
        told = not call.private
        if told and (self._emitter.hears(DONE) or _log.isEnabledFor(logging.DEBUG)):
            self._report(call, outcome, state, slot, self.clock.monotonic() - started)
        return outcome

    def wait_before_retry(self, verdict: Again) -> None:
        """Wait before the next attempt; everybody waits when the server asked for it."""
        if verdict.everybody:
            self._hold(verdict.delay)
        self.counter.count_backoff(verdict.delay, after_429=verdict.everybody)
        self.clock.sleep(verdict.delay)

    def report_failure(self, verdict: GiveUp) -> None:
        """Let the others who share the rate limiter know why a call is given up, and count it."""
        self.counter.count_error()
        if verdict.blocked and self._rate_limiter is not None:
            self._rate_limiter.block(self.clock, verdict.pause)
        else:
            self._hold(verdict.pause)

    def _hold(self, seconds: float) -> None:
        """Let nobody who shares the rate limiter send for some seconds."""
        if self._rate_limiter is not None and seconds > 0:
            self._rate_limiter.hold(self.clock, min(seconds, LONGEST_HOLD))

    def _attempt(self, call: Call, slot: Slot | None) -> Answer | NoReply:
        """Send, and let the rate limiter learn from it."""
        if slot is None:
            return self._transport.send(call)
        came, blocked = None, False
        try:
            outcome = self._transport.send(call, slot)
            if isinstance(outcome, Answer):
                came = outcome.came
                if outcome.fresh:
                    slot.opening()
                blocked = outcome.status == 403 and is_block(outcome)
                if outcome.status == 429 and isinstance(slot, TakenSlot):
                    slot.is_refused = True
            return outcome
        finally:
            try:
                slot.done(came, blocked=blocked)
            except Exception as error:  # of a rate limiter of the user's own
                _log.warning(
                    "the rate limiter did not take note of an answer: %s", type(error).__name__
                )

    def _count(
        self, call: Call, outcome: Answer | NoReply, state: RetryState, slot: Slot | None
    ) -> None:
        reply = outcome if isinstance(outcome, Answer) else None
        self.counter.count(
            0 if call.body is None else len(call.body),
            0 if reply is None else len(reply.body) + reply.poured,
            state.attempt > 0,
            reply is not None and reply.status == 429,
            0.0 if slot is None else slot.waited,
            0.0 if slot is None else slot.held,
        )

    def _report(
        self,
        call: Call,
        outcome: Answer | NoReply,
        state: RetryState,
        slot: Slot | None,
        took: float,
    ) -> None:
        """Log and tell of one attempt: no query, no header, no body."""
        reply = None if isinstance(outcome, NoReply) else outcome
        done = Done(
            call.method,
            call.path,
            None if reply is None else reply.status,
            took,
            state.rested + (0.0 if slot is None else slot.waited),
            state.attempt + 1,
            None if reply is None else request_id(reply),
        )
        if isinstance(outcome, NoReply):
            _log.debug(
                "%s %s lost in %.3f s: %s", done.method, done.path, took, printable(outcome.reason)
            )
        else:
            _log.debug(
                "%s %s %d in %.3f s, request %s",
                done.method, done.path, done.status, took, printable(done.request_id, SHORT),
            )  # fmt: skip
        if getattr(self._telling, "now", False):
            return  # A handler has called: it is not told of its own call, and so on for ever.
        self._telling.now = True
        try:
            self._emitter.emit(DONE, done)
        finally:
            self._telling.now = False


def _refused(call: Call, refusal: Refusal) -> ReplyError:
    """Say what happened and when it will be tried again."""
    kind: type[RateLimitedError | BlockedError] = RateLimitedError
    what, title, status = f"its turn is {refusal.away:.0f} s away", "Too Many Requests", 429
    hint = (
        "the server asked for a pause, or more calls are queued than the rate limiter lets through"
    )
    if refusal.blocked:
        kind, title, status = BlockedError, "Forbidden", 403
        what = (
            "amoCRM's edge blocks this address (it answered 403), and calls will be tried again "
            f"in {refusal.away:.0f} s"
        )
        hint = "wait, and see who else calls from this address"
    error = kind(
        f"{call.method} {call.path} was not sent: {what}",
        method=call.method,
        path=call.path,
        status=status,
        title=title,
        hint=hint,
    )
    error.retry_after = refusal.away
    return error
