"""The registry of accounts: ids, the hosts that lead to them, stores of older versions."""

from __future__ import annotations

import base64
import json

import pytest

from amocrm import ConfigurationError, MemoryStore, Token, TokenStoreError
from amocrm.auth.installation.registry import AccountRegistry, Entry
from amocrm.auth.token_record import Alias, Record, write_record
from amocrm.auth.token_repository import TokenRepository
from amocrm.stores.store import Key, pointer_key

CLIENT = "client"
ALPHA, BETA = "alpha.amocrm.ru", "beta.amocrm.ru"


def jwt(account_id: int | None) -> str:
    said = {} if account_id is None else {"account_id": account_id}
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    return f"e30.{body}.s"


def record(account_id: int | None, host: str, refresh: str = "r") -> Record:
    return Record(Token(jwt(account_id), refresh), host)


def install(store: MemoryStore, host: str, account_id: int, refresh: str = "r") -> None:
    TokenRepository(CLIENT, host, store).put(record(account_id, host, refresh), account_id)


def key_and_host(entry: Entry | None) -> tuple[str, str] | None:
    return None if entry is None else (entry.key_name, entry.record.host)


# Ids and names -----------------------------------------------------------------------------------


def test_an_account_is_stored_under_its_id_and_found_by_its_hosts() -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    install(store, ALPHA, 7)
    TokenRepository(CLIENT, ALPHA, store).put(record(7, BETA, "r2"), 7)
    assert store.accounts(CLIENT) == ["7"]
    assert registry.hosts() == [BETA]
    for entry in (registry.find(ALPHA), registry.find(BETA), registry.by_id(7)):
        assert key_and_host(entry) == ("7", BETA)
    assert registry.find("gamma.amocrm.ru") is registry.by_id(8) is None


def test_a_host_leads_to_the_account_that_agreed_there_last_and_no_record_is_lost() -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    install(store, ALPHA, 7, "first")
    install(store, ALPHA, 8, "second")
    assert key_and_host(registry.find(ALPHA)) == ("8", ALPHA)
    first, second = registry.by_id(7), registry.by_id(8)
    assert first is not None
    assert second is not None
    assert first.record.token.refresh_token == "first"
    assert second.record.token.refresh_token == "second"


def test_an_account_that_left_a_host_does_not_get_it_back() -> None:
    """A client that was made before the account left the host saves a refreshed pair."""
    store = MemoryStore()
    install(store, BETA, 7)
    for repository in (
        TokenRepository(CLIENT, BETA, store, 7),
        TokenRepository(CLIENT, BETA, store),
    ):
        assert repository.load() is not None
        install(store, BETA, 8)
        repository.swap(record(7, "gamma.amocrm.ru", "next"), record(7, BETA).token)
        repository.point("gamma.amocrm.ru")
        registry = AccountRegistry(CLIENT, store)
        assert key_and_host(registry.find(BETA)) == ("8", BETA)
        assert key_and_host(registry.find("gamma.amocrm.ru")) == ("7", "gamma.amocrm.ru")
        repository.put(record(7, "gamma.amocrm.ru", "of a new consent"), 7)
        assert key_and_host(registry.find(BETA)) == ("8", BETA)
        install(store, BETA, 7)


@pytest.mark.parametrize("pinned", [True, False])
def test_a_pair_of_another_account_is_refused(pinned: bool) -> None:
    store = MemoryStore()
    install(store, ALPHA, 7)
    repository = TokenRepository(CLIENT, ALPHA, store, 7 if pinned else None)
    assert repository.load() is not None
    with pytest.raises(ConfigurationError, match=r"opens account 8, but .* account 7"):
        repository.swap(record(8, ALPHA, "other"), None)
    if pinned:
        with pytest.raises(ConfigurationError, match=r"opens account 8, but .* account 7"):
            repository.put(record(8, ALPHA, "other"), 8)
    assert store.accounts(CLIENT) == ["7"]
    assert repository.load() == record(7, ALPHA)


def test_a_record_under_an_id_that_opens_another_account_is_damaged() -> None:
    store = MemoryStore()
    key = Key(CLIENT, "7")
    assert store.save(key, write_record(*key, record(8, ALPHA)), None)
    with pytest.raises(TokenStoreError, match="opens another account"):
        AccountRegistry(CLIENT, store).by_id(7)


def test_a_pair_without_an_account_id_does_not_replace_one_with_an_id() -> None:
    store = MemoryStore()
    install(store, ALPHA, 7)
    with pytest.raises(TokenStoreError, match="did not say which account"):
        TokenRepository(CLIENT, ALPHA, store).put(record(None, ALPHA, "other"), None)
    assert TokenRepository(CLIENT, ALPHA, store).load() == record(7, ALPHA)


def test_a_pair_without_an_account_id_is_stored_under_the_host_or_the_given_id() -> None:
    store = MemoryStore()
    TokenRepository(CLIENT, ALPHA, store).put(record(None, ALPHA), None)
    TokenRepository(CLIENT, BETA, store).put(record(None, BETA), 7)
    assert sorted(store.accounts(CLIENT)) == ["7", ALPHA]
    registry = AccountRegistry(CLIENT, store)
    assert key_and_host(registry.find(ALPHA)) == (ALPHA, ALPHA)
    assert key_and_host(registry.find(BETA)) == key_and_host(registry.by_id(7)) == ("7", BETA)
    assert registry.hosts() == [ALPHA, BETA]


def test_a_pair_under_a_host_moves_to_its_id_when_the_next_pair_has_the_id() -> None:
    store = MemoryStore()
    repository = TokenRepository(CLIENT, ALPHA, store)
    repository.put(record(None, ALPHA), None)
    repository.swap(record(7, ALPHA, "next"), record(None, ALPHA).token)
    assert store.accounts(CLIENT) == ["7"]
    assert TokenRepository(CLIENT, ALPHA, store).load() == record(7, ALPHA, "next")


def test_an_account_that_was_installed_again_is_not_removed() -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    install(store, ALPHA, 7, "old")
    entry = registry.find(ALPHA)
    assert entry is not None
    install(store, ALPHA, 7, "new")
    assert registry.forget(entry) is False
    again = registry.find(ALPHA)
    assert again is not None
    assert (registry.forget(again), registry.forget(again)) == (True, False)
    assert registry.hosts() == []
    assert registry.find(ALPHA) is None


# Stores of older versions ------------------------------------------------------------------------


def keep_as_before(store: MemoryStore, name: str, content: Record, *former: str) -> None:
    """Store a record under a host, with pointers from other hosts and the id: the older format."""
    key = Key(CLIENT, name)
    assert store.save(key, write_record(*key, content), None)
    for other in former:
        pointer = pointer_key(CLIENT, other)
        assert store.save(pointer, write_record(*pointer, Alias(name)), None)


@pytest.mark.parametrize("lookup", [ALPHA, BETA, "gamma.amocrm.ru", "7", ""])
def test_a_record_under_a_host_moves_to_its_id(lookup: str) -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    keep_as_before(store, ALPHA, record(7, BETA), BETA, "gamma.amocrm.ru", "7")
    if lookup == "7":
        assert key_and_host(registry.by_id(7)) == ("7", BETA)
    elif lookup:
        assert key_and_host(registry.find(lookup)) == ("7", BETA)
    assert registry.hosts() == [BETA]
    assert store.accounts(CLIENT) == ["7"]
    for name in (ALPHA, BETA, "gamma.amocrm.ru"):
        assert key_and_host(registry.find(name)) == ("7", BETA)
    assert key_and_host(registry.by_id(7)) == ("7", BETA)


def test_a_record_without_an_account_id_stays_until_the_id_leads_to_it() -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    keep_as_before(store, ALPHA, record(None, ALPHA), "7")
    assert key_and_host(registry.find(ALPHA)) == (ALPHA, ALPHA)
    assert store.accounts(CLIENT) == [ALPHA]
    assert key_and_host(registry.by_id(7)) == ("7", ALPHA)
    assert key_and_host(registry.find(ALPHA)) == ("7", ALPHA)


def test_an_id_does_not_lead_to_the_account_that_got_the_host() -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    keep_as_before(store, ALPHA, record(8, ALPHA), "7")
    assert registry.by_id(7) is None
    assert key_and_host(registry.by_id(8)) is None
    assert key_and_host(registry.find(ALPHA)) == ("8", ALPHA)
    assert key_and_host(registry.by_id(8)) == ("8", ALPHA)


def test_a_record_is_used_under_the_host_while_it_cannot_move() -> None:
    class Full(MemoryStore):
        full = True

        def save(self, key: Key, text: str, replaces: str | None) -> bool:
            if self.full and key.account != ALPHA:
                raise OSError("no space left")
            return super().save(key, text, replaces)

    store = Full()
    registry = AccountRegistry(CLIENT, store)
    keep_as_before(store, ALPHA, record(7, ALPHA))
    assert key_and_host(registry.find(ALPHA)) == (ALPHA, ALPHA)
    with TokenRepository(CLIENT, ALPHA, store).lock(1):
        assert store.load(Key(CLIENT, ALPHA)) is not None
    store.full = False
    assert key_and_host(registry.find(ALPHA)) == ("7", ALPHA)


def test_a_record_does_not_move_while_another_process_refreshes_it() -> None:
    store = MemoryStore()
    registry = AccountRegistry(CLIENT, store)
    keep_as_before(store, ALPHA, record(7, ALPHA))
    with store.lock(Key(CLIENT, ALPHA), 1):
        assert key_and_host(registry.find(ALPHA)) == (ALPHA, ALPHA)
    assert key_and_host(registry.find(ALPHA)) == ("7", ALPHA)


def test_a_process_that_waits_for_the_lock_of_a_host_moves_the_record() -> None:
    store = MemoryStore()
    keep_as_before(store, ALPHA, record(7, ALPHA))
    with TokenRepository(CLIENT, ALPHA, store).lock(1):
        assert store.accounts(CLIENT) == ["7"]
        with pytest.raises(TokenStoreError), store.lock(Key(CLIENT, "7"), 0.01):
            pass
        with store.lock(Key(CLIENT, ALPHA), 0.01):
            pass


@pytest.mark.parametrize("cause", ["refreshed", "agreed again"])
def test_a_pair_without_an_account_id_is_replaced_where_it_was_found(cause: str) -> None:
    """Otherwise the next client would load the old pair."""
    store = MemoryStore()
    keep_as_before(store, ALPHA, record(None, BETA), BETA)
    repository, new = TokenRepository(CLIENT, BETA, store), record(None, BETA, "next")
    if cause == "refreshed":
        repository.swap(new, record(None, BETA).token)
    else:
        repository.put(new, None)
    for name in (ALPHA, BETA):
        assert TokenRepository(CLIENT, name, store).load() == new


def test_a_pair_that_moves_to_its_id_keeps_its_hosts() -> None:
    store = MemoryStore()
    keep_as_before(store, ALPHA, record(None, "gamma.amocrm.ru"), BETA)
    new = record(7, "gamma.amocrm.ru", "next")
    TokenRepository(CLIENT, BETA, store).swap(new, record(None, BETA).token)
    assert store.accounts(CLIENT) == ["7"]
    for name in (ALPHA, BETA):
        assert TokenRepository(CLIENT, name, store).load() == new


def test_an_old_copy_under_a_host_does_not_replace_the_record_under_the_id() -> None:
    store = MemoryStore()
    keep_as_before(store, ALPHA, record(7, ALPHA, "spent"))
    key, new = Key(CLIENT, "7"), record(7, ALPHA, "next")
    assert store.save(key, write_record(*key, new), None)
    with store.lock(Key(CLIENT, ALPHA), 1):
        entry = AccountRegistry(CLIENT, store).find(ALPHA)
        assert entry is not None
        assert (entry.key_name, entry.record) == ("7", new)


def test_a_record_that_moves_between_two_reads_is_found() -> None:
    class Racing(MemoryStore):
        def load(self, key: Key) -> str | None:
            if key == Key(CLIENT, ALPHA) and not self.raced:
                self.raced = True
                assert TokenRepository(CLIENT, ALPHA, self).load() is not None
            return super().load(key)

        raced = False

    store = Racing()
    keep_as_before(store, ALPHA, record(7, ALPHA))
    assert key_and_host(AccountRegistry(CLIENT, store).find(ALPHA)) == ("7", ALPHA)
    assert store.raced
