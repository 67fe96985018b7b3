"""What the portal remembers, and what it must not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
Grant = Callable[..., requests.Response]


def test_a_request_is_noted_with_its_answer(
    portal: Sandbox, clock: ManualClock, call: Call
) -> None:
    clock.advance(5)
    call("POST", "/leads?a=1&b=", json=[{"name": "x"}], headers={"User-Agent": "u/1"})
    (seen,) = portal.log
    assert (seen.number, seen.at, seen.time) == (1, clock.monotonic(), clock.time())
    assert (seen.method, seen.host, seen.path) == ("POST", "example.amocrm.ru", "/api/v4/leads")
    assert (seen.query, seen.params) == ("a=1&b=", {"a": "1", "b": ""})
    assert (seen.status, seen.account, seen.user_agent) == (200, "example", "u/1")
    assert (seen.body, seen.fault) == ([{"name": "x"}], "")
    assert seen.headers["authorization"] == "Bearer"
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.number = 2  # type: ignore[misc]  # it is frozen


def test_counters_count(portal: Sandbox, call: Call) -> None:
    call("GET", "/nowhere")
    call("GET", "/account")
    assert portal.counters["requests"] == 2
    assert portal.counters["404"] == 1
    assert portal.counters["200"] == 0


def test_a_body_that_is_no_json_is_kept_as_text(portal: Sandbox, call: Call) -> None:
    call("POST", "/leads", data=b"\xd0\x9fx[")
    assert portal.log[0].body == "Пx["


def test_nothing_secret_is_remembered(
    portal: Sandbox, session: requests.Session, grant: Grant
) -> None:
    code = portal.issue_code()
    pair = grant(code=code).json()
    long_lived = portal.issue_long_lived()
    url = "https://example.amocrm.ru/api/v4/account"
    session.get(url, headers={"Authorization": f"Bearer {long_lived}", "Cookie": long_lived})
    session.get(url, params={"access_token": long_lived, "code": code, "a": "1"})
    session.get(url, auth=("user", "pass word"))
    session.get(
        "https://api-b.amocrm.ru/oauth2/account/current/subdomain",
        headers={"X-Refresh-Token": pair["refresh_token"]},
    )
    session.post("https://example.amocrm.ru/oauth2/access_token", data={"code": code})
    grant(refresh_token=pair["refresh_token"])
    integration = portal.integration
    text = repr([*portal.log, portal, integration, portal.account()])
    for secret in (code, long_lived, *pair.values(), integration.client_secret):
        assert isinstance(secret, int) or secret == "Bearer" or secret not in text
    assert portal.log[0].body == {
        "grant_type": "authorization_code",
        "client_id": integration.client_id,
    }
    assert [one.headers.get("authorization") for one in portal.log[1:4]] == [
        "Bearer",
        None,
        "Basic",
    ]
    assert portal.log[2].params == {"access_token": "", "code": "", "a": "1"}


def test_the_log_given_out_is_a_copy(portal: Sandbox, call: Call) -> None:
    portal.log.clear()
    call("GET", "/account")
    portal.log.clear()
    assert len(portal.log) == 1


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="account"):
        Sandbox(())
    with pytest.raises(ValueError, match="refresh_mode"):
        Sandbox(refresh_mode="loose")  # type: ignore[arg-type]  # that is the point
    for name in ("", "shop.example.com", ".amocrm.ru"):
        with pytest.raises(ValueError, match="subdomain"):
            Sandbox((name,))
    with pytest.raises(KeyError, match="nobody"):
        Sandbox().account("nobody")


def test_the_same_seed_makes_the_same_secrets() -> None:
    first, second, third = Sandbox(seed=1), Sandbox(seed=1), Sandbox(seed=2)
    assert first.integration == second.integration
    assert first.integration != third.integration


def test_given_ids_and_secrets_are_kept() -> None:
    portal = Sandbox(
        client_id="my-id", client_secret="my-secret", redirect_uri="https://a.example/"
    )
    one = portal.integration
    assert (one.client_id, one.client_secret, one.redirect_uri) == (
        "my-id",
        "my-secret",
        "https://a.example/",
    )
    assert "my-secret" not in repr(one)
    assert portal.account("example.amocrm.ru").host == "example.amocrm.ru"
    assert [account.subdomain for account in portal.accounts] == ["example"]
