"""Exports of a sandbox: every format, the columns, and the same file after a kill."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.cli.exporting.columns import ExportColumn
from amocrm.cli.exporting.export import Export, Exported, run
from amocrm.cli.exporting.partial_file import open_part
from amocrm.cli.exporting.source import Query
from amocrm.cli.exporting.workbook import write_workbook
from amocrm.progress import Progress
from amocrm.sandbox import Sandbox
from tests.conftest import Make

pytestmark = pytest.mark.usefixtures("gone")


@pytest.fixture
def shop(make: Make, sandbox: Sandbox) -> AmoCRM:
    """A client with three custom fields of leads."""
    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=None)
    fields: list[Any] = [
        {"name": "Region", "type": "select", "enums": [{"value": "north"}, {"value": "south"}]},
        {"name": "Weight", "type": "numeric"},
        {"name": "Delivery", "type": "date"},
        {"name": "name", "type": "text"},
        {"name": "Colors", "type": "multiselect", "enums": [{"value": "red"}, {"value": "blue"}]},
    ]
    for one in crm.leads.custom_fields.create_many(fields):
        one.unwrap()
    return crm


def fill(crm: AmoCRM, *leads: dict[str, Any], **fields: Any) -> None:
    items: list[Any] = [{**one} for one in leads]
    for item in items:
        values = crm.leads.cf(item)
        for name, value in item.pop("cf", {}).items():
            values[name] = value
    for one in crm.leads.create_many(items):
        one.unwrap()


SEA: dict[str, Any] = {
    "name": "=HYPERLINK(\"http://x\")", "price": 1500,
    "cf": {"Region": "north", "Weight": "2.5", "Delivery": "2026-03-01", "name": "inner",
           "Colors": ["red", "blue"]},
    "_embedded": {"tags": [{"name": "site"}, {"name": "a;b"}]},
}  # fmt: skip
FIELDS = ("id", "name", "price", "created_at", "Region", "Weight", "Delivery", "cf.name", "Colors",
          "tags")  # fmt: skip


def export(crm: AmoCRM, path: Path, **more: Any) -> Exported:
    return run(crm, Export("leads", str(path), **more))


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_jsonl_has_every_member_and_field_by_name(shop: AmoCRM, tmp_path: Path) -> None:
    fill(shop, SEA, {"name": "B"})
    assert export(shop, tmp_path / "leads.jsonl") == Exported(2, 0)
    first, second = rows_of(tmp_path / "leads.jsonl")
    assert first | {
        "name": SEA["name"], "price": 1500, "Region": "north", "Weight": 2.5, "cf.name": "inner",
        "Delivery": "2026-03-01", "Colors": ["red", "blue"], "tags": ["site", "a;b"],
    } == first  # fmt: skip
    assert datetime.fromisoformat(first["created_at"]).utcoffset() is not None
    assert second["Region"] is None
    assert "stage" not in first
    assert [one.name for one in tmp_path.iterdir()] == ["leads.jsonl"]


def test_csv_runs_nothing(shop: AmoCRM, tmp_path: Path) -> None:
    fill(shop, SEA, {"name": "x;=1+1"}, {"name": "-5\n@a"})
    export(shop, tmp_path / "leads.csv", fields=("id", "name", "tags", "Colors", "Weight"))
    text = (tmp_path / "leads.csv").read_bytes().decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert head == ["id", "name", "tags", "Colors", "Weight"]
    assert rows[0][1:] == ['\'=HYPERLINK("http://x")', '["site","a;b"]', "red; blue", "2.5"]
    assert [row[1] for row in rows[1:]] == ["x;'=1+1", "'-5\n'@a"]


def test_xlsx_has_numbers_dates_and_no_formulas(shop: AmoCRM, tmp_path: Path) -> None:
    fill(shop, SEA)
    export(shop, tmp_path / "leads.xlsx", fields=FIELDS)
    sheet = openpyxl.load_workbook(tmp_path / "leads.xlsx")["leads"]
    head, row = sheet.iter_rows()
    assert tuple(cell.value for cell in head) == FIELDS
    by_name = dict(zip(FIELDS, row, strict=True))
    assert by_name["name"].value == SEA["name"]
    assert by_name["name"].data_type == "s"
    assert by_name["name"].quotePrefix
    assert by_name["price"].value == 1500
    assert by_name["Weight"].value == 2.5
    assert by_name["Delivery"].value == datetime(2026, 3, 1)
    assert isinstance(by_name["created_at"].value, datetime)


def test_parquet_has_types(shop: AmoCRM, tmp_path: Path) -> None:
    fill(shop, SEA, {"name": "B"})
    export(shop, tmp_path / "leads.parquet", fields=FIELDS)
    table = pyarrow.parquet.read_table(tmp_path / "leads.parquet")
    assert table.column_names == list(FIELDS)
    first, second = table.to_pylist()
    assert first["Delivery"] == date(2026, 3, 1)
    assert first["Colors"] == ["red", "blue"]
    assert first["Weight"] == 2.5
    assert first["created_at"].tzinfo is not None
    assert second["Colors"] is None


def test_names_stand_beside_ids(shop: AmoCRM, tmp_path: Path) -> None:
    made: Any = shop.companies.create({"name": "Sea"})
    fill(shop, {"name": "A", "_embedded": {"companies": [{"id": made["id"]}]}})
    export(shop, tmp_path / "a.jsonl", names=True)
    (row,) = rows_of(tmp_path / "a.jsonl")
    pipeline: Any = next(iter(shop.leads.pipelines.list()))
    assert row["pipeline"] == pipeline["name"]
    assert row["stage"] in [one["name"] for one in pipeline["_embedded"]["statuses"]]
    assert row["company_names"] == ["Sea"]
    assert row["responsible"]
    export(shop, tmp_path / "b.jsonl", fields=("stage", "id"))
    assert list(rows_of(tmp_path / "b.jsonl")[0]) == ["stage", "id"]


def test_filter_and_since(shop: AmoCRM, tmp_path: Path, clock: Any) -> None:
    fill(shop, {"name": "old"})
    clock.sleep(1000)
    fill(shop, {"name": "new"}, {"name": "other"})
    since = int(clock.time()) - 10
    export(shop, tmp_path / "a.jsonl", query=Query(since=since), fields=("name",))
    assert [one["name"] for one in rows_of(tmp_path / "a.jsonl")] == ["new", "other"]
    export(shop, tmp_path / "a.jsonl", query=Query({"name": "new"}, since=since), fields=("name",))
    assert [one["name"] for one in rows_of(tmp_path / "a.jsonl")] == ["new"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"fields": ("id", "Regoin")}, "did you mean 'Region'"),
        ({"query": Query({"nmae": "a"})}, "did you mean 'name'"),
        ({"query": Query(with_=("contact",))}, "did you mean 'contacts'"),
        ({"format": None, "path": "leads.doc"}, "does not tell the format"),
        ({"kind": "leeds"}, "did you mean 'leads'"),
    ],
)
def test_what_is_wrong_is_told(
    shop: AmoCRM, tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    path = str(tmp_path / str(more.pop("path", "a.csv")))
    with pytest.raises(ConfigurationError, match=words):
        run(shop, Export(**{"kind": "leads", "path": path, **more}))


def test_a_full_sheet_is_followed_by_another_one(tmp_path: Path) -> None:
    columns = [ExportColumn("id", "integer", lambda record: record.item["id"])]
    path = tmp_path / "a.xlsx"
    with open(path, "wb") as file:
        write_workbook(
            ([number] for number in range(7)),
            columns,
            "leads",
            file,
            folder=str(tmp_path / "sheets"),
            sheet_rows=4,
        )
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["leads", "leads 2", "leads 3"]
    read = [[row[0] for row in sheet.values] for sheet in book.worksheets]
    assert read == [["id", 0, 1, 2], ["id", 3, 4, 5], ["id", 6]]


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("leads.csv.part.json", "{", "is damaged"),
        ("leads.csv.part.json", '{"length": -1}', "is damaged"),
        ("leads.csv.part.json", None, "belongs to another export"),
    ],
)
def test_a_part_of_something_else_is_not_continued(
    shop: AmoCRM, tmp_path: Path, name: str, said: str | None, words: str
) -> None:
    fill(shop, SEA)
    other = {"task": {}, "length": 0, "rows": 0, "place": {"page": 1, "last_id": 0}}
    (tmp_path / name).write_text(json.dumps(other) if said is None else said)
    (tmp_path / "leads.csv.part").write_text("something")
    with pytest.raises(ConfigurationError, match=words):
        export(shop, tmp_path / "leads.csv")
    assert (tmp_path / "leads.csv.part").read_text() == "something"
    assert export(shop, tmp_path / "leads.csv", restart=True).rows == 1
    assert [one.name for one in tmp_path.iterdir()] == ["leads.csv"]


def test_two_do_not_export_to_one_file(shop: AmoCRM, tmp_path: Path) -> None:
    with (
        open_part(str(tmp_path / "leads.csv"), {}),
        pytest.raises(ConfigurationError, match="another process"),
    ):
        export(shop, tmp_path / "leads.csv")


def test_columns_are_named_by_code_id_and_in_any_case(shop: AmoCRM, tmp_path: Path) -> None:
    shop.contacts.create({"name": "A", "custom_fields_values": [
        {"field_code": "PHONE", "values": [{"value": "+7900"}]}]})  # fmt: skip
    phone = next(one for one in shop.contacts.custom_fields.list() if one["code"] == "PHONE")
    for name in ("PHONE", "phone", "cf.PHONE", f"cf.{phone['id']}", phone["name"].upper()):
        run(shop, Export("contacts", str(tmp_path / "a.jsonl"), fields=("NAME", name)))
        assert rows_of(tmp_path / "a.jsonl") == [{"name": "A", phone["name"]: ["+7900"]}]


def test_other_resources_are_exported(shop: AmoCRM, tmp_path: Path) -> None:
    for kind in ("users", "events", "tasks", "customers", "leads/pipelines"):
        run(shop, Export(kind, str(tmp_path / "a.csv")))
    assert (tmp_path / "a.csv").read_text("utf-8-sig").startswith("id,name,sort,")


def interrupt(progress: Progress) -> None:
    """Press Ctrl-C when the first page has been written, and the second one has come."""
    if progress.done > 250:
        raise KeyboardInterrupt


def test_an_interrupted_export_notes_what_was_written(shop: AmoCRM, tmp_path: Path) -> None:
    fill(shop, *({"name": f"Lead {at}"} for at in range(260)))
    export(shop, tmp_path / "whole.csv")
    path = tmp_path / "leads.csv"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(shop, Export("leads", str(path)), interrupt)
        assert export(shop, path) == Exported(260, 250)
        assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_note_without_its_part_is_not_continued(shop: AmoCRM, tmp_path: Path) -> None:
    """A kill just after the part got its final name leaves the note alone."""
    fill(shop, *({"name": f"Lead {at}"} for at in range(260)))
    export(shop, tmp_path / "whole.csv")
    path = tmp_path / "leads.csv"
    with pytest.raises(KeyboardInterrupt):
        run(shop, Export("leads", str(path)), interrupt)
    Path(f"{path}.part").rename(path)
    assert export(shop, path) == Exported(260, 0)
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["leads.csv", "whole.csv"]
