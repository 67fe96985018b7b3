"""What is left of requests and answers in a cassette."""

from __future__ import annotations

import doctest
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm.testing import masking
from amocrm.testing.masking import mask_form, mask_json, mask_text, mask_url

PERSON: dict[str, Any] = {
    "id": 5,
    "name": "Анна Петрова",
    "first_name": "Анна",
    "last_name": "Петрова",
    "responsible_user_id": 7,
    "created_at": 1_700_000_000,
    "custom_fields_values": [
        {
            "field_id": 901, "field_name": "Телефон", "field_code": "PHONE",
            "field_type": "multitext",
            "values": [{"value": "+7 999 123-45-67", "enum_id": 1, "enum_code": "WORK"}],
        },
        {
            "field_id": 903, "field_name": "Email", "field_code": "EMAIL",
            "field_type": "multitext", "values": [{"value": "anna@example.org", "enum_id": 3}],
        },
        {
            "field_id": 905, "field_name": "Size", "field_code": None, "field_type": "select",
            "values": [{"value": "Large", "enum_id": 1701}],
        },
        {
            "field_id": 907, "field_name": "Passport", "field_code": None, "field_type": "text",
            "values": [{"value": "4510 123456"}],
        },
        {
            "field_id": 909, "field_name": "Born", "field_code": None, "field_type": "birthday",
            "values": [{"value": 500_000_000}],
        },
        {
            "field_id": 911, "field_name": "Sum", "field_code": None, "field_type": "numeric",
            "values": [{"value": "15"}],
        },
    ],
    "tags": [{"id": 3, "name": "friend of Anna"}],
    "_links": {"self": {"href": "https://example.amocrm.ru/api/v4/contacts/5?page=1"}},
}  # fmt: skip


def test_a_person_is_no_more_recognized_and_the_shape_stays() -> None:
    masked = mask_json(PERSON)
    assert {name: masked[name] for name in ("id", "name", "first_name", "created_at")} == {
        "id": 5, "name": "Name", "first_name": "Name", "created_at": 1_700_000_000,
    }  # fmt: skip
    fields = masked["custom_fields_values"]
    assert [one["values"][0]["value"] for one in fields] == [
        "+70000000000", "person@example.com", "Large", "Text", 0, "15",
    ]  # fmt: skip
    assert [one["field_name"] for one in fields][:2] == ["Телефон", "Email"]
    assert fields[0]["values"][0]["enum_code"] == "WORK"
    assert masked["tags"] == [{"id": 3, "name": "Name"}]
    assert masked["_links"] == PERSON["_links"]
    assert PERSON["name"] == "Анна Петрова", "the program still gets what was answered"


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        ({"_embedded": {"pipelines": [{"id": 1, "name": "Sales"}]}}, None),
        ({"_embedded": {"users": [{"name": "Anna", "email": "a@b.ru"}]}},
         {"_embedded": {"users": [{"name": "Name", "email": "person@example.com"}]}}),
        ({"id": 1, "name": "Won", "_links": {"self": {
            "href": "https://a.amocrm.ru/api/v4/leads/pipelines/11/statuses/142"}}}, None),
        ([{"name": "Lead of Anna", "price": 1500, "_embedded": {"contacts": [{"name": "Anna"}]}}],
         [{"name": "Name", "price": 1500, "_embedded": {"contacts": [{"name": "Name"}]}}]),
        ({"note_type": "call_in", "params": {
            "phone": 79991234567, "link": "https://calls.example.net/1.mp3", "duration": 60,
            "call_result": "Anna will call"}},
         {"note_type": "call_in", "params": {
            "phone": "+70000000000", "link": "Text", "duration": 60, "call_result": "Text"}}),
        ({"category": "forms", "metadata": {"ip": "10.20.30.40", "form_name": "Anna's form"}},
         {"category": "forms", "metadata": {"ip": "Text", "form_name": "Text"}}),
        ({"destination": "https://mine.example.net/secret", "settings": ["add_lead"]},
         {"destination": "https://example.com/masked", "settings": ["add_lead"]}),
        ({"token_type": "Bearer", "expires_in": 86400, "access_token": "a", "refresh_token": "b"},
         {"token_type": "Bearer", "expires_in": 86400, "access_token": "masked-access_token",
          "refresh_token": "masked-refresh_token"}),
        ({"a_member_of_tomorrow": "Anna", "another": ["Anna", {"deep": "Anna"}], "count": 3},
         {"a_member_of_tomorrow": "Text", "another": ["Text", {"deep": "Text"}], "count": 3}),
        ({"title": "Bad Request", "status": 400, "detail": "anna@example.org is taken"},
         {"title": "Bad Request", "status": 400, "detail": "person@example.com is taken"}),
        ({"text": "Call Anna", "result": {"text": "Done by Anna"}},
         {"text": "Text", "result": {"text": "Text"}}),
        ({"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "891234567"}]}]},
         {"custom_fields_values": [
             {"field_code": "PHONE", "values": [{"value": "+70000000000"}]}]}),
        ({"custom_fields_values": [{"field_id": 9, "values": [{"value": "89991234567"}]}]},
         {"custom_fields_values": [{"field_id": 9, "values": [{"value": "+70000000000"}]}]}),
        ({"upload_url": "https://drive-b.amocrm.ru/v1.0/sessions/upload/abc"},
         {"upload_url": "masked-upload_url"}),
        ({"href": "http://[anna"}, {"href": "https://example.com/masked"}),
        ({"custom_fields_values": [{"field_type": "smart_address", "values": [
            {"value": "Lenina 1, Moscow", "enum_id": 5, "enum_code": "address_line_1"}]}]},
         {"custom_fields_values": [{"field_type": "smart_address", "values": [
            {"value": "Text", "enum_id": 5, "enum_code": "address_line_1"}]}]}),
        ({"custom_fields_values": [{"field_id": 9, "values": [{"value": "@anna", "enum_id": 5}]}]},
         {"custom_fields_values": [{"field_id": 9, "values": [{"value": "Text", "enum_id": 5}]}]}),
        ({"custom_fields_values": [
            {"field_type": "numeric", "values": [{"value": 79991234567}, {"value": 1500}]},
            {"field_type": "date", "values": [{"value": 1_700_000_000}]},
            {"field_type": "text", "values": [{"value": "223-33-22"}, {"value": "123456789"}]}]},
         {"custom_fields_values": [
            {"field_type": "numeric", "values": [{"value": 0}, {"value": 1500}]},
            {"field_type": "date", "values": [{"value": 1_700_000_000}]},
            {"field_type": "text", "values": [{"value": "Text"}, {"value": "Text"}]}]}),
        ({"params": {"text": "223-33-22"}, "metadata": {"ip": "1.2.3.4"}},
         {"params": {"text": "Text"}, "metadata": {"ip": "Text"}}),
        ({"_embedded": {"sources": [{"name": "Telegram @anna"}]}},
         {"_embedded": {"sources": [{"name": "Name"}]}}),
        ({"rows": [["Anna"]], "name": ["Anna"]}, {"rows": [["Text"]], "name": ["Name"]}),
        ("Anna", "Text"), (None, None), ([], []), (5, 5),
    ],
)  # fmt: skip
def test_members(data: Any, masked: Any) -> None:
    once = mask_json(data)
    assert once == (data if masked is None else masked)
    assert mask_json(once) == once


@pytest.mark.parametrize(
    ("query", "masked"),
    [
        ("limit=250&page=2&order[id]=desc&with=contacts,leads", None),
        ("filter[id][0]=5&filter[created_at][from]=1700000000", None),
        ("query=Анна", "query=Text"),
        ("query=9991234567", "query=+70000000000"),
        ("query=8 (999) 123-45-67", "query=+70000000000"),
        ("query=anna@example.org", "query=person@example.com"),
        ("filter[name]=Анна", "filter[name]=Name"),
        ("filter[custom_fields_values][9][]=223322",
         "filter[custom_fields_values][9][]=+70000000000"),
        ("filter[destination]=https://a.example/secret",
         "filter[destination]=https://example.com/masked"),
        ("code=def502aa&client_secret=s&grant_type=authorization_code",
         "code=masked-code&client_secret=masked-client_secret&grant_type=authorization_code"),
        ("", None),
    ],
)  # fmt: skip
def test_queries_and_forms(query: str, masked: str | None) -> None:
    once = mask_form(query)
    assert parse_qsl(once) == parse_qsl((query if masked is None else masked).replace("+", "%2B"))
    assert mask_form(once) == once, "vcrpy masks some requests twice"


def test_addresses() -> None:
    host = "https://example.amocrm.ru"
    assert mask_url(f"{host}/api/v4/leads/5") == f"{host}/api/v4/leads/5"
    assert mask_url("http://127.0.0.1:8080/api/v4/leads") == "http://127.0.0.1:8080/api/v4/leads"
    assert mask_url("https://calls.example.net/anna.mp3") == "https://example.com/masked"
    assert mask_url(f"{host}/v1.0/sessions/upload/abc.def?x=1") == (
        f"{host}/v1.0/sessions/upload/masked?x=1"
    )


def test_examples_in_docstrings_hold() -> None:
    result = doctest.testmod(masking)
    assert (result.attempted >= 3, result.failed) == (True, 0)


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KEYS = [*masking._BY_KEY, *masking._SECRETS, "custom_fields_values", "params", "values", "_links"]


@given(st.recursive(JSON, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner)))
def test_any_json_is_masked_and_masking_again_changes_nothing(data: Any) -> None:
    once = mask_json(data)
    json.dumps(once)
    assert mask_json(once) == once


@given(st.text(max_size=60))
def test_any_text_is_masked_and_masking_again_changes_nothing(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)
    assert mask_form(mask_form(text)) == mask_form(text)
