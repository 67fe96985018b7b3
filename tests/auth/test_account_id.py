"""A client with an account id is for that account only, whatever host it is made with."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError, MemoryStore
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.data.state import Account
from tests.conftest import Make
from tests.leaks import assert_silent

ACCOUNT = "/api/v4/account"
DAY = 86_400


@pytest.fixture
def newcomer(make: Make, sandbox: Sandbox, store: MemoryStore) -> Account:
    """Another account, which has the host now that leads to the first account in the store."""
    make({"code": sandbox.issue_code()}, store=store).connect()
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    sandbox.account("renamed").former.discard(newcomer.subdomain)
    return newcomer


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_client_with_an_account_id_finds_its_account_after_the_host_passed_to_another(
    make: Make, sandbox: Sandbox, store: MemoryStore, newcomer: Account, clock: ManualClock
) -> None:
    first = sandbox.account("renamed").id
    make(store=store).connection.set_code(sandbox.issue_code(newcomer))
    clock.advance(DAY + 1)
    for number in (first, newcomer.id):
        crm = make(store=store, account_id=number)
        assert crm.request.get(ACCOUNT).data["id"] == number
        assert crm.connection.account_id == crm.connection.status().account_id == number


def test_a_code_of_another_account_is_refused_and_no_record_is_replaced(
    make: Make, sandbox: Sandbox, store: MemoryStore, newcomer: Account
) -> None:
    first = sandbox.account("renamed").id
    crm = make(store=store, account_id=first)
    crm.connect()
    token = crm.connection.get_token()
    with pytest.raises(ConfigurationError, match=f"opens account {newcomer.id}, but .* {first}"):
        crm.connection.set_code(sandbox.issue_code(newcomer))
    assert crm.connection.get_token() == token
    # The code is used up, so the pair is stored, under its own account.
    keys = store.accounts(sandbox.integration.client_id)
    assert sorted(keys) == sorted(str(number) for number in (first, newcomer.id))
    assert make(store=store, account_id=first).connect()


def test_a_long_lived_token_of_another_account_is_refused_at_once(
    make: Make, sandbox: Sandbox
) -> None:
    first, other = sandbox.account().id, sandbox.account("other").id
    tokens: Any = [sandbox.issue_long_lived(name) for name in ("example", "other")]
    expected = f"opens account {other}, but .* {first}"
    with pytest.raises(ConfigurationError, match=expected) as refused:
        make({"access_token": tokens[1]}, account_id=first)
    assert_silent(refused.value, {"token": tokens[1]})
    assert make({"access_token": tokens[0]}, account_id=first).connection.account_id == first
    assert sandbox.log == []
