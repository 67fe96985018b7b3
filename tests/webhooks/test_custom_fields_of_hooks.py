"""Custom fields of a webhook's item are read by name, whatever shape their values have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.sandbox import Sandbox
from amocrm.webhooks import parse
from tests.webhooks.forms import FORM, form, hook

FIELDS: list[Any] = [
    {"name": "Comment", "type": "text"},
    {"name": "Weight", "type": "numeric"},
    {"name": "Site", "type": "url"},
    {"name": "Paid", "type": "checkbox"},
    {"name": "Due", "type": "date"},
    {"name": "Born", "type": "birthday"},
    {"name": "Visit", "type": "date_time"},
    {"name": "Region", "type": "select", "enums": [{"value": "north", "sort": 1}]},
    {"name": "Size", "type": "radiobutton", "enums": [{"value": "L", "sort": 1}]},
    {"name": "Colors", "type": "multiselect",
     "enums": [{"value": "red", "sort": 1}, {"value": "blue", "sort": 2}]},
]  # fmt: skip
EXPECTED = {
    "Comment": "Привет", "Weight": Decimal("1.5"), "Site": "https://a.example", "Paid": True,
    "Due": date(2024, 10, 24), "Born": date(1980, 1, 12),
    "Visit": datetime(2024, 10, 23, 21, 20, tzinfo=timezone.utc), "Region": "north", "Size": "L",
    "Colors": ["red", "blue"],
}  # fmt: skip


@pytest.fixture
def crm() -> Iterator[AmoCRM]:
    portal = Sandbox(("example",), rps=None)
    with AmoCRM(
        "example", {"access_token": portal.issue_long_lived()},
        session=portal.session(), rate_limiter=None,
    ) as crm:  # fmt: skip
        yield crm


@pytest.fixture
def fields(crm: AmoCRM) -> dict[str, dict[str, Any]]:
    """The account's fields by their names."""
    made: Any = [crm.leads.custom_fields.create(one) for one in FIELDS]
    return {one["name"]: one for one in made}


def enum(field: dict[str, Any], number: int = 0) -> str:
    return str(field["enums"][number]["id"])


def values(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The `values` of each field as reference 6.3 has them."""
    region, size, colors = (fields[name] for name in ("Region", "Size", "Colors"))
    return {
        "Comment": [{"value": "Привет"}], "Weight": [{"value": "1.5"}],
        "Site": [{"value": "https://a.example"}], "Paid": [{"value": "1"}],
        "Due": ["1729717200"], "Born": [{"value": "12.01.1980"}], "Visit": ["1729718400"],
        "Region": [{"value": "north", "enum": enum(region)}],
        "Size": {"value": "L", "enum": enum(size)},
        "Colors": [{"value": "red", "enum": enum(colors)},
                   {"value": "blue", "enum": enum(colors, 1)}],
    }  # fmt: skip


def test_values_of_each_shape_are_read_by_name(
    crm: AmoCRM, fields: dict[str, dict[str, Any]]
) -> None:
    items = [
        {"id": str(fields[name]["id"]), "name": name, "values": value}
        for name, value in values(fields).items()
    ]
    (event,) = parse(hook("leads", "update", {"id": "1", "custom_fields": items}), FORM).events
    found = crm.leads.cf(event.item)
    assert dict(found) == EXPECTED
    with pytest.raises(ConfigurationError, match="cannot be written back"):
        found["Comment"] = "x"
    with pytest.raises(ConfigurationError, match="Weight"):
        found["Wieght"]


def test_values_with_gaps_and_bare_texts_are_read(
    crm: AmoCRM, fields: dict[str, dict[str, Any]]
) -> None:
    body = (
        f"leads[add][0][custom_fields][3][id]={fields['Due']['id']}"
        "&leads[add][0][custom_fields][3][values]=1729717200"
        f"&leads[add][0][custom_fields][8][id]={fields['Comment']['id']}"
        "&leads[add][0][custom_fields][8][values][2][value]=x"
    )
    (event,) = parse(body.encode(), FORM).events
    assert dict(crm.leads.cf(event.item)) == {"Due": date(2024, 10, 24), "Comment": "x"}


def test_values_that_a_vendor_of_widgets_sends_are_read(
    crm: AmoCRM, fields: dict[str, dict[str, Any]]
) -> None:
    sent = {
        "Comment": [{"value": "Привет"}], "Paid": [{"value": "1"}],
        "Due": [{"value": "1729717200"}],
        "Region": [{"value": "north", "enum_id": enum(fields["Region"]), "enum_code": ""}],
    }  # fmt: skip
    items = [
        {"field_id": str(fields[name]["id"]), "field_name": name, "values": value}
        for name, value in sent.items()
    ]
    (event,) = parse(form({"this_item": {"id": "1", "custom_fields_values": items}}), FORM).events
    found = crm.leads.cf(event.item)
    assert dict(found) == {name: EXPECTED[name] for name in sent}
    with pytest.raises(ConfigurationError, match="cannot be written back"):
        found["Comment"] = "x"


@pytest.mark.parametrize(
    "listed",
    [[{"id": "9" * 5_000, "values": [{"value": "x"}]}], [{"id": "1", "values": "text"}],
     [{"id": "1", "values": {}}], "text", {"id": "1"}, ["text", None, {}, {"id": None}],
     [{"id": "1", "values": [None, [], {"enum": "9" * 5_000}]}]],
    ids=range(7),
)  # fmt: skip
def test_values_of_no_shape_raise_nothing(crm: AmoCRM, listed: Any) -> None:
    found = crm.leads.cf({"id": "1", "custom_fields": listed})
    assert len(dict(found)) == len(found) <= 1


def test_a_date_with_thousands_of_digits_is_raw(
    crm: AmoCRM, fields: dict[str, dict[str, Any]]
) -> None:
    listed = [{"id": fields["Due"]["id"], "values": ["9" * 5_000]}]
    assert crm.leads.cf({"custom_fields": listed})["Due"] == [{"value": "9" * 5_000}]
