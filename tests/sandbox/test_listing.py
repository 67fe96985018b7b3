"""Lists and reads (reference 3.1, 3.2, 4.2.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]

ENTITY_TYPES = ("leads", "contacts", "companies")


def ids(answer: requests.Response) -> list[int]:
    if answer.status_code == 204:
        assert answer.content == b""
        return []
    (items,) = answer.json()["_embedded"].values()
    return [item["id"] for item in items]


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
def test_nothing_is_204_with_an_empty_body(call: Call, entity_type: str) -> None:
    for path in (f"/{entity_type}", f"/{entity_type}/999", f"/{entity_type}?page=2"):
        answer = call("GET", path)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
def test_pages_lead_to_one_another(portal: Sandbox, call: Call, entity_type: str) -> None:
    made = [portal.add(entity_type, {"name": f"n{number}"}) for number in range(5)]
    first = call("GET", f"/{entity_type}?limit=2&with=x&filter[name][]=n0&filter[name][]=n1").json()
    assert set(first["_links"]) == {"self"}
    pages: list[dict[str, Any]] = []
    url = f"/{entity_type}?limit=2&order[id]=asc"
    while url:
        pages.append(call("GET", url).json())
        following = pages[-1]["_links"].get("next", {}).get("href", "")
        url = following.removeprefix("https://example.amocrm.ru/api/v4")
    assert [page["_page"] for page in pages] == [1, 2, 3]
    assert [one["id"] for page in pages for one in page["_embedded"][entity_type]] == made
    assert [set(page["_links"]) for page in pages] == [
        {"self", "next"},
        {"self", "next", "first", "prev"},
        {"self", "first", "prev"},
    ]
    root = f"https://example.amocrm.ru/api/v4/{entity_type}?order%5Bid%5D=asc&limit=2&page="
    assert pages[1]["_links"] == {
        "self": {"href": root + "2"},
        "next": {"href": root + "3"},
        "first": {"href": root + "1"},
        "prev": {"href": root + "1"},
    }
    assert call("GET", f"/{entity_type}?limit=2&page=4").status_code == 204


def test_a_full_last_page_has_no_next(portal: Sandbox, call: Call) -> None:
    for _ in range(4):
        portal.add("leads", {})
    assert "next" not in call("GET", "/leads?limit=2&page=2").json()["_links"]


def test_a_page_holds_50_unless_told_and_250_at_most(portal: Sandbox, call: Call) -> None:
    for _ in range(251):
        portal.add("leads", {})
    assert len(ids(call("GET", "/leads"))) == 50
    assert len(ids(call("GET", "/leads?limit=250"))) == 250
    refused = call("GET", "/leads?limit=251")
    assert (refused.status_code, refused.json()["detail"]) == (422, "Limit 250 per page")
    assert refused.json()["title"] == "Unprocessable Entity"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "page=0", "page=-1", "page=1.5", "page[]=1", "page=" + "9" * 5000],
)
def test_a_page_that_is_no_number_is_400(call: Call, query: str) -> None:
    assert call("GET", f"/leads?{query}").status_code == 400


def test_a_lead_is_read_in_the_published_order(portal: Sandbox, call: Call) -> None:
    number = portal.add("leads", {"name": "Сделка", "price": 5})
    answer = call("GET", f"/leads/{number}")
    assert list(answer.json()) == [
        *("id", "name", "price", "responsible_user_id", "group_id", "status_id", "pipeline_id"),
        *("loss_reason_id", "created_by", "updated_by", "created_at", "updated_at", "closed_at"),
        *("closest_task_at", "is_deleted", "custom_fields_values", "score", "account_id"),
        *("labor_cost", "_links", "_embedded"),
    ]
    assert answer.json()["_embedded"] == {"tags": [], "companies": []}
    assert "Сделка".encode() in answer.content


def test_with_adds_what_is_linked(portal: Sandbox, call: Call) -> None:
    contact = portal.add("contacts", {"name": "Ann"})
    second = portal.add("contacts", {"name": "Bob"})
    company = portal.add("companies", {"name": "Lee"})
    people = [{"id": contact}, {"id": second, "is_main": True}]
    lead = portal.add("leads", {"_embedded": {"contacts": people, "companies": [{"id": company}]}})
    body = call("GET", f"/leads/{lead}?with=contacts,loss_reason,catalog_elements,source_id").json()
    shown = body["_embedded"]["contacts"]
    assert [(one["id"], one["is_main"]) for one in shown] == [(contact, False), (second, True)]
    assert [one["id"] for one in body["_embedded"]["companies"]] == [company]
    assert body["_embedded"]["loss_reason"] == body["_embedded"]["catalog_elements"] == []
    assert body["source_id"] is None
    assert "contacts" not in call("GET", f"/leads/{lead}").json()["_embedded"]
    back = call("GET", f"/contacts/{contact}?with=leads,customers").json()["_embedded"]
    assert [one["id"] for one in back["leads"]] == [lead]
    assert back["customers"] == []


def test_a_price_tells_whether_a_robot_wrote_it(portal: Sandbox, call: Call) -> None:
    number = portal.add("leads", {})
    body = call("GET", f"/leads/{number}?with=is_price_modified_by_robot").json()
    assert body["is_price_modified_by_robot"] is False


def test_order_takes_the_first_field_it_knows(
    portal: Sandbox, clock: ManualClock, call: Call
) -> None:
    made: list[int] = []
    for _ in range(3):
        made.append(portal.add("leads", {}))
        clock.advance(10)
    call("PATCH", f"/leads/{made[0]}", json={"price": 1})
    assert ids(call("GET", "/leads?order[id]=desc")) == made[::-1]
    assert ids(call("GET", "/leads?order[updated_at]=asc")) == [made[1], made[2], made[0]]
    assert ids(call("GET", "/leads?order[created_at]=desc")) == made[::-1]
    assert ids(call("GET", "/leads?order[price]=desc")) == made


def test_the_recycle_bin_is_another_list(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    kept, gone = portal.add("leads", {}), portal.add("leads", {})
    portal.trash("leads", gone)
    assert ids(call("GET", "/leads")) == [kept]
    (shown,) = call("GET", "/leads?with=only_deleted").json()["_embedded"]["leads"]
    assert set(shown) == {"id", "updated_at", "updated_by", "is_deleted", "_links"}


@pytest.fixture
def three(portal: Sandbox, clock: ManualClock) -> list[int]:
    """Leads named a, b, c of price 10, 20, 30, ten seconds apart, in three stages."""
    stages = [142, *(stage["id"] for stage in portal.account().statuses(11)[1:3])]
    made: list[int] = []
    for name, price, stage in zip("abc", (10, 20, 30), stages, strict=True):
        made.append(portal.add("leads", {"name": name, "price": price, "status_id": stage}))
        clock.advance(10)
    return made


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("filter[id]={0}", [0]),
        ("filter[id][]={0}&filter[id][]={2}", [0, 2]),
        ("filter[id][0]={1}&filter[id][1]={2}", [1, 2]),
        ("filter%5Bid%5D%5B%5D={1}", [1]),
        ("filter[name]=a", [0]),
        ("filter[name][]=a&filter[name][]=c", [0, 2]),
        ("filter[name]=A", []),
        ("filter[price][from]=20", [1, 2]),
        ("filter[price][from]=15&filter[price][to]=20", [1]),
        ("filter[price]=10", [0]),
        ("filter[created_at][to]=1700000000", [0]),
        ("filter[updated_at][from]=1700000010", [1, 2]),
        ("filter[closed_at][from]=1", [0]),
        ("filter[pipeline_id]=11", [0, 1, 2]),
        ("filter[pipeline_id]=12", []),
        ("filter[responsible_user_id]=501", [0, 1, 2]),
        ("filter[statuses][0][pipeline_id]=11&filter[statuses][0][status_id]=142", [0]),
        ("filter[statuses][0][status_id]=142&filter[statuses][1][status_id]=105", [0, 2]),
        ("filter[nonsense]=1", [0, 1, 2]),
        ("filter[id][]={0}&filter[name]=b", []),
        ("filter=1", [0, 1, 2]),
        ("query=b", [1]),
        ("query=30", [2]),
        ("query={0}", [0]),
        ("query=", [0, 1, 2]),
        ("query=zzz", []),
    ],
)
def test_filters(call: Call, three: list[int], query: str, wanted: list[int]) -> None:
    assert ids(call("GET", "/leads?" + query.format(*three))) == [three[index] for index in wanted]


def test_custom_field_filters(portal: Sandbox, call: Call) -> None:
    definitions: list[dict[str, Any]] = [
        {"name": "Region", "type": "select", "enums": [{"value": "north"}, {"value": "south"}]},
        {"name": "Size", "type": "numeric"},
        {"name": "Paid", "type": "checkbox"},
        {"name": "When", "type": "date"},
        {"name": "Word", "type": "text"},
    ]
    made = call("POST", "/leads/custom_fields", json=definitions).json()
    fields = made["_embedded"]["custom_fields"]
    region, size, paid, when, word = (field["id"] for field in fields)
    north = fields[0]["enums"][0]["id"]

    def lead(*values: tuple[int, Any]) -> int:
        items = [{"field_id": field, "values": [{"value": one}]} for field, one in values]
        return portal.add("leads", {"custom_fields_values": items})

    one = lead((region, "north"), (size, 5), (paid, True), (when, 1700000000), (word, "Hi"))
    two = lead((region, "south"), (size, 50), (paid, False))
    at = "/leads?filter[custom_fields_values]"
    assert ids(call("GET", f"{at}[{region}][]={north}")) == [one]
    assert ids(call("GET", f"{at}[{size}][from]=6")) == [two]
    assert ids(call("GET", f"{at}[{size}][]=5&filter[custom_fields_values][{size}][]=50")) == [
        one,
        two,
    ]
    assert ids(call("GET", f"{at}[{paid}]=0")) == [two]
    assert ids(call("GET", f"{at}[{when}][from]=1700000000&filter[name]=x")) == []
    assert ids(call("GET", f"{at}[{when}][to]=1700000000")) == [one]
    assert ids(call("GET", f"{at}[{word}]=Hi")) == [one]
    assert ids(call("GET", "/leads?query=hi")) == [one]
