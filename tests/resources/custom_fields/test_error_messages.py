from __future__ import annotations

import pickle
from typing import Any

import pytest

from amocrm import AmoCRMError, ServerError, ValidationError
from amocrm.http.error_mapping import error_of, narrow
from amocrm.resources.custom_fields.definitions import Schema
from amocrm.resources.custom_fields.error_messages import explain
from tests.http.test_error_mapping import call, reply
from tests.resources.custom_fields.samples import ENUMS, definition

SCHEMAS = {
    "leads": Schema([definition(900, "Region", "select"), definition(901, "Note")]),
    "contacts": Schema(
        [
            definition(900, "Phone", "multitext", code="PHONE"),
            definition(902, "City", "smart_address"),
        ]
    ),
}


def refused(data: Any, *found: tuple[str, str]) -> ValidationError:
    errors = [{"path": path, "code": code, "detail": "No good choice."} for path, code in found]
    problem = {"validation-errors": [{"request_id": "0", "errors": errors}], "title": "Bad Request"}
    error = error_of(call(data), reply(400, problem))
    assert isinstance(error, ValidationError)
    return error


def lead(*items: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "A", "custom_fields_values": list(items), **more}]


def values(field: int | str, **value: Any) -> dict[str, Any]:
    return {"field_id" if isinstance(field, int) else "field_code": field, "values": [value]}


WRONG = refused(
    lead({}, values(900, value="nort")),
    ("custom_fields_values.1.values.0.value", "NotSupportedChoice"),
)


def test_a_refusal_names_the_field_the_value_and_the_choices() -> None:
    error = explain(WRONG, "leads", SCHEMAS.get)
    assert str(error) == (
        "PATCH /api/v4/leads returned 400 Bad Request: item 0: "
        "custom_fields_values.1.values.0.value of custom field 'Region' (900) is not an allowed "
        "value, got 'nort' (amoCRM: \"No good choice\", NotSupportedChoice); "
        "allowed: 'north', 'south', 'Far East'"
    )
    assert isinstance(error, ValidationError)
    one = error.fields[0]
    assert (one.index, one.field_id, one.field_name, one.value) == (0, 900, "Region", "nort")
    assert one.choices == ("north", "south", "Far East")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert error is not WRONG
    assert error.__traceback__ is WRONG.__traceback__


def test_without_definitions_the_field_is_named_by_what_was_sent() -> None:
    error = explain(WRONG, "leads", lambda _: None)
    assert error is WRONG
    assert (
        "item 0: custom_fields_values.1.values.0.value of custom field 900 "
        "is not an allowed value, got str of length 4 (amoCRM:" in str(error)
    )


@pytest.mark.parametrize(
    ("kind", "data", "path", "told"),
    [
        ("leads", lead(values(901, value="secret")), "custom_fields_values.0.values.0.value",
         "of custom field 'Note' (901) was refused, got str of length 6 (amoCRM: \"No good ch"),
        ("leads", lead(values(999, value="x")), "custom_fields_values.0.field_id",
         "item 0: custom_fields_values.0.field_id was refused, got 999 (amoCRM:"),
        ("contacts", lead(values("PHONE", value="+7900", enum_code="CELL")),
         "custom_fields_values.0.values.0.enum_code",
         "custom field 'Phone' (PHONE) was refused, got 'CELL' (amoCRM: \"No good choice\", X); "
         "allowed: 'WORK',"),
        ("contacts", lead(values("PHONE", value="+7900")),
         "custom_fields_values.0.values.0.value",
         "'Phone' (PHONE) was refused, got str of length 5"),
        ("contacts", lead(values(902, value="x", enum_id=9)),
         "custom_fields_values.0.values.0.enum_id",
         "got 9 (amoCRM: \"No good choice\", X); allowed: '1 ("),
        ("leads", lead(_embedded={"contacts": lead(values(900, value=5))}),
         "_embedded.contacts.0.custom_fields_values.0.values.0.value",
         "'Phone' (900) was refused, got 5 ("),
        ("leads", lead(_embedded={"companies": lead(values(900, value=5))}),
         "_embedded.companies.0.custom_fields_values.0.values.0.value",
         "of custom field 900 was refused, got 5 ("),
        ("leads", lead("odd", {"field_id": None}), "custom_fields_values.0.values",
         "values was refused (amoCRM:"),
        ("leads", lead("odd", {"field_id": None}), "custom_fields_values.1.values",
         "values was refused (amoCRM:"),
        ("leads", lead(values(900, value="n" * 61)), "custom_fields_values.0.values.0.value",
         f"got '{'n' * 60}...' ("),
        ("leads", lead(values(900, value="n" * 60)), "custom_fields_values.0.values.0.value",
         f"got '{'n' * 60}' ("),
        ("leads", lead(), "name", "item 0: name was refused, got str of length 1 ("),
    ],
)  # fmt: skip
def test_a_message_names_field_value_and_choices(
    kind: str, data: Any, path: str, told: str
) -> None:
    assert told in str(explain(refused(data, (path, "X")), kind, SCHEMAS.get))


@pytest.mark.parametrize(("count", "tail"), [(10, "'9'"), (11, "'9' and 1 more")])
def test_a_message_lists_ten_choices(count: int, tail: str) -> None:
    enums = [{"id": number, "value": str(number)} for number in range(count)]
    schema = Schema([definition(900, "Region", "select", enums=enums)])
    error = explain(WRONG, "leads", lambda _: schema)
    assert str(error).endswith(tail)


def test_one_item_of_a_batch_keeps_the_names() -> None:
    error = explain(WRONG, "leads", SCHEMAS.get)
    assert isinstance(error, ValidationError)
    assert "400 Bad Request: custom_fields_values.1.values.0.value of custom field 'Region'" in str(
        narrow(error, 0)
    )


def test_other_errors_are_left_alone() -> None:
    other: AmoCRMError = ServerError("x", method="GET", path="/", status=500)
    assert explain(other, "leads", SCHEMAS.get) is other
    plain = refused(lead(), ("name", "NotBlank"))
    assert explain(plain, "leads", SCHEMAS.get) is plain
    assert len(ENUMS) == 3
