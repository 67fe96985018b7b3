"""What a request needs of the authorization: where to send a call, and a token for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Credential(Protocol):
    """A token as a call needs it; only the authorizer knows what else belongs to it."""

    @property
    def access_token(self) -> str:
        """Goes into the header `Authorization`."""
        ...


class Authorizer(Protocol):
    """What a call takes to get out: where to go, and a token that is good there."""

    @property
    def origin(self) -> str:
        """Scheme and authority that calls go to."""
        ...

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        ...

    def token(self) -> Credential:
        """Return a token that is good for the next call."""
        ...

    def refresh_after_401(self, spent: Credential, date: str | None = None) -> Credential | str:
        """Return another token than one that was answered 401, or why there is none."""
        ...

    def at(self, address: object) -> str | None:
        """Tell the origin of another host that may see the token; None if it must not."""
        ...


class OtherHost:
    """The same tokens, for another host of amoCRM's.

    Args:
        authorizer: to the account.
        find: tells scheme and authority of the other host.
    """

    def __init__(self, authorizer: Authorizer, find: Callable[[], str]) -> None:
        # A side door leads out of no other one: they would stack up, address after address.
        self._door: Authorizer = (
            authorizer._door if isinstance(authorizer, OtherHost) else authorizer
        )
        self._find = find
        self.token = authorizer.token
        self.refresh_after_401 = authorizer.refresh_after_401
        self.at = authorizer.at

    @property
    def origin(self) -> str:
        """Scheme and authority of the other host."""
        return self._find()

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        return self._door.renewable
