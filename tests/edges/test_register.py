"""The register of accounts: names, pointers, ids, and who else writes at the same time."""

from __future__ import annotations

import base64
import json

from amocrm import MemoryStore, Token
from amocrm.core.record import Record, write_record
from amocrm.register import Entry, Register
from amocrm.stores import Key

CLIENT = "client"


def jwt(number: int | None) -> str:
    said = {} if number is None else {"account_id": number}
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    return f"e30.{body}.s"


def keep(store: MemoryStore, host: str, number: int | None, refresh: str = "r") -> None:
    key = Key(CLIENT, host)
    text = write_record(CLIENT, host, Record(Token(jwt(number), refresh), host))
    assert store.save(key, text, store.load(key))


def found(entry: Entry | None) -> str | None:
    return None if entry is None else entry.name


def test_an_account_is_found_by_its_id_and_by_its_former_name() -> None:
    store = MemoryStore()
    register = Register(CLIENT, store)
    keep(store, "old.amocrm.ru", 7)
    register.note("old.amocrm.ru", 7)
    assert found(register.by_number(7)) == "old.amocrm.ru"
    keep(store, "new.amocrm.ru", 7)
    register.note("new.amocrm.ru", 7)
    assert register.names() == ["new.amocrm.ru"]
    for name in ("old.amocrm.ru", "new.amocrm.ru"):
        assert found(register.find(name)) == "new.amocrm.ru"
    assert found(register.by_number(7)) == "new.amocrm.ru"
    register.free("old.amocrm.ru")
    assert register.find("old.amocrm.ru") is None


def test_an_id_does_not_lead_to_the_account_that_took_the_name_over() -> None:
    store = MemoryStore()
    register = Register(CLIENT, store)
    keep(store, "shop.amocrm.ru", 7)
    register.note("shop.amocrm.ru", 7)
    keep(store, "shop.amocrm.ru", 8)
    assert register.by_number(7) is None
    keep(store, "new.amocrm.ru", 7)
    register.note("new.amocrm.ru", 7)
    assert register.names() == ["new.amocrm.ru", "shop.amocrm.ru"]


def test_a_record_that_does_not_say_whose_it_is_is_not_dropped_for_another() -> None:
    store = MemoryStore()
    register = Register(CLIENT, store)
    keep(store, "shop.amocrm.ru", None)
    register.note("shop.amocrm.ru", 7)
    assert found(register.by_number(7)) == "shop.amocrm.ru"
    keep(store, "new.amocrm.ru", 7)
    register.note("new.amocrm.ru", 7)
    assert register.names() == ["new.amocrm.ru", "shop.amocrm.ru"]


def test_nothing_is_noted_of_an_account_that_is_gone() -> None:
    register = Register(CLIENT, MemoryStore())
    register.note("shop.amocrm.ru", 7)
    assert register.by_number(7) is None


def test_what_was_installed_anew_meanwhile_is_not_forgotten() -> None:
    store = MemoryStore()
    register = Register(CLIENT, store)
    keep(store, "shop.amocrm.ru", 7, "old")
    entry = register.find("shop.amocrm.ru")
    assert entry is not None
    keep(store, "shop.amocrm.ru", 7, "new")
    assert register.forget(entry) is False
    again = register.find("shop.amocrm.ru")
    assert again is not None
    assert (register.forget(again), register.forget(again)) == (True, False)
    assert register.names() == []
