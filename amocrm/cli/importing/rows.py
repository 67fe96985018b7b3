"""Files of rows: JSONL, CSV and xlsx → rows of cells by the names of their columns.

A row is read when it is asked for, and none is larger than a few megabytes.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from amocrm.cli.exporting.lines import check_delimiter
from amocrm.cli.importing.text_file import (
    LARGEST_ROW,
    TextFile,
    check_is_file,
    look_through,
    read_lines,
)
from amocrm.cli.spreadsheet import original
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

_DELIMITERS: Final = (",", ";", "\t", "|")
_MANY: Final = 2_000
"""Columns of a file at most."""


class Row(NamedTuple):
    """A row of a file.

    Attributes:
        number: as a person finds it: of its first line, or of the sheet's row.
        cells: by the names of their columns; empty ones are None.
    """

    number: int
    cells: dict[str, Json]


class RowFile(NamedTuple):
    """A file whose columns are known.

    Attributes:
        columns: names in their order; those without a name are left out.
        rows: yields the rows, each time from the beginning.
        about: encoding and delimiter, for a person.
    """

    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    about: str


def open_rows(path: str, encoding: str | None = None, delimiter: str | None = None) -> RowFile:
    """Open a file by what its name ends with; its head is read.

    Raises:
        ConfigurationError: it cannot be read, or its columns cannot be told apart.
    """
    check_is_file(path)
    end = os.path.splitext(path)[1].lower()
    try:
        if end == ".xlsx":
            from amocrm.cli.importing.workbook import open_workbook

            return open_workbook(path)
        if end in (".csv", ".tsv", ".txt"):
            return _open_csv(look_through(path, encoding), delimiter)
        if end in (".jsonl", ".ndjson"):
            return _open_jsonl(look_through(path, encoding))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    raise ConfigurationError(
        f"{path!r} does not tell the format", hint="its name may end with .jsonl, .csv, .xlsx"
    )


def check_columns(path: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns.

    Raises:
        ConfigurationError: there is none, there are too many, or two are equal.
    """
    named = [name for name in names if name]
    if not named:
        raise ConfigurationError(f"{path} has no columns", hint="the first row names them")
    if len(named) > _MANY:
        raise ConfigurationError(f"{path} has more than {_MANY} columns")
    seen: dict[str, str] = {}
    for name in named:
        if name.casefold() in seen:
            raise ConfigurationError(f"{path} has two columns {name[:60]!r}", hint="rename one")
        seen[name.casefold()] = name
    return tuple(named)


def _open_csv(file: TextFile, delimiter: str | None) -> RowFile:
    if delimiter is not None:
        check_delimiter(delimiter)
    used = delimiter or _sniff(file)
    first = next(_records(file, used), None)
    names = [] if first is None else [original(one).strip() for one in first[1]]
    columns = check_columns(file.path, names)
    about = f"{file.encoding}, {tr('delimiter', 'разделитель')} {used!r}"
    return RowFile(columns, lambda: _csv_rows(file, used, names), about)


def _csv_rows(file: TextFile, delimiter: str, names: Sequence[str]) -> Iterator[Row]:
    records = _records(file, delimiter)
    next(records, None)
    for number, cells in records:
        if not any(cells):
            continue  # Spreadsheets save empty rows, too.
        if any(cells[len(names) :]):
            raise ConfigurationError(
                f"{file.path}: line {number} has {len(cells)} cells, and the head has {len(names)}",
                hint="is a quote missing, or is it another delimiter?",
            )
        yield Row(
            number,
            {
                name: _csv_text(file, number, name, cell) if cell else None
                for name, cell in zip(names, cells, strict=False)
                if name
            },
        )


def _csv_text(file: TextFile, number: int, name: str, cell: str) -> str:
    if cell.startswith("="):
        raise ConfigurationError(
            f"{file.path}: line {number}, column {name[:60]!r} is a formula, not its value",
            hint="save the values; a text that begins with = is written with an apostrophe: '=",
        )
    return original(cell)


def _records(file: TextFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a CSV, each with the number of its first line."""
    lines = _BoundedLines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 1
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ConfigurationError(
                f"{file.path}: line {number} is not CSV: {error}", hint="is a quote not closed?"
            ) from None
        if record is None:
            return
        yield number, record
        number = reader.line_num + 1
        lines.begin_row(number)


class _BoundedLines(Iterator[str]):
    """Lines of a file, of which no row takes too many."""

    def __init__(self, file: TextFile) -> None:
        self._path = file.path
        self._lines = read_lines(file)
        self._number = 1
        self._size = 0

    def begin_row(self, number: int) -> None:
        """Count the lines of a new row."""
        self._number, self._size = number, 0

    def __next__(self) -> str:
        line = next(self._lines)
        self._size += len(line)
        if self._size > LARGEST_ROW:
            raise ConfigurationError(
                f"{self._path}: the row of line {self._number} is too large",
                hint="is a quote not closed?",
            )
        return line


def _sniff(file: TextFile) -> str:
    """Return the delimiter that divides the head into most cells."""
    best, most = _DELIMITERS[0], 1
    for delimiter in _DELIMITERS:
        try:
            _, cells = next(_records(file, delimiter), (1, []))
        except ConfigurationError:
            continue
        if len(cells) > most:
            best, most = delimiter, len(cells)
    return best


def _open_jsonl(file: TextFile) -> RowFile:
    """Open JSONL; its columns are the members of all its objects."""
    names: dict[str, None] = {}
    for row in _jsonl_rows(file):
        names.update(dict.fromkeys(row.cells))
        if len(names) > _MANY:
            break  # Too many, which `check_columns` tells.
    return RowFile(check_columns(file.path, list(names)), lambda: _jsonl_rows(file), file.encoding)


def _jsonl_rows(file: TextFile) -> Iterator[Row]:
    for number, line in enumerate(read_lines(file), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise ConfigurationError(f"{file.path}: line {number} is not JSON") from None
        if not isinstance(item, dict):
            raise ConfigurationError(
                f"{file.path}: line {number} is not an object", hint='such as {"name": "Anna"}'
            )
        yield Row(number, {name: None if cell == "" else cell for name, cell in item.items()})


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")
