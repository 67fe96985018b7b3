"""Texts of the command line → values: times, numbers, flags, JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

_LARGEST: Final = 64 * 1024 * 1024
_FLAGS: Final = {"1": True, "true": True, "yes": True, "да": True,
                 "0": False, "false": False, "no": False, "нет": False}  # fmt: skip
_SECONDS: Final = 9
"""Digits from which on a number is Unix seconds and not a year."""


def split_pair(text: str, what: str) -> tuple[str, str]:
    """Return name and value of `name=value`.

    Raises:
        ConfigurationError: there is no `=`, or no name.
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ConfigurationError(f"{what} is NAME=VALUE, not {text[:60]!r}")
    return name.strip(), value


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the names of options such as `--with contacts,companies`, each given once or more."""
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def is_number(text: str) -> bool:
    """Whether a text is an id: digits alone."""
    return text.isascii() and text.isdecimal()


def key_of(text: str) -> int | str:
    """Return the id, the code or the name of a custom field."""
    return int(text) if is_number(text) and len(text) <= 18 else text


def moment(text: str) -> int | date:
    """Return a time: `2026-01-31`, `2026-01-31T12:00`, with or without a zone, or Unix seconds.

    Raises:
        ConfigurationError: it is none of them.
    """
    plain = text.strip()
    if is_number(plain) and _SECONDS <= len(plain) <= 18:
        return int(plain)
    try:
        if len(plain) <= 10:
            return date.fromisoformat(plain)
        return datetime.fromisoformat(plain.replace("Z", "+00:00"))
    except ValueError:
        raise ConfigurationError(
            f"{text[:60]!r} is no time", hint="such as 2026-01-31, 2026-01-31T12:00, 1769900400"
        ) from None


def number(text: str) -> Decimal:
    """Return a number.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ConfigurationError(f"{text[:60]!r} is no number")
    return found


def flag(text: str) -> bool:
    """Return yes or no.

    Raises:
        ConfigurationError: it is neither.
    """
    found = _FLAGS.get(text.strip().lower())
    if found is None:
        raise ConfigurationError(f"{text[:60]!r} is neither true nor false")
    return found


def from_json(text: str, what: str) -> Json:
    """Return the value of a JSON text.

    Raises:
        ConfigurationError: it is not JSON; the message does not show it.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "its values"
        raise ConfigurationError(f"{what} is not JSON: see {where}") from None


def read_input(path: str) -> Json:
    """Return the JSON of a file, or of standard input for `-`.

    Raises:
        ConfigurationError: it cannot be read, is too large, or is not JSON.
    """
    try:
        if path == "-":
            content = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with open(path, "rb") as file:
                content = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    what = "standard input" if path == "-" else path
    if len(content) > _LARGEST:
        raise ConfigurationError(f"{what} is larger than {_LARGEST >> 20} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} is not UTF-8") from None
    return from_json(text, what)


def output_path(path: str) -> str:
    """Return the absolute path of a file to replace; of a link, that of the file it leads to.

    Raises:
        ConfigurationError: there is a device or another thing that is no file.
    """
    found = os.path.realpath(path)
    if os.path.exists(found) and not os.path.isfile(found):
        raise ConfigurationError(f"{found} is not a regular file")
    return found


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")
