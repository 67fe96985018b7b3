"""`ensure`: the account's subscription is what the handlers need, and nobody else's is touched."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, ValidationError
from amocrm.sandbox import Sandbox
from amocrm.webhooks.addresses import path_of
from amocrm.webhooks.subscriptions import Ensured, ensure
from tests.conftest import Make

BASE = "https://hooks.example.com/amocrm"
OLD, NEW = (BASE + path_of(key * 43, "account", 12345) for key in "on")


@pytest.fixture
def crm(sandbox: Sandbox, make: Make) -> AmoCRM:
    return make({"access_token": sandbox.issue_long_lived()})


def subscribed(crm: AmoCRM) -> dict[str, tuple[set[str], bool]]:
    return {
        one["destination"]: (set(one["settings"]), one["disabled"]) for one in crm.webhooks.list()
    }


def test_it_creates_extends_and_leaves_alone(crm: AmoCRM) -> None:
    assert ensure(crm, NEW, ["add_lead"]) == Ensured("created", ("add_lead",), 0)
    assert ensure(crm, NEW, ["add_lead"]) == Ensured("unchanged", ("add_lead",), 0)
    more = ensure(crm, NEW, ["update_lead", "add_task"])
    assert more == Ensured("extended", ("add_lead", "add_task", "update_lead"), 0)
    assert subscribed(crm) == {NEW: ({"add_lead", "add_task", "update_lead"}, False)}


def test_unchanged_costs_one_call(crm: AmoCRM, sandbox: Sandbox) -> None:
    ensure(crm, NEW, ["add_lead"])
    before = crm.stats.calls
    ensure(crm, NEW, ["add_lead"])
    assert crm.stats.calls == before + 1


def test_a_subscription_that_is_off_is_switched_on(crm: AmoCRM, sandbox: Sandbox) -> None:
    ensure(crm, NEW, ["add_lead"])
    (one,) = crm.webhooks.list()
    sandbox.account().shelf("webhooks")[one["id"]]["disabled"] = True
    assert subscribed(crm)[NEW][1]
    assert ensure(crm, NEW, ["add_lead"]) == Ensured("enabled", ("add_lead",), 0)
    assert subscribed(crm) == {NEW: ({"add_lead"}, False)}


def test_amocrm_decides_on_codes_that_the_account_has_already(
    crm: AmoCRM, sandbox: Sandbox
) -> None:
    ensure(crm, NEW, ["add_lead"])
    (one,) = sandbox.account().shelf("webhooks").values()
    one.update(settings=["add_lead", "add_tomorrow"], disabled=True)
    with pytest.raises(ValidationError, match="settings") as refusal:
        ensure(crm, NEW, ["add_lead"])
    assert NEW not in str(refusal.value)


def test_only_its_own_outdated_address_is_removed(crm: AmoCRM) -> None:
    others = [
        "https://other.example.com/amocrm" + OLD.removeprefix(BASE),
        BASE + path_of("o" * 43, "account", 999),
        BASE + path_of("o" * 43, "pipeline", 12345),
        f"{BASE}/account/12345/by-hand",
        BASE,
    ]
    for destination in [*others, OLD]:
        crm.webhooks.create({"destination": destination, "settings": ["add_lead"]})
    assert ensure(crm, NEW, ["add_lead"]) == Ensured("created", ("add_lead",), 1)
    assert set(subscribed(crm)) == {*others, NEW}


@pytest.mark.parametrize(
    ("address", "codes", "told"),
    [
        (NEW, [], "no codes"),
        (NEW, ["add_leed"], "add_leed"),
        ("example.com/hook", ["add_lead"], "http"),
        ("https://пример.рф/hook", ["add_lead"], "ASCII"),
    ],
)
def test_a_slip_is_told_before_any_change(crm: AmoCRM, address: str, codes: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        ensure(crm, address, codes)
    assert subscribed(crm) == {}


def test_the_address_is_not_logged(crm: AmoCRM, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ensure(crm, OLD, ["add_lead"])
    ensure(crm, NEW, ["add_lead"])
    assert "created" in caplog.text
    for address in (OLD, NEW):
        assert address.rpartition("/")[2] not in caplog.text
