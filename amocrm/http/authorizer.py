"""The authorization as requests see it: the account's host, and a token for each call."""

from __future__ import annotations

from typing import Protocol


class Credential(Protocol):
    """A token, of which a request uses only the access token."""

    @property
    def access_token(self) -> str:
        """Sent in the header `Authorization`."""
        ...


class Authorizer(Protocol):
    """Gives each call the account's host and a valid token."""

    @property
    def origin(self) -> str:
        """Scheme and authority that calls go to."""
        ...

    @property
    def renewable(self) -> bool:
        """Whether there may be another token after a 401."""
        ...

    def token(self) -> Credential:
        """Return a token that is valid for the next call."""
        ...

    def refresh_after_401(self, rejected: Credential, date: str | None = None) -> Credential | str:
        """Return a token to use instead of one that got a 401, or the reason why there is none."""
        ...

    def at(self, address: object) -> str | None:
        """Return the origin of an address that may get the token; None if it must not."""
        ...
