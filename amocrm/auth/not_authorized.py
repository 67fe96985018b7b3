"""What is missing, and what to do, when there is no way to a token."""

from __future__ import annotations

from amocrm.auth.token import Token
from amocrm.errors import NotAuthorizedError


def not_authorized(
    token: Token | None, refused: str | None, *, long_lived: bool
) -> NotAuthorizedError:
    """Return the error that says it.

    Args:
        token: what there is, and is no use.
        refused: what the endpoint said of a refresh token earlier.
        long_lived: the settings hold a long-lived token.
    """
    if refused is not None:
        return NotAuthorizedError(
            f"the token was refused earlier: {refused}",
            hint="get consent again: connection.get_auth_url(), then connection.set_code(code)",
        )
    if token is None:
        return NotAuthorizedError(
            "there is no token, no code and nobody to ask",
            hint="give auth a code or a server, call connection.set_code(code) or "
            "connection.set_token(saved)",
        )
    return NotAuthorizedError(
        "the token has expired and cannot be renewed",
        hint="make another long-lived token"
        if long_lived
        else "it has no refresh_token: get consent again",
    )
