"""Tokens from outside of Python: issue, expire, revoke, uninstall, log in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from tests.sandbox.control.conftest import ORIGIN, refusal

Ask = Callable[..., requests.Response]
Call = Callable[..., Any]


@pytest.fixture
def status(session: requests.Session) -> Callable[[str], int]:
    """Return what a token is answered."""

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return session.get(f"{ORIGIN}/api/v4/account", headers=headers).status_code

    return status


def test_an_issued_token_works_until_it_is_ended(
    post: Call, get: Call, status: Callable[[str], int]
) -> None:
    first, second = (post("tokens", days=1)["access_token"] for _ in range(2))
    listed = get("tokens")["tokens"]
    assert [(one["kind"], one["state"]) for one in listed] == [("long-lived", "valid")] * 2
    assert [one["ending"] for one in listed] == [second[-4:], first[-4:]]
    assert first not in str(listed)
    assert (status(first), status(second)) == (200, 200)
    assert post(f"tokens/{listed[1]['id']}/expire") == {"ended": 1}
    assert (status(first), status(second)) == (401, 200)
    assert post(f"tokens/{listed[0]['id']}/revoke") == {"ended": 1}
    assert status(second) == 401
    assert [one["state"] for one in get("tokens")["tokens"]] == ["revoked", "expired"]


def test_all_tokens_of_an_account_end_together(
    post: Call, status: Callable[[str], int], clock: ManualClock
) -> None:
    here, there = post("tokens")["access_token"], post("tokens", account="second")["access_token"]
    code = post("codes")["code"]
    assert code.startswith("def502")
    assert post("tokens/revoke", account="second") == {"ended": 1}
    assert status(here) == 200
    assert post("tokens/expire") == {"ended": 2}
    assert status(here) == 401
    assert post("tokens/expire") == {"ended": 0}
    assert there


def test_a_token_of_an_ordinary_user(portal: Sandbox, post: Call, get: Call) -> None:
    post("tokens", admin=False)
    (shown,) = get("tokens")["tokens"]
    assert shown["user_id"] == portal.account().users[503].id
    assert shown["expires_at"] == pytest.approx(portal.clock.time() + 365 * 86400)


def test_an_integration_is_added_and_switched_off(
    portal: Sandbox, post: Call, get: Call, ask: Ask, status: Callable[[str], int]
) -> None:
    made = post("integrations", redirect_uri="http://127.0.0.1:1/", hook_url="http://127.0.0.1:9/u")
    assert made["client_secret"]
    listed = get("integrations")["integrations"]
    assert [one["client_id"] for one in listed][1] == made["client_id"]
    assert made["client_secret"] not in str(listed)
    token = post("tokens", client_id=made["client_id"])["access_token"]
    other = post("tokens")["access_token"]
    post(f"integrations/{made['client_id']}/uninstall")
    assert (status(token), status(other)) == (401, 200)
    (hook,) = get("deliveries")["deliveries"]
    assert (hook["kind"], hook["method"]) == ("uninstall", "GET")
    signature = parse_qs(urlsplit(portal.webhooks.deliveries[0].url).query)["signature"][0]
    assert signature not in str(hook)
    for method, path in (("POST", "integrations/none/uninstall"), ("POST", "codes")):
        line = "client_id: there is no such integration"
        values = {"client_id": "none"} if path == "codes" else {}
        assert refusal(ask(method, path, **values)) == (400, line)


@pytest.mark.parametrize("address", ["", "//x", "javascript:alert(1)", "file:///x", "http://[::1"])
def test_an_integration_has_addresses_of_the_web(ask: Ask, get: Call, address: str) -> None:
    good = "http://127.0.0.1:1/"
    for name in ("redirect_uri", "hook_url"):
        values = {"redirect_uri": good, "hook_url": good, name: address}
        line = f"{name} must be an address such as http://127.0.0.1:3000/"
        assert refusal(ask("POST", "integrations", **values)) == (400, line)
    assert len(get("integrations")["integrations"]) == 1


def test_a_program_logs_in_without_a_person(
    portal: Sandbox, post: Call, get: Call, session: requests.Session
) -> None:
    redirect = post("consent", state="s1", account="second")["redirect"]
    query = parse_qs(urlsplit(redirect).query)
    assert (query["state"], query["referer"]) == (["s1"], ["second.kommo.com"])
    one = portal.integration
    grant = {"client_id": one.client_id, "client_secret": one.client_secret}
    grant |= {"redirect_uri": one.redirect_uri, "grant_type": "authorization_code"}
    answer = session.post(
        "https://second.kommo.com/oauth2/access_token", json={**grant, "code": query["code"][0]}
    )
    assert answer.status_code == 200
    assert "error=access_denied" in post("consent", deny=True)["redirect"]
    page = session.get(f"https://www.amocrm.ru{get('consent', state='s2')['path']}")
    assert 'value="s2"' in page.text


def test_an_unknown_token_is_404(ask: Ask) -> None:
    for action in ("expire", "revoke"):
        line = "id: there is no such token; the list names them"
        assert refusal(ask("POST", f"tokens/abc/{action}")) == (404, line)
