"""An entity of the API, written as a webhook: it has what amoCRM would have sent."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from amocrm.webhooks import parse
from amocrm.webhooks.reconciliation.wire_item import text_of, write_item
from tests.conftest import Make

URL = "https://hooks.example.com"


@pytest.fixture
def crm(sandbox: Sandbox, make: Make) -> AmoCRM:
    return make({"access_token": sandbox.issue_long_lived()})


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (0, "0"), (True, "1"), (False, "0"), (None, ""), ("a", "a"), (1.5, "1.5"),
     ({"a": 1}, {"a": 1})],
)  # fmt: skip
def test_values_are_texts_as_php_writes_them(value: Any, text: Any) -> None:
    assert text_of(value) == text


def sent(sandbox: Sandbox, code: str) -> dict[str, Any]:
    """Return the item that the sandbox has sent, which is written from the reference."""
    sandbox.webhooks.deliver()
    (one,) = [each for each in sandbox.webhooks.deliveries if each.code == code]
    return parse(one.body, one.headers["Content-Type"]).events[0].item


def test_a_lead_has_what_the_sandbox_sends(crm: AmoCRM, sandbox: Sandbox) -> None:
    fields = crm.leads.custom_fields
    size = fields.create({"name": "Size", "type": "numeric"})["id"]
    enums: Any = [{"value": "red", "sort": 1}]
    color = fields.create({"name": "Color", "type": "select", "enums": enums})["id"]
    crm.webhooks.create({"destination": URL, "settings": ["add_lead"]})
    lead = crm.leads.create({"name": "One", "price": 500, "_embedded": {"tags": [{"name": "vip"}]},
        "custom_fields_values": [
            {"field_id": size, "values": [{"value": 3}]},
            {"field_id": color, "values": [{"value": "red"}]},
        ]})  # fmt: skip
    ours = write_item("lead", crm.leads.get(lead["id"]))
    theirs = sent(sandbox, "add_lead")
    assert {"id", "name", "price", "status_id", "custom_fields", "tags", "date_create"} <= set(ours)
    assert {name: ours[name] for name in ours if name in theirs} == {
        name: theirs[name] for name in theirs if name in ours
    }
    assert set(ours) - set(theirs) == set()


def test_contacts_and_tasks_have_what_the_sandbox_sends(crm: AmoCRM, sandbox: Sandbox) -> None:
    crm.webhooks.create({"destination": URL, "settings": ["add_contact", "add_task"]})
    contact = crm.contacts.create({"name": "Ann"})["id"]
    task = crm.tasks.create({"text": "call", "complete_till": 1_800_000_000, "entity_id": contact,
                             "entity_type": "contacts"})["id"]  # fmt: skip
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (write_item("contact", crm.contacts.get(contact)), sent(sandbox, "add_contact")),
        (write_item("task", crm.tasks.get(task)), sent(sandbox, "add_task")),
    ]
    times = {"date_create", "last_modified"}  # Of a task, they are written as dates.
    for ours, theirs in pairs:
        shared = ours.keys() & theirs.keys() - times
        assert {"id", "responsible_user_id", "created_at"} <= shared
        assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
