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
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.schema.document import SchemaError

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_YEARS = 10 * 366 * 86_400
_LAST = 253_402_300_799


def _reset(portal: Sandbox, values: Values) -> Json:
    portal.reset()
    return {"accounts": [shown_account(one) for one in portal.accounts]}


def _load_schema(portal: Sandbox, values: Values) -> Json:
    # A text would be the path of a file of this machine.
    if not is_object(values["schema"]):
        raise RefusedError(400, "schema must be a JSON object")
    try:
        return shown_account(portal.load_schema(values["schema"], account_of(portal, values)))
    except SchemaError as error:
        raise RefusedError(400, f"schema: {error}") from None


def _add_shop(portal: Sandbox, values: Values) -> Json:
    account = account_of(portal, values)
    portal.add_shop(account)
    return _counts(portal, values)


def _populate(portal: Sandbox, values: Values) -> Json:
    account = account_of(portal, values)
    try:
        portal.populate(
            values.get("leads", 1000), values.get("seed", 7), account, values.get("locale")
        )
    except ImportError as error:
        raise RefusedError(501, str(error)) from None
    except ValueError as error:
        raise RefusedError(400, str(error)) from None
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
    if portal.clock.time() + values["seconds"] > _LAST:
        raise RefusedError(400, "seconds: the clock ends with the year 9999")
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
        "populate", "POST", "/_sandbox/populate",
        "Fill an account with a plausible year: leads, people, notes, tasks, history.",
        "Заполнить аккаунт правдоподобным годом: сделки, люди, примечания, задачи, история.",
        (
            ACCOUNT,
            Parameter(
                "leads", "int", False, "How many (default: 1000).",
                "Сколько сделок (обычно 1000).", low=1, high=100_000,
            ),
            Parameter(
                "seed", "int", False, "The same one makes the same data (default: 7).",
                "С одним числом — одни данные (обычно 7).",
            ),
            Parameter(
                "locale", "text", False, "Language of names and texts.", "Язык имён и текстов.",
                ("ru", "en", "both"),
            ),
        ),
        _populate, PARTS,
    ),
    Action(
        "load_schema", "POST", "/_sandbox/schema",
        "Give an account without entities the definitions of a schema, with their ids.",
        "Загрузить в аккаунт без данных настройки из схемы, с их id.",
        (
            ACCOUNT,
            Parameter(
                "schema", "json", True, "As `amocrm sandbox clone` writes it.",
                "Как её записывает `amocrm sandbox clone`.",
            ),
        ),
        _load_schema, PARTS,
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
