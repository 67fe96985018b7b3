"""The fifteen promises of the seed's README, each by its number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from amocrm import AmoCRM, AuthSettings, Connection, GrantError, ReplyError, Response
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Browse, EventNames, Make

DAY = 86_400


def test_promise_1_a_client_needs_a_domain_and_auth(
    sandbox: Sandbox, credentials: AuthSettings, clock: ManualClock
) -> None:
    crm = AmoCRM(
        domain="example",
        auth={**credentials, "code": sandbox.issue_code()},
        session=sandbox.session(),
        clock=clock,
    )
    assert crm.request.get("/api/v4/account").data["name"] == "Example"


@pytest.mark.parametrize(
    ("domain", "host"),
    [
        ("example", "example.amocrm.ru"),
        ("example.amocrm.ru", "example.amocrm.ru"),
        ("https://Example.amocrm.ru/", "example.amocrm.ru"),
        ("shop.kommo.com", "shop.kommo.com"),
        ("old.amocrm.com", "old.amocrm.com"),
    ],
)
def test_promise_2_the_domain_is_a_login_or_a_host(
    domain: str, host: str, clock: ManualClock
) -> None:
    sandbox = Sandbox((host,), clock=clock)
    token = sandbox.issue_long_lived()
    crm = AmoCRM(domain, {"access_token": token}, session=sandbox.session(), clock=clock)
    crm.request.get("/api/v4/account")
    assert sandbox.log[-1].host == host


def test_promise_3_a_redirect_server_starts_on_demand_and_stops_after_the_code(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse, free_port: int
) -> None:
    pages: list[requests.Response] = []

    def agree(connection: Connection) -> None:
        pages.append(browse(sandbox.agree(connection.get_auth_url())))

    asking.on("connection:beforeConsent", agree)
    assert asking.request.get("/api/v4/account").data["subdomain"] == "example"
    assert pages[0].status_code == 200
    with pytest.raises(requests.ConnectionError):
        browse(f"http://127.0.0.1:{free_port}/")


def test_promise_4_the_consent_url_has_client_mode_and_state(crm: AmoCRM) -> None:
    parts = urlsplit(crm.connection.get_auth_url(mode="post_message"))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "www.amocrm.ru", "/oauth")
    assert parse_qs(parts.query) == {
        "client_id": [crm_client_id(crm)],
        "mode": ["post_message"],
        "state": [crm.connection.get_state()],
    }
    assert "mode=popup" in crm.connection.get_auth_url()


def crm_client_id(crm: AmoCRM) -> str:
    return parse_qs(urlsplit(crm.connection.get_auth_url()).query)["client_id"][0]


def test_promise_5_bind_address_and_port_are_settings(
    sandbox: Sandbox, make: Make, free_port: int, browse: Browse
) -> None:
    # As behind a tunnel or a reverse proxy: public address and local port differ, and the path may
    # be changed.
    uri = "https://crm.example.org/amo/callback"
    one = sandbox.add_integration(uri)
    crm = make(
        {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": uri,
            "server": {"host": "localhost", "port": free_port, "timeout": 60},
        }
    )

    def agree(connection: Connection) -> None:
        public = sandbox.agree(connection.get_auth_url())
        browse(public.replace("https://crm.example.org/amo", f"http://localhost:{free_port}"))

    crm.on("connection:beforeConsent", agree)
    assert crm.connect() is True


def test_promise_6_a_call_returns_data_and_info(crm: AmoCRM) -> None:
    response = crm.request("GET", "/api/v4/account")
    assert response.data["subdomain"] == "example"
    assert response.info.status_code == 200
    assert response.info.headers["Content-Type"] == "application/hal+json"
    assert response.info.json() == response.data


def test_promise_7_get_post_patch(crm: AmoCRM, sandbox: Sandbox) -> None:
    created = crm.request.post("/api/v4/leads", [{"name": "Первая", "price": 100}])
    lead = created.data["_embedded"]["leads"][0]["id"]
    crm.request.patch(f"/api/v4/leads/{lead}", {"price": 200})
    read = crm.request.get("/api/v4/leads", {"filter": {"id": [lead]}})
    assert [one["price"] for one in read.data["_embedded"]["leads"]] == [200]
    assert [one.method for one in sandbox.log[-3:]] == ["POST", "PATCH", "GET"]


def test_promise_7_put_and_delete_reach_the_server(crm: AmoCRM, sandbox: Sandbox) -> None:
    for call in (crm.request.put, crm.request.delete):
        with pytest.raises(ReplyError) as refusal:
            call("/api/v4/leads")
        assert refusal.value.status in (404, 405)
    assert [one.method for one in sandbox.log[-2:]] == ["PUT", "DELETE"]


def test_promise_8_an_expired_token_is_refreshed_automatically(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DAY + 1)
    assert connected.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1
    assert sandbox.counters["401"] == 0


def test_promise_9_set_code_exchanges_the_code(make: Make, sandbox: Sandbox) -> None:
    crm = make()
    token = crm.connection.set_code(sandbox.issue_code())
    assert token == crm.connection.get_token()
    assert sandbox.counters["grants.code"] == 1
    assert crm.connection.connected


def test_promise_10_refresh_token_refreshes_the_pair(connected: AmoCRM, sandbox: Sandbox) -> None:
    before = connected.connection.get_token()
    after = connected.connection.refresh_token()
    assert before is not None
    assert after["refresh_token"] != before["refresh_token"]
    assert sandbox.counters["grants.refresh"] == 1


def test_promise_11_the_state_can_be_set_and_read(crm: AmoCRM) -> None:
    crm.connection.set_state("mine")
    assert crm.connection.get_state() == "mine"
    assert "state=mine" in crm.connection.get_auth_url()


def test_promise_12_tokens_are_plain_dicts_with_expires_at(
    connected: AmoCRM, make: Make, clock: ManualClock
) -> None:
    token = connected.connection.get_token()
    assert token is not None
    assert token["expires_at"] == clock.time() + DAY
    again = make()
    again.connection.set_token(json.loads(json.dumps(token)))
    assert again.connection.get_token() == token
    assert again.request.get("/api/v4/account").info.status_code == 200


def test_promise_13_eight_events(
    make: Make, sandbox: Sandbox, clock: ManualClock, record_events: Callable[[AmoCRM], EventNames]
) -> None:
    crm = make({"code": sandbox.issue_code()})
    events = record_events(crm)
    crm.request.get("/api/v4/account")
    clock.advance(DAY + 1)
    crm.request.get("/api/v4/account")
    with pytest.raises(GrantError):
        crm.connection.set_code("nonsense")
    assert set(events) == {
        "beforeConnect", "beforeFetchToken", "beforeRefreshToken", "checkToken",
        "authError", "connected", "error", "newToken",
    }  # fmt: skip


def test_promise_13_arguments_of_handlers(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    crm = make({"code": sandbox.issue_code()})
    got: list[object] = []
    crm.on("connection:beforeConnect", got.append)
    crm.on("connection:beforeFetchToken", got.append)
    crm.on("connection:connected", got.append)
    crm.on("connection:checkToken", got.append)
    crm.on("connection:beforeRefreshToken", got.append)
    crm.connect()
    assert got == [crm.connection] * 3
    clock.advance(DAY + 1)
    crm.request.get("/api/v4/account")
    assert got[3:] == [True, crm.connection]


def test_promise_13_a_refusal_emits_three_events(make: Make) -> None:
    crm = make()
    got: list[tuple[str, object, object]] = []
    crm.on("connection:authError", lambda error, owner: got.append(("authError", error, owner)))
    crm.on("connection:error", lambda error, owner: got.append(("error", error, owner)))
    crm.on("error", lambda error, owner: got.append(("facade", error, owner)))
    with pytest.raises(GrantError) as refusal:
        crm.connection.set_code("nonsense")
    assert got == [
        (name, refusal.value, crm.connection) for name in ("authError", "error", "facade")
    ]
    assert refusal.value.reason == "Cannot decrypt the authorization code"
    assert refusal.value.data["hint"] == refusal.value.reason  # type: ignore[index]


def test_promise_14_off_in_all_three_forms(connected: AmoCRM) -> None:
    got: list[str] = []

    def one(_: object) -> None:
        got.append("one")

    def two(_: object) -> None:
        got.append("two")

    for handler in (one, two):
        connected.on("connection:checkToken", handler)
    connected.off("connection:checkToken", one)
    connected.request.get("/api/v4/account")
    assert got == ["two"]
    connected.off("connection:checkToken")
    connected.request.get("/api/v4/account")
    connected.on("connection:checkToken", one)
    connected.off()
    connected.request.get("/api/v4/account")
    assert got == ["two"]


def test_promise_15_the_five_lines_of_token_json(
    make: Make, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "token.json"

    def save(response: Response) -> None:
        path.write_text(json.dumps(response.data))

    first = make({"code": sandbox.issue_code()})
    first.on("connection:newToken", save)
    first.connect()

    clock.advance(DAY + 1)
    second = make()
    second.on("connection:newToken", save)
    second.connection.set_token(json.loads(path.read_text()))
    second.request.get("/api/v4/account")

    third = make()
    third.connection.set_token(json.loads(path.read_text()))
    assert third.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.code"] == 1
    assert sandbox.counters["grants.refresh"] == 1
