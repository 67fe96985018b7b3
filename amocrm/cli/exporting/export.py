"""Exports the entities of a kind to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from amocrm.cli.entity_kinds import EntityKind, open_kind
from amocrm.cli.exporting import lines
from amocrm.cli.exporting.columns import (
    ExportColumn,
    ExportedEntity,
    cells,
    choose_columns,
    columns_of,
)
from amocrm.cli.exporting.conversion import Convert, converting
from amocrm.cli.exporting.id_names import IdNames
from amocrm.cli.exporting.partial_file import has_part, open_part
from amocrm.cli.exporting.source import Query, ReadPage, is_resumable, read_pages
from amocrm.cli.resources import find_list
from amocrm.cli.words import output_path
from amocrm.errors import AmoCRMError, ConfigurationError
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
    path = output_path(export.path)
    resource = find_list(crm, export.kind)
    is_fresh = export.restart or not is_resumable(resource) or not has_part(path)
    with ThreadPoolExecutor(2) as pool:
        # The first page is asked for with the definitions; a library is imported meanwhile.
        pages = read_pages(resource, export.query, progress=progress)
        begun = _begun(pages, pool) if is_fresh else None
        library = pool.submit(_load_library, form)
        kind = open_kind(crm, export.kind)
        library.result()
        columns = choose_columns(columns_of(kind, export.query.with_), export.fields, export.names)
        encoding = _encoding(form, columns, export.delimiter)
        with open_part(path, _task(kind, export, form, columns), restart=is_fresh) as file:
            resumed_at = file.note.rows
            if begun is None:
                begun = read_pages(resource, export.query, file.note.place, progress)
            else:
                file.write(encoding.head)
            writer = _Writer(crm, kind, columns, encoding)
            convert = _converter(form, columns, kind.name, path)
            with converting(path, convert, file.written()) as conversion:
                try:
                    for page in begun:
                        added = writer.lines(page.items)
                        file.add(added, len(page.items), page.place)
                        if conversion is not None:
                            conversion.feed(added)
                except (AmoCRMError, KeyboardInterrupt):
                    if file.note.rows:
                        file.save()  # The next run need not read again what was read.
                    raise
                file.finish(conversion)
    return Exported(file.note.rows, resumed_at)


def _begun(pages: Iterator[ReadPage], pool: ThreadPoolExecutor) -> Iterator[ReadPage]:
    """Return pages whose first one is read from now on."""
    first = pool.submit(next, pages, None)

    def rest() -> Iterator[ReadPage]:
        page = first.result()
        if page is not None:
            yield page
            yield from pages

    return rest()


class _Writer:
    """Makes lines of entities."""

    def __init__(
        self, crm: AmoCRM, kind: EntityKind, columns: Sequence[ExportColumn], encoding: lines.Lines
    ) -> None:
        self._kind = kind
        self._columns = columns
        self._encode = encoding.encode
        self._names = IdNames(crm, {one.names for one in columns if one.names is not None})
        self._needs_fields = any(one.field is not None for one in columns)

    def lines(self, items: list[dict[str, Json]]) -> bytes:
        """Return the lines of entities."""
        self._names.prepare(items)
        return self._encode([self._cells(item) for item in items])

    def _cells(self, item: dict[str, Json]) -> list[Json]:
        fields = self._kind.fields(item).plain() if self._needs_fields else {}
        return cells(self._columns, ExportedEntity(item, fields, self._names.name_of))


def _load_library(form: Format) -> None:
    """Import what writes a format: that it is missing is told before everything has been read."""
    if form == "xlsx":
        from amocrm.cli.exporting.workbook import load_xlsxwriter

        load_xlsxwriter()
    elif form == "parquet":
        from amocrm.cli.exporting.parquet import load_pyarrow

        load_pyarrow()


def _encoding(form: Format, columns: Sequence[ExportColumn], delimiter: str) -> lines.Lines:
    if form == "jsonl":
        return lines.json_objects(columns)
    return lines.csv_lines(columns, delimiter) if form == "csv" else lines.json_lists(columns)


def _converter(
    form: Format, columns: Sequence[ExportColumn], title: str, path: str
) -> Convert | None:
    """Return what writes the final file from the part; None where the part is the file."""
    if form == "xlsx":
        from amocrm.cli.exporting.workbook import write_workbook

        return lambda part, target: write_workbook(
            map(lines.read_list, part), columns, title, target, folder=f"{path}.part.sheets"
        )
    if form == "parquet":
        from amocrm.cli.exporting.parquet import write_parquet

        return lambda part, target: write_parquet(map(lines.read_list, part), columns, target)
    return None


def _task(kind: EntityKind, export: Export, form: Format, columns: Sequence[ExportColumn]) -> Json:
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
