"""The bounded shelf: the same thing for everybody, and the least used one leaves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from amocrm import ConfigurationError
from amocrm._support.cache import LRUCache


def test_the_least_used_thing_leaves_when_the_shelf_is_full_and_not_before() -> None:
    made: list[str] = []

    def get(name: str) -> str:
        def make() -> str:
            made.append(name)
            return name

        return shelf.get(name, make)

    shelf: LRUCache[str] = LRUCache(2)
    assert (get("a"), get("b"), len(shelf)) == ("a", "b", 2)
    assert shelf.held("a") == "a"
    get("c")
    assert (shelf.held("a"), shelf.held("b"), shelf.held("c")) == ("a", None, "c")
    get("a")
    get("b")
    assert (shelf.held("a"), shelf.held("b"), shelf.held("c"), len(shelf)) == ("a", "b", None, 2)
    assert made == ["a", "b", "c", "b"]


def test_many_threads_get_the_same_thing() -> None:
    shelf: LRUCache[object] = LRUCache(1)
    gate = threading.Barrier(16)

    def ask(_: int) -> object:
        gate.wait(60)
        return shelf.get("a", object)

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1


def test_what_is_taken_is_gone() -> None:
    shelf: LRUCache[str] = LRUCache(2)
    shelf.get("a", lambda: "A")
    assert (shelf.take("a"), shelf.take("a"), shelf.held("a")) == ("A", None, None)
    shelf.get("b", lambda: "B")
    assert shelf.all() == ["B"]
    assert (shelf.clear(), len(shelf)) == (["B"], 0)


@pytest.mark.parametrize("room", [0, -1, True, 1.5, "2", None])
def test_a_shelf_without_room_is_refused(room: int) -> None:
    with pytest.raises(ConfigurationError, match="max_clients"):
        LRUCache(room)


def test_what_is_bound_does_not_leave_while_it_is() -> None:
    bound = {"a"}
    shelf: LRUCache[str] = LRUCache(2, is_pinned=lambda thing: thing in bound)
    for name in "abcd":
        shelf.get(name, lambda name=name: name)  # type: ignore[misc]
    assert [shelf.held(name) for name in "abcd"] == ["a", None, None, "d"]
    bound.clear()
    shelf.get("e", lambda: "e")
    assert len(shelf) == 2


def test_where_all_are_bound_there_are_more_than_room_for_a_while() -> None:
    shelf: LRUCache[str] = LRUCache(1, is_pinned=lambda _: True)
    for name in "abc":
        shelf.get(name, lambda name=name: name)  # type: ignore[misc]
    assert len(shelf) == 3
