"""Filters of listings, made of the name of a member (reference 3.1, 4.2.1).

`[]`, `[0]` and a bare value are the same for several values; ranges are `[from]` and `[to]`, both
included. A value that is malformed is refused before anything is looked for: text where a number is
due, `true` for 1, an empty range. Assumed (reference 4.2.1): the reference does not say how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.validation_errors import refuse_query
from amocrm.sandbox.http.answer import Json, is_object

_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,9})?")
_RANGE = frozenset({"from", "to"})

Check = Callable[[Json, str], None]
"""Refuses a malformed value; the second argument is its path."""


@dataclass(frozen=True)
class Filter:
    """One filter.

    Attributes:
        passes: whether an entity fits the value that a query gives.
        check: refuses a malformed value with 400.
    """

    passes: Callable[[Entity, Json], bool]
    check: Check


def many(member: str, *, commas: bool = False, choices: Iterable[str] = ()) -> Filter:
    """Pass what equals one of several texts; `commas` also splits each of them."""
    known = frozenset(choices)

    def check(wanted: Json, at: str) -> None:
        _check_each(wanted, at, commas, lambda text: not known or text in known)

    return Filter(_one_of(member, commas), check)


def numbers(member: str, *, commas: bool = False) -> Filter:
    """Pass what equals one of several integers; `commas` also splits each of them."""
    return Filter(_one_of(member, commas), check_integers)


def flag(member: str) -> Filter:
    """Pass what is true (1) or false (0)."""
    return Filter(_one_of(member, False), check_flags)


def span(member: str) -> Filter:
    """Pass what lies between `[from]` and `[to]`; a bare value must be equal."""
    return _between(member, lambda value, wanted: value == number(wanted))


def since(member: str) -> Filter:
    """Pass what lies between `[from]` and `[to]`; a bare value is the moment before it."""

    def is_after(value: Json, wanted: Json) -> bool:
        limit = number(wanted)
        return limit is not None and value is not None and value > limit

    return _between(member, is_after)


def check_integers(wanted: Json, at: str) -> None:
    """Refuse what is neither an integer nor several.

    Raises:
        ProblemError: 400.
    """
    _check_each(wanted, at, True, lambda text: bool(_INTEGER.fullmatch(text)), kind="int")


def check_numbers(wanted: Json, at: str) -> None:
    """Refuse what is neither a number nor several.

    Raises:
        ProblemError: 400.
    """
    _check_each(wanted, at, False, lambda text: bool(_NUMBER.fullmatch(text)), kind="number")


def check_flags(wanted: Json, at: str) -> None:
    """Refuse what is neither 1 nor 0.

    Raises:
        ProblemError: 400.
    """
    _check_each(wanted, at, False, lambda text: text in ("0", "1"))


def check_texts(wanted: Json, at: str) -> None:
    """Refuse what is neither a text nor several.

    Raises:
        ProblemError: 400.
    """
    _check_each(wanted, at, False, lambda text: True)


def check_range(wanted: Json, at: str) -> None:
    """Refuse what is neither a number nor a range of numbers.

    Raises:
        ProblemError: 400.
    """
    if not is_object(wanted):
        if not _NUMBER.fullmatch(str(wanted)):
            raise refuse_query("InvalidType", at, "int")
        return
    for name, value in wanted.items():
        if name not in _RANGE:
            raise refuse_query("FieldNotExpected", f"{at}.{name}")
        if is_object(value) or not _NUMBER.fullmatch(str(value)):
            raise refuse_query("InvalidType", f"{at}.{name}", "int")


def check_stages(wanted: Json, at: str) -> None:
    """Refuse what is no list of stages, each with `pipeline_id` and `status_id`.

    One of the two is enough. Assumed (reference 4.2.1): the reference names both.

    Raises:
        ProblemError: 400.
    """
    if not is_object(wanted):
        raise refuse_query("InvalidType", at, "array")
    for place, stage in wanted.items():
        here = f"{at}.{place}"
        if not is_object(stage):
            raise refuse_query("InvalidType", here, "object")
        for name, value in stage.items():
            if name not in ("pipeline_id", "status_id"):
                raise refuse_query("FieldNotExpected", f"{here}.{name}")
            check_integers(value, f"{here}.{name}")


def is_in_stages(entity: Entity, wanted: dict[str, Json]) -> bool:
    """Tell whether an entity is in one of several stages."""
    return any(
        all(str(entity.get(name)) == str(value) for name, value in stage.items())
        for stage in wanted.values()
    )


def texts(wanted: Json, *, commas: bool = False) -> list[str]:
    """Return the values of a filter that takes one or several."""
    found = [str(one) for one in wanted.values()] if is_object(wanted) else [str(wanted)]
    return [part for one in found for part in one.split(",")] if commas else found


def as_text(value: Json) -> str:
    """Return a stored value as a query writes it: true is 1."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def is_range(wanted: Json) -> bool:
    """Tell whether a filter's value is a range."""
    return is_object(wanted) and bool(_RANGE & set(wanted))


def in_range(value: Json, wanted: dict[str, Json]) -> bool:
    """Tell whether a number lies between `from` and `to`; nothing lies nowhere."""
    if value is None:
        return False
    low, high = number(wanted.get("from")), number(wanted.get("to"))
    return (low is None or value >= low) and (high is None or value <= high)


def number(value: Json) -> float | None:
    """Return a number of the query, or None."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _check_each(
    wanted: Json, at: str, commas: bool, fits: Callable[[str], bool], kind: str = ""
) -> None:
    for name, one in wanted.items() if is_object(wanted) else ():
        if not name.isdecimal():
            raise refuse_query("FieldNotExpected", f"{at}.{name}")
        if is_object(one):
            raise refuse_query("InvalidType", f"{at}.{name}", kind or "string")
    if not all(fits(one) for one in texts(wanted, commas=commas)):
        raise refuse_query("InvalidType" if kind else "NotSupportedChoice", at, kind)


def _one_of(member: str, commas: bool) -> Callable[[Entity, Json], bool]:
    return lambda entity, wanted: as_text(entity[member]) in texts(wanted, commas=commas)


def _between(member: str, otherwise: Callable[[Json, Json], bool]) -> Filter:
    def passes(entity: Entity, wanted: Json) -> bool:
        if is_object(wanted):
            return in_range(entity[member], wanted)
        return otherwise(entity[member], wanted)

    return Filter(passes, check_range)
