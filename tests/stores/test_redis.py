"""Tokens in Redis: restarts, lost locks, clients that decode and clients that do not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from amocrm import ConfigurationError, TokenStoreError
from amocrm.stores.redis import LOCK_SECONDS, POLL, SOCKET_TIMEOUT, RedisStore
from amocrm.stores.store import Key
from tests.servers import URLS, OwnRedis, door, new_place

KEY = Key("client", "example.amocrm.ru")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[str]:
    with new_place("redis", tmp_path) as place:
        yield place


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(URLS["redis"]) as client:
        yield client


@pytest.fixture
def own(tmp_path: Path, free_port: int) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path, free_port)
    server.start()
    yield server
    server.stop()


def test_nothing_is_opened_at_construction_and_no_password_is_shown() -> None:
    store = RedisStore("redis://me:SECRET@127.0.0.1:1/0")
    assert repr(store) == "RedisStore('amocrm')"
    with pytest.raises(TokenStoreError, match="Redis could not load the token") as refusal:
        store.load(KEY)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize("url", ["", "http://me:SECRET@host", "redis://host:port/0"])
def test_a_wrong_address_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://") as refusal:
        RedisStore(url)
    assert "SECRET" not in str(refusal.value)


def test_a_client_that_is_made_from_an_address_does_not_wait_for_ever() -> None:
    made = RedisStore("redis://127.0.0.1:1/0")._redis.connection_pool.connection_kwargs
    assert made["socket_timeout"] == made["socket_connect_timeout"] == SOCKET_TIMEOUT
    assert 1 <= SOCKET_TIMEOUT <= 10


@pytest.mark.parametrize("decode", [False, True])
def test_a_client_may_decode_answers_or_not(place: str, decode: bool) -> None:
    with redis.Redis.from_url(URLS["redis"], decode_responses=decode) as client:
        store = RedisStore(client, place)
        assert store.save(KEY, "Имя", None)
        assert store.load(KEY) == "Имя"
        assert store.save(KEY, "two", "Имя")
        assert store.accounts("client") == ["example.amocrm.ru"]
        with store.lock(KEY, 5):
            pass


def test_a_save_that_is_asked_for_again_after_a_lost_answer_is_done(place: str) -> None:
    with door("redis") as (way, url), redis.Redis.from_url(url) as client:
        store = RedisStore(client, place)
        assert store.save(KEY, "one", None)
        way.doom(b"HSET")
        assert store.save(KEY, "two", "one") is True
        assert way.deaths == 1
        assert store.load(KEY) == "two"


def test_a_lost_lock_costs_no_token(
    place: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "amocrm.stores")
    one, two = RedisStore(client, place), RedisStore(client, place)
    assert one.save(KEY, "spent", None)
    with one.lock(KEY, 5):
        loaded = one.load(KEY)
        assert client.delete(one.lock_name(KEY)) == 1
        with two.lock(KEY, 5):
            assert two.save(KEY, "theirs", two.load(KEY))
            assert one.save(KEY, "mine", loaded) is False
            # The one who lost it does not free the other's.
            with pytest.raises(TokenStoreError), RedisStore(client, place).lock(KEY, 0.01):
                pass
    assert one.load(KEY) == "theirs"
    assert "was not released: LockNotOwnedError" in caplog.text


def test_the_lock_of_the_dead_frees_itself(place: str, client: redis.Redis) -> None:
    store = RedisStore(client, place)
    assert client.set(store.lock_name(KEY), "the token of a dead process", px=20)
    with store.lock(KEY, 5):
        left = client.pttl(store.lock_name(KEY))
        assert 0 < left <= LOCK_SECONDS * 1000
        assert left > LOCK_SECONDS * 500


def test_a_living_holder_prolongs_its_lock(place: str, client: redis.Redis) -> None:
    store = RedisStore(client, place, lock_seconds=0.6)
    name = store.lock_name(KEY)
    with store.lock(KEY, 5):
        before, rises = client.pttl(name), 0
        while rises < 4:
            now = client.pttl(name)
            assert now > 0, "the lock died while it was held"
            rises, before = rises + (now > before), now
    assert client.exists(name) == 0


def test_nothing_is_asked_of_a_client_after_the_lock_was_given_back(place: str) -> None:
    for _ in range(50):
        with redis.Redis.from_url(URLS["redis"]) as client:
            with RedisStore(client, place, lock_seconds=0.003).lock(KEY, 5):
                client.ping()
            assert not [one for one in threading.enumerate() if one.name == "amocrm-redis-lock"]


def test_the_lock_is_looked_at_finely_and_outlives_a_pause() -> None:
    assert 0 < POLL <= 0.05
    assert 10 <= LOCK_SECONDS <= 60


def test_a_restart_loses_nothing(own: OwnRedis) -> None:
    with redis.Redis.from_url(own.url) as client:
        store = RedisStore(client)
        assert store.save(KEY, "one", None)
        own.stop()
        with pytest.raises(TokenStoreError, match="could not load"):
            store.load(KEY)
        with pytest.raises(TokenStoreError, match="could not save"):
            store.save(KEY, "two", "one")
        with pytest.raises(TokenStoreError, match="could not lock"), store.lock(KEY, 1):
            pass
        own.start()
        assert store.load(KEY) == "one"
        with store.lock(KEY, 5):
            own.stop()
        own.start()
        assert store.save(KEY, "two", "one")


def test_keys_begin_with_the_prefix(place: str, client: redis.Redis) -> None:
    store = RedisStore(client, f"{place}:mine")
    assert store.save(KEY, "one", None)
    with store.lock(KEY, 5):
        names = sorted(client.scan_iter(f"{place}:*"))
    digest = KEY.digest
    assert names == [f"{place}:mine:lock:{digest}".encode(), f"{place}:mine:tokens:client".encode()]
    assert RedisStore(client, f"{place}:other").load(KEY) is None


def test_no_two_stores_and_keys_have_one_name(place: str, client: redis.Redis) -> None:
    """A prefix may hold colons, and so may the id of a client: they must not run together."""
    ids = ["c", "tokens:c", "tokens%3Ac", "see:c", "see:tokens:c", "see:see:c", "see", "lock:c", ""]
    keys = {
        (prefix, one): (RedisStore(client, prefix), Key(one, "example.amocrm.ru"))
        for prefix in (place, f"{place}:tokens", f"{place}:tokens:see", f"{place}:tokens:tokens")
        for one in ids
    }
    for name, (store, key) in keys.items():
        assert store.load(key) is None, f"{name} is mistaken for another"
        assert store.save(key, repr(name), None)
        assert store.accounts(key.client_id) == ["example.amocrm.ru"]
    for name, (store, key) in keys.items():
        assert store.load(key) == repr(name)
    tokens = set(client.scan_iter(f"{place}:*"))
    assert not tokens & {store.lock_name(key).encode() for store, key in keys.values()}


@pytest.mark.parametrize("lead", ["", "see:"])
def test_usual_ids_are_in_the_names_as_they_are(place: str, client: redis.Redis, lead: str) -> None:
    one = lead + "d0b4c8a2-1f4e-4b7e-9d3a-5a6f7c8e9b01"
    assert RedisStore(client, place).save(Key(one, "example.amocrm.ru"), "text", None)
    assert list(client.scan_iter(f"{place}:*")) == [f"{place}:tokens:{one}".encode()]
