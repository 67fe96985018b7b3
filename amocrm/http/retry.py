"""What follows an outcome: one pure function answers, one loop obeys.

::

    outcome                       a read          a write           a write, retry="always"
    never sent                    again           again             again
    no answer, 5xx, unreadable    again           outcome unknown   again, then outcome unknown
    429                           all wait, then again
    401                           renew the token once, then again
    403 that is not JSON          nobody calls for a while
    any other refusal             an error

With retry="never" nothing is tried again, but for a renewed token. Everything is tried again within
a budget of tries and of seconds. Source: reference 3.2-3.4.

The values here and in the modules around are named tuples: a frozen dataclass costs eight times as
much at import, and twenty of them would cost more than all the rest of this library.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from amocrm.errors import AmoCRMError, BlockedError, OutcomeUnknownError, RateLimitedError
from amocrm.http.error_mapping import error_of, outcome_unknown, transport_error, unexpected
from amocrm.http.messages import Call, Json, NoReply, Reply
from amocrm.http.reply_body import NotJSONError, decode, undecoded

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
    """Wait `delay` seconds and repeat; `everybody` who shares the rate limiter waits as well.

    There is `doubt` if this attempt of a write may have been carried out.
    """

    delay: float
    everybody: bool = False
    doubt: bool = False


class Renew(NamedTuple):
    """Get another token and repeat at once."""


class GiveUp(NamedTuple):
    """Raise `error`; calls that share the rate limiter wait for `pause` seconds.

    If the address is `blocked`, they are refused meanwhile.
    """

    error: AmoCRMError
    pause: float = 0.0
    blocked: bool = False


Verdict: TypeAlias = Accept | Again | Renew | GiveUp


class RetryState(NamedTuple):
    """What was spent on a call so far.

    Attributes:
        attempt: repetitions so far.
        waited: seconds waited between them.
        renewable: a 401 may still be cured by renewing the token.
        jitter: a number in [0, 1) that spreads the waits of many clients.
        rested: seconds of `waited` since the last of them.
        doubt: one of the attempts may have been carried out.
    """

    attempt: int = 0
    waited: float = 0.0
    renewable: bool = False
    jitter: float = 0.0
    rested: float = 0.0
    doubt: bool = False

    def allows(self, delay: float) -> bool:
        """Tell whether another try, after a wait, is within the budget."""
        return self.attempt < RETRIES and self.waited + delay <= PATIENCE

    def after(self, verdict: Again, jitter: float) -> RetryState:
        """Return what was spent once a verdict has been waited out."""
        delay = verdict.delay
        return self._replace(
            attempt=self.attempt + 1, waited=self.waited + delay, jitter=jitter, rested=delay,
            doubt=self.doubt or verdict.doubt,
        )  # fmt: skip


FIRST: Final = RetryState()


def judge(call: Call, outcome: Reply | NoReply, state: RetryState = FIRST) -> Verdict:
    """Decide what follows the outcome of one attempt."""
    if isinstance(outcome, NoReply):
        return _after_loss(call, outcome, state)
    if 200 <= outcome.status < 300:
        return _after_success(call, outcome, state)
    if 300 <= outcome.status < 400:
        return GiveUp(
            unexpected(call, outcome, "a redirect, which is not followed: it would leak the token")
        )
    if outcome.status == RENEWABLE and state.renewable:
        return Renew()
    error = error_of(call, outcome)
    if isinstance(error, RateLimitedError):
        return _after_limit(call, error, state)
    if isinstance(error, BlockedError):
        error.retry_after = BLOCK_PAUSE
        return GiveUp(error, BLOCK_PAUSE, blocked=True)
    return _after_doubt(call, outcome, state, error) if outcome.status >= 500 else GiveUp(error)


def _after_success(call: Call, reply: Reply, state: RetryState) -> Verdict:
    if call.sink is not None and reply.status == 200:
        return Accept(None)
    try:
        data = undecoded(reply) if call.undecoded else decode(reply)
    except NotJSONError as odd:
        if reply.status == 202:
            # Some commands answer 202 with a word such as "Accepted" (reference 3.2).
            return Accept(None)
        what = "something that is not JSON" if call.masked else str(odd)
        return _after_doubt(call, reply, state, unexpected(call, reply, what))
    if data is None and reply.status == 200 and call.method == "GET":
        return GiveUp(unexpected(call, reply, "an empty body"))
    return Accept(data)


def _after_loss(call: Call, lost: NoReply, state: RetryState) -> Verdict:
    error: AmoCRMError = transport_error(call, lost)
    if lost.sent and not call.replayable:
        error = outcome_unknown(call, error)
    error.retryable = not lost.final and (_is_harmless(call) or not lost.sent)
    return _again(call, state, error) if error.retryable else GiveUp(error)


def _after_doubt(call: Call, reply: Reply, state: RetryState, error: AmoCRMError) -> Verdict:
    """Judge an answer that does not tell whether the call was carried out."""
    if not call.replayable:
        error = outcome_unknown(call, error, reply)
    error.retryable = _is_harmless(call) and not reply.oversize
    return _again(call, state, error) if error.retryable else GiveUp(error)


def _is_harmless(call: Call) -> bool:
    """Tell whether a call may be repeated after an unknown outcome."""
    return call.replayable or call.retry == "always"


def _after_limit(call: Call, error: RateLimitedError, state: RetryState) -> Verdict:
    """Wait as long as the server asks, if that is within patience. Nothing was done."""
    delay = max(error.retry_after or 0.0, LIMIT_PAUSE, backoff(state))
    if call.retry == "never" or not state.allows(delay):
        return GiveUp(error, pause=delay)
    return Again(delay, everybody=True)


def _again(call: Call, state: RetryState, error: AmoCRMError) -> Verdict:
    delay = backoff(state)
    if call.retry == "never" or not state.allows(delay):
        return GiveUp(error)
    return Again(delay, doubt=isinstance(error, OutcomeUnknownError))


def final_error(call: Call, error: AmoCRMError, state: RetryState) -> AmoCRMError:
    """Return the error of a call whose last attempt ended in one.

    If an earlier attempt may have been carried out, nobody knows, whatever became of the last one;
    but for a 400, which says that such a call is never carried out.
    """
    is_told = isinstance(error, OutcomeUnknownError) or getattr(error, "status", None) == 400
    if is_told or not state.doubt:
        return error
    doubtful = outcome_unknown(call, error)
    doubtful.__cause__ = error
    return doubtful


def backoff(state: RetryState) -> float:
    """Return the seconds before the next attempt: doubling, bounded, spread by the jitter."""
    grown = min(LONGEST_BACKOFF, BACKOFF * 2.0**state.attempt)
    return float(grown * (0.5 + state.jitter / 2))
