from __future__ import annotations

import copy
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError
from amocrm.resources.custom_fields.values import CLEAR, CustomFields
from amocrm.resources.patch import changes
from tests.resources.custom_fields.samples import ENUMS, NUMBERS, SCHEMA
from tests.resources.custom_fields.test_values import VALUES

LEAD: dict[str, Any] = {
    "id": 1, "name": "A", "price": 5, "status_id": 101, "pipeline_id": 10, "group_id": 0,
    "loss_reason_id": None, "updated_at": 1_700_000_000, "is_deleted": False, "score": None,
    "custom_fields_values": [
        {"field_id": 1, "field_type": "select",
         "values": [{"value": "north", "enum_id": 17, "enum_code": None}]},
        {"field_id": 2, "field_type": "text", "values": [{"value": "site"}]},
    ],
    "_links": {"self": {"href": "x"}},
    "_embedded": {"tags": [{"id": 1, "name": "site", "color": None}], "companies": [{"id": 5}]},
}  # fmt: skip
TAGS = [{"id": number, "name": f"t{number}", "color": None} for number in range(5)]


def field(number: int, *values: Any) -> dict[str, Any]:
    return {"field_id": number, "values": list(values) or None}


@pytest.mark.parametrize(
    ("after", "patch"),
    [
        ({}, {}),
        (LEAD, {}),
        ({"name": "A"}, {}),
        ({"name": "B", "price": 5}, {"name": "B"}),
        ({"id": 2, "group_id": 9, "is_deleted": True, "score": 1, "_links": {}}, {}),
        ({"name": None, "price": None}, {}),
        ({"invented": 5}, {"invented": 5}),
        ({"status_id": 102, "pipeline_id": 10}, {"status_id": 102}),
        ({"status_id": 101, "pipeline_id": 11}, {"pipeline_id": 11, "status_id": 101}),
        ({"pipeline_id": 11}, {"pipeline_id": 11}),
        ({"custom_fields_values": [field(2, {"value": "site"})]},
         {"custom_fields_values": [field(1)]}),
        ({"custom_fields_values": None}, {"custom_fields_values": [field(1), field(2)]}),
        ({"custom_fields_values": [field(1, {"enum_id": 17}), field(2, {"value": "site"})]}, {}),
        ({"custom_fields_values": [field(1, {"enum_id": 18}), field(2, {"value": "site"})]},
         {"custom_fields_values": [field(1, {"enum_id": 18})]}),
        ({"custom_fields_values": [*LEAD["custom_fields_values"], field(3, {"value": "x"})]},
         {"custom_fields_values": [field(3, {"value": "x"})]}),
        ({"custom_fields_values": [*LEAD["custom_fields_values"], field(3)]}, {}),
        ({"custom_fields_values": [LEAD["custom_fields_values"][0],
                                   field(2, {"value": "site"}, {"value": "ad"})]},
         {"custom_fields_values": [field(2, {"value": "site"}, {"value": "ad"})]}),
        ({"custom_fields_values": [LEAD["custom_fields_values"][0], field(2, "odd")]},
         {"custom_fields_values": [field(2, "odd")]}),
        ({"custom_fields_values": [LEAD["custom_fields_values"][0], field(2, {"value": None})]},
         {"custom_fields_values": [field(2, {"value": None})]}),
        ({"custom_fields_values": [*LEAD["custom_fields_values"],
                                   {"field_code": "X", "values": [{"value": "x"}]}]},
         {"custom_fields_values": [{"field_code": "X", "values": [{"value": "x"}]}]}),
        ({"_embedded": {}}, {}),
        ({"_embedded": {"companies": [{"id": 5}], "contacts": [{"id": 6}]}}, {}),
        ({"_embedded": {"tags": None}}, {"tags_to_delete": [{"id": 1}]}),
        ({"_embedded": {"tags": [{"name": "SITE"}, {"name": "new"}]}},
         {"tags_to_add": [{"name": "new"}]}),
        ({"_embedded": {"tags": [{"id": 2, "name": "site"}]}},
         {"tags_to_add": [{"id": 2}], "tags_to_delete": [{"id": 1}]}),
        ({"tags_to_add": [{"id": 3}], "_embedded": {"tags": [{"id": 1}, {"id": 4}]}},
         {"tags_to_add": [{"id": 3}, {"id": 4}]}),
    ],
)  # fmt: skip
def test_a_patch_is_as_small_as_can_be(after: dict[str, Any], patch: dict[str, Any]) -> None:
    before, wanted = copy.deepcopy(LEAD), copy.deepcopy(after)
    assert changes(before, wanted) == patch
    assert (before, wanted) == (LEAD, after)


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"status_id": 143}, {"status_id": 143, "loss_reason_id": 7},
         {"loss_reason_id": 7, "status_id": 143}),
        ({"status_id": 143, "loss_reason_id": 7}, {"status_id": 142, "loss_reason_id": None},
         {"loss_reason_id": None, "status_id": 142}),
        ({"closed_at": 5}, {"closed_at": None}, {"closed_at": None}),
        ({}, {"_embedded": {"tags": [{"id": 1, "name": "a"}]}},
         {"_embedded": {"tags": [{"id": 1}]}}),
        ({}, {"_embedded": {"tags": []}}, {"_embedded": {"tags": None}}),
        ({"_embedded": {"segments": [{"id": 1}]}}, {"_embedded": {"segments": [{"id": 2, "x": 1}]}},
         {"_embedded": {"segments": [{"id": 2}]}}),
        ({"_embedded": {"segments": [{"id": 1}]}}, {"_embedded": {"segments": [{"id": 1}]}}, {}),
        ({"flag": 1}, {"flag": True}, {"flag": True}),
        ({"flag": True}, {"flag": True}, {}),
        ({"list": [1, {"a": [True]}]}, {"list": [1, {"a": [1]}]}, {"list": [1, {"a": [1]}]}),
        ({"list": [1, {"a": [1]}]}, {"list": [1, {"a": [1]}]}, {}),
    ],
)  # fmt: skip
def test_what_belongs_together(
    before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any]
) -> None:
    assert changes(before, after) == patch


def test_a_family_may_have_other_rules() -> None:
    after = {"name": "B", "price": None}
    assert changes(LEAD, after, read_only={"name"}, nullable={"price"}) == {"price": None}


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        ("select", {"value": "north", "enum_id": 17, "enum_code": "N"}, {"enum_id": 17}),
        ("select", {"value": "north", "enum_id": None, "enum_code": None}, {"value": "north"}),
        ("select", {"odd": 1}, {"odd": 1}),
        ("multitext", {"value": "+7", "enum_id": 31, "enum_code": "WORK"},
         {"value": "+7", "enum_code": "WORK"}),
        ("multitext", {"value": "+7", "enum_id": 31, "enum_code": None},
         {"value": "+7", "enum_id": 31}),
        ("supplier", {"value": {"entity_id": 5, "name": "A"}}, {"value": {"entity_id": 5}}),
        ("items", {"value": {"sku": "1", "total_sum": 5}}, {"value": {"sku": "1"}}),
        ("chained_list", {"catalog_id": 1, "catalog_element_id": 2},
         {"catalog_id": 1, "catalog_element_id": 2}),
        ("hologram", "x", "x"),
        ("text", {"value": None}, {"value": None}),
    ],
)  # fmt: skip
def test_of_what_was_read_only_what_may_be_written_is_sent(
    kind: str, value: Any, sent: Any
) -> None:
    item = {"field_id": 1, "field_type": kind, "values": [value]}
    patch = changes({}, {"custom_fields_values": [item]})
    assert patch == {"custom_fields_values": [{"field_id": 1, "values": [sent]}]}


def serve(entity: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Do what the server does with a PATCH."""
    done = copy.deepcopy(entity)
    plain = ("custom_fields_values", "tags_to_add", "tags_to_delete", "_embedded")
    done.update({key: value for key, value in patch.items() if key not in plain})
    items = {one["field_id"]: one for one in done["custom_fields_values"] or ()}
    for one in patch.get("custom_fields_values", ()):
        items.pop(one["field_id"], None)
        if one["values"]:
            items[one["field_id"]] = one
    done["custom_fields_values"] = list(items.values()) or None
    tags = {one["id"]: one for one in done["_embedded"]["tags"]}
    for one in patch.get("tags_to_add", ()):
        tags[one["id"]] = TAGS[one["id"]]
    for one in patch.get("tags_to_delete", ()):
        del tags[one["id"]]
    done["_embedded"]["tags"] = list(tags.values())
    return done


def meaning(entity: dict[str, Any]) -> dict[str, Any]:
    """What an entity says, in whatever order and by whichever names of choices."""
    fields = CustomFields(entity, SCHEMA)
    tags = {one["id"] for one in entity["_embedded"]["tags"]}
    return {**entity, "custom_fields_values": dict(fields), "_embedded": tags}


@st.composite
def states(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """An entity as it was read, and as it is to be."""
    entity: dict[str, Any] = {"custom_fields_values": None}
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=4))
    for kind in kinds:
        CustomFields(entity, SCHEMA)[NUMBERS[kind]] = draw(VALUES[kind])
    for item in entity["custom_fields_values"] or ():
        for value in item["values"]:
            for one in ENUMS:
                if one["id"] == value.get("enum_id"):
                    value.update({"value": one["value"], "enum_code": one["code"]})
    keys = {
        "name": st.sampled_from("ABC"),
        "price": st.integers(0, 3),
        "closed_at": st.none() | st.integers(1, 2),
    }
    entity.update(draw(st.fixed_dictionaries(keys)))
    entity["_embedded"] = {
        "tags": draw(st.lists(st.sampled_from(TAGS), unique_by=lambda one: one["id"]))
    }
    after = {**copy.deepcopy(entity), **draw(st.fixed_dictionaries(keys))}
    after["_embedded"] = {
        "tags": draw(st.lists(st.sampled_from(TAGS), unique_by=lambda one: one["id"]))
    }
    for kind in draw(st.lists(st.sampled_from([*kinds, "text", "multitext"]), max_size=3)):
        CustomFields(after, SCHEMA)[NUMBERS[kind]] = draw(VALUES[kind] | st.just(CLEAR))
    return entity, after


@given(states())
def test_a_patch_leads_from_the_one_state_to_the_other(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    before, after = both
    patch = changes(before, after)
    assert meaning(serve(before, patch)) == meaning(after)
    assert changes(after, after) == {}
    same = meaning(before) == meaning(after)
    assert (patch == {}) or not same
    for key in ("name", "price", "closed_at"):
        assert (key in patch) is (before[key] != after[key])


@pytest.mark.parametrize(
    ("after", "patch"),
    [
        ({"price": 99}, {"price": 99}),
        ({"price": 99.5}, {}),
        ({"price": Decimal("99.50")}, {}),
        ({"price": 99.5, "price_with_minor_units": 99.5}, {}),
        ({"price": 100, "price_with_minor_units": 99.5}, {"price": 100}),
        ({"price": 99, "price_with_minor_units": 99.25}, {"price": 99.25}),
        ({"price": 98, "price_with_minor_units": 98.0}, {"price": 98.0}),
        ({"price": 99.5, "price_with_minor_units": None}, {}),
        ({"price": 99, "price_with_minor_units": None}, {"price": 99}),
        ({"price": Decimal("99.25"), "price_with_minor_units": 99.5}, {"price": Decimal("99.25")}),
        ({"price_with_minor_units": 99.5, "name": "B"}, {"name": "B"}),
        ({"name": "B"}, {"name": "B"}),
    ],
)
def test_a_price_before_has_its_fraction(after: Any, patch: Any) -> None:
    before: Any = {"id": 1, "price": 99, "price_with_minor_units": 99.5}
    assert changes(before, after) == patch


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"price": 99, "price_with_minor_units": 99.5}, "nobody can tell whether 99 is meant"),
        ({"price": 99, "price_with_minor_units": 99.5, "name": "B"}, "use edit"),
        ({"price": 100, "price_with_minor_units": 99.25}, "100 and price_with_minor_units 99.25"),
        ({"price": 99.5, "price_with_minor_units": 99.25}, "are different prices"),
        ({"price": "99", "price_with_minor_units": 99.25}, "are different prices"),
        ({"price": 99, "price_with_minor_units": "99"}, "are different prices"),
        ({"price": 99, "price_with_minor_units": float("inf")}, "are different prices"),
        ({"price": Decimal("NaN"), "price_with_minor_units": 99.25}, "are different prices"),
        ({"price_with_minor_units": 99.25}, "set 'price'"),
    ],
)
def test_a_price_that_nobody_can_tell_is_refused(after: Any, words: str) -> None:
    before: Any = {"id": 1, "price": 99, "price_with_minor_units": 99.5}
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        changes(before, after)


def test_a_whole_price_is_no_riddle() -> None:
    before: Any = {"id": 1, "name": "A", "price": 99, "price_with_minor_units": 99.0}
    assert changes(before, {**before, "name": "B"}) == {"name": "B"}
    assert changes(before, {**before, "price": 98}) == {"price": 98}


def test_a_decimal_is_the_number_as_it_is_written() -> None:
    before: Any = {"price": 99, "price_with_minor_units": 99.1}
    assert changes(before, {"price": Decimal("99.10")}) == {}
    assert changes(before, {"price": Decimal("99.11")}) == {"price": Decimal("99.11")}
