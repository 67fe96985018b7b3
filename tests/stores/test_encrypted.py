"""Tokens sealed at rest: keys that come and go, rows that are moved about."""

from __future__ import annotations

from contextlib import suppress

import pytest

from amocrm import AmoCRM, ConfigurationError, MemoryStore, TokenStoreError
from amocrm.sandbox import Sandbox
from amocrm.stores.encrypted import EncryptedStore
from amocrm.stores.store import Key, pointer_key
from tests.conftest import Make

KEY = Key("client", "example.amocrm.ru")
OTHER = Key("client", "other.amocrm.ru")
OLD, NEW = EncryptedStore.new_key(), EncryptedStore.new_key()


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


def test_nothing_of_the_text_is_readable_in_the_place(inner: MemoryStore) -> None:
    store = EncryptedStore(inner, OLD)
    assert store.save(KEY, "s3cr3t", None)
    sealed = inner.load(KEY)
    assert sealed is not None
    assert "s3cr3t" not in sealed
    assert sealed.isascii()
    assert store.load(KEY) == "s3cr3t"


def test_keys_are_not_shown(inner: MemoryStore) -> None:
    shown = repr(EncryptedStore(inner, [NEW, OLD]))
    assert NEW not in shown
    assert OLD not in shown
    assert repr(inner) in shown


@pytest.mark.parametrize("keys", [[], "", "s3cr3t", ["s3cr3t"], [OLD, "s3cr3t"], [OLD[:-4]]])
def test_what_is_no_key_is_told_and_not_shown(inner: MemoryStore, keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"new_key\(\)") as refusal:
        EncryptedStore(inner, keys)
    assert "s3cr3t" not in str(refusal.value)


def test_a_wrong_key_opens_and_loses_nothing(inner: MemoryStore) -> None:
    assert EncryptedStore(inner, OLD).save(KEY, "one", None)
    wrong, sealed = EncryptedStore(inner, NEW), inner.load(KEY)
    for attempt in (
        lambda: wrong.load(KEY),
        lambda: wrong.save(KEY, "two", None),
        lambda: wrong.save(KEY, "two", "one"),
        lambda: wrong.rotate("client"),
    ):
        with pytest.raises(TokenStoreError, match="no key decrypts the token"):
            attempt()
    assert inner.load(KEY) == sealed
    assert EncryptedStore(inner, OLD).load(KEY) == "one"


@pytest.mark.parametrize("damage", ["", "no seal", "{}"])
def test_what_is_not_sealed_is_told(inner: MemoryStore, damage: str) -> None:
    assert inner.save(KEY, damage, None)
    store = EncryptedStore(inner, OLD)
    with pytest.raises(TokenStoreError, match="no key decrypts"):
        store.load(KEY)
    store.forget(KEY)
    assert store.save(KEY, "one", None)


def test_a_text_that_was_tampered_with_opens_nowhere(inner: MemoryStore) -> None:
    store = EncryptedStore(inner, [NEW, OLD])
    assert store.save(KEY, "s3cr3t", None)
    sealed = inner.load(KEY)
    assert sealed is not None
    forged = [sealed[:at] for at in range(len(sealed))]
    for at, letter in enumerate(sealed):
        forged.append(sealed[:at] + ("A" if letter != "A" else "B") + sealed[at + 1 :])
    forged += [sealed + sealed, sealed.swapcase(), sealed[::-1], sealed + "\ud800", "\xff" + sealed]
    there = sealed
    for text in forged:
        assert inner.save(KEY, text, there)
        there = text
        with suppress(TokenStoreError):
            # The last letter of Base64 has bits that count for nothing: that text may open.
            assert store.load(KEY) == "s3cr3t", "what opens is what was sealed"


def test_rows_that_were_swapped_are_both_refused(inner: MemoryStore) -> None:
    store = EncryptedStore(inner, OLD)
    for key, text in ((KEY, "one"), (OTHER, "two")):
        assert store.save(key, text, None)
    one, two = inner.load(KEY), inner.load(OTHER)
    assert inner.save(KEY, str(two), one)
    assert inner.save(OTHER, str(one), two)
    for key in (KEY, OTHER):
        with pytest.raises(TokenStoreError, match="encrypted for another account"):
            store.load(key)
        with pytest.raises(TokenStoreError):
            store.save(key, "three", "one")


@pytest.mark.parametrize("victim", [OTHER, Key("another", KEY.account)])
def test_a_row_cannot_be_passed_off_as_another_s(inner: MemoryStore, victim: Key) -> None:
    store = EncryptedStore(inner, OLD)
    assert store.save(KEY, "one", None)
    sealed = inner.load(KEY)
    assert sealed is not None
    assert inner.save(victim, sealed, None)
    with pytest.raises(TokenStoreError, match="encrypted for another account"):
        store.load(victim)


def test_the_first_key_seals_and_all_of_them_open(inner: MemoryStore) -> None:
    assert EncryptedStore(inner, OLD).save(KEY, "one", None)
    both = EncryptedStore(inner, [NEW, OLD])
    assert both.load(KEY) == "one"
    assert both.save(KEY, "two", "one")
    assert EncryptedStore(inner, [NEW]).load(KEY) == "two"
    with pytest.raises(TokenStoreError):
        EncryptedStore(inner, OLD).load(KEY)


def test_after_a_rotation_the_old_key_may_go(inner: MemoryStore) -> None:
    old = EncryptedStore(inner, OLD)
    keys = [KEY, OTHER, pointer_key("client", "renamed.amocrm.ru"), Key("another", "a.amocrm.ru")]
    for key in keys:
        assert old.save(key, f"text of {key.account}", None)
    assert EncryptedStore(inner, [NEW, OLD]).rotate("client") == 3
    new = EncryptedStore(inner, NEW)
    assert [new.load(key) for key in keys[:3]] == [f"text of {key.account}" for key in keys[:3]]
    with pytest.raises(TokenStoreError):
        new.load(keys[3])
    assert new.rotate("nobody") == 0


def test_a_client_works_with_a_sealed_token(
    make: Make, sandbox: Sandbox, inner: MemoryStore
) -> None:
    one: AmoCRM = make({"code": sandbox.issue_code()}, store=EncryptedStore(inner, OLD))
    one.connect()
    two = make(store=EncryptedStore(inner, [NEW, OLD]))
    assert two.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.code"] == 1
