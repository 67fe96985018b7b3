"""Sends one attempt of a call when the rate limiter gives it a slot. All calls are sent here."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from amocrm._support.clock import Clock
from amocrm._support.emitter import Emitter
from amocrm.errors import SHORT, BlockedError, RateLimitedError, ReplyError, printable
from amocrm.http.error_mapping import blocks_account, is_block, request_id
from amocrm.http.messages import Call, NoReply
from amocrm.http.retry import FIRST, Again, GiveUp, RetryState
from amocrm.http.stats import Done, StatsCounter
from amocrm.http.transport.transport import ReceivedReply, Transport
from amocrm.rate_limit.base import TakenSlot
from amocrm.rate_limit.limiter import RateLimiter, Refusal, Slot

QUEUE_PATIENCE: Final = 120.0
"""Maximum seconds that a call waits for a slot; a call that would wait longer fails unsent. It is
shorter than the time a token is refreshed before it expires, so no token expires in the queue."""

LONGEST_HOLD: Final = 3600.0
"""Maximum seconds of a pause for all calls, whatever the server asks for. It was seen to ask for
five minutes; a wrong number must not stop a program for months."""

DONE: Final = "request:done"

BeforeSend: TypeAlias = Callable[[], object]

_log = logging.getLogger("amocrm")


class Sender:
    """Sends calls at the allowed rate, and counts them. Thread-safe.

    Args:
        transport: sends the requests.
        rate_limiter: gives each call a slot; None sends at once.
        clock: measures and waits.
        emitter: emits `request:done` after each attempt.
        account: the host of the account whose calls are sent; it is named in `request:done`.
    """

    def __init__(
        self,
        transport: Transport,
        rate_limiter: RateLimiter | None,
        clock: Clock,
        emitter: Emitter,
        account: str = "",
    ) -> None:
        self._account = account
        self._transport = transport
        self._rate_limiter = rate_limiter
        self._emitter = emitter
        self._emitting = threading.local()
        self.clock = clock
        self.counter = StatsCounter()
        self.jitter = random.random

    def send(
        self,
        call: Call,
        state: RetryState = FIRST,
        before_send: BeforeSend | None = None,
        patience: float = QUEUE_PATIENCE,
    ) -> ReceivedReply | NoReply:
        """Wait for a slot and send a call once.

        Args:
            call: the request.
            state: the attempts so far.
            before_send: called after the wait for the slot; if it raises, nothing is sent.
            patience: maximum seconds to wait for the slot.

        Raises:
            RateLimitedError: the wait would exceed `patience`; nothing was sent.
            BlockedError: amoCRM blocks this account or IP address; nothing was sent.
            RateLimiterError: the rate limiter cannot be reached; nothing was sent.
        """
        slot: Slot | None = None
        if self._rate_limiter is not None:
            slot_or_refusal = self._rate_limiter.wait(self.clock, patience)
            if isinstance(slot_or_refusal, Refusal):
                self.counter.count_refused()
                raise _refused(call, slot_or_refusal, self._account)
            slot = slot_or_refusal
        if before_send is not None:
            before_send()
        started = self.clock.monotonic()
        outcome = self._attempt(call, slot)
        self._count(call, outcome, state, slot)
        # No handler and no log filter of the user runs between the response to a token request and
        # the storing of the tokens: if it raised, the tokens would be lost.
        if not call.private and (self._emitter.hears(DONE) or _log.isEnabledFor(logging.DEBUG)):
            self._report(call, outcome, state, slot, self.clock.monotonic() - started)
        return outcome

    def wait_before_retry(self, verdict: Again) -> None:
        """Wait before the next attempt; after a 429 all calls of the account wait."""
        if verdict.everybody:
            self._pause_all(verdict.delay)
        self.counter.count_backoff(verdict.delay, after_429=verdict.everybody)
        self.clock.sleep(verdict.delay)

    def report_failure(self, verdict: GiveUp) -> None:
        """Count a failed call, and pause or block the calls of the account if necessary."""
        self.counter.count_error()
        if verdict.blocked and self._rate_limiter is not None:
            pause = self._rate_limiter.block(self.clock, verdict.pause)
            if pause is not None and isinstance(verdict.error, BlockedError):
                verdict.error.retry_after = pause
        else:
            self._pause_all(verdict.pause)

    def _pause_all(self, seconds: float) -> None:
        """Let all calls that the narrowest limit counts wait for some seconds."""
        if self._rate_limiter is not None and seconds > 0:
            self._rate_limiter.hold(self.clock, min(seconds, LONGEST_HOLD))

    def _attempt(self, call: Call, slot: Slot | None) -> ReceivedReply | NoReply:
        """Send, and report the times to the rate limiter, which adapts to them."""
        if slot is None:
            return self._transport.send(call)
        arrived, blocked = None, False
        try:
            outcome = self._transport.send(call, slot)
            if isinstance(outcome, ReceivedReply):
                arrived = outcome.came
                if outcome.fresh:
                    slot.opening()
                blocked = outcome.status == 403 and is_block(outcome)
                if outcome.status == 429 and isinstance(slot, TakenSlot):
                    slot.is_refused = True
            return outcome
        finally:
            try:
                slot.done(arrived, blocked=blocked)
            except Exception as error:  # of a rate limiter that the user wrote
                _log.warning("the rate limiter failed after a response: %s", type(error).__name__)

    def _count(
        self, call: Call, outcome: ReceivedReply | NoReply, state: RetryState, slot: Slot | None
    ) -> None:
        reply = outcome if isinstance(outcome, ReceivedReply) else None
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
        outcome: ReceivedReply | NoReply,
        state: RetryState,
        slot: Slot | None,
        duration: float,
    ) -> None:
        """Log one attempt and emit `request:done`, without query, headers and body."""
        reply = None if isinstance(outcome, NoReply) else outcome
        done = Done(
            call.method,
            call.path,
            None if reply is None else reply.status,
            duration,
            state.last_wait + (0.0 if slot is None else slot.waited),
            state.attempt + 1,
            None if reply is None else request_id(reply),
            self._account,
        )
        if isinstance(outcome, NoReply):
            _log.debug(
                "%s %s got no response in %.3f s: %s",
                done.method, done.path, duration, printable(outcome.reason),
            )  # fmt: skip
        else:
            _log.debug(
                "%s %s %d in %.3f s, request %s",
                done.method, done.path, done.status, duration, printable(done.request_id, SHORT),
            )  # fmt: skip
        if getattr(self._emitting, "now", False):
            return  # The call was made by a handler of this event; emitting would never end.
        self._emitting.now = True
        try:
            self._emitter.emit(DONE, done)
        finally:
            self._emitting.now = False


def _refused(call: Call, refusal: Refusal, account: str) -> ReplyError:
    """Return the error for a call of an account that got no slot."""
    kind: type[RateLimitedError | BlockedError] = RateLimitedError
    title, status = "Too Many Requests", 429
    reason = f"the rate limit would delay it by {refusal.away:.0f} s"
    hint = "the server asked for a pause, or too many calls are waiting for the rate limit"
    if refusal.blocked:
        kind, title, status = BlockedError, "Forbidden", 403
        what = f"the account {account}" if blocks_account(account) else "this IP address"
        reason = f"amoCRM blocks {what} (403); the next call is possible in {refusal.away:.0f} s"
        hint = "wait, and check which other programs call amoCRM from this address"
        if blocks_account(account):
            hint = (
                "ask amoCRM's support to unblock it, and tell them the account, your IP address "
                "and the request's id of the first error"
            )
    error = kind(
        f"{call.method} {call.path} was not sent: {reason}",
        method=call.method,
        path=call.path,
        status=status,
        title=title,
        hint=hint,
    )
    error.retry_after = refusal.away
    return error
