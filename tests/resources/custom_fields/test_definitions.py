from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError
from amocrm.resources.custom_fields.definitions import (
    Option,
    Schema,
    describe_options,
    find_option,
)
from tests.resources.custom_fields.samples import ENUMS, SCHEMA, definition

REGION = Schema(
    [
        definition(1, "Region", "select", code="REGION"),
        definition(2, "Source"),
        definition(3, "UTM source", "tracking_data", code="UTM_SOURCE"),
        definition(4, "Source"),
        definition(5, "Phone", code="X"),
        definition(6, "PHONE"),
        definition(7, "Other", code="PHONE"),
    ]
)


@pytest.mark.parametrize(
    ("key", "number"),
    [
        (1, 1), ("REGION", 1), ("Region", 1), ("region", 1), (" reGion ", 1), ("utm_source", 3),
        ("UTM  source", 3), (4, 4), ("Phone", 5), ("X", 5), ("Other", 7),
    ],
)  # fmt: skip
def test_a_field_is_found_by_id_code_or_name(key: int | str, number: int) -> None:
    assert REGION.find(key).id == number


@pytest.mark.parametrize(
    ("key", "listed"),
    [
        ("Source", "2 custom fields are called 'Source': 'Source' (id 2); 'Source' (id 4)"),
        ("PHONE", "'PHONE' (id 6); 'Other' (id 7, code PHONE)"),
        ("phone", "3 custom fields"),
    ],
)
def test_a_name_of_several_is_an_error_that_lists_them(key: str, listed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        REGION.find(key)
    assert listed in str(caught.value)
    assert "by its id" in str(caught.value)


def test_an_exact_name_goes_before_one_in_another_case() -> None:
    schema = Schema([definition(1, "size"), definition(2, "Size")])
    assert [schema.find(name).id for name in ("size", "Size")] == [1, 2]
    with pytest.raises(ConfigurationError, match="2 custom fields"):
        schema.find("SIZE")


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("Regoin", "there is no custom field 'Regoin' (is it 'Region' (id 1, code REGION)?)"),
        ("UTM sorce", "'UTM source' (id 3, code UTM_SOURCE)"),
        ("zzzz", "there is no custom field 'zzzz'"),
        (99, "there is no custom field 99"),
    ],
)
def test_an_unknown_name_suggests_what_is_like_it(key: int | str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        REGION.find(key)
    assert advice in str(caught.value)
    assert ("is it" in str(caught.value)) is ("is it" in advice or "UTM" in advice)


@pytest.mark.parametrize("key", [True, None, 1.5, b"x", ("a",)])
def test_what_is_no_name_is_refused(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="by its id, its code or its name"):
        REGION.find(key)


def test_a_code_is_found_whatever_others_are_called() -> None:
    found = REGION.by_code("PHONE")
    assert found is not None
    assert found.id == 7
    assert REGION.by_code("Region") is None
    assert REGION.by_code("") is None


def test_odd_definitions_are_left_out() -> None:
    odd: list[Any] = [None, "x", {}, {"id": "1"}, {"id": 5}, definition(6, "Good")]
    assert [one.id for one in Schema(odd)] == [5, 6]
    assert len(Schema(odd)) == 2
    assert Schema(odd).get(5) is not None
    assert Schema(odd).get(1) is None


def test_options_come_as_a_list_or_by_number() -> None:
    by_number = {str(at): one for at, one in enumerate(ENUMS)}
    for enums in (ENUMS, by_number, [*ENUMS, None, {"id": None}]):
        field = Schema([definition(1, "Region", "select", enums=enums)]).find(1)
        assert field.options == (
            Option(17, "north", "N"), Option(18, "south"), Option(19, "Far East", "FE"),
        )  # fmt: skip


def test_an_address_has_six_lines_of_its_own() -> None:
    lines = SCHEMA.find("A smart_address").options
    assert [(one.id, one.code) for one in lines] == [
        (1, "address_line_1"), (2, "address_line_2"), (3, "city"), (4, "state"), (5, "zip"),
        (6, "country"),
    ]  # fmt: skip


OPTIONS = (Option(1, "Yes", "NO"), Option(2, "no"), Option(3, "x", "X1"), Option(4, "X"))


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("Yes", 1), ("yes", 1), ("no", 2), ("NO", 1), ("No", 2), ("x", 3), ("X", 4), ("x1", 3),
        (2, 2), (9, None), ("", None), ("z", None),
    ],
)  # fmt: skip
def test_a_choice_is_found_by_text_before_code_and_as_written_before_any_case(
    wanted: int | str, number: int | None
) -> None:
    found = find_option(OPTIONS, wanted)
    assert (found and found.id) == number


def test_a_text_of_two_choices_is_none_of_them() -> None:
    assert find_option((Option(1, "a"), Option(2, "a")), "a") is None


@pytest.mark.parametrize(("count", "tail"), [(10, "'9'"), (11, "'9' and 1 more")])
def test_ten_choices_are_listed(count: int, tail: str) -> None:
    shown = describe_options(tuple(Option(one, str(one)) for one in range(count)))
    assert shown.endswith(tail)
    assert str(SCHEMA) == "<Schema of 27 fields>"
