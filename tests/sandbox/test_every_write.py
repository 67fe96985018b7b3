"""Every write of the sandbox, read as PHP reads it (reference 3.1, 3.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.engine.collection import Collection
from amocrm.sandbox.engine.schema import prop
from amocrm.sandbox.engine.table import TABLE
from amocrm.sandbox.engine.verbs import routes
from tests.sandbox.every_write import (
    ELSEWHERE,
    NO_BODY,
    WRITES,
    Place,
    World,
    Write,
    general,
    inside,
    members,
    named,
    numbered,
    put,
    specific,
)


@pytest.fixture
def world(portal: Sandbox) -> World:
    return World(portal)


def errors(answer: requests.Response) -> list[tuple[str, str]]:
    """Return the code and the path of every error in a model."""
    groups = answer.json()["validation-errors"]
    return [(error["code"], error["path"]) for one in groups for error in one["errors"]]


def served() -> set[tuple[str, str]]:
    return {
        (method, re.sub(r"<[^>]+>", "#", path))
        for entry in TABLE
        for method, path, _ in routes(entry)
    }


def test_every_write_of_the_table_has_a_body_here() -> None:
    # One item is deleted by its address alone.
    writes = {
        (method, path)
        for method, path in served()
        if method != "GET" and not (method == "DELETE" and path.endswith("/#"))
    }
    api = {one for one in WRITES if not one[1].startswith("/v1.0")}
    assert writes == api | NO_BODY | ELSEWHERE


@pytest.mark.parametrize("entry", [one for one in TABLE if isinstance(one, Collection)])
def test_the_bodies_hold_every_property_of_an_entry(world: World, entry: Collection) -> None:
    path = re.sub(r"<[^>]+>", "#", entry.path)
    for method, at, change in (
        ("POST", path, False), ("PATCH", path, True), ("PATCH", f"{path}/#", True),
    ):  # fmt: skip
        if (method, at) in WRITES and (method == "PATCH" or "create" in entry.verbs):
            _, body = WRITES[method, at].made(world)
            model = body[0] if isinstance(body, list) else body
            schema = entry.writable(change=change)
            written = {one for one in schema if prop(schema[one]).kind != "ignored"}
            # `_embedded` may stand everywhere, as a read shows it.
            assert written - set(model) - {"_embedded"} == set(), (method, at)


class Attempt:
    """Sends variants of one body; what it needs is made anew only after a write that was taken."""

    def __init__(self, world: World, key: str) -> None:
        self.world = world
        self.method, path = key.split()
        self.write: Write = WRITES[self.method, path]
        self.fresh = self.write.made(world)

    def send(self, change: Callable[[Any], Any]) -> requests.Response:
        path, body = self.fresh
        answer = self.world.send(self.method, path, change(body))
        if answer.status_code < 300:
            self.fresh = self.write.made(self.world)
        return answer

    def put(self, at: Place, value: Any) -> requests.Response:
        return self.send(lambda body: put(body, at, value))

    @property
    def body(self) -> Any:
        return self.fresh[1]

    def inner(self, at: Place) -> Place:
        """Return a place in the body as a place in the model."""
        return at[1:] if isinstance(self.body, list) else at


@pytest.fixture(params=WRITES, ids=" ".join)
def attempt(request: pytest.FixtureRequest, world: World) -> Attempt:
    return Attempt(world, " ".join(request.param))


def test_a_body_is_taken(attempt: Attempt) -> None:
    answer = attempt.send(lambda body: body)
    assert answer.status_code in (200, 201, 202, 204), answer.text


def test_objects_with_keys_are_lists(attempt: Attempt) -> None:
    answer = attempt.send(keyed)
    assert answer.status_code < 300, answer.text


def test_whole_floats_are_integers(attempt: Attempt) -> None:
    answer = attempt.send(floating)
    assert answer.status_code < 300, answer.text


@pytest.mark.endurance
def test_an_empty_object_is_an_empty_list(attempt: Attempt) -> None:
    for at, value in list(inside(attempt.body)):
        if isinstance(value, (list, dict)):
            empties: tuple[Any, ...] = ({}, [])
            answers = [attempt.put(at, empty) for empty in empties]
            told = [one.json() if one.status_code >= 400 else one.status_code for one in answers]
            assert told[0] == told[1], at


@pytest.mark.endurance
def test_a_list_is_an_object_with_keys(attempt: Attempt) -> None:
    for at, value in list(inside(attempt.body)):
        # Which names the metadata of a complex lead have depends on their category.
        if isinstance(value, dict) and not attempt.write.is_free(at) and at[-1:] != ("metadata",):
            answer = attempt.put(at, ["a"])
            place = specific((*attempt.inner(at), 0))
            assert ("FieldNotExpected", place) in errors(answer), (at, answer.text)


@pytest.mark.endurance
def test_null_is_taken_where_it_may_stand_and_refused_elsewhere(attempt: Attempt) -> None:
    write = attempt.write
    for at, _ in list(members(attempt.body)):
        answer = attempt.put(at, None)
        if {general(at), specific(at)} & set(write.nulls):
            assert answer.status_code < 300, (at, answer.text)
        elif specific(at) in write.lacks:
            assert errors(answer) == [write.lacks[specific(at)]]
        else:
            assert answer.status_code == 400, (at, answer.text)
            groups = answer.json()["validation-errors"]
            assert {
                "code": "NotNullable",
                "path": specific(attempt.inner(at)),
                "detail": "This value should not be null.",
            } in [error for group in groups for error in group["errors"]], at


def test_an_unknown_name_is_refused_at_every_depth(attempt: Attempt) -> None:
    for at, value in list(inside(attempt.body)):
        if isinstance(value, dict) and not attempt.write.is_free(at):
            answer = attempt.put((*at, "nonsense"), 1)
            place = specific((*attempt.inner(at), "nonsense"))
            assert answer.status_code == 400, (at, answer.text)
            assert ("FieldNotExpected", place) in errors(answer), at


def keyed(value: Any) -> Any:
    """Return a body whose lists are objects with keys."""
    if isinstance(value, list):
        items = numbered(value)
        return {str(7 * at + 3): keyed(one) for at, one in items} if value else value
    if isinstance(value, dict):
        return {name: keyed(one) for name, one in named(value)}
    return value


def floating(value: Any) -> Any:
    """Return a body whose integers are floats."""
    if isinstance(value, list):
        return [floating(one) for _, one in numbered(value)]
    if isinstance(value, dict):
        return {name: floating(one) for name, one in named(value)}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
