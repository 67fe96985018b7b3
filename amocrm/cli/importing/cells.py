"""Cells as people and spreadsheets write them → values that members and custom fields take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from amocrm.cli.cell_types import CellType
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields import dates

_YES: Final = ("true", "yes", "y", "1", "да", "истина", "+")
_NO: Final = ("false", "no", "n", "0", "нет", "ложь", "-")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f']")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_DAY: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?:[ T]+([0-9:]+))?")
_SECONDS: Final = re.compile(r"[0-9]{9,11}")
_SHORTENED: Final = re.compile(r"[+-]?[0-9][.,][0-9]+[EeЕе]\+[0-9]{1,3}")
_FORMULA_ERROR: Final = re.compile(
    r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|Н/Д|ССЫЛКА!|ЗНАЧ!|ДЕЛ/0!|ИМЯ\?|ЧИСЛО!|ПУСТО!)"
)

_TAKES: Final[Mapping[CellType, str]] = {
    "text": "a text", "integer": "a whole number", "number": "a number such as 1500.5",
    "flag": "yes or no", "date": "a date such as 2026-01-31",
    "time": "a time such as 2026-01-31 12:00", "list": "texts with ; between them",
    "json": "JSON",
}  # fmt: skip


def read_cell(kind: CellType, cell: Json, zone: tzinfo) -> Json:
    """Return the value of a cell.

    Args:
        kind: what the column takes.
        cell: a text, or what JSON and a workbook have.
        zone: of the account, for times without one.

    Raises:
        ConfigurationError: it is none of that kind, or a spreadsheet shows it instead of what was
            there. The message does not contain it.
    """
    if isinstance(cell, str):
        _check_spreadsheet(cell.strip())
    try:
        return _READERS[kind](cell, zone)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        raise ConfigurationError(f"it takes {_TAKES[kind]}") from None


def _check_spreadsheet(text: str) -> None:
    if _FORMULA_ERROR.fullmatch(text):
        raise ConfigurationError("it is the error of a formula, not its value")
    if _SHORTENED.fullmatch(text):
        raise ConfigurationError(
            "a spreadsheet has shortened the number, such as 7.9E+10",
            hint="give the column the format of a text or of a number without decimals, and save "
            "the file again",
        )


def _text(cell: Json, _zone: tzinfo) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # A workbook has a phone as such a number.
    if isinstance(cell, (list, dict)):
        raise TypeError("no text")
    return cell.isoformat() if isinstance(cell, (date, time)) else str(cell)


def _integer(cell: Json, _zone: tzinfo) -> int:
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    text = _SPACES.sub("", _string(cell))
    if not _WHOLE.fullmatch(text):
        raise ValueError("no whole number")
    return int(text)


def _number(cell: Json, _zone: tzinfo) -> int | Decimal:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        number = Decimal(repr(cell))
    else:
        text = _SPACES.sub("", _string(cell))
        if not _NUMBER.fullmatch(text) or _THOUSANDS.fullmatch(text):
            raise ValueError("no number, or 1,500, which is two")
        number = Decimal(text.replace(",", "."))
    if not number.is_finite():
        raise ValueError("no number")
    return int(number) if number == number.to_integral_value() else number


def _flag(cell: Json, _zone: tzinfo) -> bool:
    if isinstance(cell, bool):
        return cell
    text = _text(cell, _zone).strip().casefold()
    if text not in _YES + _NO:
        raise ValueError("neither yes nor no")
    return text in _YES


def _date(cell: Json, zone: tzinfo) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    found = _DAY.fullmatch(_string(cell).strip())
    if found is not None:
        return date(int(found[3]), int(found[2]), int(found[1]))
    text = _string(cell).strip()
    return date.fromisoformat(text) if len(text) == 10 else _time(cell, zone).date()


def _time(cell: Json, zone: tzinfo) -> datetime:
    if isinstance(cell, datetime):
        return cell if cell.tzinfo is not None else cell.replace(tzinfo=zone)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=zone)
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        if not _SECONDS.fullmatch(str(int(cell))):
            raise ValueError("a day of a spreadsheet, whose cell has no format of a date")
        return dates.time_at(int(cell), zone)
    text = _string(cell).strip()
    if _SECONDS.fullmatch(text):
        return dates.time_at(int(text), zone)
    found = _DAY.fullmatch(text)
    if found is not None:
        day = date(int(found[3]), int(found[2]), int(found[1]))
        hours, colon, rest = (found[4] or "00:00").partition(":")
        moment = datetime.combine(day, time.fromisoformat(f"{hours:0>2}{colon}{rest}"))
    else:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _list(cell: Json, zone: tzinfo) -> list[str]:
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except ValueError:
            cell = [cell]
    if isinstance(cell, str):
        return [one.strip() for one in cell.split(";") if one.strip()]
    return [_text(one, zone) for one in (cell if isinstance(cell, list) else [cell])]


def _json(cell: Json, _zone: tzinfo) -> Json:
    return json.loads(cell) if isinstance(cell, str) else cell


def _string(cell: Json) -> str:
    if not isinstance(cell, str):
        raise TypeError("no text")
    return cell


_READERS: Final[Mapping[CellType, Callable[[Json, tzinfo], Json]]] = {
    "text": _text, "integer": _integer, "number": _number, "flag": _flag, "date": _date,
    "time": _time, "list": _list, "json": _json,
}  # fmt: skip
