"""Who may call the API, and where an account lives (reference 1, 2.6, 2.10 to 2.12, 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from amocrm.api_limits import ACCESS_TOKEN_SECONDS
from amocrm.sandbox import ManualClock, Sandbox

Grant = Callable[..., requests.Response]
Call = Callable[..., requests.Response]

ACCOUNT = "https://example.amocrm.ru/api/v4/account"
LOOKUP = "https://api-b.amocrm.ru/oauth2/account/current/subdomain"
UNAUTHORIZED = {
    "title": "Unauthorized",
    "type": "https://httpstatus.es/401",
    "status": 401,
    "detail": "Invalid user name or password",
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic eA=="},
    ],
    ids=["none", "empty", "unknown", "basic"],
)
def test_without_a_good_token_every_call_is_refused(
    session: requests.Session, headers: dict[str, str]
) -> None:
    answer = session.get(ACCOUNT, headers=headers)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("age", "status"), [(ACCESS_TOKEN_SECONDS - 1, 200), (ACCESS_TOKEN_SECONDS, 401)]
)
def test_an_access_token_lives_a_day(
    portal: Sandbox,
    clock: ManualClock,
    session: requests.Session,
    grant: Grant,
    age: float,
    status: int,
) -> None:
    token = grant(code=portal.issue_code()).json()["access_token"]
    clock.advance(age)
    assert session.get(ACCOUNT, headers=bearer(token)).status_code == status


def test_the_old_access_token_outlives_a_refresh(
    portal: Sandbox, session: requests.Session, grant: Grant
) -> None:
    pair = grant(code=portal.issue_code()).json()
    grant(refresh_token=pair["refresh_token"])
    assert session.get(ACCOUNT, headers=bearer(pair["access_token"])).status_code == 200


def test_a_long_lived_token_lives_as_long_as_asked(
    portal: Sandbox, clock: ManualClock, session: requests.Session
) -> None:
    token = portal.issue_long_lived(days=2)
    clock.advance(2 * 86400 - 1)
    assert session.get(ACCOUNT, headers=bearer(token)).status_code == 200
    clock.advance(1)
    assert session.get(ACCOUNT, headers=bearer(token)).status_code == 401


def test_a_token_of_another_account_is_no_token(clock: ManualClock) -> None:
    portal = Sandbox(("one", "two"), clock=clock)
    with portal.session() as session:
        headers = bearer(portal.issue_long_lived("two"))
        assert (
            session.get("https://one.amocrm.ru/api/v4/account", headers=headers).status_code == 401
        )
        answer = session.get("https://two.amocrm.ru/api/v4/account", headers=headers)
    assert answer.json()["id"] == portal.account("two").id


def test_an_unpaid_account_answers_402(portal: Sandbox, call: Call) -> None:
    portal.account().is_paid = False
    answer = call("GET", "/leads")
    assert (answer.status_code, answer.json()["title"]) == (402, "Payment Required")


def test_a_token_without_the_crm_scope_is_refused(
    portal: Sandbox, session: requests.Session
) -> None:
    answer = session.get(ACCOUNT, headers=bearer(portal.issue_long_lived(scopes=["files"])))
    assert (answer.status_code, answer.json()["detail"]) == (403, "Invalid scope")


def test_an_administrator_may_act_as_another_user(portal: Sandbox, call: Call) -> None:
    ids = list(portal.account().users)
    answer = call("GET", "/account", headers={"X-Context-User-ID": str(ids[1])})
    assert answer.json()["current_user_id"] == ids[1]


@pytest.mark.parametrize("user", ["1", "x", ""])
def test_acting_as_nobody_fails_authorization(call: Call, user: str) -> None:
    assert call("GET", "/account", headers={"X-Context-User-ID": user}).status_code == 401


def test_an_ordinary_user_may_not_act_as_another(
    portal: Sandbox, session: requests.Session
) -> None:
    headers = bearer(portal.issue_long_lived(admin=False))
    headers["X-Context-User-ID"] = str(portal.account().admin.id)
    assert session.get(ACCOUNT, headers=headers).status_code == 401


def test_an_unknown_path_is_404_with_the_method_and_the_address(call: Call) -> None:
    answer = call("GET", "/nowhere?x=1")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Cannot GET https://example.amocrm.ru/api/v4/nowhere"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/leads"), ("PUT", "/leads/1"), ("POST", "/account"), ("HEAD", "/account")],
)
def test_a_method_that_a_path_does_not_know_is_405(call: Call, method: str, path: str) -> None:
    assert call(method, path).status_code == 405


def test_an_unknown_account_is_401_with_the_legacy_code(session: requests.Session) -> None:
    answer = session.get("https://nobody.amocrm.ru/api/v4/account")
    assert (answer.status_code, answer.json()["error_code"]) == (401, 101)


def test_an_unknown_account_has_no_token_endpoint(grant: Grant) -> None:
    assert grant(host="https://nobody.amocrm.ru", code="x").status_code == 404


def test_plain_http_is_sent_to_https(session: requests.Session) -> None:
    answer = session.get("http://example.amocrm.ru/api/v4/account?a=1", allow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == ACCOUNT + "?a=1"


def test_a_local_host_serves_the_default_account_and_everything_else(
    portal: Sandbox, session: requests.Session
) -> None:
    headers = bearer(portal.issue_long_lived())
    for host in ("127.0.0.1:8080", "localhost", "example.localhost:1", "EXAMPLE.amocrm.ru"):
        scheme = "https" if "amocrm" in host else "http"
        answer = session.get(f"{scheme}://{host}/api/v4/account", headers=headers)
        assert answer.json()["subdomain"] == "example"
    consent = session.get(
        "http://127.0.0.1:8080/oauth", params={"client_id": portal.integration.client_id}
    )
    assert consent.status_code == 200


def test_a_local_host_can_name_the_account_by_its_first_label(clock: ManualClock) -> None:
    portal = Sandbox(("one", "two"), clock=clock)
    with portal.session() as session:
        answer = session.get(
            "http://two.localhost:8080/api/v4/account",
            headers=bearer(portal.issue_long_lived("two")),
        )
    assert answer.json()["subdomain"] == "two"
    assert answer.json()["_links"]["self"]["href"] == "http://two.localhost:8080/api/v4/account"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.amocrm.ru/api/v4/account",
        "https://www.amocrm.ru/oauth2/access_token",
        "https://api-b.amocrm.ru/api/v4/account",
        "https://api-b.amocrm.ru/oauth2/account/subdomain",
        "https://example.amocrm.ru/oauth",
        "https://example.amocrm.ru/oauth2/account/current/subdomain",
        "https://example.amocrm.ru/",
    ],
)
def test_every_host_serves_only_what_is_its_own(session: requests.Session, url: str) -> None:
    assert session.get(url).status_code == 404


def test_a_moved_account_is_found_by_its_refresh_token(
    portal: Sandbox, session: requests.Session, grant: Grant
) -> None:
    pair = grant(code=portal.issue_code()).json()
    portal.move("example", "renamed")
    assert session.get(ACCOUNT, headers=bearer(pair["access_token"])).status_code == 401
    assert grant(refresh_token=pair["refresh_token"]).status_code == 404
    headers = {"X-Refresh-Token": pair["refresh_token"]}
    for _ in range(2):  # The lookup does not consume the token.
        answer = session.get(LOOKUP, headers=headers)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {
            "id": portal.account("renamed").id,
            "subdomain": "renamed",
            "domain": "renamed.amocrm.ru",
            "top_level_domain": "ru",
        }
    again = grant(host="https://renamed.amocrm.ru", refresh_token=pair["refresh_token"])
    assert again.status_code == 200
    assert session.get(LOOKUP, headers=headers).status_code == 401


def test_a_moved_account_is_not_served_under_its_old_local_name(
    portal: Sandbox, grant: Grant
) -> None:
    portal.move(None, "renamed")
    assert grant(host="http://example.localhost:8080", code="x").status_code == 404
    assert portal.account("example") is portal.account("renamed")


def test_the_lookup_refuses_a_token_it_does_not_know(session: requests.Session) -> None:
    answer = session.get(LOOKUP)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert session.post(LOOKUP).status_code == 405


def test_the_old_lookup_reads_an_active_access_token(
    portal: Sandbox, session: requests.Session
) -> None:
    url = "https://www.amocrm.ru/oauth2/account/subdomain"
    answer = session.get(url, headers=bearer(portal.issue_long_lived()))
    assert answer.json()["domain"] == "example.amocrm.ru"
    assert session.get(url).status_code == 401


def test_uninstalling_kills_tokens_and_codes_of_that_integration(
    portal: Sandbox, session: requests.Session, grant: Grant
) -> None:
    other = portal.add_integration()
    kept = portal.issue_code(integration=other)
    code = portal.issue_code()
    pair = grant(code=portal.issue_code()).json()
    portal.uninstall("example")
    assert session.get(ACCOUNT, headers=bearer(pair["access_token"])).status_code == 401
    answer = grant(refresh_token=pair["refresh_token"])
    assert (answer.status_code, answer.json()["hint"]) == (401, "Token has been revoked")
    assert grant(code=code).json()["hint"] == "Authorization code has been revoked"
    answer = grant(code=kept, client_id=other.client_id, client_secret=other.client_secret)
    assert answer.status_code == 200


def test_the_uninstall_hook_is_signed() -> None:
    portal = Sandbox(client_id="11111111-2222-3333-4444-555555555555", client_secret="secret")
    hook = portal.uninstall_hook("example")
    assert parse_qs(urlsplit(hook.url).query) == {
        name: [value] for name, value in hook.params.items()
    }
    assert hook.params["account_id"] == str(portal.account().id)
    assert hook.params["client_uuid"] == portal.integration.client_id
    assert len(hook.params["signature"]) == 64


@pytest.mark.parametrize("account", [None, "example"])
def test_revoked_tokens_are_dead(
    portal: Sandbox, session: requests.Session, account: str | None
) -> None:
    headers = bearer(portal.issue_long_lived())
    portal.revoke_tokens(account)
    assert session.get(ACCOUNT, headers=headers).status_code == 401


def test_a_pair_outlives_the_portal_that_issued_it(clock: ManualClock) -> None:
    restarted = Sandbox(clock=clock)
    restarted.readmit("old-access", "old-refresh", clock.time() + 60)
    with restarted.session() as session:
        headers = {"Authorization": "Bearer old-access"}
        assert session.get(ACCOUNT, headers=headers).status_code == 200
        clock.advance(60)
        assert session.get(ACCOUNT, headers=headers).status_code == 401
        one = restarted.integration
        grant = {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
            "grant_type": "refresh_token",
            "refresh_token": "old-refresh",
        }
        assert (
            session.post("https://example.amocrm.ru/oauth2/access_token", json=grant).status_code
            == 200
        )
