"""The OAuth 2 conversation: consent address, grant bodies, verdicts on grants.

Source: reference 2.2-2.7, 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from amocrm._support.frames import frameless
from amocrm.auth.settings import Settings
from amocrm.auth.token import Token, granted
from amocrm.errors import (
    SHORT,
    AmoCRMError,
    ConfigurationError,
    GrantError,
    NotAuthorizedError,
    RateLimitedError,
    printable,
)
from amocrm.http.error_mapping import error_of, transport_error, unexpected
from amocrm.http.hosts import Portal, is_account_host
from amocrm.http.messages import Call, Json, NoReply, Reply
from amocrm.http.query import encode
from amocrm.http.reply_body import NotJSONError, parse, read_problem, words
from amocrm.http.retry import Again, GiveUp, RetryState, backoff

TOKEN_PATH: Final = "/oauth2/access_token"
LOOKUP_PATH: Final = "/oauth2/account/current/subdomain"
CONSENT_PATH: Final = "/oauth"

MODES: Final = ("popup", "post_message")

_SETTINGS: Final = "compare with the integration's settings in amoCRM"
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
        "copy it again, whole",
    ),
    "check the `client_id` parameter": ("client_id is missing or malformed", _SETTINGS),
    "check the `client_secret` parameter": ("client_secret is missing or malformed", _SETTINGS),
    "redirect uri is not associated with client": (
        "redirect_uri differs from the integration's",
        "it must be equal byte for byte, the trailing slash included",
    ),
    "invalid account": (
        "the grant belongs to another account",
        "check domain: is it the account where consent was given?",
    ),
}
_NOT_THE_TOKEN: Final = (
    "check the `client_id` parameter",
    "check the `client_secret` parameter",
    "redirect uri is not associated with client",
    "invalid account",
)
_WRONG_CLIENT: Final = (
    "client_id and client_secret do not belong together, or the secret was replaced",
    _SETTINGS,
)
_UNKNOWN_HOST: Final = ("no account answers at this host: renamed, or misspelt", "check domain")
_LOST_BEFORE: Final = (
    "an earlier try was sent and its answer got lost; amoCRM carried it out, so this one came late"
)


class Granted(NamedTuple):
    """The endpoint gave a token."""

    token: Token


class GrantRefused(NamedTuple):
    """The endpoint refused for good.

    Attributes:
        error: what it said, and the probable cause.
        elsewhere: the account may have moved.
        lost: an earlier try was begun, and nobody knows how it ended.
    """

    error: GrantError
    elsewhere: bool = False
    lost: bool = False


def is_withdrawn(error: GrantError) -> bool:
    """Tell whether a refusal means that the token is dead.

    A wrong client, its settings, or a host that is not the account's, say nothing of the token: so
    nothing is thrown away for one of them. Source: reference 2.7.
    """
    reason = (error.reason or "").lower().strip().rstrip(".")
    return bool(reason) and reason not in _NOT_THE_TOKEN


GrantVerdict: TypeAlias = Granted | GrantRefused | Again | GiveUp


def consent_url(portal: Portal, client_id: str, state: str, mode: str) -> str:
    """Return the address of the page where a person agrees. Source: reference 2.2."""
    if mode not in MODES:
        raise ConfigurationError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    query = encode({"client_id": client_id, "mode": mode, "state": state})
    return f"{portal.consent}{CONSENT_PATH}?{query}"


@frameless
def code_grant(settings: Settings, code: str) -> dict[str, Json]:
    """Return the body that exchanges a code. Source: reference 2.5."""
    return _grant(settings, "authorization_code", code=code)


@frameless
def refresh_grant(settings: Settings, refresh_token: str) -> dict[str, Json]:
    """Return the body that spends a refresh token. Source: reference 2.5."""
    return _grant(settings, "refresh_token", refresh_token=refresh_token)


def _grant(settings: Settings, grant_type: str, **secret: str) -> dict[str, Json]:
    if settings.client_id is None:
        raise NotAuthorizedError(
            "the token cannot be renewed: auth has no client_id, client_secret and redirect_uri",
            hint="give them beside the token",
        )
    return {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "grant_type": grant_type,
        **secret,
        "redirect_uri": settings.redirect_uri,
    }


def judge_grant(
    call: Call, outcome: Reply | NoReply, state: RetryState, *, asked_at: float, lost: bool
) -> GrantVerdict:
    """Decide what follows one try of a grant.

    A lost answer, 403, 429 and 5xx are no refusal: the same grant is tried again, and when
    patience ends the pair is still kept. Only 400, 401 and 404 are definite. Source: reference
    2.6, 2.7.

    Args:
        call: the grant.
        outcome: what came of it.
        state: what was spent on it so far.
        asked_at: the wall-clock moment before this try was sent.
        lost: an earlier try of this grant was sent and never answered.
    """
    if isinstance(outcome, NoReply):
        return _after_loss(call, outcome, state)
    if 200 <= outcome.status < 300:
        return _after_success(call, outcome, state, asked_at)
    if outcome.status in (400, 401, 404):
        return _refusal(outcome, lost)
    error = error_of(call, outcome)
    asked = error.retry_after if isinstance(error, RateLimitedError) else None
    return _again(state, error, asked)


def _after_success(call: Call, reply: Reply, state: RetryState, asked_at: float) -> GrantVerdict:
    """Read a token, whatever it came as; none of it is shown, for it may hold half of one.

    An answer without one is as good as a lost one: a page of the edge, or a token that was garbled.
    """
    try:
        data = parse(reply.body)
        return Granted(granted(data if isinstance(data, Mapping) else {}, asked_at))
    except NotJSONError:
        what = "something that is not JSON instead of a token"
    except ConfigurationError as error:
        what = f"an answer without a usable token: {error}"
    return _again(state, unexpected(call, reply, what), None)


def may_be_done(outcome: Reply | NoReply) -> bool:
    """Tell whether a grant without a definite answer may have been carried out all the same."""
    if isinstance(outcome, NoReply):
        return outcome.sent
    return outcome.status not in (403, 429)


def _after_loss(call: Call, lost: NoReply, state: RetryState) -> GrantVerdict:
    error = transport_error(call, lost)
    return GiveUp(error) if lost.final else _again(state, error, None)


def _again(state: RetryState, error: AmoCRMError, asked: float | None) -> GrantVerdict:
    delay = max(backoff(state), asked or 0.0)
    if not state.allows(delay):
        return GiveUp(error, pause=asked or 0.0)
    return Again(delay, everybody=asked is not None)


def _refusal(reply: Reply, lost: bool) -> GrantRefused:
    """Translate the endpoint's words into the probable cause."""
    data, problem = read_problem(reply)
    reason, title = words(problem.get("hint")), words(problem.get("title"))
    detail = words(problem.get("detail"))
    cause, hint = _cause(reply.status, reason, title)
    if lost:
        hint = f"{_LOST_BEFORE}; {hint}"
    said = reason or detail or title
    error = GrantError(
        f"amoCRM refused the grant ({reply.status}): {cause}"
        + (f" - {printable(said, SHORT)!r}" if said else ""),
        status=reply.status,
        title=title,
        detail=detail,
        reason=reason,
        data=data,
        hint=hint,
    )
    elsewhere = reply.status in (401, 404) or reason == "Invalid account"
    return GrantRefused(error, elsewhere, lost)


def _cause(status: int, reason: str | None, title: str | None) -> tuple[str, str]:
    if reason is not None:
        known = _CAUSES.get(reason.lower().strip().rstrip("."))
        return known or ("the grant is not valid", "get consent again")
    if status == 404 or (status == 401 and title in (None, "Unauthorized")):
        return _UNKNOWN_HOST
    return _WRONG_CLIENT if status == 401 else ("the grant is not valid", "get consent again")


def new_host(data: Json) -> str | None:
    """Read where a moved account lives now; None unless it is a host of amoCRM's accounts.

    Shape:
        {"id": int, "subdomain": str, "domain": "example.amocrm.ru", "top_level_domain": "ru"}

    Source: reference 1.1.
    """
    domain = data.get("domain") if isinstance(data, Mapping) else None
    return domain if isinstance(domain, str) and is_account_host(domain) else None
