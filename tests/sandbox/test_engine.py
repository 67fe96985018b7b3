"""The engine that serves an entry of the table (reference 3.1, 3.2, 3.3)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.datastructures import EnvironHeaders

from amocrm.sandbox import ProblemError, Sandbox
from amocrm.sandbox.data.state import Entity, Ids
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import many, since, span
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop, check_object
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.engine.verbs import routes
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.oauth.tokens import Grant

Serve = Callable[..., Answer]

THINGS = Collection(
    path="/boxes/<int:box_id>/things",
    key="things",
    verbs={
        "list": Verb(total=True),
        "one": Verb(),
        "create": Verb(status=201, total=True, body="both", most=3),
        "change": Verb(shape=("id", "updated_at"), echo="sent", most=3),
        "change_one": Verb(echo="id", status=202),
        "delete": Verb(status=204),
        "delete_many": Verb(status=202, admin=True),
    },
    keys=("id", "box_id", "name", "size", "created_at", "updated_at"),
    create={"name": NAME, "size": Prop("number", low=1, high=9), "secret": "string"},
    patch={"size": "number", "name": "string"},
    defaults={"size": 5},
    parents={"box_id": "boxes"},
    filters={"id": many("id"), "size": span("size"), "updated_at": since("updated_at")},
    bare={"name": many("name", commas=True)},
    orders=frozenset({"size"}),
    query=("name",),
    page=100,
    unknown=404,
)


@pytest.fixture
def serve(portal: Sandbox) -> Serve:
    return server(portal, THINGS)


def server(portal: Sandbox, row: Collection, *, admin: bool = True) -> Serve:
    """Ask an entry by verb and path variables, as the router does."""
    account = portal.account()
    account.shelf("boxes").update({1: {"id": 1}, 2: {"id": 2}})
    handlers = {(method, "number" in path): one for method, path, one in routes(row)}
    user = next(one.id for one in account.users.values() if one.is_admin is admin)
    ids = Ids()

    def serve(method: str, body: Any = None, query: str = "", **scope: Any) -> Answer:
        headers = EnvironHeaders({"CONTENT_TYPE": "application/json"})
        data = b"" if body is None else json.dumps(body).encode()
        ask = IncomingRequest(method, "https", "example.amocrm.ru", "/x", query, headers, data)
        call = Call(ask, account, Grant("c", account.id, user), 1000, ids, Counter())
        return handlers[method, "number" in scope](call, **{"box_id": 1, **scope})

    return serve


def read(answer: Answer) -> Any:
    return json.loads(answer.body)


def codes(caught: pytest.ExceptionInfo[ProblemError]) -> list[tuple[str, str]]:
    errors = caught.value.extras["validation_errors"]
    return [(error["code"], error["path"]) for one in errors for error in one["errors"]]


def test_a_creation_answers_the_whole_model_with_its_request_id(serve: Serve) -> None:
    answer = serve("POST", [{"name": "a", "request_id": "r"}, {"name": "b", "secret": "s"}])
    body = read(answer)
    first, second = body["_embedded"]["things"]
    href = "https://example.amocrm.ru/api/v4/boxes/1/things"
    assert (answer.status, body["_total_items"], body["_links"]) == (
        201, 2, {"self": {"href": href}},
    )  # fmt: skip
    assert first == {
        "id": first["id"], "box_id": 1, "name": "a", "size": 5, "created_at": 1000,
        "updated_at": 1000, "request_id": "r",
        "_links": {"self": {"href": f"{href}/{first['id']}"}},
    }  # fmt: skip
    assert (second["request_id"], "secret" in second) == ("1", False)


def test_one_object_is_answered_unwrapped_where_both_are_taken(serve: Serve) -> None:
    assert read(serve("POST", {"name": "a"}))["name"] == "a"
    row = Collection(path="/x", key="x", verbs={"create": Verb(body="array")}, create={})
    with pytest.raises(ProblemError, match="400"):
        next(one for _, _, one in routes(row))(call_with({"a": 1}))


def call_with(body: Any) -> Call:
    portal = Sandbox()
    headers = EnvironHeaders({"CONTENT_TYPE": "application/json"})
    ask = IncomingRequest("POST", "https", "h", "/x", "", headers, json.dumps(body).encode())
    account = portal.account()
    return Call(ask, account, Grant("c", 1, account.admin.id), 0, Ids(), Counter())


def test_a_page_counts_all_items_and_leads_to_the_last(serve: Serve) -> None:
    for name in "abc":
        serve("POST", [{"name": name}])
    body = read(serve("GET", query="limit=2"))
    assert (body["_total_items"], body["_page"], body["_page_count"]) == (3, 1, 2)
    assert set(body["_links"]) == {"self", "next", "last"}
    assert serve("GET", query="page=3").status == 204
    assert serve("GET", query="limit=100").status == 200
    with pytest.raises(ProblemError, match="422: Limit 100 per page"):
        serve("GET", query="limit=101")


def test_parents_are_apart_and_an_unknown_one_is_404(serve: Serve) -> None:
    number = read(serve("POST", {"name": "a"}))["id"]
    assert serve("GET", box_id=2).status == 204
    for wrong in ({"box_id": 2, "number": number}, {"box_id": 3}, {"number": 5}):
        with pytest.raises(ProblemError, match="404"):
            serve("GET", **wrong)


def test_an_unknown_id_is_204_where_the_entry_says_so(portal: Sandbox) -> None:
    row = Collection(path="/x", key="x", verbs={"one": Verb()})
    (handler,) = (one for _, _, one in routes(row))
    assert handler(call_with({}), number=5).status == 204


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("filter[size]=7", "b"),
        ("filter[size][from]=6", "bc"),
        ("filter[size][to]=5", "a"),
        ("filter[updated_at]=999", "abc"),
        ("filter[updated_at]=1000", ""),
        ("filter[updated_at][from]=1000", "abc"),
        ("name=a,c", "ac"),
        ("query=B", "b"),
        ("filter[nonsense]=1&order[nonsense]=desc", "abc"),
        ("order[size]=desc", "cba"),
    ],
)
def test_filters_orders_and_the_query(serve: Serve, query: str, names: str) -> None:
    serve("POST", [{"name": "a"}, {"name": "b", "size": 7}, {"name": "c", "size": 8}])
    answer = serve("GET", query=query)
    found = read(answer)["_embedded"]["things"] if answer.body else []
    assert "".join(one["name"] for one in found) == names


def test_a_change_of_several_answers_short(serve: Serve) -> None:
    one, two = read(serve("POST", [{"name": "a"}, {"name": "b"}]))["_embedded"]["things"]
    answer = serve("PATCH", [{"id": two["id"], "size": 9}, {"id": one["id"], "request_id": "r"}])
    first, second = read(answer)["_embedded"]["things"]
    assert (set(first), first["id"]) == ({"id", "updated_at", "_links"}, two["id"])
    assert second["request_id"] == "r"
    assert read(serve("GET", number=two["id"]))["size"] == 9


def test_the_id_of_the_path_counts(serve: Serve) -> None:
    number = read(serve("POST", {"name": "a"}))["id"]
    assert read(serve("PATCH", {"id": 5, "size": 2}, number=number))["id"] == number
    assert read(serve("GET", number=number))["size"] == 2


def test_a_query_of_a_write_cannot_refuse_what_is_written(serve: Serve) -> None:
    assert serve("POST", {"name": "a"}, query="limit=5000").status == 201


def test_a_change_of_one_answers_its_own_way(serve: Serve) -> None:
    number = read(serve("POST", {"name": "a"}))["id"]
    answer = serve("PATCH", {"size": 2}, number=number)
    assert (answer.status, read(answer)["request_id"]) == (202, str(number))
    with pytest.raises(ProblemError, match="404"):
        serve("PATCH", {"size": 2}, number=5)


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({}, "FieldMissing", "id"),
        ({"id": 5}, "NotSupportedChoice", "id"),
        ({"id": "5"}, "InvalidType", "id"),
        ({"id": [5]}, "InvalidType", "id"),
        (5, "InvalidType", ""),
        ({"id": 100001, "secret": "s"}, "FieldNotExpected", "secret"),
    ],
)
def test_a_change_must_name_what_exists(serve: Serve, model: Any, code: str, path: str) -> None:
    assert read(serve("POST", {"name": "a"}))["id"] == 100001
    for method in ("PATCH", "DELETE"):
        if method == "DELETE" and path == "secret":
            continue
        with pytest.raises(ProblemError) as caught:
            serve(method, [model])
        assert codes(caught) == [(code, path)]


def test_a_batch_has_a_maximum(serve: Serve) -> None:
    assert serve("POST", [{"name": "a"}] * 3).status == 201
    for method in ("POST", "PATCH"):
        with pytest.raises(ProblemError, match="422: Limit 3"):
            serve(method, [{"name": "a", "id": 100001}] * 4)


def test_there_is_room_for_so_many(portal: Sandbox) -> None:
    serve = server(portal, Collection(**{**vars(THINGS), "capacity": 2, "overfull": 400}))
    with pytest.raises(ProblemError, match="400: Limit 2 per account"):
        serve("POST", [{"name": "a"}] * 3)
    assert serve("POST", [{"name": "a"}] * 2).status == 201
    assert serve("POST", {"name": "a"}, box_id=2).status == 201
    with pytest.raises(ProblemError, match="400"):
        serve("POST", {"name": "a"})


def test_deletions(portal: Sandbox, serve: Serve) -> None:
    numbers = [read(serve("POST", {"name": "a"}))["id"] for _ in range(3)]
    answer = serve("DELETE", number=numbers[0])
    assert (answer.status, answer.body) == (204, b"")
    with pytest.raises(ProblemError, match="404"):
        serve("DELETE", number=numbers[0])
    answer = serve("DELETE", [{"id": numbers[1]}, {"id": numbers[1]}])
    assert (answer.status, answer.body) == (202, b"")
    assert [one["id"] for one in read(serve("GET"))["_embedded"]["things"]] == [numbers[2]]
    with pytest.raises(ProblemError, match="403"):
        server(portal, THINGS, admin=False)("DELETE", [{"id": numbers[2]}])


def test_hooks_replace_a_step_and_see_sound_properties_only(portal: Sandbox) -> None:
    seen: list[Any] = []

    def check(
        operation: Operation, model: Entity, entity: Entity | None, faults: ValidationErrors
    ) -> None:
        seen.append((model, entity))
        if model.get("size") == 3:
            faults.no_choice("size")

    def make(operation: Operation, model: Entity) -> Entity:
        return operation.make({**model, "name": "made"})

    def show(operation: Operation, entity: Entity, listing: ListingQuery) -> Entity:
        return {**operation.show(entity), "x": "x" in listing.withs}

    def select(operation: Operation, found: list[Entity], listing: ListingQuery) -> list[Entity]:
        return found[:1]

    hooks: dict[str, Any] = {"check": check, "make": make, "show": show, "select": select}
    serve = server(portal, Collection(**{**vars(THINGS), **hooks}))
    made = read(serve("POST", [{"name": "a"}, {"name": "b"}]))["_embedded"]["things"]
    assert [(one["name"], one["x"]) for one in made] == [("made", False)] * 2
    (shown,) = read(serve("GET", query="with=x"))["_embedded"]["things"]
    assert shown["x"] is True
    with pytest.raises(ProblemError) as caught:
        serve("POST", [{"name": 5, "size": 3}])
    assert set(codes(caught)) == {("InvalidType", "name"), ("NotSupportedChoice", "size")}
    assert seen[-1] == ({"size": 3}, None)


def test_what_is_not_paged_is_one_answer(portal: Sandbox) -> None:
    serve = server(portal, Collection(**{**vars(THINGS), "paged": False}))
    for _ in range(60):
        serve("POST", {"name": "a"})
    body = read(serve("GET", query="limit=1000&page=7"))
    assert set(body) == {"_total_items", "_links", "_embedded"}
    assert len(body["_embedded"]["things"]) == 60


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("int", True, "InvalidType"),
        ("int", 1.5, "InvalidType"),
        ("number", 1.5, None),
        ("number", True, "InvalidType"),
        ("string?", None, None),
        ("string", None, "NotNullable"),
        ("user", 0, None),
        ("user", 501, None),
        ("user", 7, "NotSupportedChoice"),
        ("any", [], None),
        ("any", None, None),
        ("scalar", "a", None),
        ("scalar", 5, None),
        ("scalar", True, "InvalidType"),
        ("scalar", None, "NotNullable"),
        (Prop("string", filled=True), " ", "NotBlank"),
        (Prop("array", filled=True), [], "NotBlank"),
        (Prop("string", longest=2), "ab", None),
        (Prop("string", longest=2), "abc", "TooLong"),
        (Prop("array", longest=1), [1], None),
        (Prop("array", longest=1), [1, 2], "TooHigh"),
        (Prop("int", low=1), 1, None),
        (Prop("int", low=1), 0, "TooLow"),
        (Prop("int", high=2), 2, None),
        (Prop("int", high=2), 3, "TooHigh"),
        (Prop("int", choices=(1, 2)), 2, None),
        (Prop("int", choices=(1, 2)), 3, "NotSupportedChoice"),
    ],
)
def test_kinds(kind: str | Prop, value: Any, code: str | None) -> None:
    faults = ValidationErrors()
    sound = check_object({"x": value}, {"x": kind}, faults, users=(501,))
    assert [one["code"] for one in faults.found] == ([code] if code else [])
    assert sound == (set() if code else {"x"})


@pytest.mark.parametrize(
    ("kind", "value", "code", "path"),
    [
        (Prop("array", each="int"), [1, "2"], "InvalidType", "x.1"),
        (Prop("array", inner={"y": "int!"}), [{"y": 1}, {}], "FieldMissing", "x.1.y"),
        (Prop("array", inner={"y": "int!"}), [5], "InvalidType", "x.0"),
        (Prop("object", inner={"y": "int"}), {"z": 1}, "FieldNotExpected", "x.z"),
    ],
)
def test_what_is_inside_has_a_path(kind: Prop, value: Any, code: str, path: str) -> None:
    faults = ValidationErrors()
    assert check_object({"x": value}, {"x": kind}, faults) == set()
    assert [(one["code"], one["path"]) for one in faults.found] == [(code, path)]
