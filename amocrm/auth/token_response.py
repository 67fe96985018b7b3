"""Decides what follows each response of the token endpoint: a token pair, a refusal, another try.

Source: reference 2.5-2.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from amocrm.auth.revocation import normalized
from amocrm.auth.token import Token, granted
from amocrm.errors import (
    SHORT,
    AmoCRMError,
    ConfigurationError,
    GrantError,
    RateLimitedError,
    printable,
)
from amocrm.http.error_mapping import error_of, transport_error, unexpected
from amocrm.http.messages import Call, NoReply, Reply
from amocrm.http.reply_body import NotJSONError, parse, read_problem, words
from amocrm.http.retry import Again, GiveUp, RetryState, backoff

_COMPARE_SETTINGS: Final = "compare with the integration's settings in amoCRM"
_CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "token has been revoked": (
        "the refresh token was already used, or access was withdrawn",
        "get consent again; if several processes refresh, let them share one store",
    ),
    "authorization code has been revoked": (
        "the authorization code was already used",
        "a code works once: get a new one",
    ),
    "authorization code has expired": (
        "the authorization code is older than 20 minutes",
        "get a new one and use it at once",
    ),
    "cannot decrypt the authorization code": (
        "the authorization code is damaged or of another integration",
        "copy all of it again",
    ),
    "check the `client_id` parameter": ("client_id is missing or malformed", _COMPARE_SETTINGS),
    "check the `client_secret` parameter": (
        "client_secret is missing or malformed",
        _COMPARE_SETTINGS,
    ),
    "redirect uri is not associated with client": (
        "redirect_uri differs from the integration's",
        "it must be equal byte for byte, the trailing slash included",
    ),
    "invalid account": (
        "the grant belongs to another account",
        "check domain: is it the account where consent was given?",
    ),
}
"""Cause and hint for each reason (`hint`) that amoCRM gives. Source: reference 2.7."""

_NOT_VALID: Final = ("the grant is not valid", "get consent again")
_WRONG_CLIENT: Final = (
    "client_id and client_secret do not belong together, or the secret was replaced",
    _COMPARE_SETTINGS,
)
_UNKNOWN_HOST: Final = (
    "no account has this host: it was renamed, or the host is misspelled",
    "check domain",
)
_LOST_BEFORE: Final = (
    "an earlier request was sent and its response was lost; amoCRM carried it out, so this one was "
    "too late"
)


class Granted(NamedTuple):
    """The endpoint granted a token pair."""

    token: Token


class GrantRefused(NamedTuple):
    """The endpoint refused the grant, and would refuse it again.

    Attributes:
        error: amoCRM's reason and the probable cause.
        elsewhere: the account may have moved to another host.
        in_doubt: an earlier request of this grant was sent, and its response never arrived.
    """

    error: GrantError
    elsewhere: bool = False
    in_doubt: bool = False


GrantVerdict: TypeAlias = Granted | GrantRefused | Again | GiveUp


def judge_grant(
    call: Call, outcome: Reply | NoReply, state: RetryState, *, asked_at: float, in_doubt: bool
) -> GrantVerdict:
    """Decide what follows one request of a grant.

    A lost response, 403, 429 and 5xx are no refusal: the same request is sent again, and when the
    retry budget ends the token pair is still in use. Only 400, 401 and 404 are refusals. Source:
    reference 2.6, 2.7.

    Args:
        call: the request.
        outcome: its response, or the failure.
        state: the tries and seconds used so far.
        asked_at: the wall-clock instant before this request was sent.
        in_doubt: an earlier request of this grant was sent, and its response never arrived.
    """
    if isinstance(outcome, NoReply):
        return _after_loss(call, outcome, state)
    if 200 <= outcome.status < 300:
        return _after_success(call, outcome, state, asked_at)
    if outcome.status in (400, 401, 404):
        return _refusal(outcome, in_doubt)
    error = error_of(call, outcome)
    retry_after = error.retry_after if isinstance(error, RateLimitedError) else None
    return _retry(state, error, retry_after)


def may_be_carried_out(outcome: Reply | NoReply) -> bool:
    """Return whether amoCRM may have carried out a grant that it neither granted nor refused."""
    if isinstance(outcome, NoReply):
        return outcome.sent
    return outcome.status not in (403, 429)


def _after_success(call: Call, reply: Reply, state: RetryState, asked_at: float) -> GrantVerdict:
    """Read a token pair from a 2xx response with any content type.

    A response without a usable pair counts as lost: it is a page of a proxy, or damaged. No message
    shows its body, because the body may have a part of a token.
    """
    try:
        data = parse(reply.body)
        return Granted(granted(data if isinstance(data, Mapping) else {}, asked_at))
    except NotJSONError:
        what = "a response that is not JSON instead of a token"
    except ConfigurationError as error:
        what = f"a response without a usable token: {error}"
    return _retry(state, unexpected(call, reply, what), None)


def _after_loss(call: Call, lost: NoReply, state: RetryState) -> GrantVerdict:
    error = transport_error(call, lost)
    return GiveUp(error) if lost.final else _retry(state, error, None)


def _retry(state: RetryState, error: AmoCRMError, retry_after: float | None) -> GrantVerdict:
    delay = max(backoff(state), retry_after or 0.0)
    if not state.allows(delay):
        return GiveUp(error, pause=retry_after or 0.0)
    return Again(delay, everybody=retry_after is not None)


def _refusal(reply: Reply, in_doubt: bool) -> GrantRefused:
    """Return the refusal as an error that names the probable cause."""
    data, problem = read_problem(reply)
    reason, title = words(problem.get("hint")), words(problem.get("title"))
    detail = words(problem.get("detail"))
    cause, hint = _cause(reply.status, reason, title)
    if in_doubt:
        hint = f"{_LOST_BEFORE}; {hint}"
    shown = reason or detail or title
    error = GrantError(
        f"amoCRM refused the grant ({reply.status}): {cause}"
        + (f" - {printable(shown, SHORT)!r}" if shown else ""),
        status=reply.status,
        title=title,
        detail=detail,
        reason=reason,
        data=data,
        hint=hint,
    )
    elsewhere = reply.status in (401, 404) or reason == "Invalid account"
    return GrantRefused(error, elsewhere, in_doubt)


def _cause(status: int, reason: str | None, title: str | None) -> tuple[str, str]:
    if reason is not None:
        return _CAUSES.get(normalized(reason), _NOT_VALID)
    if status == 404 or (status == 401 and title in (None, "Unauthorized")):
        return _UNKNOWN_HOST
    return _WRONG_CLIENT if status == 401 else _NOT_VALID
