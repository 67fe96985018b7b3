"""Actions on the portal as a whole: reset, data to begin with, the clock."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from amocrm.sandbox.control.accounts import shown_account
from amocrm.sandbox.control.action import (
    ACCOUNT,
    Action,
    Parameter,
    RefusedError,
    Values,
    account_of,
)
from amocrm.sandbox.control.feed import PARTS
from amocrm.sandbox.http.answer import Json

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_YEARS = 10 * 366 * 86_400


def _reset(portal: Sandbox, values: Values) -> Json:
    portal.reset()
    return {"accounts": [shown_account(one) for one in portal.accounts]}


def _add_shop(portal: Sandbox, values: Values) -> Json:
    account = account_of(portal, values)
    portal.add_shop(account)
    return _counts(portal, values)


def _counts(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        account = account_of(portal, values)
        kinds = ("leads", "contacts", "companies")
        return {kind: len(account.entities[kind]) for kind in kinds}


def _clock(portal: Sandbox, values: Values) -> Json:
    now = portal.clock.time()
    return {"time": now, "iso": datetime.fromtimestamp(now, timezone.utc).isoformat()}


def _advance(portal: Sandbox, values: Values) -> Json:
    advance = getattr(portal.clock, "advance", None)
    if advance is None:
        raise RefusedError(409, "This clock cannot be moved: it has no advance()")
    advance(values["seconds"])
    return _clock(portal, values)


ACTIONS = (
    Action(
        "reset", "POST", "/_sandbox/reset",
        "Begin again: accounts are empty, the log too; integrations and their tokens stay.",
        "Начать заново: аккаунты и журнал пусты; интеграции и их токены остаются.",
        (), _reset, PARTS,
    ),
    Action(
        "add_shop", "POST", "/_sandbox/shop",
        "Fill an account with the data of a small shop.",
        "Заполнить аккаунт данными небольшого магазина.",
        (ACCOUNT,), _add_shop, PARTS,
    ),
    Action(
        "show_clock", "GET", "/_sandbox/clock",
        "Show the time of the portal.", "Время портала.",
        (), _clock,
    ),
    Action(
        "advance_clock", "POST", "/_sandbox/clock",
        "Move the clock forward.", "Перевести часы вперёд.",
        (
            Parameter(
                "seconds", "number", True, "How far.", "На сколько секунд.", low=0, high=_YEARS
            ),
        ),
        _advance, PARTS,
    ),
)  # fmt: skip
