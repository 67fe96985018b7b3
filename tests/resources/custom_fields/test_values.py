from __future__ import annotations

import copy
import json
import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError
from amocrm.resources.custom_fields.choices import Multitext
from amocrm.resources.custom_fields.definitions import FieldDefinition, Option, Schema
from amocrm.resources.custom_fields.field_types import KINDS, Raw, read_values, write_values
from amocrm.resources.custom_fields.values import CLEAR, CustomFields
from amocrm.resources.patch import changes
from tests.resources.custom_fields.samples import (
    ENUMS,
    NUMBERS,
    PHONE_KINDS,
    SCHEMA,
    TYPES,
    definition,
)

ZONE = ZoneInfo("Asia/Yekaterinburg")
texts = st.text(max_size=20)
numbers = st.decimals(
    min_value=Decimal("-1e12"), max_value=Decimal("1e12"), allow_nan=False, places=3
)
ids = st.integers(1, 10**9)
plain = st.dictionaries(st.sampled_from(["name", "vat_id", "x"]), texts | ids, min_size=1)
choice = st.sampled_from([one["value"] for one in ENUMS])
lines = st.sampled_from(["address_line_1", "address_line_2", "city", "state", "zip", "country"])
times = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(
    lambda one: one.replace(microsecond=0, tzinfo=timezone.utc).astimezone(ZONE)
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("text", "textarea", "streetaddress", "url", "tracking_data"), texts),
    "org_legal_name": texts,
    **dict.fromkeys(("numeric", "monetary", "price"), numbers),
    "checkbox": st.booleans(),
    **dict.fromkeys(("date", "birthday"), st.dates(date(1900, 1, 1), date(2100, 1, 1))),
    "date_time": times,
    **dict.fromkeys(("select", "radiobutton", "category"), choice),
    "multiselect": st.lists(choice, unique=True),
    "multitext": st.lists(
        st.builds(Multitext, texts, st.sampled_from([one["code"] for one in PHONE_KINDS]))
    ),
    "smart_address": st.dictionaries(lines, texts),
    "legal_entity": st.lists(plain),
    "items": st.lists(plain),
    "linked_entity": plain,
    "payer": plain,
    "supplier": st.fixed_dictionaries({"entity_id": ids}),
    "file": st.fixed_dictionaries({"file_uuid": texts, "file_name": texts}),
    "chained_list": st.lists(st.fixed_dictionaries({"catalog_id": ids, "catalog_element_id": ids})),
    "hologram": st.lists(st.fixed_dictionaries({"value": texts, "depth": ids})).map(Raw),
}


def field(kind: str) -> FieldDefinition:
    return SCHEMA.find(NUMBERS[kind])


def sent_fields(before: dict[str, Any], after: dict[str, Any]) -> list[Any]:
    """Custom fields that a PATCH from one state to another carries."""
    sent: list[Any] = changes(before, after).get("custom_fields_values", [])
    return sent


def as_read(values: list[Any], kind: str) -> list[Any]:
    """What the API answers after a write: choices by all their names, numbers as texts."""
    found = []
    for item in values:
        by = {one["id"]: one for one in ENUMS + PHONE_KINDS}
        by_code = {one["code"]: one for one in PHONE_KINDS}
        option = by.get(item.get("enum_id")) or by_code.get(item.get("enum_code"))
        if option and kind != "smart_address":
            names = {"enum_id": option["id"], "enum_code": option["code"]}
            item = {"value": option["value"], **item, **names}
        found.append(item)
    return found


def test_every_documented_type_is_known() -> None:
    assert set(VALUES) == set(TYPES)
    assert set(KINDS) == set(TYPES) - {"hologram"}


@pytest.mark.parametrize("kind", TYPES)
@given(data=st.data())
def test_what_is_written_is_what_is_read(kind: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    sent = write_values(copy.deepcopy(value), field(kind), ZONE)
    sent = json.loads(json.dumps(sent))
    for seen in (sent, as_read(sent, kind)):
        read = read_values(seen, field(kind), ZONE)
        assert read == value
        assert type(read) is type(value)


@pytest.mark.parametrize("kind", TYPES)
@given(data=st.data())
def test_in_a_view_a_value_is_read_as_it_was_set_and_sent_as_it_is(
    kind: str, data: st.DataObject
) -> None:
    value = data.draw(VALUES[kind])
    entity: dict[str, Any] = {"custom_fields_values": None}
    fields = CustomFields(entity, SCHEMA, ZONE)
    fields[f"A {kind}"] = value
    sent = write_values(value, field(kind), ZONE)
    expected = [{"field_id": NUMBERS[kind], "values": sent}] if sent else []
    assert sent_fields({"custom_fields_values": None}, entity) == expected
    assert fields.get(NUMBERS[kind]) == (value if sent else None)
    json.dumps(entity)


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [
        ("numeric", 5, [{"value": "5"}]),
        ("numeric", 1.5, [{"value": "1.5"}]),
        ("numeric", 1e-7, [{"value": "0.0000001"}]),
        ("numeric", "10.50", [{"value": "10.50"}]),
        ("monetary", Decimal("10.50"), [{"value": "10.50"}]),
        ("select", 17, [{"enum_id": 17}]),
        ("select", "N", [{"enum_id": 17}]),
        ("select", "NORTH", [{"enum_id": 17}]),
        ("select", Option(18, "south"), [{"enum_id": 18}]),
        ("category", "south", [{"enum_id": 18}]),
        ("multiselect", "south", [{"enum_id": 18}]),
        ("multiselect", ("N", 18), [{"enum_id": 17}, {"enum_id": 18}]),
        ("multitext", "+79001234567", [{"value": "+79001234567"}]),
        ("multitext", ["a", "b"], [{"value": "a"}, {"value": "b"}]),
        ("multitext", Multitext("a", "mob"), [{"value": "a", "enum_code": "MOB"}]),
        ("multitext", [("a", "MOB")], [{"value": "a", "enum_code": "MOB"}]),
        ("multitext", [("a", 33)], [{"value": "a", "enum_code": "MOB"}]),
        ("multitext", [("a", 99)], [{"value": "a", "enum_id": 99}]),
        ("smart_address", {"city": "Perm", "zip": None},
         [{"value": "Perm", "enum_code": "city"}]),
        ("legal_entity", {"name": "OOO"}, [{"value": {"name": "OOO"}}]),
        ("items", {"sku": "1", "total_sum": 5.0, "is_total_sum_recalculated": True,
                   "is_discount_recalculated": False}, [{"value": {"sku": "1"}}]),
        ("supplier", 521, [{"value": {"entity_id": 521}}]),
        ("supplier", {"entity_id": 521, "name": "A"}, [{"value": {"entity_id": 521}}]),
        ("file", "u-1", [{"value": {"file_uuid": "u-1"}}]),
        ("chained_list", [(5, 77)], [{"catalog_id": 5, "catalog_element_id": 77}]),
        ("hologram", 5, [{"value": 5}]),
        ("hologram", [{"value": 5, "x": 1}], [{"value": 5, "x": 1}]),
        ("text", Raw([{"value": 5, "x": 1}]), [{"value": 5, "x": 1}]),
    ],
)  # fmt: skip
def test_other_ways_to_write_a_value(kind: str, given: Any, sent: list[Any]) -> None:
    assert write_values(given, field(kind), ZONE) == sent


BAD: dict[str, list[Any]] = {
    "text": [5, None, True, ["a"], b"x"],
    "numeric": ["1,5", "", "abc", "1_0", "nan", True, None, float("inf"), [1], Decimal("NaN")],
    "checkbox": [1, 0, "true", None],
    "date": ["soon", True, None, 1.5],
    "date_time": ["2020-01-01T00:00:00", None],
    "select": ["west", 99, True, None, ["north"]],
    "multiselect": [["north", "west"], [None], 5.0, None],
    "multitext": [[("a", "CELL")], [5], 5, [("a", True)], [("a", "MOB", 1)], [(5, "MOB")], None],
    "smart_address": [{"town": "x"}, "x", {"city": 5}, {1: "x"}, None],
    "legal_entity": ["x", [5], None],
    "linked_entity": [5, None, [{}]],
    "supplier": ["x", {}, True, {"entity_id": "5"}, None],
    "file": [5, None],
    "chained_list": [(5, 77), [(1, 2, 3)], [{"catalog_id": 1}], [(True, 1)], None],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "given"), [(kind, value) for kind, values in BAD.items() for value in values]
)
def test_what_a_type_does_not_take_is_refused_before_it_is_sent(kind: str, given: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        write_values(given, field(kind), ZONE)
    assert f"A {kind}" in str(caught.value)
    assert ("CLEAR" in str(caught.value)) is (given is None)


@pytest.mark.parametrize(
    ("given", "good"), [(1e30, True), (1e31, False), (1e-30, True), (1e-31, False)]
)
def test_a_number_has_thirty_digits(given: float, good: bool) -> None:
    try:
        write_values(given, field("numeric"), ZONE)
    except ConfigurationError:
        assert not good
    else:
        assert good


def test_a_refusal_shows_choices_but_no_person_s_data() -> None:
    with pytest.raises(ConfigurationError, match=r"'nort'.*'north', 'south'.*is it 'north'"):
        write_values("nort", field("select"), ZONE)
    with pytest.raises(ConfigurationError, match=r"no line 'ciy'.*is it 'city'"):
        write_values({"ciy": "x"}, field("smart_address"), ZONE)
    with pytest.raises(ConfigurationError) as caught:
        write_values("+7900 secret", field("numeric"), ZONE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", [{"value": 5}]), ("text", [{"value": "a"}, {"value": "b"}]), ("text", [{}]),
        ("numeric", [{"value": "many"}]), ("numeric", [{"value": None}]),
        ("checkbox", [{"value": "1"}]), ("date", [{"value": "soon"}]),
        ("date", [{"value": 10**18}]),
        ("select", [{"enum_id": 99}]), ("select", [{"value": None}]), ("multiselect", [{}]),
        ("multitext", [{"value": None}]), ("multitext", [{"value": "a", "enum_code": [1]}]),
        ("smart_address", [{"value": "x", "enum_id": 9}]),
        ("smart_address", [{"value": "x", "enum_id": 3}, {"value": "y", "enum_id": 3}]),
        ("legal_entity", [{"value": "x"}]), ("linked_entity", [{"value": None}]),
        ("chained_list", [5]), ("hologram", [{"value": 1}, "x"]),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_read_raw_and_may_be_written_back(
    kind: str, values: list[Any]
) -> None:
    read = read_values(values, field(kind), ZONE)
    assert isinstance(read, Raw)
    assert read == values
    assert write_values(read, field(kind), ZONE) == values
    assert repr(read) == f"Raw({values!r})"


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"enum_code": "MOB", "enum_id": 33}, "MOB"), ({"enum_id": 33}, "MOB"),
        ({"enum_id": 99}, 99), ({"enum": "12"}, "12"), ({"enum_code": "NEW"}, "NEW"), ({}, None),
    ],
)  # fmt: skip
def test_the_kind_of_a_phone(item: dict[str, Any], kind: str | int | None) -> None:
    assert read_values([{"value": "+7", **item}], field("multitext"), ZONE) == [
        Multitext("+7", kind)
    ]


@pytest.mark.parametrize(
    "item",
    [{"value": "north"}, {"enum_id": 17}, {"enum_code": "N"}, {"value": "north", "enum_id": None}],
)
def test_a_choice_is_read_by_any_of_its_names(item: dict[str, Any]) -> None:
    assert read_values([item], field("select"), ZONE) == "north"


@pytest.mark.parametrize(("wanted", "sent"), [("any", {"value": "any"}), (5, {"enum_id": 5})])
def test_without_a_list_of_choices_the_server_judges(wanted: Any, sent: dict[str, Any]) -> None:
    bare = FieldDefinition(1, "Region", None, "select")
    assert write_values(wanted, bare, ZONE) == [sent]
    phone = FieldDefinition(1, "Phone", None, "multitext")
    key = "enum_id" if wanted == 5 else "enum_code"
    assert write_values([("a", wanted)], phone, ZONE) == [{"value": "a", key: wanted}]


def entity() -> dict[str, Any]:
    return {
        "id": 1,
        "custom_fields_values": [
            {"field_id": 1, "field_name": "Region", "field_code": None, "field_type": "select",
             "values": [{"value": "north", "enum_id": 17, "enum_code": "N"}]},
            {"field_id": 2, "field_name": "Source", "field_code": None, "field_type": "text",
             "values": [{"value": "site"}]},
            {"field_id": 77, "field_name": "Gone", "field_code": "GONE", "field_type": "numeric",
             "values": [{"value": "5"}]},
            "odd",
        ],
    }  # fmt: skip


SMALL = Schema(
    [
        definition(1, "Region", "select"), definition(2, "Source"), definition(3, "Source"),
        definition(4, "Tags", "multiselect"), definition(5, "Note"),
    ]
)  # fmt: skip


def test_a_view_is_a_mapping_of_what_has_a_value() -> None:
    fields = CustomFields(entity(), SMALL)
    assert list(fields) == ["Region", 2, "Gone"]  # "Source" is the name of two.
    assert dict(fields) == {"Region": "north", 2: "site", "Gone": Decimal(5)}
    assert len(fields) == 3
    assert fields["gone"] == fields["GONE"] == fields[77] == 5
    assert "Region" in fields
    assert "Note" not in fields
    assert fields.get("Note") is None
    with pytest.raises(KeyError, match="'Note' \\(id 5\\) has no value"):
        fields["Note"]
    assert repr(fields) == "<CustomFields of 3 values>"


def test_a_misspelt_name_is_an_error_wherever_it_is_asked_for() -> None:
    fields = CustomFields(entity(), SMALL)
    for ask in (
        fields.__getitem__,
        fields.get,
        fields.__contains__,
        fields.__delitem__,
        fields.raw,
    ):
        with pytest.raises(ConfigurationError, match="is it 'Region'"):
            ask("Regoin")
        with pytest.raises(ConfigurationError, match="2 custom fields"):
            ask("Source")


def test_a_patch_carries_only_what_was_changed() -> None:
    lead = entity()
    fields = CustomFields(lead, SMALL)
    assert sent_fields(entity(), lead) == []
    fields["Region"] = "south"
    fields["Note"] = "new"
    fields["Region"] = "north"  # Back again.
    assert sent_fields(entity(), lead) == [{"field_id": 5, "values": [{"value": "new"}]}]
    del fields[2]
    fields["Gone"] = 6
    assert sent_fields(entity(), lead) == [
        {"field_id": 77, "values": [{"value": "6"}]},
        {"field_id": 5, "values": [{"value": "new"}]},
        {"field_id": 2, "values": None},
    ]
    assert [one["field_id"] for one in lead["custom_fields_values"] if one != "odd"] == [1, 77, 5]
    assert "odd" in lead["custom_fields_values"]


@pytest.mark.parametrize("erase", [CLEAR, [], "del"])
def test_erasing(erase: Any) -> None:
    lead: dict[str, Any] = {
        "custom_fields_values": [{"field_id": 4, "values": [{"value": "north", "enum_id": 17}]}]
    }
    before = copy.deepcopy(lead)
    fields = CustomFields(lead, SMALL)
    assert fields["Tags"] == ["north"]
    if erase == "del":
        del fields["Tags"]
    else:
        fields["Tags"] = erase
    assert sent_fields(before, lead) == [{"field_id": 4, "values": None}]
    assert lead["custom_fields_values"] is None
    assert "Tags" not in fields


def test_erasing_what_is_not_known_to_have_a_value() -> None:
    lead: dict[str, Any] = {"custom_fields_values": None}
    fields = CustomFields(lead, SMALL)
    with pytest.raises(KeyError):
        del fields["Note"]
    fields["Note"] = CLEAR
    assert sent_fields({"custom_fields_values": None}, lead) == []


def test_a_shallow_copy_of_an_entity_is_not_changed_with_it() -> None:
    lead = entity()
    twin = dict(lead)
    CustomFields(twin, SMALL)["Region"] = "south"
    assert lead == entity()
    assert CustomFields(twin, SMALL)["Region"] == "south"


def test_what_was_read_is_nobody_s_but_the_reader_s() -> None:
    schema = Schema([definition(1, "Who", "payer")])
    lead: dict[str, Any] = {"custom_fields_values": None}
    given = {"name": "A", "deep": [1]}
    fields = CustomFields(lead, schema)
    fields["Who"] = given
    given["deep"].append(2)  # type: ignore[attr-defined] # A list, as is plain to see.
    fields["Who"]["deep"].append(3)
    fields.raw("Who")[0]["value"] = "x"
    assert fields["Who"] == {"name": "A", "deep": [1]}


def test_clear_is_one_of_its_kind() -> None:
    assert copy.deepcopy(CLEAR) is copy.copy(CLEAR) is CLEAR
    assert pickle.loads(pickle.dumps(CLEAR)) is CLEAR
    assert repr(CLEAR) == "CLEAR"


def test_times_are_the_account_s() -> None:
    schema = Schema([definition(1, "Call", "date_time"), definition(2, "Born", "birthday")])
    lead: dict[str, Any] = {}
    fields = CustomFields(lead, schema, ZONE)
    fields["Call"] = datetime(2024, 5, 1, 10)
    fields["Born"] = date(1990, 2, 3)
    assert fields["Call"].utcoffset() == timedelta(hours=5)
    written = [one["values"][0]["value"] for one in lead["custom_fields_values"]]
    assert written == [1_714_539_600, 633_985_200]


@pytest.mark.parametrize(
    ("kind", "stored", "same", "other"),
    [
        ("price", "2490", Decimal("2490.00"), Decimal("2490.01")),
        ("numeric", "1.50", 1.5, 1.51),
        ("date", 1_600_000_000, date(2020, 9, 13), date(2020, 9, 14)),
        ("text", "5", "5", "5.0"),
        ("checkbox", True, True, False),
    ],
)
def test_a_value_that_is_set_to_what_it_is_stays_as_it_is_written(
    kind: str, stored: Any, same: Any, other: Any
) -> None:
    number = NUMBERS[kind]
    entity = {"custom_fields_values": [{"field_id": number, "values": [{"value": stored}]}]}
    before = copy.deepcopy(entity)
    fields = CustomFields(entity, SCHEMA, ZONE)
    fields[number] = same
    assert sent_fields(before, entity) == []
    assert fields.raw(number) == before["custom_fields_values"][0]["values"]
    fields[number] = other
    assert fields[number] == (Decimal(str(other)) if kind == "numeric" else other)
    assert len(sent_fields(before, entity)) == 1
