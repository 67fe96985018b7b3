"""The portal as a whole: accounts, reset, data to begin with, the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm.sandbox import FaultPlan, ManualClock, RateLimits, Sandbox
from tests.sandbox.control.conftest import ORIGIN, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Ask = Callable[..., requests.Response]
Call = Callable[..., Any]
API = Callable[..., requests.Response]


def test_an_account_is_added_renamed_and_not_paid(
    portal: Sandbox, call: API, post: Call, get: Call
) -> None:
    assert post("accounts", name="third.amocrm.com")["host"] == "third.amocrm.com"
    renamed = post("accounts/example/rename", name="Better")
    assert (renamed["host"], renamed["former"]) == ("better.amocrm.ru", ["example"])
    assert call("GET", "/account").status_code == 401
    hosts = [one["host"] for one in get("accounts")["accounts"]]
    assert hosts == ["better.amocrm.ru", "second.kommo.com", "third.amocrm.com"]
    post("accounts/better/rename", name="example")
    assert call("GET", "/account").status_code == 200
    shown = post("accounts/example", is_paid=False, customers_mode="periodicity")
    assert (shown["is_paid"], shown["customers_mode"]) == (False, "periodicity")
    assert call("GET", "/account").status_code == 402
    assert post("accounts/example", is_paid=True)["customers_mode"] == "periodicity"
    assert post("accounts/example", plan="basic")["customers_mode"] == "unavailable"
    assert call("GET", "/customers").status_code == 402


@pytest.mark.parametrize(
    ("path", "values", "line"),
    [
        ("accounts", {"name": "second"}, "name: the account 'second' is there already"),
        ("accounts", {"name": "a b"}, "name: a subdomain is letters, digits and hyphens"),
        ("accounts", {"name": "a.example.com"}, "name: 'a.example.com' is no subdomain"),
        ("accounts", {"name": "../x"}, "name: a subdomain is letters, digits and hyphens"),
        ("accounts/example/rename", {"name": "second"}, "name: the account 'second' is there"),
        ("accounts/none/rename", {"name": "x"}, "account: there is no account 'none'"),
        ("accounts/example", {"customers_mode": "x"}, "customers_mode must be one of segments"),
        ("accounts/example", {"plan": "free"}, "plan must be one of basic"),
    ],
)
def test_a_wrong_account_is_refused(
    portal: Sandbox, ask: Ask, path: str, values: dict[str, Any], line: str
) -> None:
    status, detail = refusal(ask("POST", path, **values))
    assert (status, detail[: len(line)]) == (400, line)
    assert [one.subdomain for one in portal.accounts] == ["example", "second"]


def test_reset_is_the_state_after_construction(clock: ManualClock) -> None:
    def make() -> Sandbox:
        return Sandbox(
            ("one", "two"), clock=clock, seed=3, rps=5, limits=RateLimits(per_account=5),
            faults=FaultPlan(latency=0.25),
        )  # fmt: skip

    portal, fresh = make(), make()
    token = portal.issue_long_lived("one")
    portal.add_shop("one")
    portal.move("one", "other")
    portal.add_account("three")
    lost = portal.issue_long_lived("three")
    user = {"name": "New", "email": "n@example.com", "password": "Passw0rd!"}
    portal.call_api("POST", "/users", [user])
    portal.faults = FaultPlan(too_many=1.0)
    portal.inject("lost_before", path="/api/v4/tasks")
    portal.webhooks.lose(5)
    portal.rate_limiter.rps = None
    with portal.session() as session:
        session.get("https://one.amocrm.ru/api/v4/account")
        answer = session.post("https://other.amocrm.ru/_sandbox/reset")
        assert [one["host"] for one in answer.json()["accounts"]] == [
            "one.amocrm.ru",
            "two.amocrm.ru",
        ]
        for account, untouched in zip(portal.accounts, fresh.accounts, strict=True):
            assert account.id == untouched.id
            assert account.entities == untouched.entities
            assert account.users == untouched.users
            assert account.fields == untouched.fields
        assert (portal.log, portal.injected, portal.webhooks.injected) == ([], [], [])
        assert portal.faults == fresh.faults
        assert portal.rate_limiter.rps == fresh.rate_limiter.rps
        headers = {"Authorization": f"Bearer {token}"}
        answer = session.get("https://one.amocrm.ru/api/v4/account", headers=headers)
        assert answer.status_code == 200
        assert portal.log[0].number == 2
        # The id of the account that is gone is given again; its tokens do not open the new one.
        portal.add_account("four")
        headers = {"Authorization": f"Bearer {lost}"}
        answer = session.get("https://four.amocrm.ru/api/v4/account", headers=headers)
        assert answer.status_code == 401


def test_reset_ends_webhooks_on_their_way(portal: Sandbox, post: Call, get: Call) -> None:
    post("webhooks", destination="http://127.0.0.1:9/", settings=["add_lead"])
    post("leads", name="1")
    (waiting,) = portal.webhooks.deliveries
    post("reset")
    assert (waiting.state, portal.webhooks.deliver(), get("webhooks")["webhooks"]) == (
        "dropped", [], [],
    )  # fmt: skip
    post("webhooks", destination="http://127.0.0.1:9/", settings=["add_lead"])
    post("leads", name="2")
    assert [one["number"] for one in get("deliveries")["deliveries"]] == [2]


def test_a_webhook_that_is_sent_during_a_reset_is_not_repeated(portal: Sandbox, post: Call) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        portal.reset()
        start_response("500 Oh", [])
        return []

    portal.webhooks.mount("https://hooks.example.com", app)
    post("webhooks", destination="https://hooks.example.com/", settings=["add_lead"])
    post("leads", name="1")
    (sent,) = portal.webhooks.deliver()
    assert (sent.state, portal.webhooks.next_due) == ("dropped", None)


def test_an_account_is_filled(post: Call, ask: Ask) -> None:
    assert post("shop", account="second") == {"leads": 16, "contacts": 8, "companies": 3}
    filled = post("populate", account="second", leads=20, seed=1, locale="en")
    assert filled["leads"] == 36
    assert refusal(ask("POST", "populate", leads=0))[1] == "leads must be at least 1, not 0"
    assert refusal(ask("POST", "populate", locale="fr"))[1].startswith("locale must be one of ru")


def test_the_clock_moves_and_tokens_age(
    post: Call, get: Call, session: requests.Session, clock: ManualClock
) -> None:
    token = post("tokens", days=1)["access_token"]
    before = get("clock")
    assert before["iso"] == "2023-11-14T22:13:20+00:00"
    assert post("clock", seconds=86_401)["time"] == before["time"] + 86_401
    headers = {"Authorization": f"Bearer {token}"}
    assert session.get(f"{ORIGIN}/api/v4/account", headers=headers).status_code == 401


def test_the_clock_ends_with_the_last_year(
    post: Call, get: Call, ask: Ask, clock: ManualClock
) -> None:
    clock.advance(253_402_300_000 - clock.time())
    assert post("clock", seconds=700)["iso"] == "9999-12-31T23:58:20+00:00"
    line = "seconds: the clock ends with the year 9999"
    assert refusal(ask("POST", "clock", seconds=100)) == (400, line)
    assert get("clock")["time"] == 253_402_300_700


def test_a_schema_is_loaded_into_an_empty_account(portal: Sandbox, ask: Ask, post: Call) -> None:
    status, line = refusal(ask("POST", "schema", schema={"version": 1}))
    assert (status, line[:8]) == (400, "schema: ")
    assert refusal(ask("POST", "schema", schema="/etc/passwd")) == (
        400, "schema must be a JSON object",
    )  # fmt: skip
    assert portal.account("second").entities["leads"] == {}
