"""Imports that link contacts and companies, and imports whose empty cells clear fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.cli.importing.import_file import Import, check, prepare, run
from amocrm.cli.importing.link_lookup import key_of
from amocrm.sandbox import Sandbox
from tests.conftest import Make

pytestmark = pytest.mark.usefixtures("gone")


@pytest.fixture
def crm(make: Make, sandbox: Sandbox) -> AmoCRM:
    return make({"access_token": sandbox.issue_long_lived()}, rate_limiter=None)


@pytest.fixture
def known(crm: AmoCRM) -> dict[str, int]:
    """Two people and two companies."""
    phone = {"field_code": "PHONE", "values": [{"value": "+7 (900) 123-45-67"}]}
    email = {"field_code": "EMAIL", "values": [{"value": "bob@example.org"}]}
    people: list[Any] = [
        {"name": "Анна", "custom_fields_values": [phone]},
        {"name": "Bob", "custom_fields_values": [email]},
    ]
    firms: list[Any] = [{"name": "ООО «А; Б»"}, {"name": "Ромашка"}]
    found = {}
    for resource, items in ((crm.contacts, people), (crm.companies, firms)):
        for one in resource.create_many(items):
            found[str(one.unwrap())] = one
    ids = [int(number) for number in found]
    return dict(zip(("anna", "bob", "firm", "daisy"), ids, strict=True))


def bring(crm: AmoCRM, path: Path, text: str, kind: str, **more: Any) -> list[dict[str, Any]]:
    path.write_text(text, encoding="utf-8")
    outcomes = path.with_suffix(".outcomes")
    run(prepare(crm, Import(kind, str(path), outcomes=str(outcomes), **more)))
    return [json.loads(line) for line in outcomes.read_text(encoding="utf-8").splitlines()]


def linked(crm: AmoCRM, kind: str, number: int) -> list[tuple[str, int]]:
    links: Any = getattr(crm, kind)(number).links.list()
    return sorted((one["to_entity_type"], one["to_entity_id"]) for one in links)


def writes(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [f"{one.method} {one.path}" for one in sandbox.log[since:] if one.method != "GET"]


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("31", "id"), ("123456789", "id"), ("79001234567", "phone"), ("9001234567", "phone"),
        ("+7 (900) 123-45-67", "phone"), ("8-900-123-45-67", "phone"), ("a@b.org", "email"),
        ("Анна", "name"), ("1С", "name"), ("Кафе 7", "name"), ("(", "name"), ("12-34", "name"),
    ],
)  # fmt: skip
def test_a_text_tells_what_it_is(text: str, by: str) -> None:
    assert key_of(text) == by


def test_leads_are_created_with_their_links(
    crm: AmoCRM, known: dict[str, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    text = (
        "name,contact,company\n"
        f"by id,{known['anna']},{known['daisy']}\n"
        "by phone,89001234567,ромашка\n"
        'both,"Bob@example.org; +79001234567",ООО «А; Б»\n'
        "by name,анна,\n"
        "none,,\n"
    )
    before = len(sandbox.log)
    outcomes = bring(crm, tmp_path / "a.csv", text, "leads")
    assert writes(sandbox, before) == ["POST /api/v4/leads"]
    assert [one["outcome"] for one in outcomes] == ["created"] * 5
    anna, bob = ("contacts", known["anna"]), ("contacts", known["bob"])
    firm, daisy = ("companies", known["firm"]), ("companies", known["daisy"])
    expected = [[daisy, anna], [daisy, anna], [firm, anna, bob], [anna], []]
    assert [linked(crm, "leads", one["id"]) for one in outcomes] == [
        sorted(one) for one in expected
    ]
    assert outcomes[0]["links"] == {"contacts": [known["anna"]], "companies": [known["daisy"]]}
    assert "links" not in outcomes[4]


@pytest.mark.parametrize("match", [None, "phone", "id"])
def test_contacts_are_linked_to_a_company_afterwards(
    crm: AmoCRM, known: dict[str, int], sandbox: Sandbox, tmp_path: Path, match: str | None
) -> None:
    text = f"id,name,PHONE,company\n{known['anna']},Анна,+79001234567,Ромашка\n"
    before = len(sandbox.log)
    (outcome,) = bring(crm, tmp_path / "a.csv", text, "contacts", match=match)
    assert outcome["outcome"] == {None: "created", "phone": "unchanged", "id": "updated"}[match]
    assert outcome["links"] == {"companies": [known["daisy"]]}
    assert linked(crm, "contacts", outcome["id"]) == [("companies", known["daisy"])]
    assert writes(sandbox, before)[-1] == "POST /api/v4/contacts/link"
    assert (outcome["id"] == known["anna"]) is (match is not None)


def test_what_is_not_found_is_refused_before_anything_is_sent(
    crm: AmoCRM, known: dict[str, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    crm.contacts.create({"name": "Bob"})
    path = tmp_path / "a.csv"
    rows = ["Bob", "Nobody", "999999", "+79990000000", "x@y.org", "anna@", "Анна"]
    path.write_text("name,contact\n" + "".join(f"L,{one}\n" for one in rows), encoding="utf-8")
    before, outcomes = len(sandbox.log), tmp_path / "outcomes"
    checked = check(prepare(crm, Import("leads", str(path))), str(outcomes))
    assert (checked.rows, checked.refused) == (7, 6)
    assert writes(sandbox, before) == []
    errors = [json.loads(one).get("error") for one in outcomes.read_text("utf-8").splitlines()]
    assert errors[0].startswith("column 'contact': 2 contacts have this name: ")
    assert errors[1:] == [
        "column 'contact': no contact has this name",
        "column 'contact': there is no contact 999999",
        "column 'contact': no contact has this phone",
        "column 'contact': no contact has this e-mail",
        "column 'contact': no contact has this name",
        None,
    ]


def test_each_text_is_searched_once(
    crm: AmoCRM, known: dict[str, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,company\n" + "L,Ромашка\n" * 700, encoding="utf-8")
    plan = prepare(crm, Import("leads", str(path)))
    before = len(sandbox.log)
    assert check(plan).refused == 0
    run(plan)
    searches = [one for one in sandbox.log[before:] if one.path == "/api/v4/companies"]
    assert len(searches) == 1


def test_links_that_are_refused_leave_the_rest_linked_and_are_sent_again(
    crm: AmoCRM, known: dict[str, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    path, journal = tmp_path / "a.csv", str(tmp_path / "journal")
    path.write_text("name,company\nA,Ромашка\nB,ООО «А; Б»\n", encoding="utf-8")
    job = Import("contacts", str(path), journal=journal, outcomes=str(tmp_path / "outcomes"))
    plan = prepare(crm, job)
    check(plan)  # The companies are found, and then one of them is gone for good.
    del sandbox.account(None).entities["companies"][known["firm"]]
    log = run(plan)
    assert dict(log.counts) == {"created": 1, "unlinked": 1}
    lines = [json.loads(one) for one in Path(job.outcomes).read_text("utf-8").splitlines()]
    assert lines[1]["outcome"] == "unlinked"
    assert lines[1]["id"]
    assert lines[1]["fields"][0]["field"].endswith("to_entity_id")
    # The mended row: it is linked, and neither it nor the other one is created again.
    path.write_text("name,company\nA,Ромашка\nB,ромашка\n", encoding="utf-8")
    before = len(sandbox.log)
    assert dict(run(prepare(crm, job)).counts) == {"created": 2}
    assert writes(sandbox, before) == ["POST /api/v4/contacts/link"]
    assert linked(crm, "contacts", lines[1]["id"]) == [("companies", known["daisy"])]
    before = len(sandbox.log)
    run(prepare(crm, job))
    assert writes(sandbox, before) == []


def test_a_lost_response_is_asked_for_again(
    crm: AmoCRM, known: dict[str, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.inject("lost_after", path="/api/v4/contacts/link")
    (outcome,) = bring(crm, tmp_path / "a.csv", "name,company\nA,Ромашка\n", "contacts")
    assert outcome["outcome"] == "created"
    assert linked(crm, "contacts", outcome["id"]) == [("companies", known["daisy"])]


def test_mapping_tells_of_links_and_of_ids_that_are_not_linked(crm: AmoCRM, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,contact,companies,contact_names\nA,,7,x\n", encoding="utf-8")
    shown = [str(one) for one in prepare(crm, Import("leads", str(path))).targets]
    assert shown[1] == "link to contacts, by id, phone, e-mail or name"
    assert shown[2].endswith("another account; if not: --map 'companies=company')")
    assert shown[3] == "- (not linked: ids may be of another account)"
    plan = prepare(crm, Import("leads", str(path), mapping={"companies": "company"}))
    assert check(plan).first is not None


CLEARED = [
    ("id", "id,name,Note,PHONE\n{id},Анна,,\n"),
    ("phone", "PHONE,Note,EMAIL\n+79001234567,,\n"),
]


@pytest.mark.parametrize(("match", "text"), CLEARED)
@pytest.mark.parametrize("empty", ["keep", "clear"])
def test_empty_cells_clear_on_request(
    crm: AmoCRM, known: dict[str, int], tmp_path: Path, match: str, text: str, empty: str
) -> None:
    fields: Any = {"name": "Note", "type": "text"}
    crm.contacts.custom_fields.create(fields)
    with crm.contacts.edit(known["anna"]) as contact:
        crm.contacts.cf(contact)["Note"] = "x"
        crm.contacts.cf(contact)["EMAIL"] = "a@b.org"
    (outcome,) = bring(
        crm, tmp_path / "a.csv", text.format(id=known["anna"]), "contacts", match=match, empty=empty
    )
    assert outcome["id"] == known["anna"]
    found: Any = crm.contacts.cf(crm.contacts.get(known["anna"]))
    assert found.get("Note") == (None if empty == "clear" else "x")
    # What has no column stays, and so does a column that is not empty.
    assert ("EMAIL" in str(found.plain()) or found.get("EMAIL") is not None) is not (
        match == "phone" and empty == "clear"
    )
    assert (found.get("PHONE") is None) is (match == "id" and empty == "clear")


def test_a_member_that_takes_nothing_is_kept_and_the_mapping_tells(
    crm: AmoCRM, known: dict[str, int], tmp_path: Path
) -> None:
    lead: Any = crm.leads.create({"name": "L", "price": 5})
    path = tmp_path / "a.csv"
    path.write_text(f"id,name,price,loss_reason\n{lead['id']},,7,\n", encoding="utf-8")
    plan = prepare(crm, Import("leads", str(path), match="id", empty="clear"))
    assert [str(one) for one in plan.targets] == [
        "id", "name", "price", "loss_reason (by its name), cleared where empty",
    ]  # fmt: skip
    run(plan)
    after: Any = crm.leads.get(lead["id"])
    assert (after["name"], after["price"]) == ("L", 7)


def test_rows_that_match_nobody_are_created_without_empty_fields(
    crm: AmoCRM, tmp_path: Path
) -> None:
    text = "name,PHONE,EMAIL\nNew,+79005550000,\n"
    path = tmp_path / "a.csv"
    (outcome,) = bring(crm, path, text, "contacts", match="phone", empty="clear")
    assert outcome["outcome"] == "created"


def test_a_row_of_jsonl_clears_what_it_has_as_null(
    crm: AmoCRM, known: dict[str, int], tmp_path: Path
) -> None:
    lines = [{"id": known["bob"]}, {"id": known["anna"], "PHONE": None}]
    text = "\n".join(map(json.dumps, lines))
    bring(crm, tmp_path / "a.jsonl", text, "contacts", match="id", empty="clear")
    assert crm.contacts.cf(crm.contacts.get(known["anna"])).get("PHONE") is None
    assert crm.contacts.cf(crm.contacts.get(known["bob"])).get("EMAIL") is not None


def test_clearing_needs_entities_that_are_changed(crm: AmoCRM, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\nA\n")
    with pytest.raises(ConfigurationError, match="without --match all are new"):
        prepare(crm, Import("contacts", str(path), empty="clear"))
