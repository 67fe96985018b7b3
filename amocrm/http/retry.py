"""Decides after each attempt: accept, retry, refresh the token, or give up.

::

    outcome                         a read    a write           a write, retry="always"
    not sent                        retry     retry             retry
    no response, 5xx, unreadable    retry     outcome unknown   retry, then outcome unknown
    429                             all clients of the rate limiter wait, then retry
    401                             refresh the token, then retry
    403 without JSON                no client of the rate limiter calls for a while
    any other error response        an error

With retry="never", only a refreshed token causes another attempt. The number of retries and their
total wait are limited. Source: reference 3.2-3.4.

The values are named tuples, because a frozen dataclass takes eight times as long to define, which
would dominate the import time.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from amocrm.errors import AmoCRMError, BlockedError, OutcomeUnknownError, RateLimitedError
from amocrm.http.error_mapping import error_of, outcome_unknown, transport_error, unexpected
from amocrm.http.messages import Call, Json, NoReply, Reply
from amocrm.http.reply_body import NotJSONError, decode, undecoded

RETRIES: Final = 4
"""Maximum number of retries of a call."""
PATIENCE: Final = 60.0
"""Maximum seconds that a call waits between its attempts, in total."""
BACKOFF: Final = 0.5
"""Seconds before the first retry; the wait doubles with each retry."""
LONGEST_BACKOFF: Final = 8.0
"""Maximum seconds before one retry."""
LIMIT_PAUSE: Final = 1.0
"""Minimum seconds to wait after a 429: the server counts the calls of one second."""
BLOCK_PAUSE: Final = 60.0
"""Seconds without calls after amoCRM has blocked the account or this IP address. The length of a
block is not documented (reference 3.4), and calls during a block prolong it; so the rate limiter
makes each further pause longer."""


class Accept(NamedTuple):
    """The call succeeded; `data` is the decoded body."""

    data: Json


class Again(NamedTuple):
    """Retry after `delay` seconds.

    Attributes:
        delay: seconds to wait.
        everybody: whether all clients that share the rate limiter wait as well.
        doubt: whether this attempt of a write may have been carried out.
    """

    delay: float
    everybody: bool = False
    doubt: bool = False


class Refresh(NamedTuple):
    """Refresh the token and send the call again at once."""


class GiveUp(NamedTuple):
    """Raise `error`.

    Attributes:
        error: for the caller.
        pause: seconds that all clients of the rate limiter wait.
        blocked: whether amoCRM blocks the account or address; then calls fail during the pause.
    """

    error: AmoCRMError
    pause: float = 0.0
    blocked: bool = False


Verdict: TypeAlias = Accept | Again | Refresh | GiveUp


class RetryState(NamedTuple):
    """The attempts of one call so far.

    Attributes:
        attempt: number of retries so far.
        waited: seconds waited before all retries.
        renewable: whether the token may be refreshed after a 401.
        jitter: a number in [0, 1) that spreads the retries of many clients.
        last_wait: seconds waited before the latest retry.
        doubt: whether an earlier attempt may have been carried out.
    """

    attempt: int = 0
    waited: float = 0.0
    renewable: bool = False
    jitter: float = 0.0
    last_wait: float = 0.0
    doubt: bool = False

    def allows(self, delay: float) -> bool:
        """Tell whether a retry after `delay` seconds is within the limits."""
        return self.attempt < RETRIES and self.waited + delay <= PATIENCE

    def after(self, verdict: Again, jitter: float) -> RetryState:
        """Return the state after the wait that a verdict asks for."""
        delay = verdict.delay
        return self._replace(
            attempt=self.attempt + 1, waited=self.waited + delay, jitter=jitter, last_wait=delay,
            doubt=self.doubt or verdict.doubt,
        )  # fmt: skip


FIRST: Final = RetryState()


def judge(call: Call, outcome: Reply | NoReply, state: RetryState = FIRST) -> Verdict:
    """Decide what to do after one attempt."""
    if isinstance(outcome, NoReply):
        return _after_no_reply(call, outcome, state)
    if 200 <= outcome.status < 300:
        return _after_success(call, outcome, state)
    if 300 <= outcome.status < 400:
        return GiveUp(
            unexpected(call, outcome, "a redirect, which is not followed: it would leak the token")
        )
    if outcome.status == 401 and state.renewable:
        return Refresh()
    error = error_of(call, outcome)
    if isinstance(error, RateLimitedError):
        return _after_limit(call, error, state)
    if isinstance(error, BlockedError):
        error.retry_after = BLOCK_PAUSE
        return GiveUp(error, BLOCK_PAUSE, blocked=True)
    return _after_unclear(call, outcome, state, error) if outcome.status >= 500 else GiveUp(error)


def _after_success(call: Call, reply: Reply, state: RetryState) -> Verdict:
    if call.sink is not None and reply.status == 200:
        return Accept(None)
    try:
        data = undecoded(reply) if call.undecoded else decode(reply)
    except NotJSONError as error:
        if reply.status == 202:
            # Some commands return 202 with a word such as "Accepted" (reference 3.2).
            return Accept(None)
        what = "a body that is not JSON" if call.masked else str(error)
        return _after_unclear(call, reply, state, unexpected(call, reply, what))
    if data is None and reply.status == 200 and call.method == "GET":
        return GiveUp(unexpected(call, reply, "an empty body"))
    return Accept(data)


def _after_no_reply(call: Call, lost: NoReply, state: RetryState) -> Verdict:
    error: AmoCRMError = transport_error(call, lost)
    if lost.sent and not call.replayable:
        error = outcome_unknown(call, error)
    error.retryable = not lost.final and (_is_repeatable(call) or not lost.sent)
    return _retry(call, state, error) if error.retryable else GiveUp(error)


def _after_unclear(call: Call, reply: Reply, state: RetryState, error: AmoCRMError) -> Verdict:
    """Decide after a response that does not show whether the call was carried out."""
    if not call.replayable:
        error = outcome_unknown(call, error, reply)
    is_divided = call.divisible and reply.status == 504  # Too heavy: fewer items come next.
    error.retryable = _is_repeatable(call) and not reply.oversize and not is_divided
    return _retry(call, state, error) if error.retryable else GiveUp(error)


def _is_repeatable(call: Call) -> bool:
    """Tell whether a call may be repeated although an attempt may have been carried out."""
    return call.replayable or call.retry == "always"


def _after_limit(call: Call, error: RateLimitedError, state: RetryState) -> Verdict:
    """Wait as long as the server asks, within the limits. The call was not carried out."""
    delay = max(error.retry_after or 0.0, LIMIT_PAUSE, backoff(state))
    if call.retry == "never" or not state.allows(delay):
        return GiveUp(error, pause=delay)
    return Again(delay, everybody=True)


def _retry(call: Call, state: RetryState, error: AmoCRMError) -> Verdict:
    delay = backoff(state)
    if call.retry == "never" or not state.allows(delay):
        return GiveUp(error)
    return Again(delay, doubt=isinstance(error, OutcomeUnknownError))


def final_error(call: Call, error: AmoCRMError, state: RetryState) -> AmoCRMError:
    """Return the error to raise for the error of the last attempt.

    If an earlier attempt may have been carried out, it is OutcomeUnknownError, whatever the last
    attempt returned; except after a 400, with which amoCRM refuses every attempt of such a call.
    """
    is_refused = getattr(error, "status", None) == 400
    if not state.doubt or is_refused or isinstance(error, OutcomeUnknownError):
        return error
    unknown = outcome_unknown(call, error)
    unknown.__cause__ = error
    return unknown


def backoff(state: RetryState) -> float:
    """Return the seconds before the next attempt: doubled each time, limited, with jitter."""
    delay = min(LONGEST_BACKOFF, BACKOFF * 2.0**state.attempt)
    return float(delay * (0.5 + state.jitter / 2))
