"""What amoCRM and `drive.upload` give is taken, and what a view gives JSON takes."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from amocrm import ConfigurationError
from amocrm.resources.custom_fields.choices import Multitext
from amocrm.resources.custom_fields.definitions import Schema
from amocrm.resources.custom_fields.values import CustomFields
from tests.resources.custom_fields.samples import ENUMS, NUMBERS, SCHEMA, definition
from tests.resources.custom_fields.test_values import ZONE

PHONES = Schema([
    definition(1, "Phone", "multitext"), definition(2, "Paid", "checkbox"),
    definition(3, "Scan", "file"), definition(4, "Born", "birthday"),
    definition(5, "Visit", "date"), definition(7, "Sum", "numeric"),
    {**definition(6, "Region", "radiobutton"), "enums": ENUMS},
])  # fmt: skip


def test_phones_are_taken_as_the_api_has_them() -> None:
    lead: dict[str, Any] = {}
    fields = CustomFields(lead, PHONES)
    fields["Phone"] = [{"value": "+7999", "enum_code": "MOB"}, {"value": "+7998"}]
    assert fields["Phone"] == [Multitext("+7999", "MOB"), Multitext("+7998", None)]
    fields["Phone"] = {"value": "+7997", "enum_id": 5, "enum_code": None}
    assert fields.raw("Phone") == [{"value": "+7997", "enum_id": 5}]
    slips: list[Any] = [{"value": 5}, {"enum_code": "MOB"}, {"value": "+7", "kind": "MOB"}, [{}]]
    for wrong in [*slips, None]:
        with pytest.raises(ConfigurationError, match="takes texts, or Multitext"):
            fields["Phone"] = wrong


def test_a_file_is_taken_by_its_model() -> None:
    fields = CustomFields({}, PHONES)
    fields["Scan"] = {
        "uuid": "u-1",
        "version_uuid": "v-1",
        "name": "scan",
        "size": 5,
        "type": "file",
    }
    assert fields["Scan"] == {
        "file_uuid": "u-1", "version_uuid": "v-1", "file_name": "scan", "file_size": 5
    }  # fmt: skip
    fields["Scan"] = {"file_uuid": "u-2"}
    assert fields["Scan"] == {"file_uuid": "u-2"}


def test_custom_fields_of_a_webhook_are_read_and_not_written() -> None:
    enum = ENUMS[0]
    hook: dict[str, Any] = {"id": "7001", "custom_fields": [
        {"id": "1", "name": "Phone", "code": "PHONE", "values": [{"value": "+7999", "enum": "9"}]},
        {"id": "2", "name": "Paid", "values": [{"value": "1"}]},
        {"id": "4", "name": "Born", "values": [{"value": "12.01.1980"}]},
        {"id": "5", "name": "Visit", "values": ["1729717200"]},
        {"id": "6", "name": "Region", "values": {"value": enum["value"], "enum": str(enum["id"])}},
        {"id": "99", "name": "Gone", "values": [{"value": "x"}]}, "odd", {"id": "x", "values": []},
    ]}  # fmt: skip
    fields = CustomFields(hook, PHONES, ZONE)
    assert fields["Phone"][0].value == "+7999"
    assert fields["Paid"] is True
    assert fields["Born"] == date(1980, 1, 12)
    assert fields["Visit"] == date(2024, 10, 24)
    assert fields["Region"] == enum["value"]
    assert fields["Gone"] == [{"value": "x"}]
    with pytest.raises(ConfigurationError, match="cannot be written back"):
        fields["Sum"] = 5
    both = CustomFields({**hook, "custom_fields_values": None}, PHONES)
    assert len(both) == 0


def test_plain_values_go_into_json_and_csv() -> None:
    fields = CustomFields({}, SCHEMA, ZONE)
    given: dict[str, Any] = {
        "numeric": Decimal("1.5"), "price": 100, "checkbox": True, "date": date(2026, 1, 31),
        "date_time": datetime(2026, 1, 31, 12), "multiselect": [ENUMS[0]["value"]],
        "multitext": [Multitext("+7999", None)], "smart_address": {"city": "Perm"}, "text": "a",
    }  # fmt: skip
    for kind, value in given.items():
        fields[NUMBERS[kind]] = value
    plain = fields.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert plain == {
        "A numeric": 1.5, "A price": 100, "A checkbox": True, "A date": "2026-01-31",
        "A date_time": "2026-01-31T12:00:00+05:00", "A multiselect": [ENUMS[0]["value"]],
        "A multitext": ["+7999"], "A smart_address": {"city": "Perm"}, "A text": "a",
    }  # fmt: skip
