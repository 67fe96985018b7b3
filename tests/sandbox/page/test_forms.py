"""The forms of the page, without JavaScript: what they do, and what the next page says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import requests

from amocrm.sandbox import FaultPlan, Sandbox
from amocrm.sandbox.control.actions import ACTIONS
from tests.sandbox.page.conftest import ORIGIN, the_form
from tests.sandbox.page.markup import forms
from tests.sandbox.page.test_pages import PAGES
from tests.sandbox.test_schema import SCHEMA

Get = Callable[..., requests.Response]
Submit = Callable[..., requests.Response]


def test_a_lead_is_moved(submit: Submit, portal: Sandbox) -> None:
    page = submit("/_page/leads", "/_sandbox/leads/7001/move", status_id="142")
    assert page.url == f"{ORIGIN}/_page/leads"
    assert [one.status_code for one in page.history] == [303]
    assert "Done." in page.text
    (lead,) = [one for one in portal.leads() if one["id"] == 7001]
    assert lead["status_id"] == 142
    (event,) = [
        one
        for one in portal.account().shelf("events").values()
        if one["type"] == "lead_status_changed"
    ]
    assert event["entity_id"] == 7001


def test_a_refusal_is_told_on_the_next_page_once(submit: Submit, get: Get) -> None:
    page = submit("/_page/leads/7001", "/_sandbox/leads/7001/move", status_id="1")
    assert "Refused:" in page.text
    assert page.status_code == 200
    assert "Refused:" not in get("/_page/leads/7001").text


def test_a_lead_goes_to_the_bin_and_comes_back(submit: Submit, get: Get, portal: Sandbox) -> None:
    assert "in the recycle bin" in submit("/_page/leads/7001", "/_sandbox/leads/7001/trash").text
    assert 'data-lead="7001"' not in get("/_page/leads").text
    submit("/_page/leads/7001", "/_sandbox/leads/7001/restore")
    assert 'data-lead="7001"' in get("/_page/leads").text


def test_a_lead_is_created(submit: Submit, portal: Sandbox) -> None:
    page = submit("/_page/leads", "/_sandbox/leads", name="By hand", price="500")
    assert "By hand" in page.text
    assert portal.leads()[-1]["price"] == 500


def test_a_token_is_shown_once_and_works(submit: Submit, get: Get, portal: Sandbox) -> None:
    page = submit("/_page/tokens", "/_sandbox/tokens")
    token = re.search(r"<code>(eyJ[^<]+)</code>", page.text)
    assert token is not None
    assert token[1] not in page.url
    assert token[1] not in get("/_page/tokens").text
    with portal.session() as program:
        headers = {"Authorization": f"Bearer {token[1]}"}
        url = "https://example.amocrm.ru/api/v4/account"
        assert program.get(url, headers=headers).json()["current_user_id"] == 501


def test_a_token_without_the_administrators_rights_is_of_another_user(
    submit: Submit, get: Get, browser: requests.Session, portal: Sandbox
) -> None:
    form = the_form(get("/_page/tokens").text, "/_sandbox/tokens")
    browser.post(ORIGIN + form.action, data={**form.values, "admin": "false"})
    assert portal.tokens.issued()[0].user_id == 503


def test_a_token_expires_and_another_is_revoked(submit: Submit, portal: Sandbox) -> None:
    portal.issue_long_lived()
    portal.issue_code()
    for one in portal.tokens.issued():
        end = "expire" if one.kind == "code" else "revoke"
        submit("/_page/tokens", f"/_sandbox/tokens/{one.id}/{end}")
    assert {one.state for one in portal.tokens.issued()} == {"expired", "revoked"}


def test_a_renamed_account_is_found_by_its_new_name(submit: Submit, portal: Sandbox) -> None:
    page = submit("/_page/tokens", "/_sandbox/accounts/example/rename", name="renamed")
    assert page.status_code == 200
    assert "renamed.amocrm.ru" in page.text
    assert portal.account().former == {"example"}


def test_switches_say_what_is_on(submit: Submit, get: Get, portal: Sandbox) -> None:
    assert "End all faults" not in get("/_page/faults").text
    page = submit("/_page/faults", "/_sandbox/faults", latency="3")
    assert portal.faults.latency == 3
    assert 'aria-checked="true" aria-labelledby="fault-latency"' in page.text
    assert "3 s" in page.text
    submit("/_page/faults", "/_sandbox/faults/webhooks", lose="0.5")
    assert portal.webhooks.faults.lose == 0.5
    submit("/_page/faults", "/_sandbox/faults/inject", fault="html", times="3")
    assert "html" in get("/_page/faults").text
    submit("/_page/faults", "/_sandbox/faults/clear")
    assert portal.faults == FaultPlan()
    assert portal.injected == []


def test_an_account_is_unpaid_and_paid_again(submit: Submit, portal: Sandbox) -> None:
    submit("/_page/faults", "/_sandbox/accounts/example")
    assert not portal.account().is_paid
    submit("/_page/faults", "/_sandbox/accounts/example")
    assert portal.account().is_paid


def test_a_page_that_refreshes_itself_takes_no_notice(
    browser: requests.Session, get: Get, portal: Sandbox
) -> None:
    form = the_form(get("/_page/tokens").text, "/_sandbox/tokens")
    browser.post(ORIGIN + form.action, data=form.values, allow_redirects=False)
    refreshed = browser.get(f"{ORIGIN}/_page/leads", headers={"X-Refresh": "1"})
    assert "Your token" not in refreshed.text
    assert "Your token" in get("/_page/tokens").text


def test_the_clock_and_the_limit_are_moved(submit: Submit, portal: Sandbox) -> None:
    before = portal.clock.time()
    submit("/_page/data", "/_sandbox/clock", seconds="86400")
    assert portal.clock.time() == before + 86400
    submit("/_page/faults", "/_sandbox/rate-limit", rps="0")
    assert portal.rate_limiter.rps is None


def test_an_account_is_populated(submit: Submit, portal: Sandbox) -> None:
    page = submit("/_page/data", "/_sandbox/populate", leads="30", locale="en")
    assert "Done." in page.text
    assert len(portal.leads()) == 16 + 30


def test_a_schema_is_loaded_into_an_empty_account(
    submit: Submit, get: Get, portal: Sandbox
) -> None:
    text = json.dumps(SCHEMA)
    refused = submit("/_page/data", "/_sandbox/schema", schema=text)
    assert "Refused:" in refused.text
    submit("/_page/data", "/_sandbox/reset")
    assert "Refused:" in submit("/_page/data", "/_sandbox/schema", schema="{").text
    assert "Done." in submit("/_page/data", "/_sandbox/schema", schema=text).text
    board = get("/_page/leads", pipeline=13).text
    assert "Inbox" in board
    assert ">Rent</a>" in board


def test_everything_begins_again(submit: Submit, get: Get, portal: Sandbox) -> None:
    assert submit("/_page/data", "/_sandbox/reset").status_code == 200
    assert portal.leads() == []
    assert "The account is empty" in get("/").text
    submit("/", "/_sandbox/shop")
    assert len(portal.leads()) == 16


def test_a_delivery_is_shown_and_sent_again(submit: Submit, get: Get, portal: Sandbox) -> None:
    settings = {
        "destination": "http://127.0.0.1:9/in/secret-path-1?key=1",
        "settings": ["add_lead"],
    }
    portal.call_api("POST", "/webhooks", settings)
    portal.call_api("POST", "/leads", [{"name": "Sent"}])
    portal.webhooks.deliver()
    shown = get("/_page/webhooks").text
    assert "add_lead" in shown
    assert "secret-path-1" not in shown
    whole = get("/_page/webhooks/1").text
    assert "leads[add][0][name]" in whole
    assert "ConnectionRefused" in whole or "refused" in whole
    submit("/_page/webhooks", "/_sandbox/deliveries/1/resend")
    assert [one.copy_of for one in portal.webhooks.deliveries] == [None, 1]
    assert "№ 1" in get("/_page/webhooks/2").text


def test_forms_of_the_second_account_are_about_it(
    browser: requests.Session, get: Get, portal: Sandbox
) -> None:
    page = get("/", account="second").text
    form = the_form(page, "/_sandbox/shop")
    answer = browser.post(ORIGIN + form.action, data=form.values)
    assert answer.url == f"{ORIGIN}/?account=second"
    assert len(portal.leads("second")) == 16


@pytest.mark.parametrize("path", PAGES)
def test_every_form_is_one_of_the_actions(get: Get, path: str) -> None:
    known = {re.sub(r"\{\w+\}", "[^/]+", one.path) for one in ACTIONS if one.method == "POST"}
    for form in forms(get(path).text):
        if form.method == "post":
            assert any(re.fullmatch(one, form.action) for one in known), form.action
            assert len(form.values["_token"]) == 64


@pytest.mark.parametrize(
    "spoil",
    [
        {"_token": ""},
        {"_token": "0" * 64},
        {"_token": "é"},
        {"_next": "//evil.example"},
        {"_next": "https://evil.example/"},
        {"_next": "/\\evil.example"},
    ],
)
def test_forms_of_others_change_nothing(
    browser: requests.Session, get: Get, portal: Sandbox, spoil: dict[str, str]
) -> None:
    form = the_form(get("/_page/leads").text, "/_sandbox/leads/7001/move")
    values = {**form.values, "status_id": "142", **spoil}
    answer = browser.post(ORIGIN + form.action, data=values, allow_redirects=False)
    assert answer.status_code in (400, 403)
    assert portal.leads()[0]["status_id"] != 142


def test_a_form_without_the_cookie_changes_nothing(
    browser: requests.Session, get: Get, portal: Sandbox
) -> None:
    form = the_form(get("/_page/leads").text, "/_sandbox/leads/7001/move")
    browser.cookies.clear()
    data = {**form.values, "status_id": "142"}
    assert browser.post(ORIGIN + form.action, data=data).status_code == 403
    assert portal.leads()[0]["status_id"] != 142
