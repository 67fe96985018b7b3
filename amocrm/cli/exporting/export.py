"""Exports the entities of a kind to a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, NamedTuple, TypeAlias

from amocrm.cli.entity_kinds import EntityKind, open_kind
from amocrm.cli.exporting import lines
from amocrm.cli.exporting.columns import Column, Record, cells, choose_columns, columns_of
from amocrm.cli.exporting.id_names import IdNames
from amocrm.cli.exporting.partial_file import PartialFile, open_part
from amocrm.cli.exporting.source import BEGINNING, Query, is_resumable, read_pages
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.progress import Report

if TYPE_CHECKING:
    from amocrm.client import AmoCRM

Format: TypeAlias = Literal["jsonl", "csv", "xlsx", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("jsonl", "csv", "xlsx", "parquet")


class Export(NamedTuple):
    """What is exported, and where to.

    Attributes:
        kind: such as `leads`.
        path: of the file.
        format: of the file; None: what its name ends with.
        query: what is exported.
        fields: names of the columns; None: all.
        names: write names beside ids.
        delimiter: of a CSV.
        restart: begin anew, whatever a killed run has left.
    """

    kind: str
    path: str
    format: Format | None = None
    query: Query = Query()
    fields: tuple[str, ...] | None = None
    names: bool = False
    delimiter: str = ","
    restart: bool = False


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        rows: in the file.
        resumed_at: rows that an earlier run had written; 0 if there was none.
    """

    rows: int
    resumed_at: int


def format_of(path: str) -> Format:
    """Return the format that a file's name ends with.

    Raises:
        ConfigurationError: it is none of the formats.
    """
    end = os.path.splitext(path)[1].removeprefix(".").lower()
    if end not in FORMATS:
        raise ConfigurationError(
            f"{path!r} does not tell the format",
            hint=f"its name may end with .{', .'.join(FORMATS)}",
        )
    return end


def run(crm: AmoCRM, export: Export, progress: Report | None = None) -> Exported:
    """Write the file, or go on with it after a kill.

    Raises:
        ConfigurationError: the export is wrong; nothing was written.
    """
    form = export.format or format_of(export.path)
    _check_library(form)
    kind = open_kind(crm, export.kind)
    columns = choose_columns(columns_of(kind, export.query.with_), export.fields, export.names)
    encoding = _encoding(form, columns, export.delimiter)
    path = os.path.abspath(export.path)
    task = _task(kind, export, form, columns)
    restart = export.restart or not is_resumable(kind)
    with open_part(path, task, restart=restart) as file:
        resumed_at = file.note.rows
        if not file.is_resumed:
            file.write(encoding.head)
        _copy(crm, kind, export.query, columns, encoding, file, progress)
        file.finish(_converter(form, columns, kind.name))
    return Exported(file.note.rows, resumed_at)


def _copy(
    crm: AmoCRM,
    kind: EntityKind,
    query: Query,
    columns: Sequence[Column],
    encoding: lines.Lines,
    file: PartialFile,
    progress: Report | None,
) -> None:
    names = IdNames(crm, {one.names for one in columns if one.names is not None})
    needs_fields = any(one.field is not None for one in columns)
    place = file.note.place if file.is_resumed else BEGINNING
    for page in read_pages(kind, query, place, progress):
        names.prepare(page.items)
        rows = [
            cells(
                columns,
                Record(item, kind.fields(item).plain() if needs_fields else {}, names.name_of),
            )
            for item in page.items
        ]
        file.add(encoding.encode(rows), len(rows), page.place)


def _check_library(form: Format) -> None:
    """Tell at once that a library is missing, not when everything has been read."""
    if form == "xlsx":
        from amocrm.cli.exporting.workbook import load_xlsxwriter

        load_xlsxwriter()
    elif form == "parquet":
        from amocrm.cli.exporting.parquet import load_pyarrow

        load_pyarrow()


def _encoding(form: Format, columns: Sequence[Column], delimiter: str) -> lines.Lines:
    if form == "jsonl":
        return lines.json_objects(columns)
    return lines.csv_lines(columns, delimiter) if form == "csv" else lines.json_lists(columns)


def _converter(
    form: Format, columns: Sequence[Column], title: str
) -> Callable[[Iterator[bytes], BinaryIO], None] | None:
    """Return what writes the final file from the part; None where the part is the file."""
    if form == "xlsx":
        from amocrm.cli.exporting.workbook import write_workbook

        return lambda part, target: write_workbook(
            map(lines.read_list, part), columns, title, target
        )
    if form == "parquet":
        from amocrm.cli.exporting.parquet import write_parquet

        return lambda part, target: write_parquet(map(lines.read_list, part), columns, target)
    return None


def _task(kind: EntityKind, export: Export, form: Format, columns: Sequence[Column]) -> Json:
    """Describe an export, so that it is not continued by another one."""
    query = export.query
    return {
        "account": kind.account,
        "kind": export.kind,
        "format": form,
        "delimiter": export.delimiter,
        "filter": repr(query.filter),
        "with": list(query.with_),
        "since": str(query.since),
        "columns": [[one.name, one.type] for one in columns],
    }
