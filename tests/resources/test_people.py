"""Contacts and companies by phone and e-mail, in the portal and in several processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amocrm import (
    AmoCRM,
    ConfigurationError,
    Created,
    OutcomeUnknownError,
    UnexpectedReplyError,
)
from amocrm._support.clock import SystemClock
from amocrm.bulk.context import ApiContext
from amocrm.phones import phones_of
from amocrm.resources.people.contact_keys import Ambiguous, Found
from amocrm.resources.people.find_or_create import find, find_or_create
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.file import FileStore
from amocrm.stores.locks import Stripes
from amocrm.stores.memory import MemoryStore
from amocrm.stores.store import STRIPES
from tests.bulk.test_listing import client_of
from tests.canned import Canned
from tests.contexts import way_of
from tests.processes import APART

HOST = "example.amocrm.ru"
PROCESSES, PEOPLE = 4, 5

pytestmark = pytest.mark.usefixtures("gone")


@pytest.fixture
def way(portal: Sandbox, clock: ManualClock) -> ApiContext:
    auth: Any = {"access_token": portal.issue_long_lived()}
    crm = AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)
    return way_of(crm, clock)


LOCK = Stripes(MemoryStore(), "client", HOST)


def person(name: str, code: str, *values: str) -> dict[str, Any]:
    items = [{"field_code": code, "values": [{"value": one} for one in values]}]
    return {"name": name, "custom_fields_values": items}


def add(way: ApiContext, *models: dict[str, Any], kind: str = "contacts") -> list[int]:
    made = way.request.post(f"/api/v4/{kind}", list(models)).data["_embedded"][kind]
    return [int(one["id"]) for one in made]


def test_who_is_not_there_is_created_and_then_found(way: ApiContext, portal: Sandbox) -> None:
    made = find_or_create(
        way, LOCK, "contacts", {"name": "Ann"}, phone="8 900 123-45-67", email="Ann@Example.org"
    )
    assert isinstance(made, Created)
    reaches: list[Any] = [
        {"phone": "+79001234567"}, {"email": "ann@example.ORG"}, {"phone": "9001234567"},
    ]  # fmt: skip
    for reach in reaches:
        found = find_or_create(way, LOCK, "contacts", {"name": "Bob"}, **reach)
        assert isinstance(found, Found)
        assert (found.id, found.entity["name"]) == (made.id, "Ann")
    assert [one.method for one in portal.log].count("POST") == 1
    assert not [one for one in portal.log if one.method == "PATCH"]


def test_a_stranger_who_only_mentions_the_number_is_not_taken(way: ApiContext) -> None:
    add(
        way,
        {"name": "call +79001234567 back"},
        person("Longer", "PHONE", "+790012345678"),
        person("Mail", "EMAIL", "xann@example.org"),
        person("Job", "POSITION", "ann@example.org"),
    )
    assert find(way, "contacts", phone="+79001234567", email="ann@example.org") == []
    made = find_or_create(way, LOCK, "contacts", {}, phone="+79001234567", email="ann@example.org")
    assert isinstance(made, Created)


def test_several_are_all_listed_and_none_is_created(way: ApiContext, portal: Sandbox) -> None:
    ids = add(
        way, person("A", "PHONE", "89001234567"), person("B", "EMAIL", "a@b.org"),
        person("C", "PHONE", "12345", "79001234567"),
    )  # fmt: skip
    result = find_or_create(way, LOCK, "contacts", {}, phone=["9001234567"], email="A@B.org")
    assert isinstance(result, Ambiguous)
    assert [one["id"] for one in result.entities] == ids
    assert [one.method for one in portal.log].count("POST") == 1


def test_all_pages_are_looked_through(way: ApiContext) -> None:
    crowd = [{"name": f"9001234567 {number}"} for number in range(250)]
    add(way, *crowd)
    (number,) = add(way, person("Ann", "PHONE", "+79001234567"))
    assert [one["id"] for one in find(way, "contacts", phone="+79001234567")] == [number]


def test_a_company_is_found_among_companies(way: ApiContext) -> None:
    add(way, person("Ann", "PHONE", "+79001234567"))
    made = find_or_create(way, LOCK, "companies", {"name": "OOO"}, phone="+79001234567")
    assert isinstance(made, Created)
    found = find_or_create(way, LOCK, "companies", {}, phone="89001234567")
    assert isinstance(found, Found)
    assert found.id == made.id


WRITTEN = [
    "8 (999) 123-45-67", "+7 999 1234567", "8-999-123-45-67", "+79991234567", "8(999)1234567",
    "+7 (999) 123 45 67", "9991234567",
]  # fmt: skip


def literal(query: str, stored: str) -> bool:
    return query in stored


def by_digits(query: str, stored: str) -> bool:
    return "".join(filter(str.isdigit, query)) in "".join(filter(str.isdigit, stored))


@pytest.mark.parametrize("search", [literal, by_digits])
@pytest.mark.parametrize("stored", WRITTEN)
@pytest.mark.parametrize("asked", WRITTEN)
def test_a_phone_is_found_however_it_is_written(
    clock: ManualClock, search: Any, stored: str, asked: str
) -> None:
    # Whether the API's search takes separators literally is not documented: found in both cases.
    near = {"id": 8, **person("Other", "PHONE", "+7 999 123-45-68")}
    same_end = {"id": 9, **person("Same end", "PHONE", "+7 (495) 123-45-67", "495 123 45 67")}
    ann = {"id": 7, **person("Ann", "PHONE", stored)}

    def answer(path: str, query: dict[str, str]) -> Any:
        found = [
            one
            for one in (near, same_end, ann)
            for value in one["custom_fields_values"][0]["values"]
            if search(query["query"], value["value"])
        ]
        return {"_embedded": {"contacts": found}} if found else None

    canned = Canned(answer)
    with client_of(canned.session(), clock) as crm:
        assert crm.contacts.find(phone=asked) == [ann]
        assert len(canned.asked) == (1 if search("9991234567", stored) else 7)


@pytest.mark.parametrize("search", ["digits", "text"])
@pytest.mark.parametrize("stored", WRITTEN)
def test_no_double_is_made_of_a_phone_in_another_form(
    way: ApiContext, portal: Sandbox, stored: str, search: Any
) -> None:
    portal.account().phone_search = search
    (number,) = add(way, person("Ann", "PHONE", stored))
    for asked in WRITTEN:
        found = find_or_create(way, LOCK, "contacts", {"name": "Bob"}, phone=asked)
        assert isinstance(found, Found)
        assert found.id == number
    assert len(portal.contacts()) == 1


def test_the_calls_of_a_search_are_bounded(way: ApiContext, portal: Sandbox) -> None:
    calls = len(portal.log)
    assert find(way, "contacts", phone="+79991234567", email="ann@example.org") == []
    assert len(portal.log) - calls == 2 + 6
    add(way, person("Ann", "EMAIL", "ann@example.org"), person("Bob", "PHONE", "+79991234567"))
    calls = len(portal.log)
    assert len(find(way, "contacts", phone="89991234567", email="ann@example.org")) == 2
    assert len(portal.log) - calls == 2


def test_a_phone_that_another_key_did_not_find_is_searched_in_its_forms(way: ApiContext) -> None:
    ids = add(
        way, person("Ann", "EMAIL", "ann@example.org"), person("Bob", "PHONE", "8 (999) 123-45-67")
    )
    result = find_or_create(
        way, LOCK, "contacts", {}, phone="+79991234567", email="ann@example.org"
    )
    assert isinstance(result, Ambiguous)
    assert (result.ids, result.id) == (ids, ids[0])


def test_a_company_is_found_by_its_name(way: ApiContext, portal: Sandbox) -> None:
    made = find_or_create(way, LOCK, "companies", {}, name="ООО Ромашка", phone="84951234567")
    assert isinstance(made, Created)
    add(way, {"name": "ООО Ромашка-2"}, kind="companies")
    for keys in ({"name": "ооо  ромашка"}, {"phone": "8 (495) 123-45-67"}):
        found = find_or_create(way, LOCK, "companies", {}, **keys)  # type: ignore[arg-type]
        assert isinstance(found, Found)
        assert (found.id, found.entity["name"]) == (made.id, "ООО Ромашка")
    calls = len(portal.log)
    with pytest.raises(ConfigurationError, match="different people have the same name"):
        find(way, "contacts", name="Anna")
    assert len(portal.log) == calls


def test_other_countries_have_other_rules(way: ApiContext) -> None:
    add(way, person("Uwe", "PHONE", "+4915112345678"))
    assert find(way, "contacts", phone="0151 12345678") == []
    assert len(find(way, "contacts", phone="0151 12345678", normal=phones_of("DE"))) == 1


def test_what_cannot_be_looked_for_is_refused_unsent(way: ApiContext, portal: Sandbox) -> None:
    kind: Any = "leads"
    with pytest.raises(ConfigurationError, match="have no phones"):
        find(way, kind, phone="12345")
    with pytest.raises(ConfigurationError, match="nothing to find by"):
        find_or_create(way, LOCK, "contacts", {})
    assert portal.log == []


@pytest.mark.parametrize(
    "body", [{}, {"_embedded": {"contacts": []}}, {"_embedded": {"contacts": [{}]}}]
)
def test_an_answer_without_the_id_is_told_of(clock: ManualClock, body: Any) -> None:
    server = Canned(lambda _, query: None if "query" in query else body)
    crm = client_of(server.session(), clock)
    with pytest.raises(OutcomeUnknownError, match="without the id"):
        find_or_create(
            way_of(crm, clock),
            LOCK,
            "contacts",
            {},
            email="a@b",
        )


def work(url: str, token: str, folder: str, gate: Any, results: Any) -> None:
    """Be a process that takes in the same people as all the others."""
    with AmoCRM("example", {"access_token": token}, base_url=url, rate_limiter=None) as crm:
        way = way_of(crm, SystemClock())
        lock = Stripes(FileStore(folder), "client", HOST)
        gate.wait(60)
        told = []
        for number in range(PEOPLE):
            # One knows the phone, another one the e-mail, some both.
            reach: dict[str, Any] = {
                "phone": f"8 900 123-45-6{number}",
                "email": f"p{number}@e.org",
            }
            result = find_or_create(way, lock, "contacts", {"name": f"P{number}"}, **reach)
            told.append((type(result).__name__, getattr(result, "id", None)))
        results.put(json.dumps(told))


def test_processes_that_take_in_the_same_people_create_each_once(tmp_path: Path) -> None:
    portal = Sandbox(rps=None)
    token = portal.issue_long_lived()
    gate, results = APART.Barrier(PROCESSES), APART.Queue()
    with portal.serve() as served:
        arguments = (served.url, token, str(tmp_path), gate, results)
        running = [APART.Process(target=work, args=arguments) for _ in range(PROCESSES)]
        for process in running:
            process.start()
        told = [json.loads(results.get(timeout=100)) for _ in running]
        for process in running:
            process.join(30)
    for number in range(PEOPLE):
        kinds = sorted(one[number][0] for one in told)
        assert kinds == ["Created", *["Found"] * (PROCESSES - 1)]
        assert len({one[number][1] for one in told}) == 1
    assert sum(one.method == "POST" for one in portal.log) == PEOPLE
    assert len(list(tmp_path.iterdir())) <= STRIPES


def test_what_has_another_shape_in_an_answer_is_nobody(clock: ManualClock) -> None:
    strange: list[Any] = [
        None, 5, "text", [], {"custom_fields_values": 5},
        {"custom_fields_values": [None, {"field_code": "PHONE", "values": 5}]},
        {"custom_fields_values": [{"field_code": "PHONE", "values": [None, {"value": 5}]}]},
    ]  # fmt: skip
    ann = {"id": 7, **person("Ann", "PHONE", "+79991234567")}
    canned = Canned(lambda _path, _query: {"_embedded": {"contacts": [*strange, ann]}})
    with client_of(canned.session(), clock) as crm:
        assert crm.contacts.find(phone="89991234567") == [ann]


@pytest.mark.parametrize("number", [None, "7", True, 1.5])
def test_a_person_without_an_id_is_told(clock: ManualClock, number: object) -> None:
    ann = {"id": number, **person("Ann", "PHONE", "+79991234567")}
    canned = Canned(lambda _path, _query: {"_embedded": {"contacts": [ann]}})
    with (
        client_of(canned.session(), clock) as crm,
        pytest.raises(UnexpectedReplyError, match="without an"),
    ):
        crm.contacts.find(phone="89991234567")
