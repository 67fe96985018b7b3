"""Values of actions: what is taken, and the line that says why one is not."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm.sandbox.control.action import Parameter, RefusedError
from amocrm.sandbox.control.parameters import read_values

PARAMETERS = (
    Parameter("text", "text", False, "", "", choices=("a", "b")),
    Parameter("int", "int", False, "", "", low=1, high=10),
    Parameter("number", "number", False, "", "", low=0),
    Parameter("bool", "bool", False, "", ""),
    Parameter("json", "json", False, "", ""),
)
NEEDED = (Parameter("name", "text", True, "", ""),)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({}, {}),
        ({"text": "a", "int": "10", "number": "0.5"}, {"text": "a", "int": 10, "number": 0.5}),
        ({"text": "", "int": "", "json": ""}, {}),
        ({"bool": "on"}, {"bool": True}),
        ({"bool": "False"}, {"bool": False}),
        ({"json": '{"a": [1]}'}, {"json": {"a": [1]}}),
    ],
)
def test_text_is_read(given: dict[str, str], values: dict[str, Any]) -> None:
    assert read_values(PARAMETERS, given, is_text=True) == values


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"text": "c"}, "text must be one of a, b, not 'c'"),
        ({"int": "1.5"}, "int must be a whole number, not '1.5'"),
        ({"int": "٣"}, "int must be a whole number, not '٣'"),
        ({"int": "0"}, "int must be at least 1, not 0"),
        ({"int": "11"}, "int must be at most 10, not 11"),
        ({"int": "9" * 5000}, "int must be a whole number, not '9999"),
        ({"number": "nan"}, "number must be a number, not 'nan'"),
        ({"number": "1e999"}, "number must be a number, not '1e999'"),
        ({"number": "-1"}, "number must be at least 0, not -1.0"),
        ({"bool": "maybe"}, "bool must be true or false, not 'maybe'"),
        ({"json": "{"}, "json must be JSON, not '{'"),
        ({"json": "[" * 100_000}, "json must be JSON, not '[["),
        ({"json": "\ud800"}, "json must be JSON"),
        ({"other": "1"}, "there is no parameter 'other': it takes text, int, number, bool, json"),
        ({"a\nb" * 100: "1"}, r"there is no parameter 'a\nba\nb"),
    ],
)
def test_a_wrong_text_is_refused_by_its_name(given: dict[str, str], line: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_values(PARAMETERS, given, is_text=True)
    assert refused.value.status == 400
    assert refused.value.detail.startswith(line)
    assert len(refused.value.detail) < 200
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize("value", ["1", 1.0, True, None, [1], {"a": 1}, 2**70, -(2**63)])
def test_json_is_taken_as_it_is(value: Any) -> None:
    assert read_values(PARAMETERS, {"json": value}, is_text=False) == (
        {} if value is None else {"json": value}
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 1), ("text", True), ("text", ["a"]), ("text", {}),
        ("int", "1"), ("int", 1.0), ("int", True), ("int", [1]), ("int", 2**70),
        ("number", "1"), ("number", True), ("number", []), ("number", float("inf")),
        ("number", 10**400), ("bool", "true"), ("bool", 1), ("bool", 0), ("bool", []),
    ],
)  # fmt: skip
def test_json_of_a_wrong_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(RefusedError, match=f"^{name} must be"):
        read_values(PARAMETERS, {name: value}, is_text=False)


@pytest.mark.parametrize("given", [{}, {"name": None}])
def test_what_is_needed_is_missed(given: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="name is missing"):
        read_values(NEEDED, given, is_text=False)


def test_an_empty_text_of_json_is_a_text() -> None:
    assert read_values(NEEDED, {"name": ""}, is_text=False) == {"name": ""}
    with pytest.raises(RefusedError, match="name is missing"):
        read_values(NEEDED, {"name": ""}, is_text=True)
