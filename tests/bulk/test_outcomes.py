"""Chunks, what became of each item, and how a refused chunk is divided."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm.bulk.outcomes import (
    UNEXPLAINED,
    Created,
    Outcome,
    Refused,
    Unknown,
    Updated,
    blame,
    chunks,
    correlate,
    is_unwritten,
    settle,
)
from amocrm.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidField,
    LostReplyError,
    RateLimitedError,
    ReplyError,
    ServerError,
    TransportError,
    UnexpectedReplyError,
    UnreachableError,
    ValidationError,
)

PATH = "/api/v4/leads"


def reply_error(kind: type[ReplyError], status: int) -> ReplyError:
    return kind("no", method="POST", path=PATH, status=status, title="Bad Request")


def validation(*indexes: int | None) -> ValidationError:
    error = ValidationError("no", method="POST", path=PATH, status=400, title="Bad Request")
    error.fields = tuple(InvalidField(at, str(at), "price", "InvalidType", "No.") for at in indexes)
    return error


class Server:
    """Writes a call when none of its items is bad; tells of the bad ones, or does not."""

    def __init__(self, names: int | None = None, lose: frozenset[int] = frozenset()) -> None:
        self.names = names
        self.lose = lose
        self.written: list[int] = []
        self.calls = 0

    def settle(self, items: list[dict[str, Any]]) -> tuple[list[Outcome], Exception | None]:
        def send(part: list[int]) -> list[Outcome]:
            self.calls += 1
            bad = [place for place, at in enumerate(part) if items[at]["bad"]]
            if bad and self.names is None:
                raise reply_error(ReplyError, 400)
            if bad:
                raise validation(*bad[: self.names])
            if self.calls in self.lose:
                raise LostReplyError("gone")
            self.written += part
            return [Created(1000 + at, items[at]) for at in part]

        return settle(items, send)


def items_of(bad: list[bool]) -> list[dict[str, Any]]:
    return [{"at": at, "bad": is_bad} for at, is_bad in enumerate(bad)]


@given(st.lists(st.integers()), st.integers(1, 10))
def test_chunks_put_together_are_the_items(items: list[int], size: int) -> None:
    cut = list(chunks(iter(items), lambda: size))
    assert [one for chunk in cut for one in chunk] == items
    assert all(len(chunk) == size for chunk in cut[:-1])
    assert all(cut)


def test_the_items_before_an_error_of_their_source_are_a_chunk() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise ZeroDivisionError

    cut, got = chunks(source(), lambda: 3), list[list[int]]()
    with pytest.raises(ZeroDivisionError):
        got.extend(cut)
    assert got == [[0, 1, 2], [3, 4]]


MIXED = st.lists(st.booleans(), max_size=40).filter(
    lambda bad: "1" * UNEXPLAINED not in "".join(str(int(one)) for one in bad)
)


@given(MIXED, st.sampled_from([None, 1, 3, 1000]))
def test_the_good_ones_are_written_once_and_the_bad_ones_never(
    bad: list[bool], names: int | None
) -> None:
    server, items = Server(names), items_of(bad)
    outcomes, final = server.settle(items)
    assert final is None
    assert sorted(server.written) == [at for at, is_bad in enumerate(bad) if not is_bad]
    assert [one.item["at"] for one in outcomes] == list(range(len(bad)))
    assert [isinstance(one, Refused) for one in outcomes] == bad
    assert [one.id for one in outcomes if isinstance(one, Created)] == [
        1000 + at for at, is_bad in enumerate(bad) if not is_bad
    ]


@given(MIXED, st.frozensets(st.integers(1, 20)))
def test_what_is_lost_is_unknown_and_not_sent_again(bad: list[bool], lose: frozenset[int]) -> None:
    server, items = Server(None, lose), items_of(bad)
    outcomes, final = server.settle(items)
    assert final is None
    assert len(server.written) == len(set(server.written))
    for at, one in enumerate(outcomes):
        assert isinstance(one, Refused) == bad[at]
        assert isinstance(one, Created) == (at in server.written)


@pytest.mark.parametrize("names", [1, 1000])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_named_item_costs_one_more_call_at_most(names: int, count: int) -> None:
    server = Server(names)
    server.settle(items_of([at < count for at in range(250)]))
    assert server.calls == (1 + count if names == 1 else 1 + bool(count))


@pytest.mark.parametrize("where", [0, 1, 77, 124, 125, 248, 249])
def test_an_unnamed_item_is_found_by_halving(where: int) -> None:
    server = Server(None)
    server.settle(items_of([at == where for at in range(250)]))
    assert server.calls <= 1 + 2 * math.ceil(math.log2(250))


def test_no_items_are_no_call() -> None:
    server = Server()
    assert server.settle([]) == ([], None)
    assert server.calls == 0


def test_a_chunk_of_bad_ones_ends() -> None:
    named, unnamed = Server(1000), Server(None)
    named.settle(items_of([True] * 250))
    assert named.settle(items_of([True] * 9))[1] is None
    outcomes, final = unnamed.settle(items_of([True] * 250))
    assert [type(one) for one in outcomes] == [Refused] * 250
    assert isinstance(final, ReplyError)
    assert named.calls == 2
    assert unnamed.calls < 8 + 2 * UNEXPLAINED


@pytest.mark.parametrize(("bad", "ends"), [(UNEXPLAINED - 1, False), (UNEXPLAINED, True)])
def test_items_refused_alone_without_a_reason_are_counted(bad: int, ends: bool) -> None:
    server = Server(None)
    _, final = server.settle(items_of([at < bad for at in range(64)]))
    assert (final is not None) == ends
    assert (len(server.written) == 64 - bad) == (not ends)


def test_a_good_one_in_between_begins_the_count_anew() -> None:
    server = Server(None)
    _, final = server.settle(items_of([at % 10 > 0 for at in range(64)]))
    assert final is None
    assert len(server.written) == 7


def test_a_refused_item_holds_its_own_fields_alone() -> None:
    outcomes, _ = Server(1000).settle(items_of([True, False, True]))
    refused = outcomes[2]
    assert isinstance(refused, Refused)
    assert [field.path for field in refused.errors] == ["price"]
    assert str(refused.error) == (
        "POST /api/v4/leads returned 400 Bad Request: price has the wrong type "
        '(amoCRM: "No", InvalidType)'
    )
    with pytest.raises(ValidationError):
        refused.unwrap()


def test_a_refusal_without_fields_has_no_errors() -> None:
    outcomes, _ = Server(None).settle(items_of([True]))
    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].errors == ()


@pytest.mark.parametrize(
    ("error", "kind", "ends"),
    [
        (LostReplyError("gone"), Unknown, False),
        (reply_error(ServerError, 502), Unknown, False),
        (reply_error(UnexpectedReplyError, 200), Unknown, False),
        (UnreachableError("no network"), Refused, True),
        (reply_error(RateLimitedError, 429), Refused, True),
        (reply_error(ForbiddenError, 403), Refused, True),
        (reply_error(ReplyError, 422), Refused, True),
        (ConfigurationError("closed"), Refused, True),
        (RuntimeError("a handler's"), Unknown, True),
    ],
)
def test_what_an_error_says_of_the_items(error: Exception, kind: type, ends: bool) -> None:
    def send(part: list[int]) -> list[Outcome]:
        raise error

    outcomes, final = settle([{"a": 1}, {"a": 2}], send)
    assert [type(one) for one in outcomes] == [kind, kind]
    assert final is (error if ends else None)
    assert is_unwritten(error) == (kind is Refused)
    for one in outcomes:
        with pytest.raises(type(error)):
            one.unwrap()


def test_what_was_not_sent_when_it_ends_is_refused() -> None:
    calls: list[list[int]] = []

    def send(part: list[int]) -> list[Outcome]:
        calls.append(part)
        raise reply_error(ReplyError, 400) if len(calls) == 1 else UnreachableError("gone")

    outcomes, final = settle([{}, {}, {}, {}], send)
    assert len(calls) == 2
    assert isinstance(final, TransportError)
    assert [type(one) for one in outcomes] == [Refused] * 4


def test_a_call_that_is_too_large_is_halved() -> None:
    def send(part: list[int]) -> list[Outcome]:
        if len(part) > 3:
            raise reply_error(ReplyError, 413)
        return [Created(at, {}) for at in part]

    outcomes, final = settle([{}] * 10, send)
    assert final is None
    assert [one.unwrap() for one in outcomes] == list(range(10))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([None, None], {1}),
        (["a", "b"], {1}),
        (["5", None], {1}),
        (["1", None], set()),  # The server's "1" is the index of the second.
        (["a", "a"], set()),
        (["1", "0"], {1}),
    ],
)
def test_names_are_believed_when_they_mean_one_item(
    ids: list[str | None], expected: set[int]
) -> None:
    items = [{} if one is None else {"request_id": one} for one in ids]
    assert blame(items, validation(1)) == expected


def answer(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"_embedded": {"leads": list(entries)}}


IDS = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "0", "1", "2", "7"]))


@given(st.lists(IDS, max_size=8), st.randoms(use_true_random=False))
def test_answers_find_their_items(ids: list[str | None], dice: Any) -> None:
    items = [{"n": at} | ({} if one is None else {"request_id": one}) for at, one in enumerate(ids)]
    entries = [
        {"id": 100 + at, "request_id": str(at) if one is None else one}
        for at, one in enumerate(ids)
    ]
    names = [one["request_id"] for one in entries]
    if len(set(names)) == len(names):
        dice.shuffle(entries)  # Order is promised, but not needed where the ids tell.
    outcomes = correlate(items, answer(*entries), PATH, Created)
    assert [one.unwrap() for one in outcomes] == [100 + at for at in range(len(ids))]
    assert [one.item for one in outcomes] == items


def test_an_answer_without_request_ids_is_read_in_order() -> None:
    items: list[Any] = [{"id": 7, "request_id": "x"}, {"id": 5}]
    outcomes = correlate(items, answer({"id": 7, "request_id": "x"}, {"id": 5}), PATH, Updated)
    assert outcomes == [
        Updated(7, items[0], {"id": 7, "request_id": "x"}),
        Updated(5, items[1], {"id": 5}),
    ]


def test_complex_leads_come_bare_and_share_answers() -> None:
    items: list[Any] = [{"name": "a"}, {"name": "b"}]
    merged = {"id": 7, "contact_id": 3, "request_id": ["0", "1"], "merged": True}
    outcomes = correlate(items, [merged], "/api/v4/leads/complex", Created)
    assert outcomes == [Created(7, items[0], merged), Created(7, items[1], merged)]


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (None, [False, False]),
        ({"ok": True}, [False, False]),
        (answer({"id": 1, "request_id": "1"}), [False, True]),
        (answer({"id": 1}), [False, False]),
    ],
)
def test_what_the_answer_does_not_tell_is_unknown(data: object, known: list[bool]) -> None:
    outcomes = correlate([{}, {}], data, PATH, Created)
    assert [isinstance(one, Created) for one in outcomes] == known
    assert all(isinstance(one, (Created, Unknown)) for one in outcomes)


def test_an_unordered_answer_to_clashing_ids_is_unknown() -> None:
    items = [{"request_id": "a"}, {"request_id": "a"}]
    one = correlate(items, answer({"id": 1, "request_id": "a"}), PATH, Created)
    two = correlate(items, answer({"id": 1}, {"id": 2}), PATH, Created)
    assert [type(outcome) for outcome in one] == [Unknown, Unknown]
    assert [outcome.unwrap() for outcome in two] == [1, 2]


def test_ids_that_have_other_names() -> None:
    sip = {"_embedded": {"unsorted": [{"uid": "abc", "request_id": "0"}]}}
    assert correlate([{}], sip, "/api/v4/leads/unsorted/sip", Created)[0].unwrap() == "abc"
    linked = answer({"request_id": "0"})
    assert correlate([{"id": 3}], linked, PATH, Updated)[0].unwrap() == 3
    assert correlate([{"id": 3}], linked, PATH, Created)[0].unwrap() is None


def test_a_change_is_known_by_its_id_whatever_is_echoed() -> None:
    data = {"_embedded": {"catalogs": [{"id": 1, "request_id": "1"}, {"id": 9, "request_id": "9"}]}}
    outcomes = correlate([{"id": 9}, {"id": 1}], data, "/api/v4/catalogs", Updated)
    assert [one.id for one in outcomes if isinstance(one, Updated)] == [9, 1]
