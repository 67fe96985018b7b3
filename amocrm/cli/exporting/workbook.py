"""Rows → an Excel workbook, with as many sheets as they need; memory does not grow with them.

Needs the extra `xlsx`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

from amocrm.cli.exporting.columns import ExportColumn
from amocrm.cli.exporting.lines import shown_text
from amocrm.cli.spreadsheet import is_formula
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

SHEET_ROWS: Final = 1_048_576
"""Rows of a sheet at most, its header included."""
CELL_CHARACTERS: Final = 32_767
"""Characters of a cell at most."""
SAFE_INTEGER: Final = 10**15
"""A spreadsheet keeps fifteen digits of a number; what is longer is a text."""

_MADE: Final = datetime(1980, 1, 1)
"""Equal rows give equal files, so a workbook does not tell when it was made."""

_DATE: Final = "yyyy-mm-dd"
_TIME: Final = "yyyy-mm-dd hh:mm:ss"
_FIRST_DAY: Final = date(1900, 3, 1)
"""Excel believes in the 29th of February 1900; what is before is a text."""


def load_xlsxwriter() -> Json:
    """Return the library that writes workbooks.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise ConfigurationError(
            "xlsx needs xlsxwriter, which is not installed",
            hint="pip install 'amocrm-python[xlsx]'",
        ) from None
    return xlsxwriter


def write_workbook(
    rows: Iterable[Sequence[Json]],
    columns: Sequence[ExportColumn],
    title: str,
    target: BinaryIO,
    *,
    folder: str,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """Write rows as a workbook.

    Args:
        rows: cells in the order of the columns.
        columns: what the cells are.
        title: of the first sheet; the others are numbered.
        target: of the file.
        folder: has the sheets until all of them are there, and is removed; one that a killed run
            has left is emptied.
        sheet_rows: rows of a sheet at most, its header included.
    """
    with _emptied(folder):
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "tmpdir": folder,
        }  # fmt: skip
        book = load_xlsxwriter().Workbook(target, options)
        book.set_properties({"created": _MADE})
        sheets = _Sheets(book, columns, title.replace("/", " "), sheet_rows)
        sheets.begin()
        for row in rows:
            sheets.add(row)
        book.close()  # Not after an exception: it would write all that there is.


@contextmanager
def _emptied(folder: str) -> Generator[None]:
    """Make an empty folder of this user, which is removed at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Sheets:
    """The sheets of a workbook that is being written."""

    def __init__(
        self, book: Workbook, columns: Sequence[ExportColumn], title: str, sheet_rows: int
    ) -> None:
        self._book = book
        self._columns = columns
        self._title = title
        self._most = sheet_rows
        self._bold = book.add_format({"bold": True})
        self._date = book.add_format({"num_format": _DATE})
        self._time = book.add_format({"num_format": _TIME})
        # Excel keeps such a text a text even when somebody edits the cell.
        self._quoted = book.add_format({"quote_prefix": True})
        self._writers: dict[str, Callable[[int, int, Json], object]] = {
            "integer": self._number, "number": self._number, "flag": self._flag,
            "date": self._day, "time": self._moment,
        }  # fmt: skip
        self._count = 0
        self._row = 0
        self._sheet: Worksheet

    def begin(self) -> None:
        """Begin the next sheet."""
        self._count += 1
        number = "" if self._count == 1 else f" {self._count}"
        self._sheet = self._book.add_worksheet(f"{self._title}{number}")
        self._sheet.freeze_panes(1, 0)
        for at, column in enumerate(self._columns):
            self._sheet.write_string(0, at, column.name[:CELL_CHARACTERS], self._bold)
        self._row = 1

    def add(self, row: Sequence[Json]) -> None:
        """Write a row, on a new sheet if this one is full."""
        if self._row >= self._most:
            self.begin()
        for at, (column, cell) in enumerate(zip(self._columns, row, strict=True)):
            if cell is not None:
                self._writers.get(column.type, self._text)(self._row, at, cell)
        self._row += 1

    def _text(self, row: int, at: int, cell: Json) -> None:
        text = shown_text(cell)
        if len(text) > CELL_CHARACTERS:
            raise ConfigurationError(
                f"a cell of the column {self._columns[at].name!r} has {len(text)} characters, and "
                f"Excel takes {CELL_CHARACTERS}",
                hint="export as csv or jsonl, or leave the column out by --fields",
            )
        self._sheet.write_string(row, at, text, self._quoted if is_formula(text) else None)

    def _number(self, row: int, at: int, cell: Json) -> None:
        if isinstance(cell, (int, float)) and abs(cell) < SAFE_INTEGER:
            self._sheet.write_number(row, at, cell)
        else:
            self._text(row, at, cell)

    def _flag(self, row: int, at: int, cell: Json) -> None:
        self._sheet.write_boolean(row, at, bool(cell))

    def _day(self, row: int, at: int, cell: Json) -> None:
        try:
            day = date.fromisoformat(cell)
        except ValueError:
            day = date.min
        if day < _FIRST_DAY:
            self._text(row, at, cell)
        else:
            midnight = datetime(day.year, day.month, day.day)
            self._sheet.write_datetime(row, at, midnight, self._date)

    def _moment(self, row: int, at: int, cell: Json) -> None:
        try:
            # Excel knows no zones: it shows the time of the account.
            moment = datetime.fromisoformat(cell).replace(tzinfo=None)
        except ValueError:
            moment = datetime.min
        if moment.date() < _FIRST_DAY:
            self._text(row, at, cell)
        else:
            self._sheet.write_datetime(row, at, moment, self._time)
