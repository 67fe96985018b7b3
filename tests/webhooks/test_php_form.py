"""Forms with brackets are read as PHP reads them, within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm import WebhookError
from amocrm.webhooks import parse
from amocrm.webhooks.parsing.body import read_body
from amocrm.webhooks.parsing.php_form import (
    MAX_BODY,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_KEY,
    decode,
    nest,
    parse_form,
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a", {"a": ""}),
        ("", {}),
        ("&&=&", {"": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1&a=2", {"a": "2"}),
        ("a[b]=1", {"a": {"b": "1"}}),
        ("a%5Bb%5D=1&a%5bc%5d=2", {"a": {"b": "1", "c": "2"}}),
        ("a[b][c]=1&a[b][d]=2&a[e]=3", {"a": {"b": {"c": "1", "d": "2"}, "e": "3"}}),
        ("a+b=c+d%2B", {"a b": "c d+"}),
        # Lists.
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[7]=x&a[3]=y", {"a": ["y", "x"]}),
        ("a[]=x&a[]=y", {"a": ["x", "y"]}),
        ("a[5]=x&a[]=y&a[0]=z&a[]=w", {"a": ["z", "x", "y", "w"]}),
        ("a[]=x&a[9]=y&a[]=z", {"a": ["x", "y", "z"]}),
        ("a[][b]=1&a[][c]=2", {"a": [{"b": "1"}, {"c": "2"}]}),
        ("a[][]=1&a[][]=2", {"a": [["1"], ["2"]]}),
        ("a[0]=x&a[b]=y", {"a": {"0": "x", "b": "y"}}),
        ("a[b]=y&a[]=x", {"a": {"b": "y", "0": "x"}}),
        ("a[-1]=x", {"a": {"-1": "x"}}),
        ("a[\u0661]=x", {"a": {"\u0661": "x"}}),
        ("a[9999999999999999999]=x", {"a": {"9999999999999999999": "x"}}),
        ("0=a&1=b", {"0": "a", "1": "b"}),
        # A value and an array under one name.
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=1&a=2", {"a": "2"}),
        ("a[b][c]=1&a=2&a[b][d]=3", {"a": {"b": {"d": "3"}}}),
        ("a[b][c]=1&a[b]=2&a[b][d]=3&a[b][e]=4", {"a": {"b": {"d": "3", "e": "4"}}}),
        ("a[x][b][c]=1&a[x]=2&a[x][b][d]=3", {"a": {"x": {"b": {"d": "3"}}}}),
        # Brackets that do not match.
        ("a[b=1", {"a[b": "1"}),
        ("a]=1", {"a]": "1"}),
        ("[a]=1", {"[a]": "1"}),
        ("[]=1", {"[]": "1"}),
        ("a[b]c[d]=1", {"a": {"b": "1"}}),
        ("a[b]c[d]=1&a[b]c[e]=2", {"a": {"b": "2"}}),
        ("a[b][c=1", {"a": {"b": "1"}}),
        ("a[b]]=1", {"a": {"b": "1"}}),
        ("a[[b]=1", {"a": {"[b": "1"}}),
        ("a[b[c]]=1", {"a": {"b[c": "1"}}),
        ("a[ ]=1", {"a": {" ": "1"}}),
        # Names that mean something elsewhere.
        ("__proto__[x]=1&constructor=2", {"__proto__": {"x": "1"}, "constructor": "2"}),
        ("a[__class__]=1&a[next_index]=5&a[]=x", {"a": {"__class__": "1", "next_index": "5",
                                                       "0": "x"}}),
        # Escapes.
        ("a%5B0%5D=%5B0%5D&%255B=%255D", {"a": ["[0]"], "%5B": "%5D"}),
        ("a=%&b=%4&c=%zz&d=%D0", {"a": "%", "b": "%4", "c": "%zz", "d": "\u0420"}),
        ("a%00b=%00", {"a\0b": "\0"}),
        ("a=1;b=2", {"a": "1;b=2"}),
    ],
)  # fmt: skip
def test_a_form_is_read(body: str, expected: dict[str, Any]) -> None:
    assert parse_form(body.encode()) == expected
    assert type(parse_form(body.encode())) is dict


TEXT = "Съёмка «Ёж» № 5 – всё"


@pytest.mark.parametrize(
    "raw",
    [TEXT.encode(), TEXT.encode("cp1251"), TEXT.upper().encode("cp1251")],
    ids=["UTF-8", "windows-1251", "capitals"],
)
def test_the_encoding_is_found_out(raw: bytes) -> None:
    coded = "".join(f"%{byte:02x}" for byte in raw).encode()
    for body in (b"a=" + raw.replace(b"+", b"%2B"), b"a=" + coded):
        assert parse_form(body)["a"].lower() == TEXT.lower()
        assert parse_form(body.replace(b"a=", b"n[")).popitem()[0].lower() == f"n[{TEXT}".lower()


def test_utf_8_that_was_cut_stays_readable() -> None:
    assert decode("Привет, Анна".encode()[:-1]) == "Привет, Анн\ufffd"
    assert decode(b"\xff\xfe") == "яю"
    assert decode(b"\x98") == "\ufffd"


def test_values_of_json_may_be_nested_already() -> None:
    assert nest([("a[b]", {"0": {"1": 5}, "2": None}), ("a[c]", [{"0": 1}])]) == {
        "a": {"b": [[5], None], "c": [[1]]}
    }


# Bounds -------------------------------------------------------------------------------------------


def field(length: int = 1, depth: int = 1) -> bytes:
    return b"a" * length + b"[x]" * (depth - 1) + b"=1"


ACCEPTED = [
    b"a=" + b"x" * (MAX_BODY - 2), b"&".join([b"a=1"] * MAX_FIELDS), field(MAX_KEY),
    field(1, MAX_DEPTH), b"&".join([b"a[][]=1"] * (MAX_FIELDS - 1)),
]  # fmt: skip
REFUSED = [
    (b"a=" + b"x" * (MAX_BODY - 1), "1,048,576 bytes"),
    (b"&".join([b"a=1"] * (MAX_FIELDS + 1)), "10,000 fields"),
    (b"&" * MAX_FIELDS, "10,000 fields"),
    (field(MAX_KEY + 1), "a key longer than 1,000"),
    (b"%41" * 334 + b"=1", "a key longer than 1,000"),
    (field(1, MAX_DEPTH + 1), "deeper than 16"),
    (field(1, MAX_DEPTH + 1).replace(b"[", b"%5b"), "deeper than 16"),
    (b"a" + b"%5B%5D" * MAX_DEPTH + b"=1", "deeper than 16"),
    (b"a" + b"[" * MAX_DEPTH + b"=1", "deeper than 16"),
    (b"&".join([b"a[][][]=1"] * (MAX_FIELDS // 2)), "10,000 arrays"),
    (b"&".join(b"a%d[x][y]=1" % number for number in range(5_001)), "10,000 arrays"),
]


@pytest.mark.parametrize("body", ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_is_within_the_bounds_is_read(body: bytes) -> None:
    assert parse_form(body)


@pytest.mark.parametrize(("body", "why"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_out_of_bounds_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(WebhookError, match=why) as refusal:
        parse_form(body)
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'{"a":"' + b"x" * MAX_BODY + b'"}', "1,048,576 bytes"),
     (b"[" + b"1," * MAX_FIELDS + b"1,1]", "10,000 values"),
     (b"[" + b"{}," * MAX_FIELDS + b"{}]", "10,000 values"),
     (b"[" + (b"[" * 500 + b"]" * 500 + b",") * 200 + b"1]", "10,000 values"),
     (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deeper than 16"),
     (b"[" * 5_000 + b"]" * 5_000, "deeper|broken"),
     (b'{"' + b"k" * (MAX_KEY + 1) + b'":1}', "a key longer than 1,000"),
     (b'{"a":', "broken JSON"), (b"[1,]", "broken JSON"), (b"{\xff}", "broken JSON")],
    ids=["size", "values", "objects", "brackets", "depth", "very deep", "key", "cut", "comma",
         "bytes"],
)  # fmt: skip
def test_json_out_of_bounds_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(WebhookError, match=why) as refusal:
        read_body(body, "application/json; charset=utf-8")
    assert len(str(refusal.value)) < 100
    assert refusal.value.__cause__ is None


def test_keys_with_brackets_in_json_are_bounded_too() -> None:
    many = b"{" + b",".join(b'"a%d[x][y]":1' % number for number in range(5_001)) + b"}"
    deep = b'{"a' + b"[x]" * MAX_DEPTH + b'": 1}'
    for body, why in ((many, "10,000 arrays"), (deep, "deeper than 16")):
        with pytest.raises(WebhookError, match=why):
            parse(body, "application/json")


def test_broken_json_without_its_content_type_is_a_form() -> None:
    assert read_body(b'{"a":', "text/plain") == ([{'{"a":': ""}], False)


def test_texts_of_json_can_be_encoded_and_its_numbers_are_finite() -> None:
    ((found,), is_json) = read_body(
        b'{"a\\ud800": "\\udc00x", "big": ' + b"9" * 5_000 + b', "nan": NaN, "\xcf": "\xf0"}', ""
    )
    assert is_json
    assert found == {"a?": "?x", "big": None, "nan": None, "П": "р"}
