"""What follows an outcome: one pure function answers, one loop obeys.

A read may be repeated after anything; a write only when nothing was sent, or when a 429 says that
nothing was done. A 401 is cured once by renewing the token. Source: reference 3.2-3.4.

The values here and in the modules around are named tuples: a frozen dataclass costs eight times as
much at import, and twenty of them would cost more than all the rest of this library.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from amocrm.core.answer import NotJSONError, decode
from amocrm.core.fault import fault, is_block, loss, unexpected
from amocrm.core.wire import Call, Json, Lost, Reply
from amocrm.errors import AmoCRMError, RateLimitedError

RETRIES: Final = 4
"""How often a call is repeated at most."""
PATIENCE: Final = 60.0
"""Seconds a call may wait between its attempts, all together."""
BACKOFF: Final = 0.5
"""Seconds before the first repetition; each next one waits twice as long."""
LONGEST_BACKOFF: Final = 8.0
"""Seconds beyond which the wait does not grow."""
LIMIT_PAUSE: Final = 1.0
"""Seconds to wait at least after a 429: the limit counts what came within a second."""
BLOCK_PAUSE: Final = 60.0
"""Seconds that all calls pause after the edge blocked this address. Its length is not documented
(reference 3.4); asking again at once is what prolongs it."""
RENEWABLE: Final = 401


class Accept(NamedTuple):
    """The call is done; `data` is its decoded answer."""

    data: Json


class Again(NamedTuple):
    """Wait `delay` seconds and repeat; `everybody` who shares the pace waits as well."""

    delay: float
    everybody: bool = False


class Renew(NamedTuple):
    """Get another token and repeat at once."""


class GiveUp(NamedTuple):
    """Raise `error`; calls that share the pace wait for `pause` seconds."""

    error: AmoCRMError
    pause: float = 0.0


Verdict: TypeAlias = Accept | Again | Renew | GiveUp


class Effort(NamedTuple):
    """What was spent on a call so far.

    Attributes:
        attempt: repetitions so far.
        waited: seconds waited between them.
        renewable: a 401 may still be cured by renewing the token.
        jitter: a number in [0, 1) that spreads the waits of many clients.
    """

    attempt: int = 0
    waited: float = 0.0
    renewable: bool = False
    jitter: float = 0.0

    def allows(self, delay: float) -> bool:
        """Tell whether another try, after a wait, is within the budget."""
        return self.attempt < RETRIES and self.waited + delay <= PATIENCE

    def after(self, verdict: Again, jitter: float) -> Effort:
        """Return what was spent once a verdict has been waited out."""
        return self._replace(
            attempt=self.attempt + 1, waited=self.waited + verdict.delay, jitter=jitter
        )


FIRST: Final = Effort()


def judge(call: Call, outcome: Reply | Lost, effort: Effort = FIRST) -> Verdict:
    """Decide what follows the outcome of one attempt."""
    if isinstance(outcome, Lost):
        return _after_loss(call, outcome, effort)
    if 200 <= outcome.status < 300:
        return _after_success(call, outcome, effort)
    if 300 <= outcome.status < 400:
        return GiveUp(
            unexpected(call, outcome, "a redirect, which is never followed: the token stays home")
        )
    if outcome.status == RENEWABLE and effort.renewable:
        return Renew()
    error = fault(call, outcome)
    if isinstance(error, RateLimitedError):
        return _after_limit(error, effort)
    if is_block(error):
        return GiveUp(error, pause=BLOCK_PAUSE)
    if outcome.status >= 500:
        error.retryable = call.replayable
    return _again(effort, error) if error.retryable else GiveUp(error)


def _after_success(call: Call, reply: Reply, effort: Effort) -> Verdict:
    try:
        data = decode(reply)
    except NotJSONError as odd:
        if reply.status == 202:
            # Some commands answer 202 with a word such as "Accepted" (reference 3.2).
            return Accept(None)
        broken = GiveUp(unexpected(call, reply, str(odd), _done(call)))
        return _again(effort, broken.error) if call.replayable and not reply.oversize else broken
    if data is None and reply.status == 200 and call.method == "GET":
        return GiveUp(unexpected(call, reply, "an empty body"))
    return Accept(data)


def _done(call: Call) -> str | None:
    return (
        None
        if call.replayable
        else "what was asked has most likely been done: look before you repeat"
    )


def _after_loss(call: Call, lost: Lost, effort: Effort) -> Verdict:
    hint = lost.hint
    if lost.sent and not call.replayable:
        hint = hint or "it may have been done: look before you repeat it"
    error = loss(call, lost, hint)
    error.retryable = not lost.final and (call.replayable or not lost.sent)
    return _again(effort, error) if error.retryable else GiveUp(error)


def _after_limit(error: RateLimitedError, effort: Effort) -> Verdict:
    """Wait as long as the server asks, if that is within patience. Nothing was done."""
    delay = max(error.retry_after or 0.0, LIMIT_PAUSE, backoff(effort))
    if not effort.allows(delay):
        return GiveUp(error, pause=delay)
    return Again(delay, everybody=True)


def _again(effort: Effort, error: AmoCRMError) -> Verdict:
    delay = backoff(effort)
    if not effort.allows(delay):
        return GiveUp(error)
    return Again(delay)


def backoff(effort: Effort) -> float:
    """Return the seconds before the next attempt: doubling, bounded, spread by the jitter."""
    grown = min(LONGEST_BACKOFF, BACKOFF * 2.0**effort.attempt)
    return float(grown * (0.5 + effort.jitter / 2))
