"""Custom fields by name, saving what differs, people found or created: through the client."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from amocrm import AmoCRM, ConfigurationError, Created, Refused, ValidationError
from amocrm.core.match import Ambiguous, Found
from amocrm.sandbox import Sandbox

if TYPE_CHECKING:
    from amocrm.schema.leads import NewLead


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(("example",), rps=None)


@pytest.fixture
def crm(portal: Sandbox) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM("example", {"access_token": token}, session=portal.session(), pace=None) as crm:
        crm.leads.custom_fields.create(
            {"name": "Region", "type": "select", "enums": [{"value": "north"}, {"value": "south"}]}
        )
        crm.leads.custom_fields.create({"name": "Visit", "type": "date"})
        yield crm


def test_a_new_lead_with_fields_by_name(crm: AmoCRM) -> None:
    new: NewLead = {"name": "A"}
    fields = crm.leads.cf(new)
    fields["region"] = "north"
    fields["Visit"] = datetime.date(2026, 3, 1)
    made = crm.leads.create(new)
    read = crm.leads.cf(crm.leads.get(made["id"]))
    assert read["Region"] == "north"
    assert read["Visit"] == datetime.date(2026, 3, 1)


def test_a_field_that_is_not_there_is_told_with_the_nearest(crm: AmoCRM) -> None:
    with pytest.raises(ConfigurationError, match="Region"):
        crm.leads.cf({})["Regoin"]


def test_only_what_differs_is_sent(crm: AmoCRM, portal: Sandbox) -> None:
    made = crm.leads.create({"name": "A", "price": 5})
    before = crm.leads.get(made["id"])
    after = copy.deepcopy(before)
    calls = len(portal.log)
    assert crm.leads.save(before, after) is None
    assert len(portal.log) == calls
    after["price"] = 7
    crm.leads.update(made["id"], {"name": "B"})  # somebody else, meanwhile
    changed = crm.leads.save(before, after)
    assert changed is not None
    now = crm.leads.get(made["id"])
    assert (now["name"], now["price"]) == ("B", 7)


def test_a_changed_field_is_saved(crm: AmoCRM) -> None:
    made = crm.leads.create({"name": "A"})
    before = crm.leads.get(made["id"])
    after = copy.deepcopy(before)
    crm.leads.cf(after)["Region"] = "south"
    crm.leads.save(before, after)
    assert crm.leads.cf(crm.leads.get(made["id"]))["Region"] == "south"


def test_a_refusal_names_the_field_and_its_choices(crm: AmoCRM) -> None:
    number = next(one for one in crm.leads.custom_fields.list() if one["name"] == "Region")["id"]
    bad: NewLead = {"custom_fields_values": [{"field_id": number, "values": [{"value": "west"}]}]}
    with pytest.raises(ValidationError) as plain:
        crm.leads.create(bad)
    assert "north" not in str(plain.value)
    crm.leads.cf({})  # from now on the definitions are known
    (outcome,) = crm.leads.create_many([bad])
    assert isinstance(outcome, Refused)
    assert outcome.errors[0].field_name == "Region"
    with pytest.raises(ValidationError, match="Region") as named:
        crm.leads.create(bad)
    assert "north" in str(named.value)
    (field,) = named.value.fields
    assert (field.field_id, field.field_name, field.choices) == (
        number,
        "Region",
        ("north", "south"),
    )
    number = crm.leads.create({"name": "A"})["id"]
    with pytest.raises(ValidationError, match="Region"):
        crm.leads.update(number, {"custom_fields_values": bad["custom_fields_values"]})


def test_people_are_found_or_created_once(crm: AmoCRM) -> None:
    first = crm.contacts.find_or_create({"name": "Anna"}, phone="8 (999) 000-00-01")
    assert isinstance(first, Created)
    again = crm.contacts.find_or_create({"name": "Other"}, phone="+7 999 000 00 01")
    assert isinstance(again, Found)
    assert (again.id, again.entity["name"]) == (first.id, "Anna")
    assert [one["id"] for one in crm.contacts.find(phone="79990000001")] == [first.id]
    crm.contacts.create({
        "name": "Twin",
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "+79990000001", "enum_code": "WORK"}]}
        ],
    })  # fmt: skip
    assert isinstance(crm.contacts.find_or_create({}, phone="+79990000001"), Ambiguous)


def test_companies_are_found_by_email(crm: AmoCRM) -> None:
    made = crm.companies.find_or_create({"name": "Example"}, email="Info@example.com")
    assert isinstance(made, Created)
    assert isinstance(crm.companies.find_or_create({}, email="info@EXAMPLE.com"), Found)


def test_another_user_shares_what_is_known(crm: AmoCRM, portal: Sandbox) -> None:
    crm.leads.cf({})
    calls = len(portal.log)
    other = next(one for one in portal.accounts[0].users.values() if not one.is_admin)
    crm.as_user(other.id).leads.cf({})
    assert len(portal.log) == calls
