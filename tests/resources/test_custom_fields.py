"""Custom fields by name, saving what differs, people found or created: through the client."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm import (
    Ambiguous,
    AmoCRM,
    ConfigurationError,
    Created,
    Found,
    MemoryStore,
    Refused,
    Updated,
    ValidationError,
)
from amocrm.resources.patch import changes
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key

if TYPE_CHECKING:
    from amocrm.schema.contacts import NewContact
    from amocrm.schema.leads import NewLead


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(("example",), rps=None, clock=clock)


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM(
        "example", {"access_token": token}, session=portal.session(), rate_limiter=None, clock=clock
    ) as crm:
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


def test_who_is_created_is_created_while_others_are_kept_out(
    portal: Sandbox, clock: ManualClock
) -> None:
    held: set[Key] = set()
    while_held: dict[str, int] = {}

    class Watched(MemoryStore):
        @contextmanager
        def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
            with super().lock(key, timeout):
                held.add(key)
                try:
                    yield
                finally:
                    held.remove(key)

    class Watching(requests.Session):
        def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
            while_held[str(request.method)] = len(held)
            return super().send(request, **settings)

    with AmoCRM(
        "example", {"access_token": portal.issue_long_lived()}, store=Watched(),
        session=portal.mount(Watching()), rate_limiter=None, clock=clock,
    ) as crm:  # fmt: skip
        made = crm.contacts.find_or_create({"name": "Ann"}, phone="+79990000001", email="a@b.ru")
    assert isinstance(made, Created)
    assert while_held == {"GET": 2, "POST": 2}
    assert not held


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


def test_of_many_pairs_only_those_that_differ_are_sent(crm: AmoCRM, portal: Sandbox) -> None:
    list(crm.leads.create_many([{"name": f"L{number}", "price": 1} for number in range(5)]))
    before = list(crm.leads.list(order={"id": "asc"}))
    after = copy.deepcopy(before)
    after[1]["price"] = 2
    crm.leads.cf(after[3])["Region"] = "north"
    after[4]["price"] = "a lot"  # type: ignore[typeddict-item]
    calls = len(portal.log)
    outcomes = list(crm.leads.save_many(zip(before, after, strict=True)))
    assert [type(one) for one in outcomes] == [Updated, Updated, Refused]
    assert outcomes[0].item == {"id": before[1]["id"], "price": 2}
    assert set(outcomes[1].item) == {"id", "custom_fields_values"}
    assert len(portal.log) - calls == 2  # the refused call, and the one without the bad item
    now = list(crm.leads.list(order={"id": "asc"}))
    assert [one["price"] for one in now] == [1, 2, 1, 1, 1]
    assert crm.leads.cf(now[3])["Region"] == "north"


def test_nothing_that_differs_is_no_call(crm: AmoCRM, portal: Sandbox) -> None:
    crm.leads.create({"name": "A"})
    leads = list(crm.leads.list())
    calls = len(portal.log)
    assert list(crm.leads.save_many(zip(leads, leads, strict=True))) == []
    assert len(portal.log) == calls


def test_elements_of_a_list_are_saved_in_calls_of_a_size(crm: AmoCRM, portal: Sandbox) -> None:
    elements = crm.catalogs(crm.catalogs.create({"name": "Cars"})["id"]).elements
    list(elements.create_many([{"name": f"E{number}"} for number in range(3)]))
    before = list(elements.list())
    pairs = [(one, {"name": f"{one['name']} new"}) for one in before]
    outcomes = elements.save_many(pairs, size=2)
    assert all(isinstance(one, Updated) for one in outcomes)
    assert outcomes.calls == 2
    assert sorted(one["name"] for one in elements.list()) == ["E0 new", "E1 new", "E2 new"]


def test_a_stage_by_its_name_moves_leads_and_finds_them(crm: AmoCRM, portal: Sandbox) -> None:
    made = crm.leads.pipelines.create({
        "name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": False,
        "_embedded": {"statuses": [{"name": "In work", "sort": 20, "color": "#fffeb2"}]},
    })  # fmt: skip
    lead = crm.leads.create({"name": "A"})["id"]
    calls = len(portal.log)
    stage = crm.leads.pipelines.stage("in work")
    assert len(portal.log) == calls + 1
    assert stage["pipeline_id"] == made["id"]
    assert crm.leads(lead).move(stage)["id"] == lead
    assert crm.leads.get(lead)["status_id"] == stage["status_id"]
    assert [one["id"] for one in crm.leads.list(filter={"statuses": [stage]})] == [lead]
    with pytest.raises(ConfigurationError, match="2 stages"):
        crm.leads.pipelines.stage("Успешно реализовано")
    won = crm.leads.pipelines.stage("Успешно реализовано", pipeline="Repairs")
    assert won == {"pipeline_id": made["id"], "status_id": 142}


def test_a_lost_lead_says_why(crm: AmoCRM) -> None:
    reason = crm.leads.loss_reasons.create({"name": "Too dear", "sort": 1})["id"]
    lead = crm.leads.create({"name": "A"})["id"]
    lost = crm.leads.pipelines.stage("Закрыто и не реализовано")
    crm.leads(lead).move(lost, loss_reason_id=reason)
    now = crm.leads.get(lead)
    assert (now["status_id"], now["loss_reason_id"]) == (143, reason)


def test_a_field_made_by_the_same_client_is_known_at_once(crm: AmoCRM) -> None:
    crm.leads.cf({})
    made = crm.leads.custom_fields.create({"name": "Later", "type": "text"})
    new: NewLead = {"name": "A"}
    crm.leads.cf(new)["Later"] = "x"
    crm.leads.custom_fields.update(made["id"], {"name": "Latest"})
    assert crm.leads.cf(new)["Latest"] == "x"
    crm.leads.custom_fields.delete(made["id"])
    with pytest.raises(ConfigurationError):
        crm.leads.cf({})["Latest"]


def phones(crm: AmoCRM, number: int) -> list[str]:
    values = crm.contacts.cf(crm.contacts.get(number)).raw("PHONE")
    return [one["value"] for one in values]


@pytest.mark.parametrize("text", ["+79001112233", "+79001112244"])
def test_a_field_may_be_named_by_its_code_to_be_saved(crm: AmoCRM, text: str) -> None:
    def phone(value: str) -> Any:
        return [{"field_code": "PHONE", "values": [{"value": value}]}]

    made = crm.contacts.create({"name": "A", "custom_fields_values": phone("+79001112233")})["id"]
    before = crm.contacts.get(made)
    number = str((before["custom_fields_values"] or [])[0]["field_id"])
    crm.contacts.save(before, {"custom_fields_values": phone(text)})
    assert phones(crm, made) == [text]
    by_id = {"custom_fields_values": [{"field_id": number, "values": [{"value": "+79001112255"}]}]}
    sent = changes(before, by_id)["custom_fields_values"]
    assert [one["field_id"] for one in sent] == [int(number)]


def test_linked_entities_are_not_saved_in_silence(crm: AmoCRM) -> None:
    before = crm.leads.get(crm.leads.create({"name": "A"})["id"], with_=["contacts"])
    after = copy.deepcopy(before)
    after["_embedded"]["contacts"] = [{"id": 1, "is_main": True}]
    with pytest.raises(ConfigurationError, match="contacts of an entity are changed through"):
        crm.leads.save(before, after)


def test_a_phone_and_its_kind_are_not_two_phones(crm: AmoCRM) -> None:
    fields = crm.contacts.cf({})
    with pytest.raises(ConfigurationError, match="Multitext"):
        fields["PHONE"] = ("+79005556677", "MOB")
    fields["PHONE"] = [("+79005556677", "MOB")]
    assert fields.raw("PHONE")[0]["value"] == "+79005556677"


def test_who_is_created_has_what_they_were_looked_for_by(crm: AmoCRM) -> None:
    own: NewContact = {
        "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+74951112233"}]}]
    }
    first = crm.contacts.find_or_create(own, phone="+79998887766")
    assert isinstance(first, Created)
    assert isinstance(crm.contacts.find_or_create(own, phone="+79998887766"), Found)
    assert phones(crm, int(str(first.id))) == ["+74951112233", "+79998887766"]


def test_a_phone_that_the_model_names_by_id_is_kept(crm: AmoCRM) -> None:
    number = next(one["id"] for one in crm.contacts.custom_fields.list() if one["code"] == "PHONE")
    own: NewContact = {
        "custom_fields_values": [{"field_id": number, "values": [{"value": "+74951112299"}]}]
    }
    made = crm.contacts.find_or_create(own, phone="+79998887701")
    assert isinstance(made, Created)
    assert phones(crm, int(str(made.id))) == ["+74951112299", "+79998887701"]


def test_a_choice_that_others_have_added_is_known_within_a_minute(
    crm: AmoCRM, portal: Sandbox, clock: ManualClock
) -> None:
    fields = crm.leads.cf({})
    fields["Region"] = "north"
    field = next(one for one in crm.leads.custom_fields.list() if one["name"] == "Region")
    choices = [*(field.get("enums") or []), {"value": "east", "sort": 3}]
    path = f"/api/v4/leads/custom_fields/{field['id']}"
    crm.request.patch(path, {"enums": choices})  # as if somebody else did
    with pytest.raises(ConfigurationError, match="east"):
        fields["Region"] = "east"
    clock.advance(60)
    fields = crm.leads.cf({})
    fields["Region"] = "east"
    assert fields["Region"] == "east"


def test_a_refusal_of_many_saves_names_the_field(crm: AmoCRM) -> None:
    before = crm.leads.get(crm.leads.create({"name": "A"})["id"])
    number = next(one["id"] for one in crm.leads.custom_fields.list() if one["name"] == "Region")
    crm.leads.cf({})
    bad = {"custom_fields_values": [{"field_id": number, "values": [{"value": "nope"}]}]}
    (outcome,) = crm.leads.save_many([(before, bad)])
    assert isinstance(outcome, Refused)
    assert outcome.errors[0].field_name == "Region"
