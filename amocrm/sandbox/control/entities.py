"""Actions on leads, contacts and companies: what a person does in the cards of an account.

Reads and writes are requests of the account's administrator, so that every write has its events and
its webhooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from amocrm.sandbox.control.action import (
    ACCOUNT,
    Action,
    Parameter,
    RefusedError,
    Values,
    account_of,
)
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.problem import ProblemError

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

Kind = Literal["leads", "contacts", "companies"]
KINDS: tuple[Kind, ...] = ("leads", "contacts", "companies")

_MOST_RELATED = 250
_CHANGES = ("entities",)
_ID = Parameter("id", "int", True, "The id.", "Идентификатор.", low=1)
_PAGE = Parameter("page", "int", False, "From 1.", "С первой.", low=1, high=1_000_000)
_SIZE = Parameter(
    "limit", "int", False, "Of one page (default: 50).", "На странице (обычно 50).", low=1, high=250
)
_QUERY = Parameter("query", "text", False, "Text to look for.", "Что искать.")
_DELETED = Parameter("deleted", "bool", False, "Those of the recycle bin.", "Из корзины.")
_STAGE = (
    Parameter("pipeline_id", "int", False, "Pipeline.", "Воронка.", low=1),
    Parameter("status_id", "int", False, "Stage.", "Этап.", low=1),
)
_DATA = Parameter(
    "data", "json", False,
    "Further members, as POST /api/v4 takes them.", "Другие поля, как в POST /api/v4.",
)  # fmt: skip
_NAME = Parameter("name", "text", False, "The name.", "Название.")
_PRICE = Parameter("price", "number", False, "The sum.", "Сумма.")


def list_entities(portal: Sandbox, kind: Kind, values: Values) -> Json:
    """Return one page of entities, the latest change first, and whether there is another."""
    query: dict[str, Json] = {
        "page": values.get("page", 1),
        "limit": values.get("limit", 50),
        "order[updated_at]": "desc",
    }
    if values.get("query"):
        query["query"] = values["query"]
    if values.get("deleted"):
        query["with"] = "only_deleted"
    elif kind == "leads":
        query["with"] = "contacts"
    if "status_id" in values:
        pipeline = values.get("pipeline_id")
        if pipeline is None:
            raise RefusedError(400, "pipeline_id is missing: a stage is one of a pipeline")
        query["filter[statuses][0][pipeline_id]"] = pipeline
        query["filter[statuses][0][status_id]"] = values["status_id"]
    elif "pipeline_id" in values:
        query["filter[pipeline_id]"] = values["pipeline_id"]
    found = _read(portal, f"/{kind}", values, query) or {"_embedded": {kind: []}, "_links": {}}
    return {kind: found["_embedded"][kind], "has_more": "next" in found["_links"]}


def show_card(portal: Sandbox, kind: Kind, values: Values) -> Json:
    """Return an entity with its people, notes, tasks and history.

    Raises:
        RefusedError: 404, as there is none.
    """
    number = values["id"]
    with portal.locked():
        one = _read(portal, f"/{kind}/{number}", values, {"with": "contacts,leads,loss_reason"})
        if one is None:
            raise RefusedError(404, f"id: there is no {SINGULAR[kind]} {number}")
        related = {
            other: [
                shown
                for item in one.get("_embedded", {}).get(other, ())
                if (shown := _read(portal, f"/{other}/{item['id']}", values, {})) is not None
            ]
            for other in KINDS
            if other != kind
        }
        most, latest = {"limit": _MOST_RELATED}, {"limit": 100}
        of_it = {"filter[entity_type]": kind, "filter[entity_id]": number}
        events = {"filter[entity]": SINGULAR[kind], "filter[entity_id]": number}
        return {
            SINGULAR[kind]: one,
            **related,
            "notes": _items(_read(portal, f"/{kind}/{number}/notes", values, most)),
            "tasks": _items(_read(portal, "/tasks", values, {**most, **of_it})),
            "events": _items(_read(portal, "/events", values, {**latest, **events})),
        }


def _create(portal: Sandbox, kind: Kind, values: Values) -> Json:
    data = values.get("data", {})
    if not is_object(data):
        raise RefusedError(400, "data must be a JSON object")
    names = ("name", "price", "pipeline_id", "status_id")
    model = {**data, **{name: values[name] for name in names if name in values}}
    made = portal.call_api("POST", f"/{kind}", [model], account=account_of(portal, values))
    return {"id": made["_embedded"][kind][0]["id"]}


def _move(portal: Sandbox, values: Values) -> Json:
    model = {name: values[name] for name in ("pipeline_id", "status_id") if name in values}
    if not model:
        raise RefusedError(400, "status_id or pipeline_id is missing")
    number, account = values["id"], account_of(portal, values)
    _need(portal, "leads", values)
    portal.call_api("PATCH", f"/leads/{number}", model, account=account)
    lead = portal.call_api("GET", f"/leads/{number}", account=account)
    return {name: lead[name] for name in ("id", "pipeline_id", "status_id", "updated_at")}


def _trash(portal: Sandbox, kind: Kind, values: Values) -> Json:
    _need(portal, kind, values)
    portal.trash(kind, values["id"], account_of(portal, values))
    return {"id": values["id"], "is_deleted": True}


def _restore(portal: Sandbox, kind: Kind, values: Values) -> Json:
    _need(portal, kind, values, is_deleted=True)
    portal.restore(kind, values["id"], account_of(portal, values))
    return {"id": values["id"], "is_deleted": False}


def _need(portal: Sandbox, kind: Kind, values: Values, *, is_deleted: bool = False) -> None:
    with portal.locked():
        entity = account_of(portal, values).entities[kind].get(values["id"])
        if entity is None or bool(entity["is_deleted"]) is not is_deleted:
            where = " in the recycle bin" if is_deleted else ""
            raise RefusedError(404, f"id: there is no {SINGULAR[kind]} {values['id']}{where}")


def _read(portal: Sandbox, path: str, values: Values, query: dict[str, Json]) -> Json:
    account = account_of(portal, values)
    try:
        return portal.call_api("GET", path, query=urlencode(query), account=account)
    except ProblemError as problem:
        if problem.status == 404:
            return None
        raise


def _items(listing: Json) -> Json:
    if listing is None:
        return []
    (items,) = listing["_embedded"].values()
    return items


def _of(kind: Kind, singular: str, en: str, ru: tuple[str, str, str]) -> tuple[Action, ...]:
    """Return the actions of one kind; `ru`: genitive plural, accusative, and genitive."""
    stage = _STAGE if kind == "leads" else ()
    many, one, card = ru
    at = f"/_sandbox/{kind}"
    return (
        Action(
            f"list_{kind}", "GET", at,
            f"List {kind}, the latest change first.",
            f"Список {many}, сначала изменённые недавно.",
            (ACCOUNT, _PAGE, _SIZE, _QUERY, *stage, _DELETED),
            lambda portal, values: list_entities(portal, kind, values),
        ),
        Action(
            f"show_{singular}", "GET", f"{at}/{{id}}",
            f"Show the card of {en} {singular}: fields, people, notes, tasks, history.",
            f"Карточка {card}: поля, контакты, примечания, задачи, история.",
            (_ID, ACCOUNT), lambda portal, values: show_card(portal, kind, values),
        ),
        Action(
            f"create_{singular}", "POST", at,
            f"Create {en} {singular}.", f"Создать {one}.",
            (ACCOUNT, _NAME, *((_PRICE, *stage) if stage else ()), _DATA),
            lambda portal, values: _create(portal, kind, values), _CHANGES,
        ),
        Action(
            f"trash_{singular}", "POST", f"{at}/{{id}}/trash",
            f"Put {en} {singular} into the recycle bin.", f"Переместить {one} в корзину.",
            (_ID, ACCOUNT), lambda portal, values: _trash(portal, kind, values), _CHANGES,
        ),
        Action(
            f"restore_{singular}", "POST", f"{at}/{{id}}/restore",
            f"Take {en} {singular} out of the recycle bin.", f"Восстановить {one} из корзины.",
            (_ID, ACCOUNT), lambda portal, values: _restore(portal, kind, values), _CHANGES,
        ),
    )  # fmt: skip


ACTIONS = (
    *_of("leads", "lead", "a", ("сделок", "сделку", "сделки")),
    Action(
        "move_lead", "POST", "/_sandbox/leads/{id}/move",
        "Move a lead to another stage, and so send its webhooks.",
        "Перевести сделку на другой этап; вебхуки будут отправлены.",
        (_ID, ACCOUNT, *_STAGE), _move, _CHANGES,
    ),
    *_of("contacts", "contact", "a", ("контактов", "контакт", "контакта")),
    *_of("companies", "company", "a", ("компаний", "компанию", "компании")),
)  # fmt: skip
