"""Users, roles and their rights (reference 4.19, 5.8, 5.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.data.state import User

Call = Callable[..., requests.Response]

BOB: dict[str, Any] = {"name": "Bob B.", "email": "bb@example.com", "password": "Passw0rd"}
ALL = {"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"}
NONE = dict.fromkeys(ALL, "D")


def faults(answer: requests.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    errors = answer.json()["validation-errors"]
    return [(error["code"], error["path"]) for one in errors for error in one["errors"]]


def role(call: Call, **rights: Any) -> dict[str, Any]:
    answer = call("POST", "/roles", json=[{"name": "Sales", "rights": rights}])
    return dict(answer.json()["_embedded"]["roles"][0])


def test_users_are_listed(call: Call, portal: Sandbox) -> None:
    body = call("GET", "/users").json()
    assert (body["_total_items"], body["_page"], body["_page_count"]) == (2, 1, 1)
    ann, bob = body["_embedded"]["users"]
    assert set(ann) == {"id", "name", "email", "lang", "rights", "_links"}
    assert (ann["rights"]["is_admin"], ann["rights"]["leads"]) == (True, ALL)
    assert (bob["rights"]["is_admin"], bob["rights"]["leads"]) == (False, NONE)
    assert set(bob["rights"]) == {
        *("leads", "contacts", "companies", "tasks", "mail_access", "catalog_access"),
        *("status_rights", "is_admin", "is_free", "is_active", "group_id", "role_id"),
    }
    assert call("GET", f"/users/{ann['id']}").json() == ann
    assert call("GET", "/users/5").status_code == 404


def test_with_adds_members_of_a_user(call: Call, portal: Sandbox) -> None:
    admin = portal.account().admin
    names = "role,group,uuid,amojo_id,user_rank,phone_number"
    user = call("GET", f"/users/{admin.id}", params={"with": names}).json()
    assert user["amojo_id"] == admin.amojo_id
    assert user["user_rank"] in ("newbie", "candidate", "master")
    assert {"uuid", "phone_number"} <= set(user)
    assert user["_embedded"]["roles"] == []
    assert user["_embedded"]["groups"][0]["id"] == 0


def test_a_user_is_created(call: Call) -> None:
    rights = {"leads": {**NONE, "view": "G", "edit": "M"}, "mail_access": True}
    answer = call("POST", "/users", json=[{**BOB, "rights": rights, "request_id": "r"}])
    assert answer.status_code == 201
    (user,) = answer.json()["_embedded"]["users"]
    assert (user["name"], user["email"], user["request_id"]) == ("Bob B.", "bb@example.com", "r")
    assert "password" not in user
    assert user["rights"]["leads"] == {**NONE, "view": "G", "edit": "M"}
    assert (user["rights"]["mail_access"], user["rights"]["contacts"]) == (True, NONE)
    assert (user["lang"], user["rights"]["is_active"]) == ("ru", True)
    number = call("POST", "/leads", json=[{"responsible_user_id": user["id"]}])
    assert number.status_code == 200


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": None}, ("FieldMissing", "name")),
        ({"email": None}, ("FieldMissing", "email")),
        ({"password": None}, ("FieldMissing", "password")),
        ({"name": "x" * 51}, ("TooLong", "name")),
        ({"name": "Bob!"}, ("InvalidFormat", "name")),
        ({"name": "https://a.example"}, ("InvalidFormat", "name")),
        ({"email": "bob"}, ("InvalidFormat", "email")),
        ({"email": "ann@example.com"}, ("NotSupportedChoice", "email")),
        ({"password": "Pass1"}, ("InvalidFormat", "password")),
        ({"password": "passw0rd"}, ("InvalidFormat", "password")),
        ({"password": "PASSW0RD"}, ("InvalidFormat", "password")),
        ({"password": "Password"}, ("InvalidFormat", "password")),
        ({"lang": "fr"}, ("NotSupportedChoice", "lang")),
        ({"lang": "pt"}, ("NotSupportedChoice", "lang")),
        ({"rights": {"role_id": 5}}, ("NotSupportedChoice", "rights.role_id")),
        ({"rights": {"group_id": 5}}, ("NotSupportedChoice", "rights.group_id")),
        ({"rights": {"leads": {"view": "X"}}}, ("NotSupportedChoice", "rights.leads.view")),
        ({"rights": {"leads": {"add": "G"}}}, ("NotSupportedChoice", "rights.leads.add")),
        ({"rights": {"cats": {}}}, ("FieldNotExpected", "rights.cats")),
    ],
)
def test_users_are_checked(call: Call, change: dict[str, Any], fault: tuple[str, str]) -> None:
    model = {name: one for name, one in {**BOB, **change}.items() if one is not None}
    assert faults(call("POST", "/users", json=[model])) == [fault]


def test_fifty_characters_and_six_are_enough(call: Call) -> None:
    model = {**BOB, "name": "x" * 50, "password": "Passw1"}
    assert call("POST", "/users", json=[model]).status_code == 201


def test_portuguese_is_for_kommo() -> None:
    portal = Sandbox(("shop.kommo.com",))
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with portal.session() as session:
        url = "https://shop.kommo.com/api/v4/users"
        answer = session.post(url, json=[{**BOB, "lang": "pt"}], headers=headers)
    assert answer.status_code == 201


def test_ten_users_at_once_and_none_beyond_a_hundred(call: Call, portal: Sandbox) -> None:
    models = [{**BOB, "email": f"u{number}@example.com"} for number in range(11)]
    assert call("POST", "/users", json=models).status_code == 422
    assert call("POST", "/users", json=models[:10]).status_code == 201
    users = portal.account().users
    for number in range(9000, 9100 - len(users)):
        users[number] = User(number, "x", is_admin=False)
    assert len(users) == 100
    assert call("POST", "/users", json=[BOB]).status_code == 201
    assert call("POST", "/users", json=models[10:]).status_code == 403
    assert call("GET", "/users").status_code == 200


def test_users_are_switched_off_and_on(
    call: Call, portal: Sandbox, session: requests.Session
) -> None:
    bob = next(one.id for one in portal.account().users.values() if not one.is_admin)
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(admin=False)}"}
    url = "https://example.amocrm.ru/api/v4/account"
    off = call("POST", "/users/deactivate", json=[{"id": bob}])
    assert (off.status_code, off.content) == (204, b"")
    assert call("GET", f"/users/{bob}").json()["rights"]["is_active"] is False
    assert session.get(url, headers=headers).status_code == 401
    on = call("POST", "/users/activate", json=[{"id": bob}])
    assert (on.status_code, on.content) == (202, b"")
    assert on.headers["Content-Type"].startswith("text/html")
    assert session.get(url, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/users/activate", "/users/deactivate"])
def test_switching_is_checked(call: Call, portal: Sandbox, path: str) -> None:
    unknown = call("POST", path, json=[{"id": 5}])
    assert unknown.status_code == 400
    detail = "User(s) 5 are not associated with provided account."
    assert unknown.json()["detail"] == detail
    assert faults(call("POST", path, json=[{"id": portal.account().admin.id}])) == [
        ("NotSupportedChoice", "id")
    ]
    wrongs: list[Any] = [[], {}, [1], [{}], [{"id": "5"}], [{"id": 5, "x": 1}]]
    for wrong in wrongs:
        assert call("POST", path, json=wrong).status_code == 400
    assert call("POST", path, json=[{"id": 5}] * 10).status_code == 400
    assert call("POST", path, json=[{"id": 5}] * 11).status_code == 422


def test_a_role_goes_round(call: Call) -> None:
    made = call("POST", "/roles", json=[{"name": "Sales", "rights": {"leads": ALL}}])
    assert made.status_code == 201
    (one,) = made.json()["_embedded"]["roles"]
    assert set(one) == {"id", "name", "rights", "request_id", "_links"}
    assert set(one["rights"]) == {
        *("leads", "contacts", "companies", "tasks", "mail_access", "catalog_access"),
        "status_rights",
    }
    assert call("POST", "/roles", json={"name": "One", "rights": {}}).json()["name"] == "One"
    assert call("GET", "/roles").json()["_total_items"] == 2
    path = f"/roles/{one['id']}"
    changed = call("PATCH", path, json={"name": "Buyers"})
    assert (changed.status_code, changed.json()["name"]) == (202, "Buyers")
    assert changed.json()["rights"]["leads"] == ALL
    assert call("GET", path).json()["name"] == "Buyers"
    assert call("PATCH", path, json={}).status_code == 400
    gone = call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("GET", path).status_code == 404


def test_a_role_decides_about_its_users(call: Call) -> None:
    one = role(call, leads=ALL)
    rights = {"role_id": one["id"], "leads": NONE}
    answer = call("POST", "/users", json=[{**BOB, "rights": rights}])
    (user,) = answer.json()["_embedded"]["users"]
    path, at = f"/users/{user['id']}", f"/roles/{one['id']}"
    assert (user["rights"]["leads"], user["rights"]["role_id"]) == (ALL, one["id"])
    shown = call("GET", path, params={"with": "role"}).json()
    assert shown["_embedded"]["roles"][0]["name"] == "Sales"
    assert call("GET", at, params={"with": "users"}).json()["_embedded"]["users"] == [user["id"]]
    assert "_embedded" not in call("GET", at).json()
    call("PATCH", at, json={"rights": {"leads": NONE}})
    assert call("GET", path).json()["rights"]["leads"] == NONE
    call("DELETE", at)
    assert call("GET", path).json()["rights"]["role_id"] is None


def test_a_free_user_has_no_role(call: Call) -> None:
    rights = {"role_id": role(call)["id"], "is_free": True}
    answer = call("POST", "/users", json=[{**BOB, "rights": rights}]).json()
    got = answer["_embedded"]["users"][0]["rights"]
    assert (got["is_free"], got["role_id"]) == (True, None)


def test_rights_of_stages(call: Call, portal: Sandbox) -> None:
    pipeline = portal.account().main_pipeline["id"]
    unsorted, first, *_ = portal.account().statuses(pipeline)
    stage = {"entity_type": "leads", "pipeline_id": pipeline, "status_id": first["id"]}
    every = dict.fromkeys(("view", "edit", "delete", "export"), "A")
    good = role(call, status_rights=[{**stage, "rights": every}])
    assert good["rights"]["status_rights"][0]["rights"] == every
    path = f"/roles/{good['id']}"
    emptied = call("PATCH", path, json={"rights": {"status_rights": []}}).json()
    denied = dict.fromkeys(("view", "edit", "delete"), "D")
    assert emptied["rights"]["status_rights"] == [
        {**stage, "status_id": unsorted["id"], "rights": denied}
    ]
    at = "rights.status_rights.0"
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"pipeline_id": 5}, f"{at}.pipeline_id"),
        ({"status_id": 5}, f"{at}.status_id"),
        ({"status_id": unsorted["id"]}, f"{at}.rights.export"),
        ({"rights": {"view": "G"}}, f"{at}.rights.view"),
        ({"entity_type": "contacts"}, f"{at}.entity_type"),
    ]
    for change, where in wrongs:
        rights = {"status_rights": [{**stage, "rights": every, **change}]}
        assert faults(call("PATCH", path, json={"rights": rights}))[0][1] == where


@pytest.mark.parametrize(
    ("rights", "path"),
    [
        ({"leads": {"view": "M", "edit": "G"}}, "rights.leads.edit"),
        ({"contacts": {"view": "M", "export": "A"}}, "rights.contacts.export"),
        ({"companies": {"view": "A", "edit": "M", "delete": "G"}}, "rights.companies.delete"),
        ({"catalog_rights": [{"catalog_id": 5, "rights": {"view": "L"}}]},
         "rights.catalog_rights.0.catalog_id"),
        ({"is_admin": True}, "rights.is_admin"),
    ],
)  # fmt: skip
def test_rights_depend_on_each_other(call: Call, rights: dict[str, Any], path: str) -> None:
    answer = call("POST", "/roles", json=[{"name": "a", "rights": rights}])
    assert path in [one[1] for one in faults(answer)]


@pytest.mark.parametrize(
    "rights",
    [
        {"leads": {"view": "G", "edit": "G", "delete": "G", "export": "G"}},
        {"leads": {"view": "A", "edit": "M", "delete": "M"}},
    ],
)
def test_rights_as_wide_as_they_may_be(call: Call, rights: dict[str, Any]) -> None:
    assert call("POST", "/roles", json=[{"name": "a", "rights": rights}]).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"),
        ("GET", "/users/5"),
        ("POST", "/users"),
        ("POST", "/users/activate"),
        ("POST", "/users/deactivate"),
        ("GET", "/roles"),
        ("GET", "/roles/5"),
        ("POST", "/roles"),
        ("PATCH", "/roles/5"),
        ("DELETE", "/roles/5"),
    ],
)
def test_all_need_an_administrator(
    portal: Sandbox, session: requests.Session, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(admin=False)}"}
    url = f"https://example.amocrm.ru/api/v4{path}"
    assert session.request(method, url, headers=headers, json=[]).status_code == 403
