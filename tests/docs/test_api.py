"""The page of all resources is what the code says, and its examples run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from tests.docs.api_examples import MODELS, examples_of
from tests.docs.api_words import RUSSIAN
from tests.docs.make_api import (
    CHECKED,
    DOCS,
    Section,
    methods,
    render,
    render_checks,
    sections,
)
from tests.resources.table import verbs, walk

SAY = "run: python -m tests.docs.make_api"


@pytest.mark.parametrize(("name", "russian"), [("api.md", False), ("api.ru.md", True)])
def test_the_page_is_up_to_date(name: str, russian: bool) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == render(russian=russian), SAY


def test_the_type_checkers_read_the_same_examples() -> None:
    assert CHECKED.read_text(encoding="utf-8") == render_checks(), SAY


def test_every_family_is_told_in_russian() -> None:
    assert set(RUSSIAN) == {seat.kind.__name__ for seat in walk()}


# The examples ------------------------------------------------------------------------------------

CHAT = "5c7b6a0e-0000-4000-8000-000000000001"

Names = dict[str, Any]

PHONE = {"field_code": "PHONE", "values": [{"value": "+79990000000", "enum_code": "WORK"}]}


def _customers(crm: AmoCRM) -> int:
    crm.customers.mode.set("segments", is_enabled=True)
    return crm.customers.create({"name": "Anna"})["id"]


def _transaction(crm: AmoCRM, customer: int) -> int:
    return crm.customers(customer).transactions.create({"price": 100})["id"]


def _review(crm: AmoCRM, template: int) -> object:
    service: Any = {"type": "whatsapp", "params": {"waba": True}}
    crm.sources.create({"name": "A", "external_id": "whatsapp", "services": [service]})
    return crm.chat_templates(template).send_to_review()[0]["id"]


def _waiting(portal: Sandbox, bot: int) -> int:
    return portal.add("waiting", {"bot_id": bot, "kind": "salesbot"})


BEFORE: dict[str, Callable[[AmoCRM, Sandbox, Names], object]] = {
    "customer": lambda crm, portal, names: _customers(crm),
    "catalog": lambda crm, portal, names: crm.catalogs.create({"name": "Cars"})["id"],
    "uid": lambda crm, portal, names: portal.add_unsorted("chats"),
    "talk": lambda crm, portal, names: portal.add("talks", {}),
    "bot": lambda crm, portal, names: portal.add("bots", {}),
    "file": lambda crm, portal, names: crm.drive.upload(b"%PDF", name="a.pdf")["uuid"],
    "chat": lambda crm, portal, names: portal.account().shelf("chats").setdefault(CHAT, {}) or CHAT,
    "event": lambda crm, portal, names: next(iter(crm.events.list()))["id"],
    "user": lambda crm, portal, names: max(one["id"] for one in crm.users.list()),
    "transaction": lambda crm, portal, names: _transaction(crm, names["customer"]),
    "review": lambda crm, portal, names: _review(crm, names["template"]),
    "waiting": lambda crm, portal, names: _waiting(portal, names["bot"]),
    "code": lambda crm, portal, names: next(iter(crm.widgets.list()))["code"],
}


ONE_TIME = ("(id).accept", "(id).decline", "(id).link", "delete", "delete_many")
"""Methods after which an item is gone, so that the next one needs another item."""

LAST = (*ONE_TIME, "remove", "detach", "unlink", "redeem", "deactivate", "restore")


def ordered(section: Section) -> list[str]:
    """Return every method of a resource: what creates first, what removes last."""
    order = methods(section.kind)
    first, frozen = ("create", "attach", "link", "named"), ("(id).review", "(id).send_to_review")
    return sorted(order, key=lambda name: (name in LAST, name in frozen, name not in first))


@pytest.mark.parametrize("section", sections(), ids=lambda one: one.first.expression)
def test_every_example_runs(
    section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    domain = "example.kommo.com"
    portal = Sandbox((domain,), rps=None)
    token = portal.issue_long_lived()
    kind, seat = section.kind.__name__, section.first
    with AmoCRM(
        domain, {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        names: Names = {"crm": crm}
        names["lead"] = crm.leads.create({"name": "A"})["id"]
        names["contact"] = portal.add("contacts", {"name": "Ann", "custom_fields_values": [PHONE]})
        names["company"] = crm.companies.create({"name": "A"})["id"]
        names["pipeline"] = crm.leads.pipelines.list().first()["id"]  # type: ignore[index]
        if kind == "CustomerStatuses":
            crm.customers.mode.set("periodicity", is_enabled=True)
        number = MODELS[kind].number if kind in MODELS else ""
        is_gone = False

        def run(method: str) -> None:
            example = examples_of(kind, seat, method)
            used = [one.id for one in ast.walk(ast.parse(example)) if isinstance(one, ast.Name)]
            needed = ["customer", "bot", *used] if {"transaction", "waiting"} & {*used} else used
            for name in needed:
                if name in BEFORE and name not in names:
                    names[name] = BEFORE[name](crm, portal, names)
            if method == "create":
                made = eval(example, names)
                keys = [key for key in ("id", "uid", "source_id") if key in made]
                names[number or "made"] = made[keys[0]] if keys else None
            else:
                exec(example, names)

        for method in ordered(section):
            if is_gone and method in ONE_TIME:
                names.pop(number, None)
                if "create" in verbs(section.kind):
                    run("create")
            run(method)
            is_gone = is_gone or method in ONE_TIME
