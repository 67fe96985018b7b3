"""What strangers write is shown as text, and what they ask for breaks no page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from amocrm.sandbox import Sandbox
from tests.hostile import cases
from tests.sandbox.page.conftest import ORIGIN
from tests.sandbox.page.markup import tags
from tests.sandbox.page.test_pages import PAGES

Get = Callable[..., requests.Response]

HTML = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
"""It ends an attribute, a tag, and a template's text."""


def is_harmless(page: requests.Response) -> bool:
    """Tell whether a page has the tags of its templates only."""
    assert page.status_code < 500
    for tag, attributes in tags(page.text):
        if tag == "img" or (tag == "script" and attributes.get("src") != "/_page/static/page.js"):
            return False
        if any(one.startswith("on") for one in attributes):
            return False
    return "<script>alert" not in page.text


@pytest.fixture
def hostile(portal: Sandbox) -> Sandbox:
    """Let everything that has a name be called by HTML."""
    call = portal.call_api
    (pipeline,) = call("GET", "/leads/pipelines")["_embedded"]["pipelines"]
    call("PATCH", f"/leads/pipelines/{pipeline['id']}", {"name": HTML[:255]})
    call("PATCH", f"/leads/pipelines/{pipeline['id']}/statuses/103", {"name": HTML[:255]})
    call("POST", "/leads/custom_fields", [{"name": HTML, "type": "text", "code": "X"}])
    value = [{"field_code": "X", "values": [{"value": HTML}]}]
    call("PATCH", "/leads/7001", {
        "name": HTML, "custom_fields_values": value, "tags_to_add": [{"name": HTML}],
    })  # fmt: skip
    call("PATCH", "/contacts/30001", {"name": HTML})
    call("PATCH", "/companies/44001", {"name": HTML})
    note = {"entity_id": 7001, "note_type": "common", "params": {"text": HTML}}
    call("POST", "/leads/notes", [note])
    task = {"text": HTML, "complete_till": 1, "entity_id": 7001, "entity_type": "leads"}
    call("POST", "/tasks", [task])
    address = {"destination": "http://127.0.0.1:9/<script>alert(1)</script>"}
    call("POST", "/webhooks", {**address, "settings": ["update_lead"]})
    call("PATCH", "/leads/7001", {"price": 1})
    with portal.session() as program:
        program.headers.update({"User-Agent": HTML, "X-Other": HTML})
        program.post(f"{ORIGIN}/api/v4/{HTML}", params={HTML: HTML}, json={HTML: HTML})
        program.post(f"{ORIGIN}/api/v4/leads", data=HTML.encode())
        program.request(
            HTML[2:30].replace(" ", ""), f"{ORIGIN}/api/v4/leads", data=b"\x00\xff" * 99
        )
    return portal


MORE = ("/_page/requests/1", "/_page/requests/2", "/_page/requests/3", "/_page/webhooks/1")


@pytest.mark.parametrize("path", [*PAGES, *MORE])
def test_html_in_names_is_text(get: Get, hostile: Sandbox, path: str) -> None:
    page = get(path)
    assert page.status_code == 200
    assert is_harmless(page)


def test_html_is_really_there(get: Get, hostile: Sandbox) -> None:
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    for path in ("/_page/leads", "/_page/leads/7001", "/_page/contacts", *MORE[:2]):
        assert escaped in get(path).text, path
    assert "49" not in get("/_page/contacts/30001").text.partition("</h1>")[0]


@pytest.mark.parametrize("path", PAGES)
def test_html_in_a_query_is_text(get: Get, path: str) -> None:
    names = ("account", "query", "page", "pipeline", "stage", "shown", "lang", "error", HTML)
    for name in names:
        assert is_harmless(get(path, **{name: HTML}))
    assert is_harmless(get(path, **dict.fromkeys(names, HTML)))


NAMES = ("account", "query", "page", "pipeline", "stage", "shown", "lang")
VALUES = st.sampled_from(("", "0", "-1", "9" * 400, "1e9", "NaN", "٣", "\x00", "../..", "second"))


@cases
@given(
    path=st.sampled_from(PAGES),
    query=st.dictionaries(st.sampled_from(NAMES), VALUES | st.text() | st.binary(max_size=20)),
)
def test_any_query_gets_a_page(get: Get, path: str, query: dict[str, str | bytes]) -> None:
    some = {
        name: one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one
        for name, one in query.items()
    }
    page = get(path, **some)
    assert page.status_code in (200, 404)
    assert is_harmless(page)


def test_huge_values_are_cut(get: Get, portal: Sandbox) -> None:
    portal.call_api("PATCH", "/leads/7001", {"name": "n" * 250})
    with portal.session() as program:
        url = f"{ORIGIN}/api/v4/leads"
        program.headers["User-Agent"] = "u" * 10_000
        program.post(url, params={"q": "p" * 50_000}, json=[{"name": "b" * 2_000_000}])
    assert len(get("/_page/requests").text) < 10_000
    assert len(get("/_page/requests/1").text) < 60_000
    assert "n" * 81 not in get("/_page/leads").text


def test_characters_that_rule_a_terminal_are_replaced(get: Get, portal: Sandbox) -> None:
    portal.account().entities["leads"][7001]["name"] = "a\x00b\x1b[31mc\u202ed\ud83d"
    page = get("/_page/leads/7001")
    assert "a\ufffdb\ufffd[31mc\ufffdd\ufffd" in page.text


def test_a_stage_with_any_color_is_shown(get: Get, portal: Sandbox) -> None:
    portal.account().statuses(11)[1]["color"] = 'red"/><script>alert(1)</script>'
    page = get("/_page/leads")
    assert is_harmless(page)
    assert 'fill="#c1c1c1"' in page.text
