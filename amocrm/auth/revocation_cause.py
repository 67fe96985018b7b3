"""Why a refresh token is no good any more: three causes that the endpoint calls by one name.

`Token has been revoked` is what amoCRM answers when the token was used before, when it was used by
this very client and the answer got lost, and when the integration was switched off. What tells them
apart is whether the access token of the same pair still works: switching off kills it, a refresh
does not. Source: reference 2.6, 2.7, 12.1.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from amocrm.errors import GrantError
from amocrm.http.messages import NoReply, Reply

RevocationCause: TypeAlias = Literal["withdrawn", "used", "lost"]

REVOKED: Final = "token has been revoked"

_CAUSES: Final[dict[RevocationCause, tuple[str, str]]] = {
    "withdrawn": (
        "access was withdrawn: the integration was switched off in the account",
        "get consent again",
    ),
    "used": (
        "the refresh token was already used, by somebody who does not share this store",
        "let all who use this integration share one store, then get consent again",
    ),
    "lost": (
        "an earlier refresh was done, but its answer got lost on its way, or its process died",
        "no client can prevent this where an old refresh token dies at once; get consent again",
    ),
}


def is_revoked(error: GrantError) -> bool:
    """Tell whether a refusal means that the refresh token is gone, for one of the three causes."""
    return (error.reason or "").lower().strip().rstrip(".") == REVOKED


def find(probe: Reply | NoReply | None, *, lost: bool) -> RevocationCause | None:
    """Conclude which cause it was.

    Args:
        probe: what a call with the pair's access token was answered; None if it had expired.
        lost: an earlier refresh with this token was begun, and nobody knows how it ended.
    """
    if isinstance(probe, Reply) and probe.status == 401:
        return "withdrawn"
    if lost:
        return "lost"
    # A 403 of the edge, or a lost answer, says nothing of the token; any other answer accepts it.
    works = isinstance(probe, Reply) and probe.status < 500 and probe.status not in (403, 429)
    return "used" if works else None


def explained(error: GrantError, finding: RevocationCause | None) -> GrantError:
    """Return the refusal with its cause told, if it was found."""
    if finding is None:
        return error
    cause, hint = _CAUSES[finding]
    return GrantError(
        f"amoCRM refused the grant ({error.status}): {cause} - {error.reason!r}",
        status=error.status,
        title=error.title,
        detail=error.detail,
        reason=error.reason,
        data=error.data,
        finding=finding,
        hint=hint,
    )
