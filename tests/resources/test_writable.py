"""What was read, without what cannot be written: to create it again, in another account too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.resources.resource import members
from amocrm.sandbox import Sandbox
from tests.resources.table import walk
from tests.resources.test_edit import MADE
from tests.resources.test_filters import client


@pytest.fixture
def crm() -> Iterator[AmoCRM]:
    with client(Sandbox(("example",), rps=None)) as crm:
        yield crm


@pytest.mark.parametrize("expression", [one for one in MADE if one not in ("drive", "sources")])
def test_what_was_read_is_created_again(crm: AmoCRM, expression: str) -> None:
    make, member, _ = MADE[expression]
    resource, number = make(crm)
    read = resource.get(number)
    model = resource.writable(read)
    assert set(model) <= members(type(resource), "new")
    if expression == "website_buttons":
        return  # Its websites cannot be read, and a button needs them.
    if "(id).notes" not in expression and expression.endswith(".notes"):
        assert model["entity_id"] == read["entity_id"]
    made = resource.create(model)
    again = resource.get(made.get("id", number))
    assert again[member] == read[member]


def test_every_resource_with_a_write_has_it() -> None:
    missing = [
        seat.expression
        for seat in walk()
        if hasattr(seat.kind, "create") and not hasattr(seat.kind, "writable")
    ]
    assert missing == []


def test_a_pipeline_is_copied_to_another_account_with_its_stages(crm: AmoCRM) -> None:
    stages = [{"name": "Agreed", "sort": 20, "color": "#fffeb2"}, {"id": 142, "name": "Sold"}]
    made = crm.leads.pipelines.create(
        {"name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": True,
         "_embedded": {"statuses": stages}}  # type: ignore[typeddict-item] # pyright: ignore
    )  # fmt: skip
    with client(Sandbox(("example",), rps=None)) as other:
        copied = other.leads.pipelines.create(
            crm.leads.pipelines.writable(crm.leads.pipelines.get(made["id"]))
        )
        found = other.leads.pipelines.get(copied["id"])["_embedded"]["statuses"]
    names = [one["name"] for one in found if one["type"] == 0]
    assert names[:2] == ["Agreed", "Sold"]


def test_a_color_that_is_shown_but_not_taken_is_left_out(crm: AmoCRM) -> None:
    first: Any = crm.leads.pipelines.list().first()
    assert "#99ccff" in [one["color"] for one in first["_embedded"]["statuses"]]
    model = crm.leads.pipelines.writable(first)
    model["is_main"] = False
    copied = crm.leads.pipelines.get(crm.leads.pipelines.create(model)["id"])
    assert [one["name"] for one in copied["_embedded"]["statuses"]] == [
        one["name"] for one in first["_embedded"]["statuses"]
    ]
    stages = crm.leads.pipelines(first["id"]).statuses
    for stage in stages.list():
        if stage["type"] == 0 and stage["id"] not in (142, 143):
            assert stages.create(stages.writable(stage))["name"] == stage["name"]


def test_fields_are_copied_with_their_choices(crm: AmoCRM) -> None:
    made: Any = crm.leads.custom_fields.create(
        {"name": "Region", "type": "select", "enums": [{"value": "north"}, {"value": "south"}]}
    )
    model: Any = crm.leads.custom_fields.writable(crm.leads.custom_fields.get(made["id"]))
    assert [set(one) for one in model["enums"]] == [{"value", "sort"}] * 2
    assert "id" not in model
    with client(Sandbox(("example",), rps=None)) as other:
        copied: Any = other.leads.custom_fields.create(model)
        assert [one["value"] for one in copied["enums"]] == ["north", "south"]


def test_a_lead_is_copied_with_fields_and_tags(crm: AmoCRM) -> None:
    crm.leads.custom_fields.create({"name": "Note", "type": "text"})
    lead: Any = {"name": "A", "price": 5, "_embedded": {"tags": [{"name": "vip"}]}}
    crm.leads.cf(lead)["Note"] = "x"
    read = crm.leads.get(crm.leads.create(lead)["id"])
    model: Any = crm.leads.writable(read)
    assert model["_embedded"]["tags"] == [{"name": "vip"}]
    again = crm.leads.get(crm.leads.create(model)["id"])
    assert crm.leads.cf(again)["Note"] == "x"
    assert [one["name"] for one in again["_embedded"]["tags"]] == ["vip"]


@pytest.mark.parametrize("wrong", [None, 5, [{"name": "A"}], "text"])
def test_what_is_no_model_is_refused(crm: AmoCRM, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="expected a dict"):
        crm.leads.writable(wrong)
