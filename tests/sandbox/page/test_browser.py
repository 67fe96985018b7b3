"""The page in a real browser: dragged, live, by keyboard alone, narrow and wide, for everybody."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from amocrm.sandbox import FaultPlan, Sandbox
from amocrm.sandbox.http.server import Served
from tests.chromium import DOWN, ENTER, SPACE, TAB, Browser, browser, missing, needs_chromium
from tests.sandbox.test_schema import SCHEMA

pytestmark = pytest.mark.endurance

HOOK = "https://hooks.example.com/in"


class Receiver:
    """A WSGI app that keeps what it gets."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.forms.append(dict(parse_qsl(body.decode())))
        start_response("200 OK", [])
        return []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    needs_chromium()
    with browser() as one:
        yield one


@pytest.fixture
def portal() -> Sandbox:
    portal = Sandbox(("example", "second.kommo.com"))
    portal.add_shop()
    return portal


@pytest.fixture
def receiver(portal: Sandbox) -> Receiver:
    receiver = Receiver()
    portal.webhooks.mount("https://hooks.example.com", receiver)
    portal.call_api("POST", "/webhooks", {"destination": HOOK, "settings": ["status_lead"]})
    return receiver


@pytest.fixture
def served(portal: Sandbox) -> Iterator[Served]:
    with portal.serve() as served:
        yield served


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Browser]:
    chromium.resize(1400)
    yield chromium
    assert chromium.console() == []
    # Otherwise it would go on asking a portal that is gone.
    chromium.open("about:blank")


def stage_of(page: Browser, lead: int) -> str:
    script = "return document.querySelector(arguments[0]).closest('.stage').dataset.stage"
    return str(page.run(script, f"[data-lead='{lead}']"))


def tab_to(page: Browser, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(200):
        page.press(TAB)
        if page.run("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_a_lead_is_dragged_and_its_webhook_arrives(
    page: Browser, served: Served, receiver: Receiver, portal: Sandbox
) -> None:
    page.open(f"{served.url}/_page/leads")
    page.run("window.isSame = true")
    assert stage_of(page, 7001) == "103"
    page.drag("[data-lead='7001']", "[data-stage='105']")
    page.wait(lambda: stage_of(page, 7001) == "105")
    page.wait(lambda: receiver.forms)
    assert receiver.forms[0]["leads[status][0][id]"] == "7001"
    assert receiver.forms[0]["leads[status][0][status_id]"] == "105"
    assert receiver.forms[0]["leads[status][0][old_status_id]"] == "103"
    assert page.run("return window.isSame"), "the page must not be loaded again"
    page.open(f"{served.url}/_page/webhooks")
    page.wait(lambda: page.has("delivered", "#deliveries"))


def test_a_person_logs_in_on_the_consent_page(
    page: Browser, served: Served, portal: Sandbox
) -> None:
    one = portal.add_integration(f"{served.url}/")
    page.open(f"{served.url}/_page/tokens")
    page.click("#log-in-2")
    page.click("button[value=agree]")
    page.wait(lambda: "code=" in page.url)
    arrived = dict(parse_qsl(urlsplit(page.url).query))
    assert (arrived["state"], arrived["referer"]) == ("page", "example.amocrm.ru")
    page.open(f"{served.url}/_page/tokens")
    assert page.has("code", "#tokens")
    fields = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "grant_type": "authorization_code",
        "code": arrived["code"],
    }
    assert requests.post(f"{served.url}/oauth2/access_token", json=fields, timeout=5).ok
    page.wait(lambda: page.has("refresh", "#tokens"))


def test_a_link_of_another_site_leaves_the_forms_of_open_pages(
    page: Browser, served: Served
) -> None:
    def token() -> Any:
        return page.run("return document.querySelector('[name=_token]').value")

    page.open(f"{served.url}/_page/leads/7001")
    before = token()
    page.open(f"http://localhost:{served.port}/")
    page.run("location.assign(arguments[0])", f"{served.url}/_page/leads/7001")
    page.wait(lambda: page.url.startswith(served.url))
    assert token() == before


def test_a_storm_is_watched_as_it_comes(page: Browser, served: Served, portal: Sandbox) -> None:
    page.open(f"{served.url}/_page/requests")
    page.wait(lambda: page.has("No request yet"))
    page.wait(lambda: page.run("return document.querySelector('#live.on') !== null"))
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with requests.Session() as program:
        statuses = [
            program.get(f"{served.url}/api/v4/account", headers=headers, timeout=5).status_code
            for _ in range(20)
        ]
    assert statuses.count(429) >= 10
    page.wait(lambda: page.has("Requests: 20.", "#seconds"))
    rows = page.text("#requests")
    assert rows.count("/api/v4/account\t429\t") == statuses.count(429)
    assert "20 / 7" in rows
    assert "Ann" in rows


def test_a_fault_is_switched_on_by_the_keyboard_and_off_again(
    page: Browser, served: Served, portal: Sandbox
) -> None:
    page.open(f"{served.url}/_page/faults")
    tab_to(page, "#switch-too_many")
    page.press(SPACE)
    page.wait(lambda: portal.faults.too_many == 1)
    switch = "document.activeElement.id + document.activeElement.ariaChecked"
    page.wait(lambda: page.run(f"return {switch}") == "switch-too_manytrue")
    url = f"{served.url}/api/v4/account"
    assert requests.get(url, timeout=5).status_code == 429
    page.press(SPACE)
    page.wait(lambda: portal.faults == FaultPlan())
    page.wait(lambda: page.run(f"return {switch}") == "switch-too_manyfalse")


def test_a_lead_is_moved_and_read_by_the_keyboard_alone(
    page: Browser, served: Served, portal: Sandbox
) -> None:
    page.open(f"{served.url}/")
    page.press(TAB)
    assert page.run("return document.activeElement.className") == "skip"
    page.press(ENTER)
    page.wait(lambda: page.run("return document.activeElement.id") == "main")
    page.open(f"{served.url}/")
    tab_to(page, ".nav a[href='/_page/leads']")
    page.press(ENTER)
    page.wait(lambda: page.url.endswith("/_page/leads"))
    tab_to(page, "#move-7001 summary")
    page.press(ENTER)
    tab_to(page, "#stage-of-7001")
    page.press(DOWN)
    tab_to(page, "#go-7001")
    page.press(ENTER)
    page.wait(lambda: stage_of(page, 7001) == "105")
    assert portal.leads()[0]["status_id"] == 105
    assert page.run("return document.activeElement.id") == "go-7001"
    page.open(f"{served.url}/_page/leads/7001")
    assert page.has("Переговоры", "#card")


def test_what_others_change_appears_and_what_is_typed_stays(
    page: Browser, served: Served, portal: Sandbox
) -> None:
    page.open(f"{served.url}/_page/leads")
    page.wait(lambda: page.run("return document.querySelector('#live.on') !== null"))
    page.type("input[name=name]", "half a na")
    portal.call_api("POST", "/leads", [{"name": "From a program"}])
    page.wait(lambda: page.has("From a program"))
    assert page.run("return document.querySelector('input[name=name]').value") == "half a na"


def test_everything_works_without_javascript(
    page: Browser, served: Served, portal: Sandbox
) -> None:
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(f"{served.url}/_page/leads")
        page.click("#move-7001 summary")
        page.click("#stage-of-7001 option[value='142']")
        page.click("#go-7001")
        page.wait(lambda: page.has("Done.", "#notices"))
        assert stage_of(page, 7001) == "142"
        page.open(f"{served.url}/_page/faults")
        page.click("#switch-latency")
        page.wait(lambda: portal.faults.latency == 1)
    finally:
        page.cdp("Emulation.setScriptExecutionDisabled", value=False)


def test_a_schema_is_loaded_from_a_file(
    page: Browser, served: Served, portal: Sandbox, tmp_path: Path
) -> None:
    portal.reset()
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA), encoding="utf-8")
    page.open(f"{served.url}/_page/data")
    page.type("#schema-file", str(path))
    page.wait(lambda: page.run("return document.getElementById('schema-text').value"))
    page.click("#load")
    page.wait(lambda: page.has("Done.", "#notices"))
    assert portal.account().id == 777


PAGES = (
    *("/", "/_page/leads", "/_page/leads/7001", "/_page/contacts", "/_page/contacts/30001"),
    *("/_page/companies/44001", "/_page/requests", "/_page/requests/1", "/_page/webhooks"),
    *("/_page/webhooks/1", "/_page/tokens", "/_page/faults", "/_page/data", "/_sandbox/"),
    "/_page/nothing",
)


@pytest.fixture
def busy(portal: Sandbox, receiver: Receiver, served: Served) -> Sandbox:
    """Let every page have something to show."""
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    for _ in range(9):
        requests.get(f"{served.url}/api/v4/leads?limit=1", headers=headers, timeout=5)
    portal.call_api("PATCH", "/leads/7001", {"status_id": 105})
    portal.inject("server_error", "POST")
    portal.faults = FaultPlan(lost_after=0.1)
    return portal


def test_nothing_scrolls_sideways(page: Browser, served: Served, busy: Sandbox) -> None:
    wrong = []
    for path in PAGES:
        for language in ("en", "ru"):
            page.open(f"{served.url}{path}?lang={language}")
            for width in (360, 1600):
                page.resize(width)
                if page.run("return document.documentElement.scrollWidth") != width:
                    wrong.append((path, language, width))
    page.console()  # A page that is not there is an error for it.
    assert wrong == []


RUN_AXE = """
    const [rules, done] = arguments;
    for (const one of document.querySelectorAll("details")) one.open = true;
    axe.run(rules ? { runOnly: rules } : {}).then((found) => done(found.violations.map((one) =>
        [one.id, one.nodes.map((node) => node.html.slice(0, 200))])));
"""


def test_axe_finds_nothing(page: Browser, served: Served, busy: Sandbox, axe: str) -> None:
    found = {}
    for path in (*PAGES, f"/oauth?client_id={busy.integration.client_id}"):
        page.open(served.url + path)
        page.run(axe)
        for scheme, rules in (("light", None), ("dark", ["color-contrast"])):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            page.cdp("Emulation.setEmulatedMedia", features=[feature])
            found[path, scheme] = page.run_async(RUN_AXE, rules)
    page.console()
    assert {path: one for path, one in found.items() if one} == {}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return axe-core, installed by npm in the version that is pinned here."""
    if shutil.which("npm") is None:
        missing("npm is missing: apt-get install npm")
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(Path(__file__).with_name(name), folder)
    options = ["--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(["npm", "ci", *options], capture_output=True, text=True, timeout=100)
    if done.returncode:
        missing(f"npm cannot install axe-core: {done.stderr[-500:]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
