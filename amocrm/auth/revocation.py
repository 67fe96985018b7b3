"""Which token pair amoCRM has refused, and why.

The token endpoint answers `Token has been revoked` in three cases: the refresh token was used
before by another program; this client used it and the response was lost; the integration was
switched off. The access token of the same pair shows which case it is: it stops working when the
integration is switched off, and goes on working after a refresh. Source: reference 2.6, 2.7, 12.1.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from amocrm.auth.token import Token
from amocrm.errors import GrantError, NotAuthorizedError
from amocrm.http.messages import NoReply, Reply

RevocationCause: TypeAlias = Literal["withdrawn", "used", "lost"]

_REVOKED: Final = "token has been revoked"

_CAUSES: Final[dict[RevocationCause, tuple[str, str]]] = {
    "withdrawn": (
        "access was withdrawn: the integration was switched off in the account",
        "get consent again",
    ),
    "used": (
        "the refresh token was already used by a program that does not share this store",
        "let all programs that use this integration share one store, then get consent again",
    ),
    "lost": (
        "an earlier refresh was carried out, but its response was lost or its process was killed",
        "no client can prevent this while amoCRM revokes an old refresh token at once; "
        "get consent again",
    ),
}

_NOT_THE_TOKEN: Final = (
    "check the `client_id` parameter",
    "check the `client_secret` parameter",
    "redirect uri is not associated with client",
    "invalid account",
)
"""Reasons of a refusal that concern the settings or the host, not the refresh token."""


# Pure functions: what a refusal means -----------------------------------------------------------


def normalized(reason: str | None) -> str:
    """Return amoCRM's reason for a refusal in the form that this package compares."""
    return (reason or "").lower().strip().rstrip(".")


def says_revoked(error: GrantError) -> bool:
    """Return whether amoCRM answered `Token has been revoked`, which has one of three causes."""
    return normalized(error.reason) == _REVOKED


def means_revoked(error: GrantError) -> bool:
    """Return whether a refusal means that the refresh token will never work again.

    A wrong client, wrong settings or a wrong host say nothing about the refresh token, so it stays
    in use. Source: reference 2.7.
    """
    reason = normalized(error.reason)
    return bool(reason) and reason not in _NOT_THE_TOKEN


def find_cause(probe: Reply | NoReply | None, *, in_doubt: bool) -> RevocationCause | None:
    """Return the cause of `Token has been revoked`; None if it cannot be known.

    Args:
        probe: the response to a call with the access token of the pair; None if the access token
            has expired.
        in_doubt: an earlier refresh with this token was sent, and its response never arrived.
    """
    if isinstance(probe, Reply) and probe.status == 401:
        return "withdrawn"
    if in_doubt:
        return "lost"
    # A 403 or 429 of a proxy, a 5xx or a missing response says nothing about the token. Any other
    # status means that amoCRM accepts it.
    works = isinstance(probe, Reply) and probe.status < 500 and probe.status not in (403, 429)
    return "used" if works else None


def explain(error: GrantError, cause: RevocationCause | None) -> GrantError:
    """Return a refusal whose message and hint name the cause; unchanged if there is none."""
    if cause is None:
        return error
    text, hint = _CAUSES[cause]
    return GrantError(
        f"amoCRM refused the grant ({error.status}): {text} - {error.reason!r}",
        status=error.status,
        title=error.title,
        detail=error.detail,
        reason=error.reason,
        data=error.data,
        finding=cause,
        hint=hint,
    )


# State: the last pair that amoCRM refused --------------------------------------------------------


class _RefusedPair(NamedTuple):
    """A token pair that amoCRM refused to refresh.

    Attributes:
        pair: the pair.
        reason: amoCRM's reason, as the error's message.
        is_revoked: its refresh token will never work again.
        is_access_revoked: amoCRM refused its access token too.
    """

    pair: Token
    reason: str
    is_revoked: bool
    is_access_revoked: bool


class Revocation:
    """Remembers the last token pair that amoCRM refused to refresh. Thread-safe.

    Each method reads or assigns one attribute once, so no lock is needed.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: _RefusedPair | None = None

    @property
    def reason(self) -> str | None:
        """Why the pair was refused; None if none was."""
        return None if self._last is None else self._last.reason

    @property
    def revoked_pair(self) -> Token | None:
        """The pair whose refresh token will never work again; None if there is none."""
        last = self._last
        return last.pair if last is not None and last.is_revoked else None

    def note(self, pair: Token, error: GrantError) -> bool:
        """Remember that amoCRM refused to refresh a pair.

        Returns:
            Whether this refusal is new: the last one had another pair or another reason.
        """
        last, reason = self._last, str(error.args[0])
        is_revoked = means_revoked(error) and pair.refresh_token is not None
        self._last = _RefusedPair(pair, reason, is_revoked, error.finding == "withdrawn")
        return last is None or (last.pair, last.reason) != (pair, reason)

    def note_401(self, pair: Token) -> None:
        """Remember that a call with the access token of a refused pair was answered 401."""
        last = self._last
        if last is not None and last.pair == pair:
            self._last = last._replace(is_access_revoked=True)

    def clear(self, *, unless: Token | None = None) -> None:
        """Forget the refusal, because another token is used now.

        Args:
            unless: keep the refusal if it is about the refresh token of this pair.
        """
        last = self._last
        if last is None or unless is None or last.pair.refresh_token != unless.refresh_token:
            self._last = None

    def is_revoked(self, pair: Token) -> bool:
        """Return whether amoCRM revoked the refresh token of this pair; it is never sent again."""
        revoked = self.revoked_pair
        return revoked is not None and pair.refresh_token == revoked.refresh_token

    def is_access_revoked(self, pair: Token) -> bool:
        """Return whether amoCRM refused both tokens of this pair."""
        last = self._last
        return last is not None and last.is_access_revoked and last.pair == pair

    def not_authorized(self, token: Token | None, *, long_lived: bool) -> NotAuthorizedError:
        """Return the error for a client that has no way to get a valid token.

        Args:
            token: a token that cannot be used; None if there is none.
            long_lived: `auth` has a long-lived access token.
        """
        last = self._last
        if last is not None and last.is_revoked:
            return NotAuthorizedError(
                f"amoCRM refused the refresh token earlier: {last.reason}",
                hint="get consent again: connection.get_auth_url(), then connection.set_code(code)",
            )
        if token is None:
            return NotAuthorizedError(
                "not authorized: no token is stored, and neither a code nor a redirect server is "
                "configured",
                hint="pass a long-lived access_token or a code in auth, or a store that has a "
                "token; connection.set_code(code) and connection.set_token(saved) work too",
            )
        return NotAuthorizedError(
            "the token has expired and cannot be refreshed",
            hint="create another long-lived token"
            if long_lived
            else "it has no refresh_token: get consent again",
        )
