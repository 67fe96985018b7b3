"""Actions on accounts: found, rename, pay, switch what the plan holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from amocrm.sandbox.control.action import (
    ACCOUNT,
    Action,
    Parameter,
    RefusedError,
    Values,
    account_of,
)
from amocrm.sandbox.data.plans import PLANS
from amocrm.sandbox.data.state import Account
from amocrm.sandbox.http.answer import Json

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_CHANGES = ("settings", "entities")
_MODES = ("segments", "periodicity", "disabled", "unavailable")
_NAME = Parameter("name", "text", True, "The subdomain, or a host.", "Поддомен или адрес.")
_NAMED = replace(ACCOUNT, required=True, en="Subdomain or host.", ru="Поддомен или адрес.")


def shown_account(account: Account) -> Json:
    """Return an account as the list shows it."""
    return {
        "id": account.id,
        "subdomain": account.subdomain,
        "host": account.host,
        "former": sorted(account.former),
        "is_paid": account.is_paid,
        "customers_mode": account.customers_mode,
        "has_minor_units": account.has_minor_units,
        "users": [
            {"id": one.id, "name": one.name, "is_admin": one.is_admin, "is_active": one.is_active}
            for one in account.users.values()
        ],
    }


def _list(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        return {"accounts": [shown_account(one) for one in portal.accounts]}


def _add(portal: Sandbox, values: Values) -> Json:
    _check_new(portal, values["name"])
    try:
        return shown_account(portal.add_account(values["name"]))
    except ValueError as error:
        raise RefusedError(400, f"name: {error}") from None


def _rename(portal: Sandbox, values: Values) -> Json:
    account = account_of(portal, values)
    name = str(values["name"]).lower().partition(".")[0]
    if not name:
        raise RefusedError(400, "name: a subdomain has at least one letter")
    _check_new(portal, name)
    return shown_account(portal.move(account, name))


def _configure(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        account = account_of(portal, values)
        if "plan" in values:
            portal.set_plan(values["plan"], account)
        account.is_paid = values.get("is_paid", account.is_paid)
        account.customers_mode = values.get("customers_mode", account.customers_mode)
        account.has_minor_units = values.get("has_minor_units", account.has_minor_units)
        return shown_account(account)


def _check_new(portal: Sandbox, name: str) -> None:
    subdomain = name.lower().partition(".")[0]
    if not subdomain.isascii() or not subdomain.replace("-", "").isalnum():
        raise RefusedError(400, "name: a subdomain is letters, digits and hyphens")
    if any(one.subdomain == subdomain for one in portal.accounts):
        raise RefusedError(400, f"name: the account {subdomain!r} is there already")


ACTIONS = (
    Action(
        "list_accounts", "GET", "/_sandbox/accounts",
        "List the accounts.", "Список аккаунтов.",
        (), _list,
    ),
    Action(
        "add_account", "POST", "/_sandbox/accounts",
        "Add an empty account.", "Добавить пустой аккаунт.",
        (_NAME,), _add, _CHANGES,
    ),
    Action(
        "rename_account", "POST", "/_sandbox/accounts/{account}/rename",
        "Rename an account: its old address stops working.",
        "Переименовать аккаунт: старый адрес перестанет работать.",
        (_NAMED, _NAME), _rename, _CHANGES,
    ),
    Action(
        "configure_account", "POST", "/_sandbox/accounts/{account}",
        "Change what an account has paid for.", "Изменить оплату и возможности аккаунта.",
        (
            _NAMED,
            Parameter(
                "is_paid", "bool", False,
                "False: every request is answered 402.", "Нет: на все запросы ответ 402.",
            ),
            Parameter("plan", "text", False, "The plan.", "Тариф.", PLANS),
            Parameter(
                "customers_mode", "text", False,
                "Customers; unavailable: the plan is without them.",
                "Покупатели; unavailable: их нет в тарифе.", _MODES,
            ),
            Parameter(
                "has_minor_units", "bool", False,
                "Leads show price_with_minor_units.", "В сделках есть price_with_minor_units.",
            ),
        ),
        _configure, _CHANGES,
    ),
)  # fmt: skip
