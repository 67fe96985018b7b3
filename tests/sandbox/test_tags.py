"""Tags (reference 4.15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]


def names(answer: requests.Response) -> list[str]:
    if answer.status_code == 204:
        return []
    return [one["name"] for one in answer.json()["_embedded"]["tags"]]


@pytest.mark.parametrize("entity_type", ["leads", "contacts", "companies", "customers"])
def test_tags_go_round(call: Call, entity_type: str) -> None:
    at = f"/{entity_type}/tags"
    assert call("GET", at).status_code == 204
    answer = call("POST", at, json=[{"name": "vip", "request_id": "r"}, {"name": "new"}])
    first, second = answer.json()["_embedded"]["tags"]
    assert (answer.status_code, answer.json()["_total_items"]) == (200, 2)
    assert (first["name"], first["color"], first["request_id"]) == ("vip", None, "r")
    again = call("POST", at, json=[{"name": "VIP"}]).json()["_embedded"]["tags"][0]
    assert again["id"] == first["id"] != second["id"]
    assert names(call("GET", at)) == ["vip", "new"]
    assert "_total_items" not in call("GET", at).json()
    assert call("DELETE", at, json=[{"id": 1}]).status_code == 405


def test_only_tags_of_leads_have_a_color(portal: Sandbox, call: Call, refused: Refused) -> None:
    model = {"name": "vip", "color": "DDEBB5"}
    (made,) = call("POST", "/leads/tags", json=[model]).json()["_embedded"]["tags"]
    assert made["color"] == "DDEBB5"
    lead = portal.add("leads", {"tags_to_add": [{"id": made["id"]}]})
    (shown,) = call("GET", f"/leads/{lead}").json()["_embedded"]["tags"]
    assert shown == {"id": made["id"], "name": "vip", "color": "DDEBB5"}
    assert refused(call("POST", "/contacts/tags", json=[model])) == [
        ("NotSupportedChoice", "color")
    ]
    changed = call("PATCH", "/leads/tags", json=[{"id": made["id"], "color": "EBEBEB"}])
    assert changed.json()["_embedded"]["tags"][0]["color"] == "EBEBEB"
    assert call("PATCH", "/contacts/tags", json=[{"id": 1}]).status_code == 405


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({}, "FieldMissing", "name"),
        ({"name": ""}, "NotBlank", "name"),
        ({"name": "a", "color": "ffffff"}, "NotSupportedChoice", "color"),
        ({"name": "a", "ident": 5}, "FieldNotExpected", "ident"),
    ],
)
def test_a_bad_tag_is_refused(
    call: Call, refused: Refused, model: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", "/leads/tags", json=[model])) == [(code, path)]


def test_filters(call: Call) -> None:
    made = call("POST", "/leads/tags", json=[{"name": "vip"}, {"name": "vip2"}, {"name": "x"}])
    one, _, three = (tag["id"] for tag in made.json()["_embedded"]["tags"])
    wanted = {
        "query=VI": ["vip", "vip2"],
        "filter[name]=vip": ["vip"],
        f"filter[id][]={one}&filter[id][]={three}": ["vip", "x"],
        "limit=1&page=2": ["vip2"],
    }
    assert {query: names(call("GET", f"/leads/tags?{query}")) for query in wanted} == wanted
