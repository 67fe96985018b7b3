"""The table itself: every row is mounted, complete and answers in words for what it has not."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

from amocrm import AmoCRM, ConfigurationError, NotFoundError, NotOfferedError
from amocrm.resources.endpoint import Endpoint, near
from amocrm.resources.filters import build_query
from amocrm.resources.lazy import LazyResource
from amocrm.resources.resource import Resource, read_id
from amocrm.sandbox import Sandbox
from tests.resources.table import walk

if TYPE_CHECKING:
    from amocrm.resources.leads import LeadFilter

PACKAGE = Path(__file__).parents[2] / "amocrm"


PLACES = list(walk())

REFERENCE = {
    "/account", "/leads", "/leads/complex", "/leads/unsorted", "/leads/unsorted/sip",
    "/leads/unsorted/forms", "/leads/pipelines", "/leads/pipelines/{id}/statuses",
    "/leads/loss_reasons", "/contacts", "/contacts/chats", "/companies", "/catalogs",
    "/catalogs/{id}/elements", "/catalogs/products/settings", "/tasks", "/events", "/events/types",
    "/customers", "/customers/mode", "/customers/transactions", "/customers/{id}/transactions",
    "/customers/{id}/bonus_points", "/customers/statuses", "/customers/segments", "/users",
    "/roles", "/webhooks", "/widgets", "/calls", "/talks", "/sources", "/website_buttons",
    "/short_links", "/chats/templates", "/currencies", "/bots", "/files",
    "/customers/segments/custom_fields", "/catalogs/{id}/custom_fields",
    "/catalogs/{id}/custom_fields/groups", "/leads/{id}/subscriptions",
    "/customers/{id}/subscriptions",
    *(
        f"/{entity}{below}"
        for entity in ("leads", "contacts", "companies", "customers")
        for below in (
            "/links", "/{id}/links", "/custom_fields", "/custom_fields/groups", "/tags", "/notes",
            "/{id}/notes", "/{id}/files",
        )
    ),
}  # fmt: skip
"""Every row of the reference's table (4.0); `/files` is at a host of its own (7)."""


def client() -> tuple[AmoCRM, Sandbox]:
    portal = Sandbox()
    auth = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session()), portal  # type: ignore[arg-type]


def test_every_row_of_the_reference_is_mounted() -> None:
    assert REFERENCE - {path for _, path, _ in PLACES} == set()


def test_every_place_is_a_row_of_the_reference() -> None:
    known = {f"{path}/" for path in REFERENCE}
    written = {"/leads/{id}/tags", "/contacts/{id}/tags", "/companies/{id}/tags"}
    odd = [
        path
        for _, path, _ in PLACES
        if f"{path}/" not in known and path not in written | {"/customers/{id}/tags"}
    ]
    assert not odd


@pytest.mark.parametrize(("expression", "kind"), [(name, kind) for name, _, kind in PLACES])
def test_each_family_is_declared_whole(expression: str, kind: type[Resource]) -> None:
    assert kind.endpoint.source, "a class header without its source"
    assert "__slots__" in vars(kind)
    assert inspect.getdoc(kind)


_LAZY = re.compile(r"(\w+): LazyResource\[\w+\] = LazyResource\('([\w.]+)'\)")


def lazy_resources() -> Iterator[tuple[str, type[Resource], str]]:
    """Each name of a resource in the code, its class, and the text below it."""
    for path in sorted((PACKAGE / "resources").glob("*.py")):
        for owner in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            body = owner.body if isinstance(owner, ast.ClassDef) else []
            for one, below in zip(body, [*body[1:], ast.Pass()], strict=False):
                found = _LAZY.fullmatch(ast.unparse(one))
                if found is not None:
                    text = ast.unparse(below) if isinstance(below, ast.Expr) else "''"
                    resource = LazyResource[Resource](found[2]).resource()
                    yield f"{path.stem}.{found[1]}", resource, ast.literal_eval(text)


@pytest.mark.parametrize(
    ("resource", "text"),
    [pytest.param(resource, text, id=name) for name, resource, text in lazy_resources()],
)
def test_editors_show_what_a_resource_is(resource: type[Resource], text: str) -> None:
    """They show the text below a name; without one, pyright shows that of `__call__`."""
    assert text == str(inspect.getdoc(resource)).partition("\n")[0]


def test_families_are_reached_by_their_address() -> None:
    crm, _ = client()
    assert repr(crm.leads(42).notes) == "<ItemNotes at /api/v4/leads/42/notes>"
    assert repr(crm.contacts.custom_fields.groups).endswith("/contacts/custom_fields/groups>")
    assert repr(crm.catalogs(7).elements).endswith("/api/v4/catalogs/7/elements>")
    assert repr(crm.leads.pipelines("10").statuses).endswith("/leads/pipelines/10/statuses>")
    assert repr(crm.leads.unsorted("a/b")).endswith("/leads/unsorted/a%2Fb>")


def test_nothing_is_sent_before_it_is_asked_for() -> None:
    crm, portal = client()
    crm.leads(42).notes.list(filter={"note_type": ["common"]})
    assert portal.log == []


def test_acting_as_a_user_goes_through_the_table() -> None:
    crm, portal = client()
    users = portal.accounts[0].users.values()
    other = next(user for user in users if user.id != portal.accounts[0].admin.id)
    made = crm.as_user(other.id).leads.create({"name": "A"})
    assert crm.leads.get(made["id"])["created_by"] == other.id


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("delete", "leads cannot be deleted through amoCRM's API"),
        ("lst", "leads has no 'lst' (did you mean 'list'?)"),
        ("zzz", "leads has no 'zzz' (it takes cf, changes, complex, create,"),
    ],
)
def test_what_the_api_has_not_is_told_in_words(name: str, words: str) -> None:
    crm, _ = client()
    with pytest.raises(NotOfferedError, match=re.escape(words)):
        getattr(crm.leads, name)
    assert not hasattr(crm.leads, name)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            {"filter": {"update_at": 1}},
            "leads has no filter 'update_at' (did you mean 'updated_at'?)",
        ),
        ({"filter": {"qqq": 1}}, "leads has no filter 'qqq' (it takes id, name,"),
        ({"filter": ["id"]}, "filter must be a dict"),
        ({"with_": ["contact"]}, "leads has no with_ 'contact' (did you mean 'contacts'?)"),
        ({"with_": "contacts"}, "with_ must be a list of names"),
        ({"with_": 5}, "with_ must be a list of names"),
        ({"order": {"created": "asc"}}, "(did you mean 'created_at'?)"),
        ({"order": {"id": "up"}}, "order must be 'asc' or 'desc'"),
        ({"order": {"id": "asc", "created_at": "asc"}}, "order takes one name"),
        ({"order": {}}, "order takes one name"),
    ],
)
def test_wrong_questions_are_refused_unsent(asked: dict[str, object], words: str) -> None:
    crm, portal = client()
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        crm.leads.list(**asked)  # type: ignore[arg-type]
    assert portal.log == []


def test_a_family_that_takes_with_alone_takes_it() -> None:
    crm, portal = client()
    assert crm.account.get(with_=["drive_url"])["drive_url"] == "https://drive-b.amocrm.ru"
    assert "with=drive_url" in portal.log[-1].query
    with pytest.raises(ConfigurationError, match="did you mean 'drive_url'"):
        crm.account.get(with_=["drive"])  # type: ignore[list-item]


def test_only_some_families_can_be_searched() -> None:
    crm, _ = client()
    list(crm.leads.create_many([{"name": "Alpha"}, {"name": "Beta"}]))
    assert [lead["name"] for lead in crm.leads.list(query="Alph")] == ["Alpha"]
    with pytest.raises(ConfigurationError, match="tasks cannot be searched"):
        crm.tasks.list(query="x")


def test_a_lenient_client_lets_through_what_the_table_does_not_know() -> None:
    _, portal = client()
    crm = AmoCRM(
        "example", {"access_token": portal.issue_long_lived()}, session=portal.session(),
        lenient=True,
    )  # fmt: skip
    crm.leads.create({"name": "A"})
    list(crm.leads.list(with_=["tomorrow"]))  # type: ignore[list-item]
    assert "with=tomorrow" in portal.log[-1].query


def test_a_filter_is_the_same_on_the_wire_as_in_params_and_params_win() -> None:
    crm, portal = client()
    chosen: LeadFilter = {"id": [1, 2], "updated_at": {"from": 5}}
    list(crm.leads.list(filter=chosen))
    list(crm.leads.list(params={"filter": chosen}))
    first, second = (parse_qsl(one.query) for one in portal.log)
    assert first == second
    assert ("filter[id][0]", "1") in first or ("filter[id][]", "1") in first
    assert ("filter[updated_at][from]", "5") in first
    list(crm.leads.list(filter={"id": [1], "price": 9}, params={"filter": {"id": [3]}}))
    filters = [pair for pair in parse_qsl(portal.log[-1].query) if pair[0].startswith("filter")]
    assert [value for _, value in filters] == ["3"]


def test_params_go_as_they_are() -> None:
    crm, portal = client()
    list(crm.leads.list(params={"useful": "later"}))
    assert "useful=later" in portal.log[-1].query


@pytest.mark.parametrize("number", [0, -1, True, "", "x", "1.5", "²", None, 1.0])
def test_ids_are_positive_whole_numbers(number: object) -> None:
    with pytest.raises(ConfigurationError, match="an id of leads is a positive whole number"):
        read_id(number, "leads")  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [1, "1", "0042"])
def test_ids_may_be_written_in_digits(number: int | str) -> None:
    assert read_id(number, "leads") == str(number)


@pytest.mark.parametrize("text", ["", ".", "..", 5])
def test_text_ids_are_texts(text: object) -> None:
    with pytest.raises(ConfigurationError, match="an id of widgets is a text"):
        read_id(text, "widgets", text=True)  # type: ignore[arg-type]


def test_an_unknown_id_is_not_found_whatever_the_status() -> None:
    crm, _ = client()
    with pytest.raises(NotFoundError, match="there is no leads/999") as caught:
        crm.leads.get(999)
    assert caught.value.status == 204


def test_names_of_one_item_and_of_a_listing() -> None:
    crm, _ = client()
    assert "drive_url" in crm.account.get(with_=["drive_url"])
    assert not crm.account.endpoint.orders
    assert not crm.account.endpoint.filters
    assert crm.users.endpoint == Endpoint("users", "4.19", withs=crm.users.endpoint.withs)
    assert "role" in crm.users.endpoint.withs
    assert crm.tasks.endpoint.orders == ("complete_till", "created_at", "id")


def test_a_question_becomes_the_query() -> None:
    endpoint = Endpoint("x", filters={"id": "Id"}, withs=("a", "b"), orders=("id",), query=True)
    asked = build_query(
        endpoint, "x", lenient=False,
        filter={"id": 1}, with_=("a", "b"), order={"id": "asc"}, query="q",
    )  # fmt: skip
    assert asked == {"filter": {"id": 1}, "with": "a,b", "order": {"id": "asc"}, "query": "q"}
    assert build_query(endpoint, "x", lenient=False) == {}


def test_the_near_miss() -> None:
    assert near("contacs", ["contacts", "leads"]) == "did you mean 'contacts'?"
    assert near("x", ["contacts", "leads"]) == "it takes contacts, leads"
    assert near("x", []) == "it takes none"


def test_no_family_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, amocrm\n"
        "loaded = {m for m in sys.modules if m.startswith('amocrm.resources.')}\n"
        "machinery = ('context', 'lazy', 'top_level')\n"
        "assert loaded <= {f'amocrm.resources.{name}' for name in machinery}, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("schema/*.py")), ids=lambda path: path.stem)
def test_schemas_are_shapes_without_code(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Assign, ast.Expr))
        if isinstance(node, ast.ClassDef):
            assert all(isinstance(one, (ast.AnnAssign, ast.Expr, ast.Pass)) for one in node.body)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("resources/*.py")), ids=lambda p: p.stem)
def test_every_shape_of_a_header_is_in_the_schema(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    named = {
        part.value
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        for part in ast.walk(base)
        if isinstance(part, ast.Constant)
    }
    assert named <= imported
