"""One visit of a page: the portal, the chosen account, the query and the language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm.sandbox.data.state import Account

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_LONGEST_NUMBER = 18


class NoSuchPageError(Exception):
    """There is no such page, or what it would show is not there."""


@dataclass(frozen=True)
class Visit:
    """One visit.

    Attributes:
        query: decoded, of a repeated name the last value.
        parts: what the address names, such as the id of a lead.
        origin: of the portal, as the browser calls it.
    """

    portal: Sandbox
    account: Account
    query: Mapping[str, str]
    parts: Mapping[str, str]
    language: str
    origin: str

    def number(self, name: str, default: int = 0) -> int:
        """Return a number of the query; what is none counts as not given."""
        return whole_number(self.query.get(name, ""), default)

    def id(self) -> int:
        """Return the id in the address."""
        return int(self.parts["id"])

    def user(self, number: int | None) -> str:
        """Return the name of a user of the account; of none, a robot did it."""
        user = self.account.users.get(number or 0)
        return user.name if user is not None else str(number or 0)


def whole_number(text: str, default: int) -> int:
    """Return a number from 0, of digits.

    >>> whole_number("12", 0), whole_number("-1", 0), whole_number("1" * 40, 0)
    (12, 0, 0)
    """
    plain = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if plain else default
