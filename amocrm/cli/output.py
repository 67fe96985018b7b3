"""Rows as a table, JSON, JSON lines or CSV, on standard output. A row is written as it comes."""

from __future__ import annotations

import csv
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, TextIO

from amocrm.cli.spreadsheet import harmless
from amocrm.cli.terminal import terminal_width
from amocrm.errors import printable
from amocrm.http.messages import Json

_BATCH: Final = 100
"""Rows of a table that are measured together; they are written before the next ones come."""
_WIDEST: Final = 60
_NARROWEST: Final = 3
_GAP: Final = "  "
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"

Row = Mapping[str, Json]


def write_rows(
    rows: Iterable[Row],
    format: str,  # noqa: A002
    columns: Sequence[str] | None = None,
) -> None:
    """Write rows to standard output; any number of them takes the same memory.

    Args:
        rows: read one by one.
        format: `table`, `json`, `jsonl` or `csv`.
        columns: of a table and of csv; the members of the first row, if none are given.
    """
    _WRITERS[format](iter(rows), columns, sys.stdout)


def write_item(item: Row, format: str) -> None:  # noqa: A002
    """Write one item; as a table, its members stand below each other."""
    if format == "table":
        members = [{"name": name, "value": value} for name, value in item.items()]
        _write_table(iter(members), ("name", "value"), sys.stdout, head=False)
    elif format == "json":
        sys.stdout.write(f"{_json(item, indent=2)}\n")
    else:
        write_rows([item], format)


def to_json(value: Json) -> str:
    """Return a value in one line of JSON."""
    return _json(value)


def _json(value: Json, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def _write_jsonl(rows: Iterator[Row], columns: Sequence[str] | None, out: TextIO) -> None:
    for row in rows:
        out.write(f"{_json(row)}\n")
        if out.isatty():
            out.flush()


def _write_json(rows: Iterator[Row], columns: Sequence[str] | None, out: TextIO) -> None:
    separator = "[\n"
    for row in rows:
        out.write(f"{separator}{_json(row)}")
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _write_csv(rows: Iterator[Row], columns: Sequence[str] | None, out: TextIO) -> None:
    columns, rows = _columns(rows, columns)
    writer = csv.writer(out, lineterminator="\n")
    if columns:
        writer.writerow([harmless(one) for one in columns])
    for row in rows:
        writer.writerow([harmless(cell(row.get(one))) for one in columns])


def _write_table(
    rows: Iterator[Row], columns: Sequence[str] | None, out: TextIO, *, head: bool = True
) -> None:
    columns, rows = _columns(rows, columns)
    if not columns:
        return
    titles = list(columns)
    widths = [0] * len(titles)
    for batch in _batches(rows):
        lines = [[_shown(row.get(one)) for one in titles] for row in batch]
        # The window may be another one by now, and these texts may be longer.
        needed = [titles, *lines] if head else lines
        if not needed:
            return
        widths = _widths(needed, widths, terminal_width())
        if head:
            bold, plain = (_BOLD, _PLAIN) if has_colors(out) else ("", "")
            out.write(f"{bold}{_line(titles, widths)}{plain}\n")
        head = False
        for line in lines:
            out.write(f"{_line(line, widths)}\n")


_WRITERS: Final[Mapping[str, Callable[[Iterator[Row], Sequence[str] | None, TextIO], None]]] = {
    "table": _write_table, "json": _write_json, "jsonl": _write_jsonl, "csv": _write_csv,
}  # fmt: skip


def has_colors(out: TextIO) -> bool:
    """Whether colors may be written: on a terminal, and without NO_COLOR."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cell(value: Json) -> str:
    """Return a value as the text of a cell: what is nested is JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return _json(value)


def _columns(
    rows: Iterator[Row], columns: Sequence[str] | None
) -> tuple[Sequence[str], Iterator[Row]]:
    if columns is not None:
        return columns, rows
    first = next(rows, None)
    return ([], rows) if first is None else (list(first), chain([first], rows))


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield rows in lists; those before an error are yielded before it is raised."""
    batch: list[Row] = []
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    except Exception:
        yield batch
        raise
    yield batch


def _shown(value: Json) -> str:
    # An account's texts must not command the terminal.
    return printable(cell(value))


def _widths(lines: Sequence[Sequence[str]], before: list[int], terminal: int) -> list[int]:
    """Return the widths of columns; the widest ones give way until all fit into the terminal.

    Args:
        lines: texts to fit.
        before: the widths so far; columns do not get narrower unless they must.
        terminal: its width.
    """
    needed = [max(map(text_width, texts)) for texts in zip(*lines, strict=True)]
    widths = [max(old, min(_WIDEST, new)) for old, new in zip(before, needed, strict=True)]
    room = terminal - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = [_fit(text, width) for text, width in zip(texts, widths, strict=True)]
    return _GAP.join(padded).rstrip()


def _fit(text: str, width: int) -> str:
    """Return a text that is exactly as wide as a column; what is cut off is shown by "…"."""
    wide = text_width(text)
    if wide <= width:
        return text + " " * (width - wide)
    kept, used = "", 0
    for letter in text:
        used += text_width(letter)
        if used > width - 1:
            break
        kept += letter
    return f"{kept}…" + " " * (width - 1 - text_width(kept))


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
