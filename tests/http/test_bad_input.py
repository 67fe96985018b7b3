"""What people get wrong: a clear error, and nothing is lost or sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM, AuthSettings, ConfigurationError, NotAuthorizedError, TokenStoreError
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make
from tests.processes import in_child

DAY = 86_400


def test_no_options() -> None:
    with pytest.raises(ConfigurationError, match="domain is empty"):
        AmoCRM()
    with pytest.raises(ConfigurationError, match="auth must be a dict"):
        AmoCRM("example")


@pytest.mark.parametrize(
    "domain",
    ["", "a/b", "u:p@a.amocrm.ru", "a.amocrm.ru:1", "a.com", "amocrm.ru.evil.example", "я"],
)
def test_a_bad_domain_fails_at_construction(domain: str, credentials: AuthSettings) -> None:
    with pytest.raises(ConfigurationError, match="domain"):
        AmoCRM(domain, credentials)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda crm: crm.request.get("https://evil.example/api"), "another host"),
        (lambda crm: crm.request.get("//evil.example/api"), "another host"),
        (lambda crm: crm.request.get("/a\nb"), "control"),
        (lambda crm: crm.request.get("/a/../b"), "segments"),
        (lambda crm: crm.request.get("/a#b"), "fragment"),
        (lambda crm: crm.request.get("/a", {"x": float("nan")}), "x is nan"),
        (lambda crm: crm.request.get("/a", "x=1"), "params must be a dict"),
        (lambda crm: crm.request("GET", "/a", [1]), "data of a GET"),
        (lambda crm: crm.request("BREW", "/a"), "not 'BREW'"),
        (lambda crm: crm.request(None, "/a"), "method must be one of .*, not None"),
        (
            lambda crm: crm.request.post("/a", [{"at": datetime.now(timezone.utc)}]),
            r"data\[0\]\.at",
        ),
        (lambda crm: crm.request.post("/a", {"x": b""}), r"data\.x"),
    ],
)
def test_a_bad_call_sends_nothing_and_spends_no_code(
    crm: AmoCRM, sandbox: Sandbox, call: Callable[[AmoCRM], Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        call(crm)
    assert sandbox.log == []
    assert crm.connect()


def test_a_bad_token_leaves_the_held_one(connected: AmoCRM) -> None:
    held = connected.connection.get_token()
    for bad in ({}, None, {"access_token": "a b"}, {"access_token": "a", "expires_at": "soon"}):
        with pytest.raises(ConfigurationError):
            connected.connection.set_token(bad)
    assert connected.connection.get_token() == held
    assert connected.request.get("/api/v4/account").info.status_code == 200


def test_a_token_json_cut_in_half(make: Make, connected: AmoCRM, tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    whole = json.dumps(connected.connection.get_token())
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(json.JSONDecodeError):
        make().connection.set_token(json.loads(path.read_text()))
    path.write_text('{"access_token": "half"}')
    crm = make()
    crm.connection.set_token(json.loads(path.read_text()))
    assert crm.connection.connected


def test_a_token_of_the_past_is_renewed_and_one_without_credentials_is_not(
    connected: AmoCRM, make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    token = connected.connection.get_token()
    clock.advance(DAY + 1)
    crm = make()
    crm.connection.set_token(token)
    assert not crm.connection.connected
    assert crm.request.get("/api/v4/account").info.status_code == 200
    alone: Any = {
        "access_token": "x",
        "client_id": None,
        "client_secret": None,
        "redirect_uri": None,
    }
    keyless = make(alone)
    keyless.connection.set_token(token)
    with pytest.raises(NotAuthorizedError, match="auth has no client_id"):
        keyless.request.get("/api/v4/account")


@pytest.mark.parametrize("code", ["", "  ", "a b", "a\n", None, 5])
def test_a_code_is_one_word(crm: AmoCRM, code: Any, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="code"):
        crm.connection.set_code(code)
    assert sandbox.log == []


@pytest.mark.parametrize("state", ["", None, 5])
def test_a_state_is_a_string(crm: AmoCRM, state: Any) -> None:
    with pytest.raises(ConfigurationError, match="state"):
        crm.connection.set_state(state)


def test_without_a_client_id_nobody_can_be_asked(make: Make) -> None:
    alone: Any = {
        "access_token": "x",
        "client_id": None,
        "client_secret": None,
        "redirect_uri": None,
    }
    with pytest.raises(ConfigurationError, match="client_id"):
        make(alone).connection.get_auth_url()


def test_refreshing_nothing_is_reported(make: Make, sandbox: Sandbox) -> None:
    with pytest.raises(NotAuthorizedError, match="no token"):
        make().connection.refresh_token()
    assert sandbox.log == []


def test_the_data_of_a_get_is_its_query_as_in_the_seed(connected: AmoCRM, sandbox: Sandbox) -> None:
    connected.request("get", "/api/v4/leads", {"limit": 1, "page": 1}, params={"page": 2})
    assert sandbox.log[-1].params == {"limit": "1", "page": "2"}


def test_a_next_link_is_a_path(connected: AmoCRM, sandbox: Sandbox) -> None:
    for number in range(3):
        sandbox.add("leads", {"name": f"lead {number}"})
    page = connected.request.get("/api/v4/leads", {"limit": 2}).data
    rest = connected.request.get(page["_links"]["next"]["href"]).data
    assert [lead["name"] for lead in rest["_embedded"]["leads"]] == ["lead 2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_goes_on_but_leaves_the_refresh_token_to_its_parent(
    sandbox: Sandbox, make: Make
) -> None:
    with sandbox.serve() as server:
        crm = make({"code": sandbox.issue_code()}, session=None, base_url=server.url)
        crm.request.get("/api/v4/account")

        def goes_on() -> bool:
            assert crm.request.get("/api/v4/account").info.status_code == 200
            with pytest.raises(TokenStoreError, match="forked"):
                crm.connection.refresh_token()
            return True

        assert in_child(goes_on)
        crm.connection.refresh_token()
        assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1
