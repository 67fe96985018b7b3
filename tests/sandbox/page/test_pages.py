"""Every page, as the server renders it: in both languages, with its headers, without JavaScript."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
import requests

from amocrm.sandbox import FaultPlan, ManualClock, Sandbox
from amocrm.sandbox.page.languages import chosen
from tests.sandbox.page.conftest import ORIGIN, the_form
from tests.sandbox.page.markup import tags

Get = Callable[..., requests.Response]

PAGES = (
    *("/", "/_page/leads", "/_page/leads/7001", "/_page/contacts", "/_page/contacts/30001"),
    *("/_page/companies", "/_page/companies/44001", "/_page/requests", "/_page/webhooks"),
    *("/_page/tokens", "/_page/faults", "/_page/data", "/_sandbox/"),
)
each_page = pytest.mark.parametrize("path", PAGES)


@each_page
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_page_is_there_in_both_languages(get: Get, path: str, language: str) -> None:
    page = get(path, lang=language)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'<html lang="{language}">' in page.text
    assert ("песочница" in page.text) is (language == "ru")


@each_page
def test_nothing_comes_from_outside_and_nothing_is_inline(get: Get, path: str) -> None:
    page = get(path)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    for tag, attributes in tags(page.text):
        assert tag not in ("style", "iframe", "object", "base")
        assert not [one for one in attributes if one == "style" or one.startswith("on")]
        for name in ("src", "href", "action"):
            assert re.match(r"/(?!/)|#|\?|$", attributes.get(name, "")), (tag, attributes)


def test_the_files_of_the_page_are_served(get: Get) -> None:
    kinds = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
    for name, kind in kinds.items():
        file = get(f"/_page/static/{name}")
        assert (file.status_code, file.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    assert get("/favicon.ico").headers["Content-Type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    "path",
    [
        "/_page/static/../app.py",
        "/_page/static/..%2f..%2fapp.py",
        "/_page/static/",
        "/_page/static/page.css/",
        "/_page/leads/7001/x",
        "/_page/leads/٧٠٠١",
        "/_page/leads/" + "9" * 40,
        "/_page/contacts/7001",
        "/_page/requests/0",
        "/_page/webhooks/1",
        "/_page/",
        "/_page/nothing",
    ],
)
def test_what_is_not_there_is_said_on_a_page(get: Get, path: str) -> None:
    page = get(path)
    assert page.status_code == 404
    assert "There is no such page" in page.text


def test_an_unknown_account_is_not_another_one(get: Get) -> None:
    assert get("/_page/leads", account="nobody").status_code == 404
    assert "7001" not in get("/_page/leads", account="second").text
    assert "7001" in get("/_page/leads", account="example.amocrm.ru").text


def test_programs_get_at_the_root_what_they_got(portal: Sandbox) -> None:
    with portal.session() as program:
        for accept in ("*/*", "application/json", ""):
            answer = program.get(f"{ORIGIN}/", headers={"Accept": accept})
            assert (answer.status_code, answer.json()["status"]) == (404, 404)
        answer = program.post(f"{ORIGIN}/", headers={"Accept": "text/html"})
        assert answer.json()["status"] == 404


def test_pages_are_in_no_log_and_no_limit_counts_them(get: Get, portal: Sandbox) -> None:
    portal.faults = FaultPlan(lost_before=1.0, jitter=60.0)
    before, draws = portal.clock.time(), portal.counters["requests"]
    for _ in range(30):
        assert get("/_page/leads").status_code == 200
    assert portal.log == []
    assert (portal.clock.time(), portal.counters["requests"]) == (before, draws)


def test_a_head_has_no_body(browser: requests.Session) -> None:
    answer = browser.head(f"{ORIGIN}/_page/leads")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de-DE,de;q=0.9,ru;q=0.5,en;q=0.3", "ru"),
        ("en;q=0.1, ru;q=0.2", "ru"),
        ("ru;q=0, en", "en"),
        ("fr", "en"),
        ("", "en"),
        ("ru;q=abc", "en"),
        (";;;,,,q=", "en"),
    ],
)
def test_the_browser_names_its_language(accepted: str, language: str) -> None:
    assert chosen({}, "", accepted) == language


def test_a_chosen_language_stays(get: Get, browser: requests.Session) -> None:
    browser.cookies.set("of_another_port", '{"lang": "en"}')
    assert '<html lang="ru">' in get("/", lang="ru").text
    assert '<html lang="ru">' in get("/_page/leads").text
    browser.cookies.set("amocrm_sandbox_lang", "xx")
    assert '<html lang="en">' in get("/_page/leads", lang="<script>").text


def test_ten_thousand_leads_are_shown_in_parts(get: Get, portal: Sandbox) -> None:
    leads = portal.account().entities["leads"]
    for number in range(100_001, 110_001):
        leads[number] = {**leads[7001], "id": number, "_tags": []}
    page = get("/_page/leads").text
    assert page.count('data-lead="') < 7 * 50
    assert "Leads: 10003" in page
    more = re.search(r'href="([^"]*shown=100)"', page)
    assert more is not None
    assert get(more[1].replace("&amp;", "&")).text.count('data-lead="') > page.count('data-lead="')
    assert get("/_page/leads", stage="103", shown="9" * 9).text.count('data-lead="') < 1100


def test_a_card_has_everything_about_a_lead(get: Get, portal: Sandbox) -> None:
    portal.call_api("PATCH", "/leads/7001", {"status_id": 105})
    card = get("/_page/leads/7001").text
    for one in (
        *("Заказ 101", "32\u202f000", "Способ доставки", "Самовывоз", "Анна Петрова"),
        *("+7 999 123-45-67", "Велосипед городской", "Позвонить и уточнить адрес"),
        *("Просит позвонить до обеда", "Lead stage changed", "Первичный контакт →", "Переговоры"),
    ):
        assert one in card


def test_lists_are_searched_and_paged(get: Get, portal: Sandbox) -> None:
    assert "Мария Кузнецова" in get("/_page/contacts", query="916 111-22-33").text
    found = get("/_page/contacts", query="Мария").text
    assert "Мария Кузнецова" in found
    assert "Иван Смирнов" not in found
    assert "Nothing found" in get("/_page/contacts", query="zzz").text
    for number in range(120):
        portal.call_api("POST", "/companies", [{"name": f"Company {number}"}])
    assert "page 1 of 3" in get("/_page/companies").text
    assert "Company 0<" in get("/_page/companies", page=3).text
    assert "page 3 of 3" in get("/_page/companies", page=99).text


def test_a_request_is_shown_whole_without_its_secrets(
    get: Get, portal: Sandbox, browser: requests.Session
) -> None:
    token, one = portal.issue_long_lived(), portal.integration
    with portal.session() as program:
        fields = {
            "client_id": one.client_id, "client_secret": one.client_secret,
            "code": portal.issue_code(), "redirect_uri": one.redirect_uri,
            "grant_type": "authorization_code",
        }  # fmt: skip
        pair = program.post("https://example.amocrm.ru/oauth2/access_token", json=fields).json()
        headers = {"Authorization": f"Bearer {token}"}
        url = "https://example.amocrm.ru/api/v4/leads"
        program.post(url, json=[{"name": "Shown whole"}], headers=headers)
    log = get("/_page/requests").text
    assert "POST /api/v4/leads" in log
    assert "Ann" in log
    grant, write = get("/_page/requests/1").text, get("/_page/requests/2").text
    assert "Shown whole" in write
    assert "authorization_code" in grant
    secrets = (token, one.client_secret, fields["code"], *pair.values())
    for page in (log, grant, write, get("/_page/tokens").text):
        assert not [one for one in secrets if len(str(one)) > 20 and str(one) in page]
    assert get("/_page/requests/3").status_code == 404


def test_jinja_is_loaded_for_a_page_only_and_missed_by_name() -> None:
    script = """
import sys
from amocrm.sandbox import Sandbox
session = Sandbox().session()
session.get("http://127.0.0.1/api/v4/account")
print("jinja2" in sys.modules)
sys.modules["jinja2"] = None
for path in ("/_sandbox/", "/"):
    answer = session.get(f"http://127.0.0.1{path}", headers={"Accept": "text/html"})
    print(answer.status_code, answer.headers["Content-Type"])
print(answer.text)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded, actions, page, *told = done.stdout.splitlines()
    assert (loaded, actions[:4], page) == ("False", "200 ", "501 text/plain; charset=utf-8")
    assert "pip install 'amocrm-python[server]'" in told[0]


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"Host": "evil.example"}, 421),
        ("GET", {"Host": "127.0.0.1.evil.example"}, 421),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Origin": "null"}, 403),
    ],
)
def test_pages_of_other_sites_reach_nothing_on_a_port(
    method: str, headers: dict[str, str], status: int
) -> None:
    portal = Sandbox()
    with portal.serve() as served, requests.Session() as browser:
        browser.headers["Accept"] = "text/html"
        form = the_form(browser.get(f"{served.url}/_page/data", timeout=5).text, "/_sandbox/shop")
        path = form.action if method == "POST" else "/_page/data"
        data = form.values if method == "POST" else None
        answer = browser.request(
            method, served.url + path, data=data, headers=headers, timeout=5, allow_redirects=False
        )
    assert answer.status_code == status
    assert portal.leads() == []


def test_a_portal_for_others_has_no_page() -> None:
    portal = Sandbox(clock=ManualClock())
    with portal.serve("127.0.0.1", control=False) as served:
        for path in ("/", "/_page/leads", "/_page/static/page.css"):
            headers = {"Accept": "text/html"}
            assert requests.get(served.url + path, headers=headers, timeout=5).status_code == 404
