from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError
from amocrm.resources.people.contact_keys import Ambiguous, Found, read_contact_keys

KEYS = read_contact_keys(["8 900 123-45-67", "+79001234567", "12345"], "Ann@Example.org")


def has(code: str | None, *values: Any) -> dict[str, Any]:
    return {
        "custom_fields_values": [{"field_code": code, "values": [{"value": v} for v in values]}]
    }


def test_each_is_searched_for_once_and_a_phone_by_its_end() -> None:
    assert KEYS.phones == ("+79001234567", "12345")
    assert KEYS.queries == ["9001234567", "12345", "ann@example.org"]
    assert KEYS.texts == ["EMAIL ann@example.org", "PHONE +79001234567", "PHONE 12345"]


@pytest.mark.parametrize(
    ("entity", "whose"),
    [
        (has("PHONE", "x", "7 (900) 1234567"), True),
        (has("EMAIL", "ANN@EXAMPLE.ORG"), True),
        (has("PHONE", "+7900123456"), False),
        (has("PHONE", "ann@example.org"), False),
        (has("EMAIL", "+79001234567"), False),
        (has("NOTE", "+79001234567"), False),
        (has(None, "+79001234567"), False),
        (has("PHONE", None, 5), False),
        ({"name": "+79001234567"}, False),
        ({"custom_fields_values": None}, False),
        (
            {"custom_fields_values": ["odd", {"field_code": "PHONE", "values": ["odd", None]}]},
            False,
        ),
        ({"custom_fields_values": [{"field_code": "PHONE", "values": None}]}, False),
    ],
)
def test_what_counts_is_the_field_itself(entity: dict[str, Any], whose: bool) -> None:
    assert KEYS.match(entity) is whose


def test_nobody_is_reached_by_what_is_none() -> None:
    # What is no phone is None in its one form, and must not equal another that is none.
    assert not read_contact_keys(None, "a@b").match(has("PHONE", "no phone"))


def test_a_model_gets_what_it_does_not_name_itself() -> None:
    model = {"name": "A", "custom_fields_values": [{"field_code": "EMAIL", "values": None}]}
    assert KEYS.model(model) == {
        "name": "A",
        "custom_fields_values": [
            {"field_code": "EMAIL", "values": [{"value": "ann@example.org"}]},
            {"field_code": "PHONE", "values": [{"value": "+79001234567"}, {"value": "12345"}]},
        ],
    }
    assert len(model["custom_fields_values"]) == 1
    assert read_contact_keys(None, "A@b").model({}) == {
        "custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "a@b"}]}]
    }


@pytest.mark.parametrize(
    ("phone", "email", "told"),
    [
        (None, None, "nothing to find by"), ([None, " "], "", "nothing to find by"),
        ([], (), "nothing to find by"), ("", None, "nothing to find by"),
        ("secret", None, "^phone is not a valid number$"),
        (["12345", "secret"], None, "^phone 2 of 2 is not a valid number$"),
        (None, "secret", "^e-mail is not a valid address$"),
        (79001234567, None, "^phone is not a valid number: expected str, got int$"),
        ([5], None, "^phone is not a valid number: expected str, got int$"),
        ({"phone": "12345"}, None, "^phone is not a valid number: expected str, got dict$"),
        (b"12345", None, "^phone is not a valid number: expected str, got bytes$"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_and_not_shown(phone: Any, email: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_contact_keys(phone, email)
    assert "secret" not in str(caught.value)


def test_what_was_found_has_an_id_and_several_have_that_of_the_oldest() -> None:
    assert Found({"id": 5}).id == 5
    assert Ambiguous([{"id": 7}, {"id": 5}]).id == 5
    assert Ambiguous([{"id": 7}, {"id": 5}]).ids == [7, 5]


@pytest.mark.parametrize(
    ("name", "matches"),
    [("ооо  «Ромашка»", True), ("ООО «РОМАШКА» ", True), ("Ромашка", False), (None, False)],
)
def test_a_name_is_compared_whole(name: object, matches: bool) -> None:
    keys = read_contact_keys(None, None, " ООО «Ромашка»")
    assert keys.queries == ["ООО «Ромашка»"]
    assert keys.texts == ["name ооо «ромашка»"]
    assert keys.match({"name": name}) is matches


@pytest.mark.parametrize("name", ["", " ", 5, ["A"]])
def test_a_name_is_a_text(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name must be a text"):
        read_contact_keys("12345", None, name)


def test_a_name_names_what_is_created_unless_the_model_does() -> None:
    keys = read_contact_keys(None, None, "Acme")
    assert keys.model({}) == {"name": "Acme", "custom_fields_values": []}
    assert keys.model({"name": "Acme Inc"})["name"] == "Acme Inc"
