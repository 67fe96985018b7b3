"""Values of actions: from JSON as they are, from forms and queries as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from amocrm.sandbox.control.action import Parameter, RefusedError, Type, Values
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import parse_json

_YES, _NO = ("1", "true", "on", "yes"), ("0", "false", "off", "no")
_LONGEST_NUMBER = 18
"""Digits: what fits into 64 bits."""


def read_values(
    parameters: tuple[Parameter, ...], given: Mapping[str, Json], *, is_text: bool
) -> Values:
    """Check what was given; what was left out is left out.

    Args:
        parameters: of the action.
        given: by name.
        is_text: every value is text, as in a query or a form; an empty one counts as left out.

    Raises:
        RefusedError: 400, with a line that names the parameter.
    """
    known = {one.name: one for one in parameters}
    for name in given:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise RefusedError(400, f"there is no parameter {shortened(name)}: {takes}")
    values: Values = {}
    for name, parameter in known.items():
        value = given.get(name)
        if value is None or (is_text and value == ""):
            if parameter.required:
                raise RefusedError(400, f"{name} is missing")
            continue
        values[name] = _bounded(parameter, _read(parameter, value, is_text))
    return values


def shortened(value: Json) -> str:
    """Return a value as a message shows it: quoted, on one line, cut."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _read(parameter: Parameter, value: Json, is_text: bool) -> Json:
    reader = _FROM_TEXT if is_text else _FROM_JSON
    try:
        return reader[parameter.type](value)
    except (ValueError, ProblemError):
        wanted = f"{parameter.name} must be {_WANTED[parameter.type]}"
        raise RefusedError(400, f"{wanted}, not {shortened(value)}") from None


def _bounded(parameter: Parameter, value: Json) -> Json:
    name, low, high = parameter.name, parameter.low, parameter.high
    if parameter.choices and value not in parameter.choices:
        known = ", ".join(parameter.choices)
        raise RefusedError(400, f"{name} must be one of {known}, not {shortened(value)}")
    if low is not None and value < low:
        raise RefusedError(400, f"{name} must be at least {low:g}, not {value}")
    if high is not None and value > high:
        raise RefusedError(400, f"{name} must be at most {high:g}, not {value}")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _int(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError
    return value


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not math.isfinite(number):
        raise ValueError
    return value


def _bool(value: Json) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _any(value: Json) -> Json:
    return value


def _int_of_text(text: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER):
        raise ValueError
    return int(text)


def _number_of_text(text: str) -> float:
    return _number(float(text))


def _bool_of_text(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError
    return text.lower() in _YES


def _json_of_text(text: str) -> Json:
    return parse_json(text.encode("utf-8", "surrogatepass"))


_FROM_JSON: Mapping[Type, Callable[[Json], Json]] = {
    "text": _text,
    "int": _int,
    "number": _number,
    "bool": _bool,
    "json": _any,
}
_FROM_TEXT: Mapping[Type, Callable[[Json], Json]] = {
    "text": _text,
    "int": _int_of_text,
    "number": _number_of_text,
    "bool": _bool_of_text,
    "json": _json_of_text,
}
_WANTED: Mapping[Type, str] = {
    "text": "text",
    "int": "a whole number",
    "number": "a number",
    "bool": "true or false",
    "json": "JSON",
}
