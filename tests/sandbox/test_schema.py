"""An account that is made of a schema document, and documents that are refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox, SchemaError, read_schema, write_schema
from amocrm.sandbox.schema.document import MOST_BYTES

Document = dict[str, Any]
CLOSED: list[Document] = [
    {"id": 142, "name": "Won", "type": 0, "sort": 10000},
    {"id": 143, "name": "Lost", "type": 0, "sort": 11000},
]
SCHEMA: Document = {
    "version": 1,
    "account": {"id": 777, "zone": "amocrm.ru", "currency": "KZT", "currency_symbol": "₸",
                "datetime_settings": {"timezone": "Asia/Almaty"}},
    "plan": {"customers_mode": "disabled"},
    "rate": {"requests_per_second": 3},
    "users_groups": [{"id": 0, "name": "Sales"}, {"id": 70, "name": "Support"}],
    "task_types": [{"id": 1, "name": "Call"}, {"id": 55, "name": "Measure"}],
    "pipelines": [
        # The ids with which a new portal begins, so that it has to leave them out.
        {"id": 11, "name": "Sales", "sort": 1, "is_main": True, "is_unsorted_on": False,
         "is_archive": False,
         "statuses": [*CLOSED, {"id": 101, "name": "New", "type": 0, "sort": 20},
                      {"id": 103, "name": "Talks", "type": 0, "sort": 30}]},
        {"id": 13, "name": "Rent", "sort": 2, "is_main": False, "is_unsorted_on": True,
         "is_archive": False,
         "statuses": [*CLOSED, {"id": 105, "name": "Inbox", "type": 1, "sort": 10}]},
    ],
    "loss_reasons": [{"id": 100001, "name": "Price", "sort": 1}],
    "field_groups": {"leads": [{"id": "leads_10000000100002", "name": "Terms", "sort": 1,
                                "is_predefined": False}]},
    "fields": {
        "leads": [
            {"id": 901, "name": "Region", "type": "select", "group_id": "leads_10000000100002",
             "enums": [{"id": 1701, "value": "North"}, {"id": 1703, "value": "South"}],
             "required_statuses": [{"pipeline_id": 11, "status_id": 103}]},
            {"id": 903, "name": "Of tomorrow", "type": "hologram"},
        ],
        "catalogs/100003": [{"id": 905, "name": "SKU", "type": "text", "code": "SKU"}],
    },
    "catalogs": [{"id": 100003, "name": "Parts", "type": "regular"}],
    "roles": [{"id": 100001, "name": "Manager", "rights": {"leads": {"view": "M"}}}],
    "users": [
        {"id": 501, "name": "User 1", "rights": {"is_admin": True}},
        {"id": 503, "name": "User 2", "rights": {"role_id": 100001, "group_id": 70}},
    ],
    "sources": [{"id": 100001, "name": "Source 1", "pipeline_id": 11}],
}  # fmt: skip

Call = Callable[..., requests.Response]


def caller(portal: Sandbox) -> Call:
    token, session = portal.issue_long_lived(), portal.session()
    host = portal.account().host

    def call(method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return session.request(method, f"https://{host}/api/v4{path}", json=body, headers=headers)

    return call


@pytest.fixture
def schema() -> Document:
    return copy.deepcopy(SCHEMA)


@pytest.fixture
def made(schema: Document, clock: ManualClock) -> Sandbox:
    return Sandbox(schema=schema, clock=clock, rps=None)


def test_the_account_answers_with_the_ids_of_the_schema(made: Sandbox) -> None:
    call = caller(made)
    account = call("GET", "/account?with=task_types,users_groups,datetime_settings").json()
    assert (account["id"], account["currency"], account["customers_mode"]) == (
        777,
        "KZT",
        "disabled",
    )
    parts = account["_embedded"]
    assert parts["datetime_settings"]["timezone"] == "Asia/Almaty"
    assert [one["id"] for one in parts["task_types"]] == [1, 55]
    assert [one["name"] for one in parts["users_groups"]] == ["Sales", "Support"]
    first, second = call("GET", "/leads/pipelines").json()["_embedded"]["pipelines"]
    assert [one["id"] for one in first["_embedded"]["statuses"]] == [101, 103, 142, 143]
    assert [one["id"] for one in second["_embedded"]["statuses"]] == [105, 142, 143]
    assert {first["account_id"], first["_embedded"]["statuses"][0]["account_id"]} == {777}
    region, other = call("GET", "/leads/custom_fields").json()["_embedded"]["custom_fields"]
    assert [one["id"] for one in region["enums"]] == [1701, 1703]
    assert (other["type"], other["account_id"]) == ("hologram", 777)
    users = call("GET", "/users?with=role,group").json()["_embedded"]["users"]
    assert [one["name"] for one in users] == ["User 1", "User 2"]
    assert users[1]["_embedded"]["groups"] == [{"id": 70, "name": "Support"}]
    assert users[1]["_embedded"]["roles"][0]["name"] == "Manager"
    (source,) = call("GET", "/sources").json()["_embedded"]["sources"]
    assert (source["id"], source["name"], source["external_id"]) == (100001, "Source 1", None)


def test_the_account_works_with_what_the_schema_says(made: Sandbox) -> None:
    call = caller(made)
    lead = {"status_id": 101, "custom_fields_values": [
        {"field_id": 901, "values": [{"enum_id": 1703}]}
    ]}  # fmt: skip
    number = call("POST", "/leads", [lead]).json()["_embedded"]["leads"][0]["id"]
    read = call("GET", f"/leads/{number}").json()
    assert read["custom_fields_values"][0]["values"][0]["value"] == "South"
    task = {"text": "x", "complete_till": 2_000_000_000, "task_type_id": 55}
    assert call("POST", "/tasks", [task]).status_code == 200
    assert call("POST", "/tasks", [{**task, "task_type_id": 2}]).status_code == 400
    unsorted = made.add_unsorted("chats")
    assert call("GET", f"/leads/unsorted/{unsorted}").status_code == 200


def make_one_of_each(call: Call) -> dict[str, Any]:
    """Return the ids that a portal gives next."""
    choice = [{"name": "x", "type": "select", "enums": [{"value": "x"}]}]
    (field,) = call("POST", "/leads/custom_fields", choice).json()["_embedded"]["custom_fields"]
    pipeline = {"name": "P", "sort": 5, "is_main": False, "is_unsorted_on": True}
    made = {"fields": field["id"], "enums": field["enums"][0]["id"]}
    for name, path, body in (
        ("pipelines", "/leads/pipelines", pipeline),
        ("statuses", "/leads/pipelines/11/statuses", {"name": "x", "sort": 5}),
        ("loss_reasons", "/leads/loss_reasons", {"name": "x"}),
        ("catalogs", "/catalogs", {"name": "x"}),
        ("roles", "/roles", {"name": "x", "rights": {}}),
        ("sources", "/sources", {"name": "x"}),
        ("users", "/users", {"name": "x", "email": "x@y.zz", "password": "aA1aA1aA"}),
        ("field_groups", "/leads/custom_fields/groups", {"name": "x", "sort": 3}),
    ):
        (items,) = call("POST", path, [body]).json()["_embedded"].values()
        made[name] = items[0]["id"]
    return made


def test_ids_made_later_are_others(made: Sandbox, schema: Document) -> None:
    taken = make_one_of_each(caller(made))
    # A schema that has just these ids.
    field = {"id": taken["fields"], "name": "x", "type": "select"}
    schema["fields"]["leads"].append({**field, "enums": [{"id": taken["enums"], "value": "x"}]})
    stages = schema["pipelines"][0]["statuses"]
    stages.append({"id": taken["statuses"], "name": "x", "type": 0})
    inbox = {
        "id": 5_000_000,
        "name": "Inbox",
        "type": 1,
    }  # So that no id is taken for a hidden one.
    more: Document = {"is_main": False, "is_unsorted_on": True, "is_archive": False}
    more["statuses"] = [*CLOSED, inbox]
    schema["pipelines"].append({"id": taken["pipelines"], "name": "x", **more})
    for name in ("loss_reasons", "catalogs", "roles", "sources", "users"):
        one = {**schema[name][-1], "id": taken[name]}
        schema[name].append(one)
    group = {"id": taken["field_groups"], "name": "x", "is_predefined": False}
    schema["field_groups"]["leads"].append(group)
    again = make_one_of_each(caller(Sandbox(schema=schema, rps=None)))
    assert {name: again[name] for name in taken if again[name] == taken[name]} == {}


def test_without_a_schema_no_stage_gets_the_id_of_a_closed_one() -> None:
    call = caller(Sandbox(rps=None))
    stages = [{"name": str(n), "sort": n} for n in range(40)]
    added = call("POST", "/leads/pipelines/11/statuses", stages).json()["_embedded"]["statuses"]
    assert not {142, 143} & {one["id"] for one in added}


def test_a_running_portal_gets_new_users_and_so_its_tokens_end(schema: Document) -> None:
    portal = Sandbox(rps=None)
    before, held = caller(portal), portal.account()
    code = portal.issue_code()
    assert portal.load_schema(schema) is held
    assert held.id == 777
    assert before("GET", "/account").status_code == 401
    one = portal.integration
    body = {
        "client_id": one.client_id, "client_secret": one.client_secret, "code": code,
        "redirect_uri": one.redirect_uri, "grant_type": "authorization_code",
    }  # fmt: skip
    at = "https://example.amocrm.ru/oauth2/access_token"
    assert portal.session().post(at, json=body).status_code == 400
    assert caller(portal)("GET", "/account").json()["id"] == 777


def test_what_the_schema_leaves_out_is_as_in_a_new_account() -> None:
    portal = Sandbox(schema={"version": 1, "account": {"zone": "kommo.com"}})
    usual = Sandbox(("example.kommo.com",))
    assert portal.account().host == "example.kommo.com"
    assert portal.rate_limiter.rps == 7
    for path in ("/leads/pipelines", "/contacts/custom_fields", "/users"):
        one, other = caller(portal)("GET", path).json(), caller(usual)("GET", path).json()
        assert [len(part) for part in one["_embedded"].values()] == [
            len(part) for part in other["_embedded"].values()
        ]


def test_the_rate_is_that_of_the_schema_unless_another_one_is_given(schema: Document) -> None:
    assert Sandbox(schema=schema).rate_limiter.rps == 3
    assert Sandbox(schema=schema, rps=7).rate_limiter.rps == 7
    assert Sandbox(schema=schema, rps=None).rate_limiter.rps is None


def test_a_reset_gives_the_schema_again(made: Sandbox) -> None:
    call = caller(made)
    assert call("POST", "/leads", [{"name": "A"}]).status_code == 200
    assert call("PATCH", "/leads/pipelines/11", {"name": "Other"}).status_code == 200
    made.reset()
    assert call("GET", "/leads").status_code == 204
    assert call("GET", "/leads/pipelines/11").json()["name"] == "Sales"
    new = call("POST", "/leads/loss_reasons", [{"name": "x"}]).json()
    assert new["_embedded"]["loss_reasons"][0]["id"] != 100001


def test_a_reset_keeps_the_tokens(schema: Document) -> None:
    schema["account"].pop("id")
    portal = Sandbox(rps=None, schema=schema)
    call = caller(portal)
    portal.reset()
    assert call("GET", "/account").status_code == 200


def test_a_year_of_data_keeps_to_the_schema(made: Sandbox) -> None:
    made.populate(60)
    account = made.account()
    assert {one["pipeline_id"] for one in made.leads()} <= {11, 13}
    assert {one["task_type_id"] for one in account.entities["tasks"].values()} <= {1, 55}
    assert {one["responsible_user_id"] for one in made.leads()} <= account.active_users
    for lead in made.leads():
        values = {"custom_fields_values": lead["custom_fields_values"], "price": 1}
        made.call_api("PATCH", f"/leads/{lead['id']}", values)


def test_an_account_with_entities_is_refused_and_stays(schema: Document) -> None:
    portal = Sandbox(rps=None)
    portal.add("leads", {"name": "A"})
    portal.add("contacts", {"name": "B"})
    call = caller(portal)
    with pytest.raises(SchemaError) as refused:
        portal.load_schema(schema)
    assert str(refused.value) == (
        "the account example holds 1 contacts, 2 events, 1 leads; a schema needs an account without"
    )
    assert call("GET", "/account").json()["id"] != 777


def test_two_accounts_of_one_schema(schema: Document) -> None:
    portal = Sandbox(("one", "two"), rps=None, schema=schema)
    with pytest.raises(SchemaError, match=r"account\.id: another account is 777; leave it out"):
        portal.load_schema(schema, "two")
    del schema["account"]["id"]
    other = portal.load_schema(schema, "two")
    assert (other.subdomain, other.id != 777, 101 in {one["id"] for one in other.statuses(11)}) == (
        "two", True, True
    )  # fmt: skip


def test_an_account_without_an_ordinary_user(schema: Document) -> None:
    del schema["users"][1]
    portal = Sandbox(schema=schema)
    with pytest.raises(ValueError, match="the account example has no ordinary user"):
        portal.issue_long_lived(admin=False)


def change(*path: Any, to: Any) -> Callable[[Document], None]:
    def apply(document: Document) -> None:
        *way, last = path
        at: Any = document
        for one in way:
            at = at[one]
        at[last] = to

    return apply


BAD: list[tuple[Callable[[Document], None], str]] = [
    (change("version", to=2), "version must be 1, not 2"),
    (change("version", to=True), "version must be 1, not True"),
    (change("version", to="1"), "version must be 1, not '1'"),
    (change("leads", to=[]), "leads: This field was not expected."),
    (change("account", to=None), "account: This value should not be null."),
    (change("account", "zone", to="evil.test"),
     "account.zone: The value you selected is not a valid choice."),
    (change("account", "name", to="ACME"), "account.name: This field was not expected."),
    (change("pipelines", to={}), "pipelines: This value should be of type array."),
    (change("pipelines", 0, to=5), "pipelines.0: This value should be of type object."),
    (change("pipelines", 0, "id", to="11"), "pipelines.0.id: This value should be of type int."),
    (change("pipelines", 0, "id", to=-1), "pipelines.0.id: This value should be 1 or more."),
    (change("pipelines", 0, "id", to=10**30),
     "pipelines.0.id: This value should be 9007199254740992 or less."),
    (change("pipelines", 0, "name", to=True),
     "pipelines.0.name: This value should be of type string."),
    (change("pipelines", 1, "id", to=11), "pipelines.1: the id 11 is there twice"),
    (change("pipelines", 1, "statuses", 2, "id", to=101),
     "pipelines.1: the stage 101 is there twice"),
    (change("pipelines", 0, "is_main", to=False), "pipelines: exactly one must have is_main"),
    (change("pipelines", to=[]), "pipelines: exactly one must have is_main"),
    (change("pipelines", 0, "statuses", to=[]),
     "pipelines.0.statuses: 142 and 143 must be there, of type 0"),
    (change("pipelines", 0, "statuses", 2, "type", to=7),
     "pipelines.0.statuses.2.type: The value you selected is not a valid choice."),
    (change("fields", "deals", to=[]), "fields.deals: there are no custom fields of that"),
    (change("fields", "catalogs/9", to=[]),
     "fields.catalogs/9: there are no custom fields of that"),
    (change("field_groups", "customers/segments", to=[]),
     "field_groups.customers/segments: there are no custom fields of that"),
    (change("fields", "leads", 1, "id", to=901), "fields.leads.1: the id 901 is there twice"),
    (change("fields", "leads", 0, "enums", 1, "id", to=1701),
     "fields.leads.0.enums.1: the id 1701 is there twice"),
    (change("fields", "leads", 0, "required_statuses", 0, "status_id", to=9),
     "fields.leads.0.required_statuses.0.status_id: there is no 9"),
    (change("fields", "leads", 0, "group_id", to="x\n\x1b[31m"),
     r"fields.leads.0.group_id: there is no 'x\n\x1b[31m'"),
    (change("fields", "leads", 1, "search_in", to="42"),
     "fields.leads.1.search_in: there is no '42'"),
    (change("fields", "leads", 1, "chained_lists", to=[{"catalog_id": 8}]),
     "fields.leads.1.chained_lists.0.catalog_id: there is no 8"),
    (change("fields", "leads", 1, "nested", to=[{"id": 1, "value": "x", "parent_id": 5}]),
     "fields.leads.1.nested.0.parent_id: there is no 5"),
    (change("users", 1, "rights", "role_id", to=4), "users.1.rights.role_id: there is no 4"),
    (change("users", 1, "rights", "group_id", to=4), "users.1.rights.group_id: there is no 4"),
    (change("users", 1, "rights", "catalog_rights", to=[{"catalog_id": 6, "rights": {}}]),
     "users.1.rights.catalog_rights.0.catalog_id: there is no 6"),
    (change("users", 1, "email", to="a@b.c"), "users.1.email: This field was not expected."),
    (change("users", 0, "rights", "is_active", to=False),
     "users: one that is active must have is_admin"),
    (change("users", to=[]), "users: one that is active must have is_admin"),
    (change("sources", 0, "pipeline_id", to=12), "sources.0.pipeline_id: there is no 12"),
    (change("rate", "requests_per_second", to=0),
     "rate.requests_per_second: This value should be 1 or more."),
    (change("pipelines", 0, "name", to="\ud800"), "a schema must be text in UTF-8"),
    (change("pipelines", 0, "name", to={1, 2}), "a schema must be plain JSON data"),
    (change("pipelines", 0, "sort", to=float("nan")), "a schema must be plain JSON data"),
    (change("a\nb" * 100, to=1), "a?b" * 66 + "a?...: This field was not expected."),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "told"), BAD, ids=[told[:50] for _, told in BAD])
def test_a_bad_schema_is_one_line_and_changes_nothing(
    schema: Document, spoil: Callable[[Document], None], told: str
) -> None:
    portal = Sandbox(rps=None)
    call = caller(portal)
    before = call("GET", "/leads/pipelines").text
    spoil(schema)
    with pytest.raises(SchemaError) as refused:
        portal.load_schema(schema)
    assert str(refused.value) == told
    assert call("GET", "/leads/pipelines").text == before
    with pytest.raises(SchemaError):
        Sandbox(schema=schema)


FILES: list[tuple[bytes, str]] = [
    (b"", "a schema must be JSON: Expecting value, line 1, column 1"),
    (b"[]", "a schema must be a JSON object"),
    (b"\xff\xfe", "a schema must be text in UTF-8"),
    (b'{"version": 1, "version": 1}', "the member 'version' is there twice"),
    # A search for it that is quadratic takes minutes here.
    (b"{%s}" % b",".join(b'"%d": 1' % (n % 100_000) for n in range(100_001)),
     "the member '0' is there twice"),
    (b"[" * 100_000, "a schema must be JSON that is not so deep"),
    (b'{"version": ' + b"1" * 5000 + b"}", "a schema must be JSON without such long numbers"),
    (b'{"version": 1, "account": {"zone": "\\ud800"}}', "a schema must be text in UTF-8"),
    (b'{"version": NaN}', "version must be 1, not nan"),
    (b" " * (MOST_BYTES + 1), f"is longer than {MOST_BYTES:,} bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "told"), FILES, ids=[told[:40] for _, told in FILES])
def test_a_bad_file_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "schema.json"
    path.write_bytes(content)
    with pytest.raises(SchemaError) as refused:
        Sandbox(schema=path)
    assert str(refused.value).endswith(told)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(SchemaError, match="cannot read the schema"):
            Sandbox(schema=str(path))
    with pytest.raises(SchemaError, match="cannot read the schema"):
        Sandbox(schema="a\0b")


def test_a_file_of_any_editor(tmp_path: Path, schema: Document) -> None:
    path = tmp_path / "schema.json"
    path.write_text(write_schema(schema), encoding="utf-8-sig", newline="\r\n")
    assert Sandbox(schema=path).account().id == 777
    assert read_schema(path) == schema
    assert json.loads(write_schema(schema)) == schema


def test_the_document_is_not_held(schema: Document) -> None:
    portal = Sandbox(schema=schema, rps=None)
    schema["pipelines"][0]["name"] = "Changed"
    names = caller(portal)("GET", "/leads/pipelines").json()["_embedded"]["pipelines"]
    assert names[0]["name"] == "Sales"
    caller(portal)("PATCH", "/leads/pipelines/11", {"name": "Other"})
    assert schema["pipelines"][0]["name"] == "Changed"


def test_portals_of_one_schema_share_nothing(schema: Document) -> None:
    one, other = Sandbox(schema=schema, rps=None), Sandbox(schema=schema, rps=None)
    before = caller(other)("GET", "/leads/custom_fields/901").json()
    change: Document = {"enums": [{"value": "East"}], "required_statuses": []}
    assert caller(one)("PATCH", "/leads/custom_fields/901", change).status_code == 200
    caller(one)("DELETE", "/leads/pipelines/11/statuses/103")
    assert caller(other)("GET", "/leads/custom_fields/901").json() == before
    assert caller(other)("GET", "/leads/pipelines/11/statuses/103").status_code == 200
