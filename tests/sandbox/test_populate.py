"""A plausible year of data: whole, consistent in time and links, and the same for each seed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.populate.people import latin, pool_of

Call = Callable[..., requests.Response]
YEAR = 366 * 86_400
LEADS = 300


@pytest.fixture(scope="module")
def full() -> Sandbox:
    portal = Sandbox(clock=ManualClock(), rps=None, seed=1)
    portal.populate(LEADS, seed=7, locale="both")
    return portal


@pytest.fixture
def portal(full: Sandbox) -> Sandbox:
    return full


def shelf(portal: Sandbox, name: str) -> list[dict[str, Any]]:
    return list(portal.account().entities[name].values())


def test_every_moment_lies_in_the_year_and_in_order(full: Sandbox) -> None:
    now = full.clock.time()
    for name in ("leads", "contacts", "companies", "tasks", "leads/notes", "events"):
        found = shelf(full, name)
        assert found
        for one in found:
            assert now - YEAR <= one["created_at"] <= one.get("updated_at", now) <= now
        moments = [one["created_at"] for one in found]
        assert moments == sorted(moments), name


def test_leads_are_spread_over_the_stages_and_closed_as_the_api_closes_them(full: Sandbox) -> None:
    leads = shelf(full, "leads")
    assert len(leads) == LEADS
    stages = {one["id"] for one in full.account().statuses(leads[0]["pipeline_id"])[1:]}
    assert {one["status_id"] for one in leads} == stages
    reasons = {one["id"] for one in shelf(full, "loss_reasons")}
    for lead in leads:
        is_closed = lead["status_id"] in (142, 143)
        assert (lead["closed_at"] is not None) is is_closed
        assert (lead["loss_reason_id"] in reasons) is (lead["status_id"] == 143)
        if is_closed:
            assert lead["created_at"] < lead["closed_at"] == lead["updated_at"]
    assert len({one["responsible_user_id"] for one in leads}) == 2


def test_the_history_leads_to_the_stage_of_today(full: Sandbox) -> None:
    moves: dict[int, list[dict[str, Any]]] = {}
    for event in shelf(full, "events"):
        if event["type"] == "lead_status_changed":
            moves.setdefault(event["entity_id"], []).append(event)
    assert moves
    for number, events in moves.items():
        lead = full.account().entities["leads"][number]
        stages = [event["value_after"][0]["lead_status"]["id"] for event in events]
        befores = [event["value_before"][0]["lead_status"]["id"] for event in events]
        assert stages[-1] == lead["status_id"]
        assert befores[1:] == stages[:-1]
        assert all(event["created_by"] in full.account().users for event in events)


def test_tasks_are_those_of_the_cards(full: Sandbox) -> None:
    tasks, now = shelf(full, "tasks"), full.clock.time()
    done = [one for one in tasks if one["is_completed"]]
    assert done
    assert len(done) < len(tasks)
    assert all(one["result"]["text"] for one in done)
    assert any(one["complete_till"] < now for one in tasks if not one["is_completed"])
    for lead in shelf(full, "leads"):
        own = [one for one in tasks if one["entity_id"] == lead["id"] and not one["is_completed"]]
        assert lead["closest_task_at"] == min((one["complete_till"] for one in own), default=None)


def test_people_have_phones_and_mail_that_reaches_nobody(full: Sandbox) -> None:
    addresses: set[str] = set()
    phones: set[str] = set()
    for person in full.contacts():
        values = {one["field_code"]: one["values"] for one in person["custom_fields_values"]}
        phones |= {one["value"] for one in values["PHONE"]}
        addresses |= {one["value"] for one in values["EMAIL"]}
        assert person["leads"]
        assert person["name"] == f"{person['first_name']} {person['last_name']}"
    assert all(one.isascii() for one in addresses)
    domains = {one.partition("@")[2] for one in addresses}
    assert domains == {"example.com", "example.org", "example.net"}
    assert len(phones) > len(full.contacts()) * 0.9
    names = "".join(one["name"] for one in full.contacts())
    assert any(one.isascii() and one.isalpha() for one in names)
    assert any("а" <= one <= "я" for one in names)
    assert any(one["companies"] for one in full.contacts())


def test_every_read_of_the_api_works(call: Call) -> None:
    first = call("GET", "/leads?limit=250&with=contacts,loss_reason,catalog_elements")
    assert first.status_code == 200
    leads = first.json()["_embedded"]["leads"]
    assert all(one["_embedded"]["contacts"] for one in leads)
    tags = {tag["name"] for one in leads for tag in one["_embedded"]["tags"]}
    assert {"сайт", "website"} <= tags
    lead = next(one for one in leads if one["status_id"] == 143)
    assert lead["_embedded"]["loss_reason"][0]["name"]
    stage = "filter[statuses][0][pipeline_id]=11&filter[statuses][0][status_id]=143"
    lost = call("GET", f"/leads?limit=250&{stage}").json()["_embedded"]["leads"]
    assert {one["status_id"] for one in lost} == {143}
    person = lead["_embedded"]["contacts"][0]["id"]
    shown = call("GET", f"/contacts/{person}?with=leads").json()
    assert lead["id"] in [one["id"] for one in shown["_embedded"]["leads"]]
    phone = shown["custom_fields_values"][0]["values"][0]["value"]
    found = call("GET", "/contacts", params={"query": phone}).json()["_embedded"]["contacts"]
    assert person in [one["id"] for one in found]
    for path in (
        "/tasks",
        "/events",
        "/leads/notes",
        "/companies",
        "/contacts/tags",
        "/leads/tags",
    ):
        assert call("GET", path).status_code in (200, 204)
    one = call("GET", f"/leads/{lead['id']}").json()
    assert call("PATCH", f"/leads/{lead['id']}", json=one).status_code == 200


def test_the_same_seed_makes_the_same_data() -> None:
    def make(seed: int) -> Sandbox:
        portal = Sandbox(clock=ManualClock(), seed=1)
        portal.populate(40, seed=seed)
        return portal

    first, again, other = make(1), make(1), make(2)
    assert first.account().entities == again.account().entities
    assert first.leads() != other.leads()
    assert [one["price"] for one in first.leads()] != [one["price"] for one in other.leads()]


def test_the_fields_of_the_account_are_filled_with_what_they_take() -> None:
    portal = Sandbox(clock=ManualClock())
    ways = [{"value": "Почта"}, {"value": "Курьер"}]
    fields = [
        {"name": "way", "type": "select", "enums": ways},
        {"name": "several", "type": "multiselect", "enums": ways},
        {"name": "when", "type": "date"},
        {"name": "sum", "type": "numeric"},
        {"name": "yes", "type": "checkbox"},
        {"name": "text", "type": "text"},
    ]
    portal.call_api("POST", "/leads/custom_fields", fields)
    portal.call_api("POST", "/leads/pipelines", [{
        "name": "Вторая", "is_main": False, "is_unsorted_on": True, "sort": 5,
        "_embedded": {"statuses": [{"name": "Один", "sort": 10}]},
    }])  # fmt: skip
    portal.populate(100)
    names: set[str] = set()
    for lead in portal.leads():
        names |= {one["field_name"] for one in lead["custom_fields_values"] or ()}
        model = {"custom_fields_values": lead["custom_fields_values"]}
        portal.call_api("PATCH", f"/leads/{lead['id']}", model)
    assert {"way", "several", "when", "sum", "yes", "utm_source"} <= names
    assert len({one["pipeline_id"] for one in portal.leads()}) == 2


def test_no_webhook_tells_of_it_and_data_that_is_there_stays() -> None:
    portal = Sandbox(("one", "two.kommo.com"), clock=ManualClock())
    portal.add_shop("two")
    hook = {"destination": "http://127.0.0.1:9/", "settings": ["add_lead"]}
    portal.call_api("POST", "/webhooks", hook, account="two")
    before = portal.leads("two")
    portal.populate(20, account="two")
    assert portal.leads("two")[: len(before)] == before
    assert (len(portal.leads("two")), portal.leads("one")) == (len(before) + 20, [])
    assert portal.webhooks.deliveries == []
    assert all(one["name"].isascii() for one in portal.leads("two")[len(before) :])
    portal.add("leads", {"name": "later"}, "two")
    assert len(portal.webhooks.deliveries) == 1


def test_what_cannot_be_made_is_refused() -> None:
    portal = Sandbox()
    with pytest.raises(ValueError, match="leads must not be negative"):
        portal.populate(-1)
    with pytest.raises(ValueError, match="locale must be 'ru', 'en' or 'both', not 'fr'"):
        portal.populate(1, locale="fr")  # type: ignore[arg-type]  # that is the point
    portal.populate(0)
    assert portal.leads() == []


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)
    pool_of.cache_clear()
    portal = Sandbox()
    with pytest.raises(ImportError, match=r"pip install 'amocrm-python\[testing\]'"):
        portal.populate(1)
    with portal.session() as session:
        answer = session.post("https://example.amocrm.ru/_sandbox/populate", json={"leads": 1})
    assert (answer.status_code, "amocrm-python[testing]" in answer.text) == (501, True)
    assert portal.leads() == []


def test_names_are_written_in_latin_letters() -> None:
    assert [latin(one) for one in ("Щукина", "Подъячий", "Ёж", "O'Hara", "José", "")] == [
        "schukina", "podyachiy", "ezh", "ohara", "jos", "",
    ]  # fmt: skip
