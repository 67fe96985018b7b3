"""The account itself, its currencies. Source: reference 4.1, 4.30."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias, get_args

from amocrm.core.row import Row, read_question
from amocrm.mount import Resource
from amocrm.verbs import Lists

if TYPE_CHECKING:
    from amocrm.schema.account import Account as AccountModel
    from amocrm.schema.account import Currency

AccountWith: TypeAlias = Literal[
    "amojo_id", "amojo_rights", "datetime_settings", "drive_url", "entity_names",
    "invoices_settings", "is_api_filter_enabled", "task_types", "users_groups", "uuid", "version",
]  # fmt: skip


class Account(Resource, path="account", source="4.1"):
    """The account that the token is of."""

    __slots__ = ()

    def get(self, *, with_: Iterable[AccountWith] | None = None) -> AccountModel:
        """Return the account; what `with_` does not name is left out of it."""
        asked = read_question(_ASKED, self._where, lenient=self._way.lenient, with_=with_)
        account: AccountModel = self._way.request.get(self._path, asked or None).data
        return account


_ASKED: Final = Row("account", withs=get_args(AccountWith))


class Currencies(Lists["Currency", NoReturn, NoReturn, NoReturn], path="currencies", source="4.30"):
    """Currencies that the account knows."""

    __slots__ = ()
