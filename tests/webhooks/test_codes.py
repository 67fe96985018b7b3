"""One vocabulary: the code of a subscription, and entity and action on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from amocrm.schema.enums import WebhookCode
from amocrm.webhooks.codes import ACCOUNT, CODES, OTHER, EventCode, find

TABLE = {
    "leads": "add_lead update_lead delete_lead restore_lead status_lead responsible_lead note_lead",
    "contacts contact": (
        "add_contact update_contact delete_contact restore_contact responsible_contact note_contact"
    ),
    "contacts company": (
        "add_company update_company delete_company restore_company responsible_company note_company"
    ),
    "customers": "add_customer update_customer delete_customer responsible_customer note_customer",
    "task": "add_task update_task delete_task responsible_task",
    "unsorted": "add_unsorted update_unsorted delete_unsorted",
    "talk": "add_talk update_talk",
    "message incoming": "add_message",
    "message outgoing": "add_outgoing_message",
}
"""Reference 6.2, by the entity on the wire and the item's type."""

RESOURCES = {
    "leads": "leads", "contacts contact": "contacts", "contacts company": "companies",
    "customers": "customers", "task": "tasks", "unsorted": "unsorted", "talk": "talks",
    "message incoming": "messages", "message outgoing": "messages",
}  # fmt: skip

CASES = [(name, code) for name, codes in TABLE.items() for code in codes.split()]


@pytest.mark.parametrize(("name", "code"), CASES, ids=[code for _, code in CASES])
def test_each_code_of_the_reference(name: str, code: str) -> None:
    entity, _, type_ = name.partition(" ")
    action = code.partition("_")[0]
    item = {"type": type_} if type_ else {}
    sent = action
    if action == "responsible" and entity in ("contacts", "task"):
        sent, item["old_responsible_user_id"] = "update", "5"
    assert find(entity, sent, item) == EventCode(
        code, f"{entity}/{sent}", type_, RESOURCES[name], action
    )


def test_the_vocabulary_is_that_of_subscriptions() -> None:
    told = {one.code for one in ACCOUNT}
    assert told == {*get_args(WebhookCode)}
    assert told == {code for _, code in CASES} | {"add_chat_template_review"}
    assert told < CODES


@pytest.mark.parametrize("page", ["webhook-events.md", "webhook-events.ru.md"])
def test_the_documents_have_every_code(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    assert [one.code for one in (*ACCOUNT, *OTHER) if f"`{one.code}`" not in text] == []


def test_no_two_codes_are_told_by_the_same_words() -> None:
    words = [(one.wire, one.type, one.action) for one in ACCOUNT]
    assert len(words) == len({*words}) == len({one.code for one in ACCOUNT})


@pytest.mark.parametrize("type_", ["contact", "", "lead", None, 5, ["company"], {}])
def test_a_contact_is_no_company_unless_its_type_says_so(type_: object) -> None:
    assert find("contacts", "add", {"type": type_}).code == "add_contact"


@pytest.mark.parametrize(
    ("item", "code"),
    [({"old_responsible_user_id": "5"}, "responsible_task"),
     ({"old_responsible_user_id": "5", "main_user": "6"}, "responsible_task"),
     ({"old_responsible_user_id": 5, "responsible_user_id": 6}, "responsible_task"),
     ({"old_responsible_user_id": 5, "responsible_user_id": "5"}, "update_task"),
     ({"old_responsible_user_id": ""}, "update_task"),
     ({"old_responsible_user_id": None}, "update_task"),
     ({"responsible_user_id": "5"}, "update_task")],
)  # fmt: skip
def test_a_task_was_given_to_another_user_if_there_was_another_one(
    item: dict[str, object], code: str
) -> None:
    assert find("task", "update", item).code == code


def test_an_unknown_name_keeps_its_words() -> None:
    assert find("moon", "rise", {}) == EventCode("moon/rise", "moon/rise", "", "", "rise")
    assert find("add", "", {"type": "moon"}) == EventCode("add", "add", "", "", "add")
    assert find("leads", "update", {"old_responsible_user_id": "5"}).code == "update_lead"
