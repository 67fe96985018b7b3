"""What a request needs of the authorization: where to send a call, and a token for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from amocrm.auth.token import Token


class Door(Protocol):
    """What a call takes to get out: where to go, and a token that is good there."""

    @property
    def origin(self) -> str:
        """Scheme and authority that calls go to."""
        ...

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        ...

    def token(self) -> Token:
        """Return a token that is good for the next call."""
        ...

    def cure(self, spent: Token, date: str | None = None) -> Token | str:
        """Return another token than one that was answered 401, or why there is none."""
        ...

    def at(self, address: object) -> str | None:
        """Tell the origin of another host that may see the token; None if it must not."""
        ...


class SideDoor:
    """The same tokens, for another host of amoCRM's.

    Args:
        door: to the account.
        find: tells scheme and authority of the other host.
    """

    def __init__(self, door: Door, find: Callable[[], str]) -> None:
        # A side door leads out of no other one: they would stack up, address after address.
        self._door: Door = door._door if isinstance(door, SideDoor) else door
        self._find = find
        self.token = door.token
        self.cure = door.cure
        self.at = door.at

    @property
    def origin(self) -> str:
        """Scheme and authority of the other host."""
        return self._find()

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        return self._door.renewable
