"""Rows of the first sheet that an Excel workbook shows, read one by one.

Needs the extra `xlsx`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import IO, Final
from xml.etree import ElementTree

from amocrm.cli.importing.rows import Row, RowFile, check_columns
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

LARGEST_PART: Final = 256 << 20
"""Bytes, unpacked, of the parts that are held in memory: texts and styles."""

_STREAMED: Final = "xl/worksheets/"
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
"""How a workbook writes characters that XML does not take, such as a carriage return."""


def open_workbook(path: str) -> RowFile:
    """Open a workbook; the first row of the first sheet that is not hidden names the columns.

    Raises:
        ConfigurationError: it is no workbook, a formula has no value, or openpyxl is not installed.
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
                yield book.worksheets
            finally:
                book.close()

    def lines() -> Iterator[tuple[int, Sequence[Json]]]:
        with _readable(path), opened() as sheets:
            sheet = _shown(sheets)
            sheet.reset_dimensions()  # Many programs write a wrong size, which would cut it off.
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                yield number, [_value(cell) for cell in cells]

    with _readable(path), opened() as sheets:
        sheet = _shown(sheets)
        about = _about(sheets, sheet)
        _check_formulas(path, sheet._worksheet_path)
    _, head = next(lines(), (1, ()))
    names = [str(one).strip() if one is not None else "" for one in head]
    columns = check_columns(path, names)

    def rows() -> Iterator[Row]:
        for number, cells in lines():
            if number > 1 and any(cell is not None for cell in cells):
                pairs = zip_longest(names, cells[: len(names)])
                yield Row(number, {name: cell for name, cell in pairs if name})

    return RowFile(columns, rows, about)


@contextmanager
def _readable(path: str) -> Generator[None]:
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble on
        raise ConfigurationError(
            f"{path} is not a workbook that can be read: {type(error).__name__}",
            hint="save it again as .xlsx",
        ) from None


def _shown(sheets: Sequence[Json]) -> Json:
    """Return the first sheet that a person sees."""
    return next((one for one in sheets if one.sheet_state == "visible"), sheets[0])


def _about(sheets: Sequence[Json], sheet: Json) -> str:
    """Tell a person which sheet is read, where there are several."""
    if len(sheets) == 1:
        return "xlsx"
    of = tr(f"of {len(sheets)} sheets only {sheet.title!r}",
            f"из {len(sheets)} листов только {sheet.title!r}")  # fmt: skip
    return f"xlsx, {of}"


def _value(cell: Json) -> Json:
    if not isinstance(cell, str):
        return cell
    return _ESCAPED.sub(_character, cell) or None


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code < 0xE000 else chr(code)


def _check_formulas(path: str, part: str) -> None:
    """Refuse a sheet with a formula that no program has computed: its cell would seem empty."""
    with zipfile.ZipFile(path) as archive, archive.open(part) as file:
        for row in _rows_of(file):
            for cell in row:
                parts = {_name(one): one.text for one in cell}
                if "f" in parts and not parts.get("v") and cell.get("t") != "str":
                    raise ConfigurationError(
                        f"{path}: the cell {cell.get('r')} is a formula without a value",
                        hint="open it in a spreadsheet and save it again",
                    )


def _rows_of(file: IO[bytes]) -> Iterator[ElementTree.Element]:
    """Yield the rows of a sheet; each is dropped behind the reader."""
    parents: list[ElementTree.Element] = []
    for event, element in ElementTree.iterparse(file, ("start", "end")):
        if event == "start":
            parents.append(element)
            continue
        parents.pop()
        if _name(element) == "row":
            yield element
            parents[-1].clear()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


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
