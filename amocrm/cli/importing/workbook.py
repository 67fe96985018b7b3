"""Rows of an Excel workbook's first sheet, read one by one.

Needs the extra `xlsx`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from amocrm.cli.importing.rows import Row, RowFile, check_columns
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

LARGEST_PART: Final = 256 << 20
"""Bytes, unpacked, of the parts that are held in memory: texts and styles."""

_STREAMED: Final = "xl/worksheets/"


def open_workbook(path: str) -> RowFile:
    """Open a workbook; the first row of its first sheet names the columns.

    Raises:
        ConfigurationError: it is no workbook, or openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise ConfigurationError(
            "xlsx needs openpyxl, which is not installed",
            hint="pip install 'amocrm-python[xlsx]'",
        ) from None
    _check_size(path)

    @contextmanager
    def opened() -> Generator[Json]:
        with open(path, "rb") as file:  # openpyxl 3.1.0 leaves open what it has opened itself.
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                yield book.worksheets[0]
            finally:
                book.close()

    def lines() -> Iterator[tuple[int, Sequence[Json]]]:
        try:
            with opened() as sheet:
                yield from enumerate(sheet.iter_rows(values_only=True), 1)
        except ConfigurationError:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble on
            raise ConfigurationError(
                f"{path} is not a workbook that can be read: {type(error).__name__}",
                hint="save it again as .xlsx",
            ) from None

    _, head = next(lines(), (1, ()))
    names = [str(one).strip() if one is not None else "" for one in head]
    columns = check_columns(path, names)

    def rows() -> Iterator[Row]:
        for number, cells in lines():
            if number > 1 and any(cell is not None for cell in cells):
                yield Row(
                    number,
                    {
                        name: None if cell == "" else cell
                        for name, cell in zip(names, cells, strict=False)
                        if name
                    },
                )

    return RowFile(columns, rows, "xlsx")


def _check_size(path: str) -> None:
    """Refuse a file that is no archive, or that would fill the memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ConfigurationError(f"{path} is not a workbook", hint="save it as .xlsx") from None
    held = sum(one.file_size for one in parts if not one.filename.startswith(_STREAMED))
    if held > LARGEST_PART:
        raise ConfigurationError(f"{path} has more than {LARGEST_PART >> 20} MB of texts")
