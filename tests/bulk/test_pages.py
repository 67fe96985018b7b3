"""A listing's answer, taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm.bulk.pages import (
    Page,
    ShapeError,
    batch_limit,
    find_list,
    number_of,
    page_limit,
    part_page,
    take_page,
)

HOST = "https://example.amocrm.ru"
URL = f"{HOST}/api/v4/leads?limit=250&page=1"
BASE = "/api/v4/leads?filter%5Bid%5D%5B0%5D=1&limit=250"


def listing(next_href: object = None, **embedded: list[int]) -> dict[str, Any]:
    links = {} if next_href is None else {"next": {"href": next_href}}
    return {"_page": 1, "_links": links, "_embedded": embedded}


def test_no_body_is_an_empty_page() -> None:
    assert take_page(None, "/api/v4/leads", URL) == Page([], None, None)


def test_items_and_the_way_on() -> None:
    data = listing(f"{HOST}/api/v4/leads?limit=250&page=2", leads=[1, 2])
    assert take_page(data, "/api/v4/leads", URL) == Page([1, 2], "/api/v4/leads?limit=250&page=2")


def test_a_total_where_the_api_tells_it() -> None:
    data = {"_total_items": 7, **listing(custom_fields=[1])}
    assert take_page(data, "/api/v4/leads/custom_fields", URL).total == 7


@pytest.mark.parametrize(
    ("href", "next_page"),
    [
        ("/api/v4/leads?page=2", "/api/v4/leads?page=2"),
        (f"{HOST}/api/v4/leads", "/api/v4/leads"),
        ("https://EXAMPLE.amocrm.ru/api/v4/leads?page=2", "/api/v4/leads?page=2"),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_next_is_a_path_of_this_host(href: object, next_page: str | None) -> None:
    assert take_page(listing(href, leads=[1]), "/api/v4/leads", URL).next == next_page


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example/api/v4/leads?page=2",
        "//evil.example/api/v4/leads?page=2",
        "http://example.amocrm.ru/api/v4/leads?page=2",
        "https://example.amocrm.ru:444/api/v4/leads?page=2",
        "https://u@example.amocrm.ru/api/v4/leads?page=2",
        "https://[bad/",
    ],
)
def test_next_never_leads_to_another_host(href: str) -> None:
    with pytest.raises(ShapeError):
        take_page(listing(href, leads=[1]), "/api/v4/leads", URL)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/v4/leads", "leads"),
        ("/api/v4/leads/", "leads"),
        ("/api/v4/catalogs/5/elements", "elements"),
        ("/api/v4/leads/7/notes", "notes"),
        ("/api/v4/events/types", "events_types"),
        ("/api/v4/chats/templates", "chat_templates"),
        ("/api/v4/leads/custom_fields/groups", "custom_field_groups"),
        ("/api/v4/bots", "items"),
    ],
)
def test_the_list_is_the_one_named_as_the_path_ends_or_the_only_one(path: str, key: str) -> None:
    assert find_list({"_embedded": {key: [1], "more": {}}}, path) == [1]


def test_the_named_list_wins_over_others() -> None:
    assert find_list({"_embedded": {"tags": [2], "leads": [1]}}, "/api/v4/leads") == [1]


def test_a_bare_list_is_the_list() -> None:
    assert find_list([1], "/api/v4/leads/complex") == [1]


@pytest.mark.parametrize(
    "data",
    ["text", {}, {"_embedded": 5}, {"_embedded": {}}, {"_embedded": {"a": [1], "b": [2]}}],
)
def test_what_is_no_listing_is_said_to_be_none(data: object) -> None:
    with pytest.raises(ShapeError):
        find_list(data, "/api/v4/leads")


@pytest.mark.parametrize(
    ("target", "parted"),
    [
        ("/p", ("/p", 1)),
        ("/p?page=3", ("/p", 3)),
        ("/p?a=1&page=3&b=2", ("/p?a=1&b=2", 3)),
        ("/p?page=0", ("/p", 1)),
        ("/p?page=x", ("/p", 1)),
        ("/p?pages=2", ("/p?pages=2", 1)),
    ],
)
def test_the_number_of_the_page_is_parted_from_the_rest(
    target: str, parted: tuple[str, int]
) -> None:
    assert part_page(target) == parted


@pytest.mark.parametrize(
    ("address", "number"),
    [
        (f"{BASE}&page=2", 2),
        ("/api/v4/leads?page=2&limit=250&filter[id][0]=1", 2),
        (BASE, None),
        (f"{BASE}&page=x", None),
        (f"{BASE}&page=2&page=3", None),
        (f"{BASE}&page=2&cursor=abc", None),
        ("/api/v4/leads?limit=250&page=2", None),
        ("/api/v4/leads?filter[id][0]=1&limit=50&page=2", None),
        (f"{BASE}&page=2".replace("leads", "contacts"), None),
    ],
)
def test_pages_are_numbered_when_nothing_else_differs(address: str, number: int | None) -> None:
    assert number_of(address, BASE) == number


@pytest.mark.parametrize(
    ("path", "page", "batch"),
    [
        ("/api/v4/leads", 250, 250),
        ("/api/v4/events", 100, 250),
        ("/api/v4/events/", 100, 250),
        ("/api/v4/events/types", 250, 250),
        ("/api/v4/chats/templates", 50, 250),
        ("/api/v4/leads/complex", 250, 50),
        ("/api/v4/leads/complex?x=1", 250, 50),
        ("/api/v4/sources", 250, 50),
        ("/api/v4/users", 250, 10),
    ],
)
def test_the_documented_limits(path: str, page: int, batch: int) -> None:
    assert (page_limit(path), batch_limit(path)) == (page, batch)


def test_pages_of_files_are_smaller() -> None:
    assert page_limit("/v1.0/files") == 50
    assert page_limit("/api/v4/leads/1/files") == 250
