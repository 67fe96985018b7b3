"""One action of the control API, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from amocrm.sandbox.http.answer import Json

if TYPE_CHECKING:
    from amocrm.sandbox.data.state import Account
    from amocrm.sandbox.portal import Sandbox

PREFIX = "/_sandbox/"

Type: TypeAlias = 'Literal["text", "int", "number", "bool", "json"]'
Values: TypeAlias = "dict[str, Json]"
Perform: TypeAlias = "Callable[[Sandbox, Values], Json]"


class RefusedError(Exception):
    """An action was refused; the text is one line for the person who asked."""

    def __init__(self, status: int, detail: str) -> None:
        """Remember the status of the answer and the line."""
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True)
class Parameter:
    """One value of an action: of its path, of the query of a GET, or of the body of a POST.

    Attributes:
        type: `json` is any value of a JSON body, and JSON text in a form.
        choices: the texts that are taken; empty: any.
        low: the least number that is taken.
        high: the greatest number that is taken.
    """

    name: str
    type: Type
    required: bool
    en: str
    ru: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Action:
    """One address of the control API.

    Attributes:
        method: GET reads, POST changes.
        path: with names of parameters in braces, as `/_sandbox/leads/{id}/move`.
        en: one sentence in English.
        ru: the same in Russian.
        perform: gets the portal and the checked values; its result is the JSON of the answer.
        changes: the parts of the portal that a success changes, as `feed.PARTS` names them.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    en: str
    ru: str
    parameters: tuple[Parameter, ...]
    perform: Perform
    changes: tuple[str, ...] = ()

    def in_path(self, parameter: Parameter) -> bool:
        """Tell whether a parameter stands in the path."""
        return f"{{{parameter.name}}}" in self.path


ACCOUNT = Parameter(
    "account", "text", False,
    "Subdomain or host; the first account without it.",
    "Поддомен или адрес; без него — первый аккаунт.",
)  # fmt: skip
AFTER = Parameter(
    "after", "int", False, "Only those with a greater number.", "Только с номером больше этого.",
    low=0,
)  # fmt: skip
LIMIT = Parameter(
    "limit", "int", False, "At most so many (default: 100).", "Не больше стольких (обычно 100).",
    low=1, high=1000,
)  # fmt: skip


def account_of(portal: Sandbox, values: Values) -> Account:
    """Return the account that the values name.

    Raises:
        RefusedError: there is no such account.
    """
    name = values.get("account")
    try:
        return portal.account(name)
    except KeyError:
        raise RefusedError(400, f"account: there is no account {name!r}") from None
