"""Whatever is posted is read or refused with a WebhookError, in linear time and bounded memory."""

from __future__ import annotations

import contextlib
import json
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import WebhookError
from amocrm.webhooks import Delivery, parse
from amocrm.webhooks.event import Kind
from amocrm.webhooks.inbox.inbox import Part
from amocrm.webhooks.parsing.php_form import MAX_BODY, parse_form
from tests.hostile import cases
from tests.webhooks.forms import FORM, JSON, form

pytestmark = pytest.mark.timeout(3600)  # for 100,000 cases

KINDS: tuple[Kind, ...] = get_args(Kind)

# A grammar of what a sender means, and of what a stranger makes of it.
words = st.sampled_from(
    ["leads", "contacts", "task", "unsorted", "talk", "message", "catalogs", "lead", "account",
     "add", "update", "delete", "status", "responsible", "note", "this_item", "id", "uid", "type",
     "company", "subdomain", "_links", "self", "custom_fields", "values", "value", "enum",
     "old_status_id", "old_responsible_user_id", "updated_at", "element_id", "event", "action",
     "data", "token", "return_url", "typing", "conversation", "sender", "code", "referer",
     "signature", "account_id", "0", "1", "2", "007", "-1", "999999999999999999999999", "",
     "__proto__", "__class__", "next_index", "a b", "\0", "\u0661", "имя", "\ud83d\udc4d"]
)  # fmt: skip
texts = words | st.text(max_size=8) | st.sampled_from(
    ["1e999", "nan", "9" * 30, "9" * 5_000, "-5", "1700000000", "1700000000000", "e.e.e", "\x1b[m"]
)  # fmt: skip
scalars: st.SearchStrategy[Any] = (
    texts | st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**700)
)
trees: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts, trees, max_size=4)


def written(value: Any) -> Any:
    """Put lone surrogates and endless numbers where JSON can have them."""
    return json.dumps(value).encode()


forms = objects.map(
    lambda data: b"&".join(
        b"=".join(part.encode("utf-8", "replace") for part in field) for field in pairs(data, "")
    )
)


def pairs(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            pair
            for key, one in value.items()
            for pair in pairs(one, f"{name}[{key}]" if name else key)
        ]
    if isinstance(value, list):
        return [pair for one in value for pair in pairs(one, f"{name}[]")]
    return [(name, str(value)[:50])]


@st.composite
def spoiled(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """A body that was cut, doubled, re-encoded, or has bytes that do not belong there."""
    body = draw(bodies)
    at, to = sorted(draw(st.tuples(*[st.integers(0, max(len(body), 1))] * 2)))
    junk = draw(st.sampled_from(
        [b"", b"[", b"]", b"[]", b"][", b"%", b"%5", b"%5B", b"%255B", b"&", b"=", b"+", b"\xd0",
         b"\xff\xfe", b"\0", b"{", b"}", b"\xef\xbb\xbf", b'"', b"\\ud800", b"1" * 5_000]
    ))  # fmt: skip
    how = draw(st.integers(0, 3))
    if how == 0:
        return body[:at] + junk + body[to:]
    if how == 1:
        return body[at:to] * 2 + junk
    if how == 2:
        return body.decode("utf-8", "replace").encode("cp1251", "replace") + junk
    return body.replace(b"[", b"%5b").replace(b"]", b"%5D") + junk


alphabet = st.lists(
    st.sampled_from(
        [b"leads", b"add", b"0", b"[", b"]", b"[]", b"[0]", b"[add]", b"=", b"&", b"%5B", b"%5D",
         b"id", b"1", b"+", b"%d0", b"\xcf"]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip

bodies = (
    st.binary(max_size=60)
    | alphabet
    | forms
    | objects.map(written)
    | trees.map(written)
    | spoiled(forms)
    | spoiled(objects.map(written))
)


@given(bodies, st.sampled_from([FORM, JSON, "", "text/plain"]), st.none() | st.sampled_from(KINDS))
@cases
def test_any_body_is_read_or_refused(body: bytes, content_type: str, kind: Kind | None) -> None:
    try:
        delivery = parse(body, content_type, kind=kind)
    except WebhookError as error:
        refusal = str(error)
    else:
        refusal = ""
        check(delivery)
        assert parse(body, content_type, kind=delivery.kind) == delivery, "found by position"
        assert kind in (None, delivery.kind)
    assert len(refusal) < 200


def check(delivery: Delivery) -> None:
    """What is stored and shown of an event is short, plain ASCII, of the right types."""
    for event in delivery.events:
        assert event.kind == delivery.kind
        key, code, at = Part.of(event)
        for text in (key, code, event.wire, event.entity, event.action, event.subdomain or "-"):
            assert text.isascii()
            assert text.isprintable()
            assert len(text) <= 200
        assert at is None or 0 < at < 10**11
        assert type(event.item) is dict
        assert all(type(number) is int for number in event.previous.values())
        assert event.account_id is None or 0 < event.account_id < 10**18
        assert isinstance(event.id, (int, str, type(None)))
        json.dumps(event.item, ensure_ascii=False).encode()


plain = st.text(max_size=6).filter(lambda text: not {*text} & {"[", "]"})
named = plain.filter(lambda text: text != "" and not text.isdecimal())
branches: st.SearchStrategy[Any] = st.recursive(
    st.text(max_size=6),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(named, inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(named, branches, max_size=4))
@cases
def test_a_form_comes_back_as_it_was_meant(data: dict[str, Any]) -> None:
    assert parse_form(form(data)) == data


# Time and memory ----------------------------------------------------------------------------------

GROWING: dict[str, Callable[[int], bytes]] = {
    "one name": lambda n: b"&".join([b"a=1"] * n),
    "many names": lambda n: b"&".join(b"a%d=1" % i for i in range(n)),
    "appended": lambda n: b"&".join([b"a[]=1"] * n),
    "appended deep": lambda n: b"&".join([b"a[][][][][][]=1"] * n),
    "appended below": lambda n: b"&".join([b"a[x][y][]=1"] * n),
    "backwards": lambda n: b"&".join(b"a[%d]=1" % i for i in range(n, 0, -1)),
    "numbers, then appended": lambda n: b"&".join(
        [b"a[%d]=1" % (i + n) for i in range(n)] + [b"a[]=1"] * n
    ),
    "a value and an array in turns": lambda n: b"&".join([b"a[b][c]=1&a=2&a[b][d]=3"] * n),
    "arrays that are replaced": lambda n: b"&".join(
        b"a[%d][x]=1&a[%d]=2" % (i % 7, i % 5) for i in range(n)
    ),
    "new parents": lambda n: b"&".join(b"a[%d][b][c][d]=1" % i for i in range(n)),
    "brackets": lambda n: b"&".join([b"a[[[]]][[]"] * n),
    "not closed": lambda n: b"&".join([b"a[b][c][d"] * n),
    "escapes": lambda n: b"&".join([b"%61%5b%62%5d=%d0%9f%ff"] * n),
    "windows-1251": lambda n: b"a=" + b"\xcf\xf0" * n,
    "items": lambda n: b"&".join(b"leads[add][%d][id]=%d" % (i, i) for i in range(n)),
    "actions": lambda n: b"&".join(b"leads[%d][id]=%d" % (i, i) for i in range(n)),
    "entities": lambda n: b"&".join(b"e%d[add][id]=1" % i for i in range(n)),
    "json list": lambda n: b'{"leads":{"add":[' + b",".join([b'{"id":1}'] * n) + b"]}}",
    "json flat": lambda n: b"{" + b",".join(b'"a[b][%d]":1' % i for i in range(n)) + b"}",
    "json objects": lambda n: b"[" + b",".join([b'{"x":{"y":1}}'] * n) + b"]",
    "json escapes": lambda n: b'{"a":"' + b"\\ud800" * n + b'"}',
}


def steps(body: bytes) -> int:
    """Count the lines of the package that run: a measure that no other process disturbs."""
    count = 0

    def on_line(frame: FrameType, what: str, _: object) -> Any:
        nonlocal count
        count += what == "line"
        return on_line

    def on_call(frame: FrameType, _what: str, _: object) -> Any:
        return on_line if "/amocrm/webhooks/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        with contextlib.suppress(WebhookError):
            parse(body, JSON if body[:1] in (b"{", b"[") else FORM)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("shape", GROWING)
def test_the_steps_grow_as_the_body(shape: str) -> None:
    grow = GROWING[shape]
    once, twice, four_times = (steps(grow(n)) for n in (100, 200, 400))
    assert twice - once > 0 or four_times == once
    assert four_times - twice <= 2.2 * (twice - once)


QUARTER = MAX_BODY // 4
ENDLESS: dict[str, bytes] = {
    "arrays": b"&".join(b"a%d%s=" % (number, b"[x]" * 15) for number in range(660)),
    "appended arrays": b"&".join([b"a" + b"[]" * 15] * 660),
    "json": b"[" + b"[[[[[[[[[[[],[],[],[],[],[]]]]]]]]]]]," * 500 + b"[]]",
    "events": b"&".join(b"leads[%d]=%s" % (number, b"x" * 90) for number in range(2_500)),
    "escapes": b"a=" + b"%d0" * (QUARTER // 3),
    "escapes among letters": b"a=" + b"%d0x" * (QUARTER // 4),
    "windows-1251": b"a=" + b"\xd0" * QUARTER,
    "json lists": b"[" + (b"[" * 500 + b"]" * 500 + b",") * (QUARTER // 1_000) + b"1]",
}

AT_ONCE: dict[str, bytes] = {
    "too large": b"a" * (MAX_BODY + 1),
    "fields": b"a=1&" * (MAX_BODY // 4),
    "appended arrays": b"&".join([b"a" + b"[]" * 15] * 9_990),
    "json values": b"[" + b"1," * 500_000 + b"1]",
    "json lists": b"[" + b"[]," * 300_000 + b"1]",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_the_memory_is_bounded(name: str) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(WebhookError):
            parse(ENDLESS[name], FORM)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < (16 if name == "escapes" else 64) * QUARTER


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_is_clearly_too_much_is_refused_at_once(name: str) -> None:
    assert steps(AT_ONCE[name]) < 60


def test_names_and_ids_of_any_length_fit_into_the_inbox() -> None:
    long = "x" * 400
    data = {long: {long: {"id": long}}, "account": {"subdomain": long}}
    for body in (form(data), json.dumps(data).encode()):
        delivery = parse(body, "")
        assert len(delivery.events) == 1
        check(delivery)
