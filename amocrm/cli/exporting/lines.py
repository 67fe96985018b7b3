"""Rows as lines of a file: JSON objects, CSV, or JSON lists that become a workbook later."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from amocrm.cli.exporting.columns import ExportColumn
from amocrm.cli.spreadsheet import harmless
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

SEPARATOR: Final = "; "
"""Between several values in one cell."""

_BOM: Final = "\ufeff"
"""Tells a spreadsheet that a CSV is UTF-8."""


class Lines(NamedTuple):
    """How rows are written.

    Attributes:
        head: what the file begins with.
        encode: the cells of rows → their lines.
    """

    head: bytes
    encode: Callable[[Iterable[Sequence[Json]]], bytes]


def json_objects(columns: Sequence[ExportColumn]) -> Lines:
    """Write a JSON object for each row: JSONL."""
    names = [column.name for column in columns]

    def encode(rows: Iterable[Sequence[Json]]) -> bytes:
        return b"".join(_line(dict(zip(names, row, strict=True))) for row in rows)

    return Lines(b"", encode)


def json_lists(columns: Sequence[ExportColumn]) -> Lines:
    """Write a JSON list for each row, to be read again; see `read_list`."""

    def encode(rows: Iterable[Sequence[Json]]) -> bytes:
        return b"".join(map(_line, rows))

    return Lines(b"", encode)


def read_list(line: bytes) -> list[Json]:
    """Return the cells of a line of `json_lists`."""
    return list(json.loads(line))


def csv_lines(columns: Sequence[ExportColumn], delimiter: str = ",") -> Lines:
    """Write CSV in UTF-8 whose texts no spreadsheet runs; see `amocrm.cli.spreadsheet`."""
    check_delimiter(delimiter)

    def encode(rows: Iterable[Sequence[Json]]) -> bytes:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=delimiter)
        writer.writerows([csv_cell(cell) for cell in row] for row in rows)
        return buffer.getvalue().encode("utf-8", "replace")

    head = encode([[column.name for column in columns]])
    return Lines(_BOM.encode() + head, encode)


def check_delimiter(delimiter: str) -> None:
    """Check a delimiter of CSV.

    Raises:
        ConfigurationError: it is none.
    """
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in "\"'\r\n\0 .=+-@":
        raise ConfigurationError("a delimiter is one character", hint="such as --delimiter ';'")


def csv_cell(cell: Json) -> str | int | float:
    """Return a cell as CSV has it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        return cell
    return harmless(shown_text(cell))


def shown_text(cell: Json) -> str:
    """Return a cell as one text: several texts with `; ` between them, unless one has a `;`."""
    if isinstance(cell, list) and all(isinstance(one, str) for one in cell):
        if not any(";" in one or one != one.strip() or not one for one in cell):
            joined = SEPARATOR.join(cell)
            return joined if not joined.startswith("[") else _dump(cell)
        return _dump(cell)
    return cell if isinstance(cell, str) else _dump(cell)


def _line(value: Json) -> bytes:
    return f"{_dump(value)}\n".encode("utf-8", "replace")


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
