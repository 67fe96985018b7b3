from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError
from amocrm.http.request_body import encode_body


def cycle() -> list[Any]:
    data: list[Any] = []
    data.append({"again": data})
    return data


def deep(levels: int) -> Any:
    data: Any = 1
    for _ in range(levels):
        data = [data]
    return data


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([{"price": float("nan")}], r"data\[0\]\.price is nan"),
        ({"a": [1, float("-inf")]}, r"data\.a\[1\] is -inf"),
        ([{"at": datetime.now(timezone.utc)}], r"data\[0\]\.at is of type datetime.*Unix"),
        ({"a": b"x"}, r"data\.a is of type bytes.*decode"),
        ({"a": Decimal(1)}, r"data\.a is of type Decimal"),
        ({"a": {1}}, r"data\.a is of type set.*list"),
        ({"a": {("b",): 1}}, r"data\.a has a key of type tuple"),
        ({"a": "\ud800"}, r"data\.a contains half a character"),
        ({"a": "x\udfff"}, r"data\.a contains half a character"),
        (cycle(), r"data\[0\]\.again contains itself"),
        (deep(100_000), "nested deeper than 100 levels"),
        (object(), "data is of type object"),
    ],
)
def test_a_value_that_json_cannot_represent_is_named_by_its_path(data: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        encode_body(data)


def test_the_same_value_twice_is_no_cycle() -> None:
    tag = {"name": "VIP"}
    assert json.loads(encode_body([tag, tag])) == [tag, tag]


def test_cyrillic_travels_as_utf_8() -> None:
    assert encode_body({"name": "Сделка"}) == '{"name":"Сделка"}'.encode()


TEXT = st.text(st.characters(codec="utf-8"))
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)


@given(st.recursive(SCALARS | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_whatever_json_carries_arrives(data: Any) -> None:
    assert json.loads(encode_body(data)) == data
