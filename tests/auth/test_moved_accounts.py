"""Renamed accounts, withdrawn access, long-lived tokens."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

import pytest

from amocrm import AmoCRM, GrantError, NotAuthorizedError, UnauthorizedError
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make

DAY = 86_400
LOOKUP = "/oauth2/account/current/subdomain"


def test_a_renamed_account_is_followed_with_the_same_refresh_token(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    assert connected.request.get("/api/v4/account").data["subdomain"] == "renamed"
    assert connected.request.get("/api/v4/leads").info.url.startswith("https://renamed.amocrm.ru/")
    assert sandbox.counters["grants.refresh"] == 1
    assert "renamed.amocrm.ru" in repr(connected)


def test_a_renamed_account_is_followed_after_a_401(connected: AmoCRM, sandbox: Sandbox) -> None:
    sandbox.move("example", "renamed")
    assert connected.request.get("/api/v4/account").data["subdomain"] == "renamed"


def test_the_lookup_sends_the_refresh_token_to_the_shared_host_only(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    connected.request.get("/api/v4/account")
    lookups = [one for one in sandbox.log if one.path == LOOKUP]
    assert [one.host for one in lookups] == [sandbox.account("renamed").api_domain]
    assert "authorization" not in lookups[0].headers


def test_no_hook_handler_or_log_sees_the_lookup_with_the_refresh_token(
    make: Make, sandbox: Sandbox, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    hooked: list[str] = []
    done: list[str] = []
    session = sandbox.session()
    session.headers["Authorization"] = "Basic theirs"
    session.params = {"theirs": "1"}
    session.hooks["response"].append(
        lambda answer, *_, **__: hooked.append(urlsplit(answer.url).path)
    )
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.on("request:done", lambda call: done.append(call.path))
    crm.connect()
    shown = str((crm.connection.get_token() or {})["refresh_token"])
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    with caplog.at_level(logging.DEBUG):
        crm.request.get("/api/v4/account")
    lookup = next(one for one in sandbox.log if one.path == LOOKUP)
    assert lookup.query == ""
    assert "authorization" not in lookup.headers
    assert hooked == done == ["/api/v4/account"]
    assert "GET /api/v4/account 200" in caplog.text
    assert LOOKUP not in caplog.text
    assert shown not in caplog.text


@pytest.mark.parametrize("fault", ["html", "empty", "server_error", "lost_before", "broken_json"])
def test_the_refusal_stays_if_the_lookup_has_no_response(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, fault: str
) -> None:
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    sandbox.inject(fault, path=LOOKUP)
    with pytest.raises(GrantError):
        connected.request.get("/api/v4/account")
    assert connected.request.get("/api/v4/account").data["subdomain"] == "renamed"


def test_a_revoked_token_stays_refused_if_the_account_has_not_moved(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.uninstall("example")
    with pytest.raises(GrantError, match="access was withdrawn"):
        connected.request.get("/api/v4/account")
    assert connected.connection.get_token() is None
    with pytest.raises(NotAuthorizedError, match="get consent again"):
        connected.request.get("/api/v4/account")
    connected.connection.set_code(sandbox.issue_code())
    assert connected.request.get("/api/v4/account").info.status_code == 200


def test_a_lost_response_is_named_as_the_cause_on_a_strict_portal(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DAY + 1)
    sandbox.inject("lost_after", path="/oauth2/access_token")
    with pytest.raises(GrantError, match="its response was lost"):
        connected.request.get("/api/v4/account")


def test_a_refresh_after_a_lost_response_succeeds_in_grace_mode(clock: ManualClock) -> None:
    sandbox = Sandbox(clock=clock, refresh_mode="grace")
    one = sandbox.integration
    auth: Any = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "code": sandbox.issue_code(),
    }
    with AmoCRM("example", auth, session=sandbox.session(), clock=clock) as crm:
        crm.connect()
        clock.advance(DAY + 1)
        sandbox.inject("lost_after", path="/oauth2/access_token", times=2)
        assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 3


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"client_secret": "wrong"}, "do not belong together"),
        ({"redirect_uri": "http://127.0.0.1:3000"}, "redirect_uri differs.*trailing slash"),
        ({"code": "def502"}, "damaged"),
    ],
)
def test_the_portal_s_reason_leads_to_the_cause(
    make: Make, sandbox: Sandbox, change: dict[str, str], complaint: str
) -> None:
    crm = make({"code": sandbox.issue_code(), **change})
    with pytest.raises(GrantError, match=complaint):
        crm.connect()


def test_a_code_is_valid_for_twenty_minutes(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    young, old = (make({"code": sandbox.issue_code()}) for _ in range(2))
    clock.advance(1199)
    young.connect()
    clock.advance(2)
    with pytest.raises(GrantError, match="older than 20 minutes"):
        old.connect()


def test_the_code_of_another_account_raises_an_error_that_says_so(
    make: Make, sandbox: Sandbox
) -> None:
    crm = make({"code": sandbox.issue_code("other")})
    with pytest.raises(GrantError, match="belongs to another account"):
        crm.connect()


def test_a_misspelled_login_raises_an_error_that_says_so(make: Make, sandbox: Sandbox) -> None:
    crm = make({"code": sandbox.issue_code()}, domain="exmaple")
    with pytest.raises(GrantError, match="no account has this host"):
        crm.connect()


# Long-lived tokens -------------------------------------------------------------------------------


def test_a_long_lived_token_needs_no_grant(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived(days=2)})
    assert crm.connection.connected
    assert crm.connect()
    crm.request.get("/api/v4/account")
    clock.advance(2 * DAY - 1)
    crm.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == 0


def test_an_expired_long_lived_token_raises_before_anything_is_sent(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived(days=2)})
    clock.advance(2 * DAY + 1)
    with pytest.raises(NotAuthorizedError, match="create another long-lived token"):
        crm.request.get("/api/v4/account")
    assert sandbox.log == []


def test_a_revoked_long_lived_token_is_a_401(make: Make, sandbox: Sandbox) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.revoke_tokens()
    with pytest.raises(UnauthorizedError):
        crm.request.get("/api/v4/account")


def test_a_token_without_refresh_token_works_until_it_expires(
    connected: AmoCRM, make: Make, clock: ManualClock
) -> None:
    token = connected.connection.get_token() or {}
    del token["refresh_token"]
    crm = make()
    crm.connection.set_token(token)
    clock.advance(DAY - 1)
    assert crm.request.get("/api/v4/account").info.status_code == 200
    clock.advance(1)
    with pytest.raises(NotAuthorizedError, match="no refresh_token"):
        crm.request.get("/api/v4/account")
    with pytest.raises(NotAuthorizedError, match="no refresh_token"):
        crm.connection.refresh_token()
