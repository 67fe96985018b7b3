"""Reading an account into a schema: what goes in, what never does, and that it comes back equal."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

from amocrm import AmoCRM, BlockedError, PaymentRequiredError
from amocrm.cloning.clone import clone
from amocrm.sandbox import Sandbox, read_schema, write_schema
from tests.cloning.documents import Document, client, documents
from tests.hostile import cases

few = settings(cases, max_examples=max(1, cases.max_examples // 8))


def cloned(portal: Sandbox) -> Document:
    with client(portal) as crm:
        return clone(crm)


def shop() -> Sandbox:
    portal = Sandbox(rps=None, seed=0)
    portal.add_shop()
    return portal


@few
@given(documents())
def test_what_was_loaded_is_read_again_byte_for_byte(document: Document) -> None:
    first = write_schema(cloned(Sandbox(schema=document, rps=None)))
    again = Sandbox(schema=json.loads(first), rps=None)
    assert write_schema(cloned(again)) == first


@few
@given(documents())
def test_ids_names_and_types_are_those_of_the_document(document: Document) -> None:
    found = cloned(Sandbox(schema=document, rps=None))
    assert found["account"]["id"] == document["account"]["id"]
    for name in ("pipelines", "roles", "catalogs", "loss_reasons", "task_types", "users_groups"):
        assert {one["id"]: one["name"] for one in found[name]} == {
            one["id"]: one["name"] for one in document[name]
        }
    for kind, fields in document["fields"].items():
        assert {one["id"]: (one["name"], one["type"]) for one in found["fields"][kind]} == {
            one["id"]: (one["name"], one["type"]) for one in fields
        }
    assert {one["id"] for one in found["users"]} == {one["id"] for one in document["users"]}


def test_an_account_with_a_shop_comes_back_without_its_entities() -> None:
    portal = shop()
    text = write_schema(cloned(portal))
    copy = Sandbox(schema=json.loads(text), rps=None)
    assert write_schema(cloned(copy)) == text
    assert (len(copy.leads()), len(copy.contacts())) == (0, 0)


SECRETS = (
    "Zinaida", "Marker", "zina@marker.test", "+79990001122", "hush-hush", "https://marker.test",
)  # fmt: skip


def test_nothing_of_people_goes_in() -> None:
    portal = shop()
    with client(portal) as crm:
        contact: Any = {"first_name": "Zinaida", "last_name": "Marker", "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "+79990001122", "enum_code": "MOB"}]},
            {"field_code": "EMAIL", "values": [{"value": "zina@marker.test"}]},
        ]}  # fmt: skip
        number = crm.contacts.create(contact)["id"]
        crm.leads.create({"name": "Marker", "_embedded": {"tags": [{"name": "hush-hush"}]}})
        crm.contacts(number).notes.create({"note_type": "common", "params": {"text": "hush-hush"}})
        crm.webhooks.create({"destination": "https://marker.test/hook", "settings": ["add_lead"]})
        crm.sources.create({"name": "WhatsApp +79990001122", "external_id": "hush-hush"})
        crm.users.create({"name": "Marker", "email": "zina@marker.test", "password": "aA1aA1aA"})
        pipeline = crm.leads.pipelines.list().first()
        assert pipeline is not None
        crm.leads.pipelines(pipeline["id"]).statuses.create(
            {
                "name": "Check", "sort": 25,
                "descriptions": [{"level": "newbie", "description": "Ask Zinaida, +79990001122"}],
            }
        )  # fmt: skip
        text = write_schema(clone(crm))
    assert [one for one in SECRETS if one in text] == []
    found = json.loads(text)
    assert [one["name"] for one in found["users"]] == ["User 1", "User 2", "User 3"]
    assert [one["name"] for one in found["sources"]] == ["Source 1"]
    assert "example" not in re.sub("amocrm.ru", "", text)


def test_a_user_without_rights_learns_less_and_is_told() -> None:
    portal = shop()
    with client(portal, admin=False) as crm:
        found = clone(crm)
    assert found["unknown"] == ["roles", "sources", "users", "webhooks"]
    assert not {"roles", "users", "sources"} & found.keys()
    # What is unknown is as in a new account.
    copy = Sandbox(schema=found, rps=None)
    assert [one.name for one in copy.account().users.values()] == ["Ann", "Bob"]


def test_a_small_plan_stays_one() -> None:
    portal = Sandbox(rps=None)
    portal.set_plan("basic")
    found = cloned(portal)
    assert found["plan"] == {
        "customers_mode": "unavailable", "has_catalogs": False, "has_webhooks": False,
        "is_api_filter_enabled": False,
    }  # fmt: skip
    assert found["unknown"] == ["catalogs", "products", "webhooks"]
    copy = Sandbox(schema=found, rps=None)
    with client(copy) as crm, pytest.raises(PaymentRequiredError):
        list(crm.catalogs.list())


def test_references_to_what_was_deleted_are_dropped() -> None:
    portal = Sandbox(rps=None)
    with client(portal) as crm:
        main = crm.leads.pipelines.list().first()
        assert main is not None
        stage = crm.leads.pipelines(main["id"]).statuses.create({"name": "Temporary", "sort": 25})
        where: Any = {"pipeline_id": main["id"], "status_id": stage["id"]}
        field = crm.leads.custom_fields.create(
            {"name": "Why", "type": "text", "required_statuses": [where]}
        )
        crm.leads.pipelines(main["id"]).statuses.delete(stage["id"])
        found = clone(crm)
    assert [
        one["required_statuses"] for one in found["fields"]["leads"] if one["id"] == field["id"]
    ] == [[]]
    assert read_schema(found) == found


def test_a_block_and_a_missing_account_are_errors_and_no_parts_left_out() -> None:
    portal = Sandbox(rps=None)
    portal.inject("forbidden", path="/api/v4/roles")
    with client(portal) as crm, pytest.raises(BlockedError):
        clone(crm)
    portal.account().is_paid = False
    with client(portal) as crm, pytest.raises(PaymentRequiredError):
        clone(crm)


def test_about_two_dozen_calls_of_which_four_are_under_way() -> None:
    portal = shop()
    before = len(portal.log)
    cloned(portal)
    calls = portal.log[before:]
    assert len(calls) <= 24
    assert {one.method for one in calls} == {"GET"}
    assert portal.account().subdomain == "example"


def test_the_platform_is_that_of_the_host() -> None:
    portal = Sandbox(("shop.kommo.com",), rps=None)
    found = cloned(portal)
    assert found["account"]["zone"] == "kommo.com"
    assert Sandbox(schema=found).account().host == "example.kommo.com"


def test_the_client_of_an_account_is_left_open() -> None:
    portal = Sandbox(rps=None)
    with client(portal) as crm:
        clone(crm)
        assert isinstance(crm, AmoCRM)
        assert crm.account.get()["id"] == portal.account().id
