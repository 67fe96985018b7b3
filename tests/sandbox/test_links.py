"""Links between entities (reference 4.12, 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

LINKS = {
    "leads": {"contacts", "companies", "catalog_elements"},
    "contacts": {"companies", "leads", "customers", "catalog_elements"},
    "companies": {"contacts", "leads", "customers", "catalog_elements"},
    "customers": {"contacts", "companies", "catalog_elements"},
}
ONE = 9
"""The customer."""


@pytest.fixture(autouse=True)
def ids(portal: Sandbox, call: Call) -> dict[str, int]:
    """One entity of each kind, and a list with a price field."""
    products = call("PATCH", "/catalogs/products/settings", json={"is_enabled": True}).json()
    catalog = products["catalog_id"]
    answer = call("POST", f"/catalogs/{catalog}/elements", json=[{"name": "Bike"}])
    fields = call("GET", f"/catalogs/{catalog}/custom_fields").json()["_embedded"]["custom_fields"]
    found = {
        entity_type: portal.add(entity_type, {"name": "a"})
        for entity_type in ("leads", "contacts", "companies")
    }
    portal.account().shelf("customers")[ONE] = {"id": ONE, "updated_at": 0, "updated_by": 0}
    return {
        **found,
        "customers": ONE,
        "catalog_elements": answer.json()["_embedded"]["elements"][0]["id"],
        "catalog": catalog,
        "price": next(one["id"] for one in fields if one["code"] == "PRICE"),
        "sku": next(one["id"] for one in fields if one["code"] == "SKU"),
    }


def target(ids: dict[str, int], other: str, **data: Any) -> dict[str, Any]:
    if other == "catalog_elements":
        data = {"catalog_id": ids["catalog"], **data}
    return {"to_entity_id": ids[other], "to_entity_type": other, "metadata": data or None}


def links(answer: requests.Response) -> list[dict[str, Any]]:
    return [] if answer.status_code == 204 else list(answer.json()["_embedded"]["links"])


@pytest.mark.parametrize("entity_type", LINKS)
@pytest.mark.parametrize(
    "other", ["leads", "contacts", "companies", "customers", "catalog_elements"]
)
def test_what_may_be_linked(
    call: Call, refused: Refused, ids: dict[str, int], entity_type: str, other: str
) -> None:
    at = f"/{entity_type}/{ids[entity_type]}"
    model = target(ids, other)
    answer = call("POST", f"{at}/link", json=[model])
    if other not in LINKS[entity_type]:
        assert refused(answer) == [("NotSupportedChoice", "to_entity_type")]
        return
    data = {
        "contacts": {"main_contact": entity_type == "leads"},
        "catalog_elements": {"quantity": 1, "price_id": None, "catalog_id": ids["catalog"]},
    }.get(other)
    short = {"to_entity_id": ids[other], "to_entity_type": other, "metadata": data}
    href = f"https://example.amocrm.ru/api/v4{at}/links"
    assert answer.json() == {
        "_total_items": 1,
        "_links": {"self": {"href": href}},
        "_embedded": {
            "links": [{"entity_id": ids[entity_type], "entity_type": entity_type, **short}]
        },
    }
    assert call("GET", f"{at}/links").json() == {
        "_total_items": 1, "_links": {"self": {"href": href}}, "_embedded": {"links": [short]},
    }  # fmt: skip
    answer = call("POST", f"{at}/unlink", json=[model])
    assert (answer.status_code, answer.content) == (204, b"")
    assert call("GET", f"{at}/links").status_code == 204
    assert call("POST", f"{at}/unlink", json=[model]).status_code == 204


def test_links_are_seen_with_with(call: Call, ids: dict[str, int]) -> None:
    at = f"/leads/{ids['leads']}"
    data = {"quantity": 2.5, "price_id": ids["price"]}
    models = [
        target(ids, "contacts"), target(ids, "companies"), target(ids, "catalog_elements", **data),
    ]  # fmt: skip
    call("POST", f"{at}/link", json=models)
    shown = call("GET", f"{at}?with=contacts,catalog_elements").json()["_embedded"]
    assert [(one["id"], one["is_main"]) for one in shown["contacts"]] == [(ids["contacts"], True)]
    assert [one["id"] for one in shown["companies"]] == [ids["companies"]]
    assert shown["catalog_elements"] == [
        {"id": ids["catalog_elements"], "metadata": {"catalog_id": ids["catalog"], **data}}
    ]
    back = call("GET", f"/contacts/{ids['contacts']}?with=leads,social_profiles").json()[
        "_embedded"
    ]
    assert back["social_profiles"] == []
    assert [one["id"] for one in back["leads"]] == [ids["leads"]]
    call("POST", f"{at}/link", json=[target(ids, "catalog_elements", quantity=4)])
    (element,) = call("GET", f"{at}?with=catalog_elements").json()["_embedded"]["catalog_elements"]
    assert element["metadata"] == {**data, "quantity": 4, "catalog_id": ids["catalog"]}


def test_many_entities_are_linked_at_once(portal: Sandbox, call: Call, ids: dict[str, int]) -> None:
    one, two = ids["leads"], portal.add("leads", {})
    models = [{**target(ids, "contacts"), "entity_id": number} for number in (two, one)]
    answer = call("POST", "/leads/link", json=models)
    assert [item["entity_id"] for item in links(answer)] == [two, one]
    assert answer.json()["_total_items"] == 2
    listed = links(call("GET", f"/leads/links?filter[entity_id][]={one}&filter[entity_id][]={two}"))
    assert [(item["entity_id"], item["entity_type"]) for item in listed] == [
        (one, "leads"), (two, "leads"),
    ]  # fmt: skip
    assert call("POST", "/leads/unlink", json=models[:1]).status_code == 204
    assert links(call("GET", f"/leads/links?filter[entity_id]={two}")) == []
    assert len(links(call("GET", f"/leads/links?filter[entity_id]={one}"))) == 1


@pytest.mark.parametrize("entity_type", LINKS)
def test_a_wide_listing_names_its_entities(call: Call, refused: Refused, entity_type: str) -> None:
    assert refused(call("GET", f"/{entity_type}/links")) == [("FieldMissing", "filter.entity_id")]


def test_filters_of_links(call: Call, refused: Refused, ids: dict[str, int]) -> None:
    at = f"/leads/{ids['leads']}"
    call("POST", f"{at}/link", json=[target(ids, "contacts"), target(ids, "catalog_elements")])
    both = "filter[to_entity_id]={}&filter[to_entity_type]={}"
    wanted = {
        both.format(ids["contacts"], "contacts"): ["contacts"],
        both.format(ids["contacts"], "companies"): [],
        f"filter[to_catalog_id]={ids['catalog']}": ["catalog_elements"],
        "filter[to_catalog_id]=5": [],
    }
    found = {
        query: [one["to_entity_type"] for one in links(call("GET", f"{at}/links?{query}"))]
        for query in wanted
    }
    assert found == wanted
    for given, lacking in (("id", "type"), ("type", "id")):
        answer = call("GET", f"{at}/links?filter[to_entity_{given}]=5")
        assert refused(answer) == [("FieldMissing", f"filter.to_entity_{lacking}")]


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"to_entity_type": "contacts"}, "FieldMissing", "to_entity_id"),
        ({"to_entity_id": 30001}, "FieldMissing", "to_entity_type"),
        ({"to_entity_id": 1, "to_entity_type": "contacts"}, "NotSupportedChoice", "to_entity_id"),
        (
            {"to_entity_id": 30001, "to_entity_type": "tasks"},
            "NotSupportedChoice",
            "to_entity_type",
        ),
        ({"to_entity_id": "x", "to_entity_type": "contacts"}, "InvalidType", "to_entity_id"),
        (
            {"to_entity_id": 30001, "to_entity_type": "contacts", "from_entity_id": 7001},
            "FieldNotExpected",
            "from_entity_id",
        ),
        (
            {"to_entity_id": 30001, "to_entity_type": "contacts", "metadata": {"x": 1}},
            "FieldNotExpected",
            "metadata.x",
        ),
        (
            {"to_entity_id": 30001, "to_entity_type": "contacts", "metadata": {"updated_by": 1}},
            "NotSupportedChoice",
            "metadata.updated_by",
        ),
        (
            {"to_entity_id": 100001, "to_entity_type": "catalog_elements"},
            "FieldMissing",
            "metadata.catalog_id",
        ),
        (
            {
                "to_entity_id": 1,
                "to_entity_type": "catalog_elements",
                "metadata": {"catalog_id": 5},
            },
            "NotSupportedChoice",
            "metadata.catalog_id",
        ),
        (5, "InvalidType", ""),
    ],
)
def test_a_bad_link_is_refused(
    call: Call, refused: Refused, ids: dict[str, int], model: Any, code: str, path: str
) -> None:
    assert refused(call("POST", f"/leads/{ids['leads']}/link", json=[model])) == [(code, path)]


def test_elements_and_prices_are_of_the_list(
    call: Call, refused: Refused, ids: dict[str, int]
) -> None:
    at = f"/leads/{ids['leads']}/link"
    strange = {**target(ids, "catalog_elements"), "to_entity_id": 5}
    assert refused(call("POST", at, json=[strange])) == [("NotSupportedChoice", "to_entity_id")]
    (other,) = call("POST", "/catalogs", json=[{"name": "x"}]).json()["_embedded"]["catalogs"]
    foreign = {**target(ids, "catalog_elements"), "metadata": {"catalog_id": other["id"]}}
    assert refused(call("POST", at, json=[foreign])) == [("NotSupportedChoice", "to_entity_id")]
    for price in (5, ids["sku"]):
        answer = call("POST", at, json=[target(ids, "catalog_elements", price_id=price)])
        assert refused(answer) == [("NotSupportedChoice", "metadata.price_id")]
    answer = call("POST", at, json=[target(ids, "catalog_elements", quantity=-1)])
    assert refused(answer) == [("TooLow", "metadata.quantity")]
    assert call("POST", at, json=[target(ids, "catalog_elements", quantity=0)]).status_code == 200


def test_a_wide_link_needs_entities_that_exist(
    call: Call, refused: Refused, ids: dict[str, int]
) -> None:
    model = target(ids, "contacts")
    assert refused(call("POST", "/leads/link", json=[model])) == [("FieldMissing", "entity_id")]
    answer = call("POST", "/leads/link", json=[{**model, "entity_id": 5}])
    assert refused(answer) == [("NotSupportedChoice", "entity_id")]
    for word in ("link", "unlink"):
        assert call("POST", f"/leads/5/{word}", json=[model]).status_code == 404
    assert call("GET", "/leads/5/links").status_code == 404


def test_the_main_contact_moves_and_is_inherited(
    portal: Sandbox, call: Call, ids: dict[str, int]
) -> None:
    at, first, second = f"/leads/{ids['leads']}", ids["contacts"], portal.add("contacts", {})
    call(
        "POST",
        f"{at}/link",
        json=[target(ids, "contacts"), {**target(ids, "contacts"), "to_entity_id": second}],
    )

    def main() -> list[int]:
        return [
            one["to_entity_id"]
            for one in links(call("GET", f"{at}/links"))
            if one["metadata"]["main_contact"]
        ]

    assert main() == [first]
    call(
        "POST",
        f"{at}/link",
        json=[{**target(ids, "contacts", is_main=True), "to_entity_id": second}],
    )
    assert main() == [second]
    call("POST", f"{at}/unlink", json=[{"to_entity_id": second, "to_entity_type": "contacts"}])
    assert main() == [first]


@pytest.mark.parametrize("entity_type", ["leads", "contacts"])
def test_another_company_takes_the_place_of_the_first(
    portal: Sandbox, call: Call, ids: dict[str, int], entity_type: str
) -> None:
    second = portal.add("companies", {})
    at = f"/{entity_type}/{ids[entity_type]}"
    call("POST", f"{at}/link", json=[target(ids, "companies")])
    call("POST", f"/companies/{second}/link", json=[target(ids, entity_type)])
    assert [one["to_entity_id"] for one in links(call("GET", f"{at}/links"))] == [second]


def test_links_are_told_and_touch_both_ends(
    portal: Sandbox, clock: ManualClock, call: Call, ids: dict[str, int]
) -> None:
    clock.advance(50)
    model = target(ids, "contacts", updated_by=503)
    call("POST", f"/leads/{ids['leads']}/link", json=[model])
    for entity_type in ("leads", "contacts"):
        entity = call("GET", f"/{entity_type}/{ids[entity_type]}").json()
        assert (entity["updated_at"], entity["updated_by"]) == (int(clock.time()), 503)
    call("POST", f"/leads/{ids['leads']}/unlink", json=[{**model, "metadata": None}])
    told = call("GET", "/events?filter[created_at]=1700000000").json()["_embedded"]["events"]
    assert [(one["type"], one["entity_type"]) for one in told] == [
        ("contact_linked", "lead"), ("lead_linked", "contact"),
        ("contact_unlinked", "lead"), ("lead_unlinked", "contact"),
    ]  # fmt: skip
    assert told[0]["value_after"] == [
        {"link": {"entity": {"type": "contact", "id": ids["contacts"]}}}
    ]
    assert told[2]["value_before"] == [
        {"unlink": {"entity": {"type": "contact", "id": ids["contacts"]}}}
    ]
