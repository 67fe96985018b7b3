"""Entities that share a phone, an e-mail or a name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import AmoCRM, ConfigurationError, DuplicateGroup
from amocrm.progress import Progress
from amocrm.resources.people.duplicates import group
from amocrm.sandbox import ManualClock, Sandbox
from tests.bulk.test_listing import client_of
from tests.canned import Canned, listing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)


def person(phones: list[str], emails: list[str] | None = None, name: str = "A") -> Any:
    model: Any = {"name": name, "custom_fields_values": []}
    for code, values in (("PHONE", phones), ("EMAIL", emails or [])):
        if values:
            model["custom_fields_values"].append(
                {"field_code": code, "values": [{"value": one} for one in values]}
            )
    return model


def test_those_who_share_a_phone_or_an_email_are_a_group(crm: AmoCRM, portal: Sandbox) -> None:
    people = [
        person(["8 (999) 123-45-67"], ["ann@example.org"]),
        person([], ["bob@example.org"]),
        person(["+7 999 1234567", "12345"], ["Ann@Example.org"]),
        person(["89991234567", "+7 999 123-45-67"]),
        person(["no phone"], ["no e-mail"]),
        person(["no phone either"], ["12345"]),
        person([]),
    ]
    ids = [portal.add("contacts", one) for one in people]
    calls = len(portal.log)
    groups = crm.contacts.duplicates()
    assert len(portal.log) == calls, "nothing is sent before it is iterated"
    assert list(groups) == [
        DuplicateGroup("phone", "+79991234567", [ids[0], ids[2], ids[3]]),
        DuplicateGroup("email", "ann@example.org", [ids[0], ids[2]]),
    ]
    assert [one.by for one in crm.contacts.duplicates(by=["email"])] == ["email"]
    assert [one.by for one in crm.contacts.duplicates(by=["phone"])] == ["phone"]
    own = crm.contacts.duplicates(by=["phone"], normal=lambda text: text[:2])
    assert [(one.value, one.ids) for one in own] == [("+7", [ids[2], ids[3]]), ("no", ids[4:6])]
    assert list(crm.companies.duplicates()) == []


def test_companies_have_names_too(crm: AmoCRM, portal: Sandbox) -> None:
    names = ["ООО Ромашка", "ооо  ромашка", "ООО Ромашка-2", "", " "]
    ids = [
        portal.add("companies", person(["84951234567"][:at], name=one))
        for at, one in enumerate(names)
    ]
    phones = DuplicateGroup("phone", "+74951234567", ids[1:])
    assert list(crm.companies.duplicates()) == [phones]
    assert list(crm.companies.duplicates(by=["name", "phone"])) == [
        phones,
        DuplicateGroup("name", "ооо ромашка", ids[:2]),
    ]


def test_all_pages_are_read_by_id(crm: AmoCRM, portal: Sandbox) -> None:
    ids = [portal.add("contacts", person([f"+7900{at % 300:07}"])) for at in range(600)]
    told: list[Progress] = []
    groups = list(crm.contacts.duplicates(progress=told.append))
    assert [one.ids for one in groups] == [[ids[at], ids[at + 300]] for at in range(300)]
    assert told[-1].done == 600
    assert all("order%5Bid%5D=asc" in one.query for one in portal.log if one.method == "GET")


def test_one_that_two_pages_bring_is_no_duplicate_of_itself(clock: ManualClock) -> None:
    items = [{"id": 7, **person(["89991234567"])}] * 2
    server = Canned(lambda path, query: listing(path, query, items, more=False))
    with client_of(server.session(), clock) as crm:
        assert list(crm.contacts.duplicates()) == []


@pytest.mark.parametrize(
    ("by", "words"),
    [([], "by must name some of"), (["mail"], "by must name some of"),
     (["name"], "not compared by name"), ("phones", "by must name some of")],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_at_once(crm: AmoCRM, by: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        crm.contacts.duplicates(by=by)


@given(
    st.lists(
        st.tuples(st.sampled_from(["phone", "email"]), st.sampled_from("abc"), st.integers(1, 9))
    )
)
def test_the_groups_are_those_of_a_dictionary(keys: list[Any]) -> None:
    wanted: dict[Any, set[int]] = {}
    for by, value, number in keys:
        wanted.setdefault((by, value), set()).add(number)
    assert {(one.by, one.value): one.ids for one in group(keys)} == {
        key: sorted(ids) for key, ids in wanted.items() if len(ids) > 1
    }


def test_any_text_and_any_number_of_a_server_is_taken() -> None:
    odd = "\ud800@x"
    assert list(group([("email", odd, 10**30), ("email", odd, 5)])) == [
        DuplicateGroup("email", odd, [5, 10**30])
    ]


MEMORY = """
import resource
import sys
from amocrm.resources.people.duplicates import group

def keys(count):
    for number in range(count):
        yield "phone", f"+7{9000000000 + number * 7919 % (count // 2)}", number

def measure(count):
    assert sum(len(one.ids) for one in group(keys(count))) == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few = measure(50_000)
print(measure(300_000) / few)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is another one")
def test_memory_does_not_grow_with_their_number() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, cwd=ROOT,
        timeout=100,
    )  # fmt: skip
    assert float(done.stdout) < 1.15


def test_no_file_is_left_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    seen: list[list[Path]] = []

    def look(keys: list[Any]) -> Iterator[Any]:
        for at, one in enumerate(keys):
            if at % 20_000 == 0:
                seen.append(list(tmp_path.iterdir()))
            yield one

    keys = [("phone", f"{number:020}", number) for number in range(100_000)]
    assert list(group(look([*keys, ("phone", f"{7:020}", 8)]))) != []
    assert not any(seen)
    assert list(tmp_path.iterdir()) == []
