"""Checks that each cell has its column's type, so that no odd value of an account stops a run.

A value that does not fit its column becomes null: what the API returned is still in `raw`. A row
whose key does not fit, such as a value of a field with an id of 20 digits, is left out. Whole
columns are checked at once, and values only where a column has an odd one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.tables.columns import LONGEST_CODE, ColumnType, Row, Table

_LARGEST: Final = 2**63 - 1
_EARLIEST, _LATEST = -30_610_137_600, 253_402_214_399
"""The years 1000 to 9999, which MySQL can store, without the first and the last day: in the time
zone of a session they could be in another year."""
_MOST_MONEY: Final = 10**15

_NONE: Final = type(None)
_EMPTY: Final = {_NONE}
_USUAL: Final[Mapping[ColumnType, frozenset[type]]] = {
    "id": frozenset({int, _NONE}),
    "integer": frozenset({int, _NONE}),
    "time": frozenset({int, _NONE}),
    "money": frozenset({int, float, _NONE}),
    "number": frozenset({int, float, _NONE}),
    "flag": frozenset({bool, _NONE}),
    "code": frozenset({str, _NONE}),
    "text": frozenset({str, _NONE}),
}


def settle(table: Table, rows: list[Row]) -> list[Row]:
    """Return rows whose cells fit the table's columns; the same ones if all of them do."""
    if not rows:
        return rows
    columns: list[Sequence[Json]] = list(zip(*rows, strict=True))
    changed = False
    for place, column in enumerate(table.columns):
        if column.type != "json" and not _fits(column.type, columns[place]):
            convert = _CONVERT[column.type]
            columns[place] = [convert(value) for value in columns[place]]
            changed = True
    if not changed:
        return rows
    key = [table.places[name] for name in table.key]
    settled = list(zip(*columns, strict=True))
    return [row for row in settled if all(row[place] is not None for place in key)]


def _fits(kind: ColumnType, values: Sequence[Json]) -> bool:
    types = set(map(type, values))
    if not types <= _USUAL[kind]:
        return False
    if kind == "flag" or types == _EMPTY:
        return True
    if kind in ("text", "code"):
        # Joined, so that no character is looked at in Python.
        texts = filter(None, values) if kind == "text" else set(filter(None, values))
        whole = "".join(texts)
        if "\0" in whole:
            return False
        if whole.isascii():
            return kind == "text" or max(map(len, texts), default=0) <= LONGEST_CODE
        return kind == "text" and _is_utf8(whole)
    found = list(filter(None, values))
    if float in types and not all(map(math.isfinite, found)):
        return False
    if kind == "number" and int in types and not all(map(_is_exact, found)):
        return False
    low, high = _BOUNDS[kind]
    return not found or bool(low <= min(found) and max(found) <= high)


def _is_exact(value: float) -> bool:
    """Whether a number is a float, or a whole number that one can be made of."""
    return type(value) is float or abs(value) <= 2**53


_BOUNDS: Final[Mapping[ColumnType, tuple[float, float]]] = {
    "id": (-_LARGEST, _LARGEST),
    "integer": (-_LARGEST, _LARGEST),
    "time": (_EARLIEST, _LATEST),
    "money": (-_MOST_MONEY, _MOST_MONEY),
    "number": (-1e300, 1e300),
}


def whole_number(value: Json) -> int | None:
    """Return a whole number of 64 bits, also one written as a text; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if len(text) < 20 and text.lstrip("-").isdecimal() else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and -_LARGEST <= value <= _LARGEST:
        return int(value)
    return None


def number(value: Json) -> float | None:
    """Return a finite number, also one written as a text; None for anything else.

    >>> number("1 500,50"), number("1.5"), number("many")
    (1500.5, 1.5, None)
    """
    try:
        found = float(value)
    except (OverflowError, TypeError, ValueError):
        try:
            found = float(value.replace(" ", "").replace(",", "."))
        except (AttributeError, TypeError, ValueError):
            return None
    return found if math.isfinite(found) and abs(found) <= _BOUNDS["number"][1] else None


def instant(value: Json) -> int | None:
    """Return Unix seconds, also of a text such as `2026-11-27T10:00:00+03:00`."""
    if isinstance(value, str) and not value.strip().lstrip("-").isdecimal():
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            value = math.floor(moment.timestamp())
        except (OverflowError, ValueError):
            return None
    seconds = whole_number(value)
    return seconds if seconds is not None and _EARLIEST <= seconds <= _LATEST else None


def flag(value: Json) -> bool | None:
    """Return whether a value is true; None if it does not say."""
    if isinstance(value, (bool, int)) and value in (0, 1):
        return bool(value)
    return {"1": True, "true": True, "0": False, "false": False}.get(str(value).lower())


def text(value: Json) -> str | None:
    """Return a value as a text that databases take; of an object its JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return clean(value)
    return str(value) if type(value) is int else json_text(value)


def code(value: Json) -> str | None:
    """Return a short text in ASCII; other characters are replaced by Python's escapes."""
    found = text(value)
    if found is None:
        return None
    return found.encode("ascii", "backslashreplace").decode("ascii")[:LONGEST_CODE]


def clean(value: str) -> str:
    """Return a text without NUL and halves of characters, which databases refuse."""
    if "\0" in value:
        value = value.replace("\0", "\ufffd")
    return value if _is_utf8(value) else value.encode("utf-8", "replace").decode("utf-8")


def json_text(value: Json) -> str:
    """Return the JSON of a value, as databases take it."""
    try:
        written = _dump(value)
    except ValueError:  # a number that JSON does not have
        return _dump(_cleaned(value))
    if "\\u0000" in written or not _is_utf8(written):
        return _dump(_cleaned(value))
    return written


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _cleaned(value: Json) -> Json:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {clean(str(name)): _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _money(value: Json) -> float | None:
    found = number(value)
    return found if found is not None and abs(found) <= _MOST_MONEY else None


_CONVERT: Final[Mapping[ColumnType, Callable[[Json], Json]]] = {
    "id": whole_number,
    "integer": whole_number,
    "time": instant,
    "money": _money,
    "number": number,
    "flag": flag,
    "code": code,
    "text": text,
}
