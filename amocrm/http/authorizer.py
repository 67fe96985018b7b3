"""What a request needs from the authorization: the account's host, and a token for each call."""

from __future__ import annotations

from typing import Protocol


class Credential(Protocol):
    """A token as a call needs it. Only the authorizer knows its other parts."""

    @property
    def access_token(self) -> str:
        """Goes into the header `Authorization`."""
        ...


class Authorizer(Protocol):
    """Gives each call the account's host and a valid token."""

    @property
    def origin(self) -> str:
        """Scheme and authority that calls go to."""
        ...

    @property
    def renewable(self) -> bool:
        """Whether another token may be had after a 401."""
        ...

    def token(self) -> Credential:
        """Return a token that is valid for the next call."""
        ...

    def refresh_after_401(self, rejected: Credential, date: str | None = None) -> Credential | str:
        """Return another token in the place of one that was answered 401, or why there is none."""
        ...

    def at(self, address: object) -> str | None:
        """Return the origin of an address that may get the token; None if it must not."""
        ...
