"""Values of filters: what is well formed, what is refused, and how phones are found."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.engine.collection import Collection
from amocrm.sandbox.engine.table import TABLE
from tests.sandbox.every_write import World

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ("/leads?filter[id]=abc", "InvalidType", "id"),
        ("/leads?filter[id]=", "InvalidType", "id"),
        ("/leads?filter[id][]=1&filter[id][]=x", "InvalidType", "id"),
        ("/leads?filter[id][from]=1", "FieldNotExpected", "id.from"),
        ("/leads?filter[id][0][1]=1", "InvalidType", "id.0"),
        ("/leads?filter[name][x]=1", "FieldNotExpected", "name.x"),
        ("/leads?filter[updated_at]=yesterday", "InvalidType", "updated_at"),
        ("/leads?filter[updated_at]=2021-11-01", "InvalidType", "updated_at"),
        ("/leads?filter[updated_at][from]=", "InvalidType", "updated_at.from"),
        ("/leads?filter[updated_at][gte]=1", "FieldNotExpected", "updated_at.gte"),
        ("/leads?filter[updated_at][]=1", "FieldNotExpected", "updated_at.0"),
        ("/leads?filter[price][to]=nan", "InvalidType", "price.to"),
        ("/leads?filter[statuses]=142", "InvalidType", "statuses"),
        ("/leads?filter[statuses][]=142", "InvalidType", "statuses.0"),
        ("/leads?filter[statuses][0][status]=142", "FieldNotExpected", "statuses.0.status"),
        ("/leads?filter[statuses][0][status_id]=won", "InvalidType", "statuses.0.status_id"),
        ("/leads?filter[custom_fields_values]=1", "InvalidType", "custom_fields_values"),
        ("/leads?filter[custom_fields_values][5]=1", "NotSupportedChoice",
         "custom_fields_values.5"),
        ("/tasks?filter[is_completed]=true", "NotSupportedChoice", "is_completed"),
        ("/tasks?filter[is_completed]=False", "NotSupportedChoice", "is_completed"),
        ("/tasks?filter[is_completed]=", "NotSupportedChoice", "is_completed"),
        ("/tasks?filter[entity_type]=lead", "NotSupportedChoice", "entity_type"),
        ("/tasks?filter[lead_statuses][]=142", "InvalidType", "lead_statuses.0"),
        ("/events?filter[entity]=leads", "NotSupportedChoice", "entity"),
        ("/events?filter[created_by]=Ann", "InvalidType", "created_by"),
        ("/events?filter[value_after]=142", "InvalidType", "value_after"),
        ("/events?filter[value_after][leads_statuses]=1", "InvalidType",
         "value_after.leads_statuses"),
        ("/events?filter[value_after][responsible_user_id]=a", "InvalidType",
         "value_after.responsible_user_id"),
        ("/leads/unsorted?filter[category][]=form", "NotSupportedChoice", "category"),
        ("/leads/unsorted/summary?filter[pipeline_id]=a", "InvalidType", "pipeline_id"),
        ("/leads/links?filter[entity_id]=a", "InvalidType", "entity_id"),
    ],
)  # fmt: skip
def test_a_malformed_value_is_refused(
    call: Call, refused: Refused, query: str, code: str, path: str
) -> None:
    assert refused(call("GET", query)) == [(code, f"filter.{path}")]


@pytest.mark.parametrize("entry", [one for one in TABLE if isinstance(one, Collection)])
def test_no_filter_takes_an_object_for_a_value(portal: Sandbox, entry: Collection) -> None:
    # Every filter of the table: a text inside two brackets more than it has is no value of it.
    world = World(portal)
    catalog, _ = world.element()
    path = re.sub(r"<[^>]*catalog_id>", str(catalog), entry.path)
    path = re.sub(r"<[^>]*pipeline_id>", str(world.account.main_pipeline["id"]), path)
    path = re.sub(r"<[^>]+>", str(world.entity("leads")), path).replace(
        "customers/7", "customers/9"
    )
    for name in entry.filters if "list" in entry.verbs else ():
        answer = world.send("GET", f"{path}?filter[{name}][a][b]=x")
        if answer.status_code != 404:  # The list of bots is Kommo's.
            assert answer.status_code == 400, (path, name)
            error = answer.json()["validation-errors"][0]["errors"][0]
            assert error["path"].startswith("filter."), (path, name)


DEFINITIONS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    # Type: the definition, values that are well formed, values that are not.
    "numeric": ({}, ["=5", "[]=5", "[from]=1.5"], ["=many", "[from]=x", "[gte]=1"]),
    "date": ({}, ["[from]=1700000000"], ["=1700000000", "[from]=2021-11-01", "[]=1"]),
    "date_time": ({}, ["[to]=1"], ["=1"]),
    "text": ({}, ["=a", "[]=a"], ["[from]=a"]),
    "url": ({}, ["=a"], ["[to]=a"]),
    "textarea": ({}, ["=a"], ["[x]=a"]),
    "streetaddress": ({}, ["=a"], ["[x]=a"]),
    "checkbox": ({}, ["=1", "=0"], ["=true", "=True", "="]),
    "select": ({"enums": [{"value": "a"}]}, ["=17", "[]=17"], ["=a", "[from]=1"]),
    "multiselect": ({"enums": [{"value": "a"}]}, ["[]=17"], ["[]=a"]),
    "radiobutton": ({"enums": [{"value": "a"}]}, ["=17"], ["=a"]),
    "birthday": ({}, [], ["[from]=1", "=1"]),
    "smart_address": ({}, [], ["=a"]),
    "tracking_data": ({}, [], ["=a"]),
    "monetary": ({"currency": "RUB"}, [], ["=5"]),
}


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_a_custom_field_is_filtered_by_its_type(call: Call, refused: Refused, kind: str) -> None:
    more, good, bad = DEFINITIONS[kind]
    made = call("POST", "/leads/custom_fields", json=[{"name": "A", "type": kind, **more}]).json()
    field = made["_embedded"]["custom_fields"][0]["id"]
    at = f"/leads?filter[custom_fields_values][{field}]"
    assert [call("GET", at + value).status_code for value in good] == [204] * len(good)
    for value in bad:
        ((_, path),) = refused(call("GET", at + value))
        assert path.startswith(f"filter.custom_fields_values.{field}")


WRITTEN = ["8 (999) 123-45-67", "+7 999 1234567", "+79991234567", "7-999-123-45-67"]
ASKED = ["9991234567", "999 123 45 67", "(999) 123-45-67", "1234567"]


@pytest.mark.parametrize("entity_type", ["contacts", "companies"])
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_phone_is_found_by_its_digits(
    portal: Sandbox, call: Call, entity_type: str, written: str, asked: str
) -> None:
    value = {"field_code": "PHONE", "values": [{"value": written}]}
    number = portal.add(entity_type, {"custom_fields_values": [value]})
    portal.add(entity_type, {"name": "other"})
    answer = call("GET", f"/{entity_type}", params={"query": asked})
    assert [one["id"] for one in answer.json()["_embedded"][entity_type]] == [number]


def test_a_phone_is_found_as_it_is_stored_on_request(portal: Sandbox, call: Call) -> None:
    value = {"field_code": "PHONE", "values": [{"value": "8 (999) 123-45-67"}]}
    portal.add("contacts", {"custom_fields_values": [value]})
    portal.account().phone_search = "text"
    found = {
        asked: call("GET", "/contacts", params={"query": asked}).status_code for asked in ASKED
    }
    assert found == {
        "9991234567": 204, "999 123 45 67": 204, "(999) 123-45-67": 200, "1234567": 204,
    }  # fmt: skip


@pytest.mark.parametrize("asked", ["+", "--", "12345678", "call 999"])
def test_what_is_not_in_the_digits_is_not_found(portal: Sandbox, call: Call, asked: str) -> None:
    value = {"field_code": "PHONE", "values": [{"value": "8 (999) 123-45-67"}]}
    portal.add("contacts", {"custom_fields_values": [value]})
    assert call("GET", "/contacts", params={"query": asked}).status_code == 204


LANGUAGES = {
    "en": "New lead", "ru": "Новая сделка", "es": "Nuevo lead", "pt": "Novo lead",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_types_of_events_have_names_in_four_languages(call: Call, language: str) -> None:
    answer = call("GET", "/events/types", params={"language_code": language}).json()
    items = answer["_embedded"]["events_types"]
    assert items[0]["lang"] == LANGUAGES[language]
    assert len({one["lang"] for one in items}) == len(items) == answer["_total_items"]


def test_types_of_events_are_named_in_the_language_of_the_user() -> None:
    for name, wanted in (("a.amocrm.ru", "Новая сделка"), ("a.kommo.com", "New lead")):
        world = World(Sandbox((name,), rps=None))
        host = world.account.host
        answer = world.session.get(f"https://{host}/api/v4/events/types").json()
        assert answer["_embedded"]["events_types"][0]["lang"] == wanted
