from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import ConfigurationError
from amocrm.http.query import encode, merge


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, ""),
        ({"limit": 250}, "limit=250"),
        ({"filter": {"id": [1, 2]}}, "filter[id][0]=1&filter[id][1]=2"),
        ({"filter": {"id": (1, 2)}}, "filter[id][0]=1&filter[id][1]=2"),
        ({"filter": {"updated_at": {"from": 1, "to": 2}}},
         "filter[updated_at][from]=1&filter[updated_at][to]=2"),
        ({"filter": {"statuses": [{"pipeline_id": 1, "status_id": 142}]}},
         "filter[statuses][0][pipeline_id]=1&filter[statuses][0][status_id]=142"),
        ({"a": None, "b": True, "c": False, "d": 1.5}, "a=&b=true&c=false&d=1.5"),
        ({"a": [], "b": {}}, ""),
        ({"with": "contacts,loss_reason"}, "with=contacts,loss_reason"),
        ({"query": "Иван & Co=50%"}, "query=Иван & Co=50%"),
        ({1: 2}, "1=2"),
    ],
)  # fmt: skip
def test_nested_data_becomes_a_bracketed_query(params: Any, query: str) -> None:
    assert unquote(encode(params)) == query


def test_everything_but_the_separators_is_percent_encoded() -> None:
    assert encode({"filter": {"a&b": "c=d#é"}}) == "filter%5Ba%26b%5D=c%3Dd%23%C3%A9"


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"a": float("nan")}, "a is nan"),
        ({"a": {"b": [float("inf")]}}, r"a\[b\]\[0\] is inf"),
        ({"a": datetime.now(timezone.utc)}, "a is of type datetime.*Unix seconds"),
        ({"a": b"x"}, "a is of type bytes.*decode"),
        ({"a": {1, 2}}, "a is of type set.*list"),
        ({"a": Decimal(1)}, "a is of type Decimal"),
        ({"a": "\ud800"}, "a contains half a character"),
        ({"a": "x\udfff"}, "a contains half a character"),
        ({None: 1}, "params has a key of type NoneType"),
        ({"a": {True: 1}}, "a has a key of type bool"),
        ([("a", 1)], "params must be a dict, not list"),
        ("a=1", "params must be a dict, not str"),
    ],
)
def test_a_value_that_a_query_cannot_represent_is_named_by_its_path(
    params: Any, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        encode(params)


def nested(levels: int) -> dict[str, Any]:
    data: Any = 1
    for _ in range(levels):
        data = {"a": data}
    return {"a": data}


def listed(levels: int) -> Any:
    data: Any = 1
    for _ in range(levels):
        data = [data]
    return data


def test_depth_has_a_border() -> None:
    assert encode(nested(31)).endswith("=1")
    with pytest.raises(ConfigurationError, match="deeper than 32"):
        encode(nested(32))
    assert encode({"a": listed(31)}).endswith("=1")
    with pytest.raises(ConfigurationError, match="deeper than 32"):
        encode({"a": listed(32)})
    cycle: dict[str, Any] = {}
    cycle["a"] = cycle
    with pytest.raises(ConfigurationError, match="deeper than 32"):
        encode(cycle)


@pytest.mark.parametrize(
    ("query", "params", "merged"),
    [
        ("", {"a": 1}, "a=1"),
        ("a=1", {"b": 2}, "a=1&b=2"),
        ("a=1&b=2", {"a": 3}, "b=2&a=3"),
        ("a%5Bb%5D=1&c=2", {"a": {"b": 3}}, "c=2&a%5Bb%5D=3"),
        ("a[b]=1", {"a": {"b": 3}}, "a%5Bb%5D=3"),
        ("a=1&&", {}, "a=1"),
    ],
)
def test_params_win_over_the_path(query: str, params: Any, merged: str) -> None:
    assert merge(query, params) == merged


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1),
                       st.text(st.characters(codec="utf-8"))))  # fmt: skip
def test_a_flat_query_reads_back(params: dict[str, str]) -> None:
    assert dict(parse_qsl(encode(params), keep_blank_values=True)) == params


def test_a_date_is_not_advised_to_be_sent_as_text() -> None:
    with pytest.raises(ConfigurationError, match="Unix seconds") as caught:
        encode({"filter": {"created_at": {"from": date(2026, 1, 31)}}})
    assert "send strings" not in str(caught.value)
