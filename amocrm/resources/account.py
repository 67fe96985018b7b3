"""The account itself, its currencies. Source: reference 4.1, 4.30."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from amocrm.resources.verbs import Lists, Reads

if TYPE_CHECKING:
    from amocrm.schema.account import Account as AccountModel
    from amocrm.schema.account import Currency

AccountWith: TypeAlias = Literal[
    "amojo_id", "amojo_rights", "datetime_settings", "drive_url", "entity_names",
    "invoices_settings", "is_api_filter_enabled", "task_types", "users_groups", "uuid", "version",
]  # fmt: skip


class Account(Reads["AccountModel", AccountWith], path="account", source="4.1"):
    """The account that the token is of."""

    __slots__ = ()


class Currencies(Lists["Currency", NoReturn, NoReturn, NoReturn], path="currencies", source="4.30"):
    """Currencies that the account knows."""

    __slots__ = ()
