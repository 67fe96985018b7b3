"""Imports into a sandbox: what columns become, what rows become, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import openpyxl
import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.cli.exporting.export import Export
from amocrm.cli.exporting.export import run as export
from amocrm.cli.importing.import_file import Import, check, prepare, run
from amocrm.cli.importing.items import Item
from amocrm.cli.importing.mapping import Match
from amocrm.cli.importing.matching import Matching
from amocrm.cli.importing.rows import open_rows
from amocrm.sandbox import Sandbox
from tests.conftest import Make

pytestmark = pytest.mark.usefixtures("gone")


@pytest.fixture
def crm(make: Make, sandbox: Sandbox) -> AmoCRM:
    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=None)
    fields: list[Any] = [
        {"name": "Region", "type": "select", "enums": [{"value": "north"}, {"value": "south"}]},
        {"name": "Weight", "type": "numeric"},
        {"name": "Born", "type": "date"},
        {"name": "VIP", "type": "checkbox"},
    ]
    for one in crm.contacts.custom_fields.create_many(fields):
        one.unwrap()
    return crm


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def bring(crm: AmoCRM, path: Path, kind: str = "contacts", **more: Any) -> list[dict[str, Any]]:
    """Import a file and return the outcomes."""
    outcomes = path.with_suffix(".outcomes")
    run(prepare(crm, Import(kind, str(path), outcomes=str(outcomes), **more)))
    return [json.loads(line) for line in outcomes.read_text(encoding="utf-8").splitlines()]


def people(crm: AmoCRM) -> dict[str, dict[Any, Any]]:
    return {
        str(one["name"]): {**crm.contacts.cf(one).plain(), "id": one["id"]}
        for one in crm.contacts.list()
    }


RUSSIAN = (
    "name;PHONE;EMAIL;Region;Weight;Born;VIP;tags\r\n"
    "Анна;+7 900 123-45-67; +79001234568;north;1 500,5;31.01.1990;да;сайт\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16"])
def test_csv_as_excel_saves_it(crm: AmoCRM, tmp_path: Path, encoding: str) -> None:
    text = RUSSIAN.replace("; +79001234568", "; anna@example.org")
    (outcome,) = bring(crm, write(tmp_path / "a.csv", text, encoding))
    assert outcome["outcome"] == "created"
    assert outcome["row"] == 2
    found = people(crm)["Анна"]
    assert found["id"] == outcome["id"]
    assert found["Region"] == "north"
    assert found["Weight"] == 1500.5
    assert found["Born"] == "1990-01-31"
    assert found["VIP"] is True
    one: Any = next(iter(crm.contacts.list()))
    assert [tag["name"] for tag in one["_embedded"]["tags"]] == ["сайт"]


def test_workbook_and_jsonl(crm: AmoCRM, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["name", "PHONE", "Weight", None])
    sheet.append(["Anna", 79001234567.0, 2.5, "no column"])
    sheet.append([None, None, None, None])
    sheet.append(["Bob", None, None])
    book.save(tmp_path / "a.xlsx")
    assert [one["row"] for one in bring(crm, tmp_path / "a.xlsx")] == [2, 4]
    lines = [{"name": "Cid", "PHONE": ["+79001112233", "+79001112244"], "VIP": True, "Born": None}]
    bring(crm, write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))))
    found = people(crm)
    phone = next(key for key in found["Anna"] if key not in ("Weight", "id"))
    assert found["Anna"][phone] == ["79001234567"]
    assert found["Anna"]["Weight"] == 2.5
    assert found["Cid"][phone] == ["+79001112233", "+79001112244"]


def test_bad_rows_are_refused_and_good_ones_are_written(
    crm: AmoCRM, tmp_path: Path, sandbox: Sandbox
) -> None:
    text = "name,Region,Weight\nA,north,1\nB,nort,2\nC,south,heavy\nD,south,3\n"
    path = write(tmp_path / "a.csv", text)
    plan = prepare(crm, Import("contacts", str(path)))
    before = len(sandbox.log)
    checked = check(plan)
    assert (checked.rows, checked.refused) == (4, 2)
    assert checked.first is not None
    assert "did you mean" in str(checked.first.error) or "is it 'north'" in str(checked.first.error)
    assert [one for one in sandbox.log[before:] if one.method != "GET"] == []
    journal = str(tmp_path / "journal")
    outcomes = bring(crm, path, journal=journal)
    assert [one["outcome"] for one in outcomes] == ["created", "refused", "refused", "created"]
    assert "column 'Weight': it takes a number" in outcomes[2]["error"]
    # The mended file, with the same journal: only what was refused is sent.
    write(path, text.replace("nort,", "north,").replace("heavy", "4"))
    again = bring(crm, path, journal=journal)
    assert [one["outcome"] for one in again] == ["created"] * 4
    assert [again[at]["id"] for at in (0, 3)] == [outcomes[at]["id"] for at in (0, 3)]
    assert sorted(people(crm)) == ["A", "B", "C", "D"]


def test_what_the_server_refuses_is_told(crm: AmoCRM, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "name,responsible_user_id\nA,1\nB,\n")
    outcomes = bring(crm, path)
    assert [one["outcome"] for one in outcomes] == ["refused", "created"]
    assert outcomes[0]["fields"][0]["field"].endswith("responsible_user_id")


@pytest.mark.parametrize("journal", [None, "journal"])
def test_match_by_phone_adds_and_changes(
    crm: AmoCRM, tmp_path: Path, sandbox: Sandbox, journal: str | None
) -> None:
    bring(crm, write(tmp_path / "a.csv", "name,PHONE,Region\nAnna,+7 900 123-45-67,north\n"))
    text = (
        "name,PHONE,EMAIL,Region\n"
        "Anna,89001234567; 89005556677,a@b.org,south\n"
        "New,89009998877,,\n"
        "New again,+7 900 999-88-77,n@b.org,\n"
        "Nobody,,,\n"
        "Bad,abc,,\n"
    )
    path = write(tmp_path / "b.csv", text)
    place = journal and str(tmp_path / journal)
    outcomes = bring(crm, path, match="phone", journal=place)
    assert [one["outcome"] for one in outcomes] == [
        "updated", "created", "updated", "refused", "refused",
    ]  # fmt: skip
    assert outcomes[1]["id"] == outcomes[2]["id"]
    found = people(crm)
    assert sorted(found) == ["Anna", "New again"]
    assert found["Anna"]["Region"] == "south"
    phones = next(value for key, value in found["Anna"].items() if "89005556677" in str(value))
    assert phones == ["+7 900 123-45-67", "89005556677"]
    writes = sum(one.method != "GET" for one in sandbox.log)
    again = bring(crm, path, match="phone", journal=place)
    kept = "created" if journal else "updated"
    assert again[1]["outcome"] in (kept, "updated", "unchanged")
    if journal:
        assert again == outcomes
        assert sum(one.method != "GET" for one in sandbox.log) == writes


@pytest.mark.parametrize("match", ["phone", "email"])
def test_rows_of_one_person_are_written_in_their_order(
    crm: AmoCRM, tmp_path: Path, match: str
) -> None:
    """A row is begun when the rows before it that share a phone or e-mail with it are written."""
    keys = {"phone": ["+79000000001", "+79000000002"], "email": ["a@b.org", "c@d.org"]}[match]
    people_of_rows = [keys[0], "; ".join(keys), keys[1]]
    other = {"phone": "+79000000003", "email": "e@f.org"}[match]
    text = f"name,{match.upper()}\n" + "".join(
        f"{name},{cell}\n"
        for name, cell in zip(("First", "Second", "Third", "Other"), (*people_of_rows, other),
                              strict=True)
    )  # fmt: skip
    path = write(tmp_path / "a.csv", text)
    plan = prepare(crm, Import("contacts", str(path), match=cast("Match", match)))
    order: list[tuple[str, int]] = []

    def items() -> Iterator[Item]:
        for item in plan.items():
            order.append(("read", item.row))
            yield item

    for outcome in Matching(plan.kind, None).run(items()):
        assert outcome.error is None
        order.append((outcome.what, outcome.row))
    assert order == [
        ("read", 2), ("read", 3), ("created", 2), ("read", 4), ("updated", 3), ("read", 5),
        ("updated", 4), ("created", 5),
    ]  # fmt: skip
    assert sorted(people(crm)) == ["Other", "Third"]


def test_match_by_id_updates(crm: AmoCRM, tmp_path: Path) -> None:
    (made,) = bring(crm, write(tmp_path / "a.csv", "name,Region\nAnna,north\n"))
    path = write(tmp_path / "b.csv", f"id,Region,name\n{made['id']},south,\nx,south,\n,north,\n")
    outcomes = bring(crm, path, match="id")
    assert [one["outcome"] for one in outcomes] == ["updated", "refused", "refused"]
    assert people(crm)["Anna"]["Region"] == "south"


def test_stages_and_users_by_name(crm: AmoCRM, tmp_path: Path) -> None:
    pipeline: Any = next(iter(crm.leads.pipelines.list()))
    stage = pipeline["_embedded"]["statuses"][2]
    user: Any = next(iter(crm.users.list()))
    text = (
        "name,stage,pipeline,responsible\n"
        f"A,{stage['name']},{pipeline['name']},{user['name']}\n"
        "B,nowhere,,\n"
    )
    outcomes = bring(crm, write(tmp_path / "a.csv", text), "leads")
    assert [one["outcome"] for one in outcomes] == ["created", "refused"]
    lead: Any = crm.leads.get(outcomes[0]["id"])
    assert (lead["status_id"], lead["pipeline_id"]) == (stage["id"], pipeline["id"])
    assert lead["responsible_user_id"] == user["id"]


@pytest.mark.parametrize("end", ["csv", "xlsx", "jsonl"])
def test_an_export_is_imported_as_it_was(crm: AmoCRM, tmp_path: Path, end: str) -> None:
    texts = ["=1+1", "+79001234567", "-5", "@user", "'=x", "''", "a;=1\n-b", "x, -y", "[1]", "1;2"]
    items = [{"name": text, "VIP": True, "PHONE": ["+7900", "=1"], "tags": ["a;b", "c"]}
             for text in texts]  # fmt: skip
    bring(crm, write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, items))))
    before = list(crm.contacts.list())
    export(crm, Export("contacts", str(tmp_path / f"b.{end}")))
    outcomes = bring(crm, tmp_path / f"b.{end}")
    assert {one["outcome"] for one in outcomes} == {"created"}
    every = list(crm.contacts.list(order={"id": "asc"}))
    after = every[len(before) :]
    assert [one["name"] for one in after] == texts

    def told(one: Any) -> Any:
        values = {it["field_id"]: it["values"] for it in one["custom_fields_values"]}
        return values, [tag["name"] for tag in one["_embedded"]["tags"]]

    assert [told(one) for one in after] == [told(one) for one in every[: len(before)]]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "formula": (b"name\n=cmd|' /C calc'!A0\n", "line 2, column 'name' is a formula"),
    "long line": (b"name\n" + b"a" * (3 << 20), "line 2 has more than"),
    "nul": (b"name\nA\nB\0C\n", "line 3 has a NUL"),
    "duplicate": (b"name,Name\nA,B\n", "two columns 'Name'"),
    "nothing": (b"", "has no columns"),
    "neither encoding": (b"name\nA\n\x98\xff\n", "line 3 cannot be read"),
    "utf-32": ("name\nA\n".encode("utf-32"), "UTF-32"),
    "half of utf-16": ("name\nA".encode("utf-16") + b"\0", "cannot be read"),
    "open quote": (b'name,PHONE\n"A,1\n' + b"B,2\n" * 100_000, "line 2 is not CSV"),
    "huge row": (b'name,PHONE\n"A\n' + b'","\n' * 1_100_000, "too large"),
    "cells without a column": (b"name\nA,B\n", "line 2 has 2 cells"),
    "unknown column": (b"nmae\nA\n", "is it 'name'"),
    "many columns": (b",".join(b"c%d" % at for at in range(5000)), "more than 2000 columns"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_csv(crm: AmoCRM, tmp_path: Path, sandbox: Sandbox, case: str) -> None:
    content, words = HOSTILE[case]
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        check(prepare(crm, Import("contacts", str(path))))
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"PK\x03\x04 no archive", "is not a workbook"),
        ("a.xlsx", b"", "is not a workbook"),
        ("a.jsonl", b"[1]\n", "line 1 is not an object"),
        ("a.jsonl", b'{"name": "A"}\n{"name"', "line 2 is not JSON"),
        ("a.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("a.jsonl", b'{"id": 1, "custom_fields_values": []}', "as the API has them"),
        ("a.doc", b"", "does not tell the format"),
    ],
)
def test_other_hostile_files(
    crm: AmoCRM, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        check(prepare(crm, Import("contacts", str(tmp_path / name))))


def test_columns_are_named_by_hand(crm: AmoCRM, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Имя,Тел,Лишнее\nАнна,+79001234567,x\n")
    with pytest.raises(ConfigurationError, match="--map"):
        prepare(crm, Import("contacts", str(path)))
    mapping = {"Имя": "name", "Тел": "PHONE", "Лишнее": ""}
    plan = prepare(crm, Import("contacts", str(path), mapping=mapping))
    assert str(plan.targets[0]) == "name"
    assert "PHONE" in str(plan.targets[1])
    assert str(plan.targets[2]) == "- (not wanted)"
    assert bring(crm, path, mapping=mapping)[0]["outcome"] == "created"


def reshaped(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes in the sheets of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            is_sheet = name.startswith("xl/worksheets/")
            assert not is_sheet or old in content
            archive.writestr(name, content.replace(old, new) if is_sheet else content)
    return path


def workbook(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        cast("Any", book.active).append(row)
    book.save(path)
    return path


def test_a_formula_without_its_value_is_not_an_empty_cell(crm: AmoCRM, tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ["name", "PHONE"], ['="A"&"B"', "+79001234567"])
    with pytest.raises(ConfigurationError, match="cell A2 is a formula without a value"):
        prepare(crm, Import("contacts", str(path)))
    empty = b'<c r="A2" t="str"><f>IF(1,"")</f><v></v></c>'  # As Excel writes an empty text.
    reshaped(path, b'<c r="A2"><f>"A"&amp;"B"</f><v /></c>', empty)
    assert [one.cells for one in open_rows(str(path)).rows()] == [
        {"name": None, "PHONE": "+79001234567"}
    ]


def test_a_workbook_is_read_whole_whatever_size_it_tells(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ["name", "PHONE"], ["A", "+79001234567"], ["B"])
    file = open_rows(str(reshaped(path, b'ref="A1:B3"', b'ref="A1"')))
    assert file.columns == ("name", "PHONE")
    assert [one.cells for one in file.rows()] == [
        {"name": "A", "PHONE": "+79001234567"},
        {"name": "B", "PHONE": None},
    ]


def test_a_hidden_sheet_is_not_imported(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name, state in (("Lists", "hidden"), ("People", "visible"), ("More", "visible")):
        sheet = book.create_sheet(name)
        sheet.append(["name"])
        sheet.append([name])
        sheet.sheet_state = state
    book.remove(cast("Any", book.active))
    book.active = 1
    book.save(tmp_path / "a.xlsx")
    file = open_rows(str(tmp_path / "a.xlsx"))
    assert [one.cells["name"] for one in file.rows()] == ["People"]
    assert file.about == "xlsx, of 3 sheets only 'People'"


def test_line_ends_of_a_workbook_are_imported_as_they_were(crm: AmoCRM, tmp_path: Path) -> None:
    texts = ["a\r\nb", "_x0041_", "\x07"]
    bring(crm, write(tmp_path / "a.jsonl", "\n".join(json.dumps({"name": one}) for one in texts)))
    export(crm, Export("contacts", str(tmp_path / "b.xlsx")))
    rows = open_rows(str(tmp_path / "b.xlsx")).rows()
    assert [one.cells["name"] for one in rows] == texts


@pytest.mark.parametrize("text", ["7,99912E+10", "7.99912E+10", "#N/A", "#Н/Д", "#REF!"])
def test_what_a_spreadsheet_shows_instead_of_a_value_is_refused(
    crm: AmoCRM, tmp_path: Path, text: str
) -> None:
    path = write(tmp_path / "a.csv", f'name,PHONE\nA,"{text}"\n"{text}",+79001234567\n')
    outcomes = bring(crm, path)
    assert [one["outcome"] for one in outcomes] == ["refused", "refused"]
    assert "column 'PHONE'" in outcomes[0]["error"]
    assert people(crm) == {}


def test_times_of_spreadsheets(crm: AmoCRM, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "name,created_at\nA,31.01.2026 9:05:07\n")
    assert [one["outcome"] for one in bring(crm, path)] == ["created"]
    found = [one["created_at"] for one in crm.contacts.list()]
    assert found == [1769839507]
    # A day without the format of a date is the number of days since 1900, not seconds since 1970.
    path = workbook(tmp_path / "b.xlsx", ["name", "created_at"], ["B", 46053], ["C", 46053.5])
    assert [one["outcome"] for one in bring(crm, path)] == ["refused", "refused"]


def test_jsonl_that_is_no_json(crm: AmoCRM, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"name": "A"}\n{"name": NaN}\n')
    with pytest.raises(ConfigurationError, match="line 2 is not JSON"):
        check(prepare(crm, Import("contacts", str(path))))


def test_damaged_utf_8_is_not_taken_for_windows_1251(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("name,PHONE\nАнна,1\nПётр".encode() + b"\xff,2\n")
    with pytest.raises(ConfigurationError, match="is UTF-8, but its line 3 cannot be read"):
        open_rows(str(path))
    write(path, "name\nГОСТ «Крым» №1 — Ёлка\n", "windows-1251")
    assert open_rows(str(path)).about.startswith("windows-1251")


def test_fields_that_are_called_like_links_are_exported_and_imported(
    crm: AmoCRM, tmp_path: Path
) -> None:
    names = ["Company", "contact", "contacts", "Stage", "segments", " Spaced ", "2024", "=x"]
    fields = [
        cast("Any", one.unwrap())
        for one in crm.contacts.custom_fields.create_many(
            [{"name": name, "type": "text"} for name in names]
        )
    ]
    values: Any = [{"field_id": one, "values": [{"value": f"v{one}"}]} for one in fields]
    contact = crm.contacts.create({"name": "A", "custom_fields_values": values})["id"]
    before = crm.contacts.get(contact)
    for end in ("csv", "xlsx", "jsonl"):
        path = tmp_path / f"a.{end}"
        export(crm, Export("contacts", str(path)))
        plan = prepare(crm, Import("contacts", str(path), match="id"))
        assert {one.field.id for one in plan.targets if one.field} >= {*fields}
        crm.contacts.update(contact, {"custom_fields_values": [
            {"field_id": one, "values": [{"value": "x"}]} for one in fields
        ]})  # fmt: skip
        bring(crm, path, match="id")
        assert crm.contacts.get(contact)["custom_fields_values"] == before["custom_fields_values"]
