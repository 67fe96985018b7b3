"""Writable properties as data, and the check of a model against them (reference 3.3).

A schema maps the name of a property to its kind: a word (`"int"`, `"string?"`, `"string!"`) or,
when there is more to say, a `Prop`. A trailing `?` admits null, a trailing `!` makes the property
required on creation. Arrays and objects may have a schema of their own inside.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json, is_array, is_object

Schema: TypeAlias = "Mapping[str, str | Prop]"


INTEGERS = frozenset({"int", "user", "scalar"})
"""Kinds whose numbers are whole."""


@dataclass(frozen=True)
class Prop:
    """One writable property.

    Attributes:
        kind: int, number, string, bool, scalar (a text or an integer), array, object, any; `user`
            is the id of an active user, or 0; `ignored` is taken and has no effect.
        null: whether null may stand there.
        required: whether creation needs it.
        filled: whether an empty text or array is refused (`NotBlank`).
        choices: the values that exist; none means any.
        longest: characters of a text, or items of an array, at most.
        low: the smallest number.
        high: the greatest number.
        inner: the schema of an object, or of each object of an array.
        each: the kind of each item of an array that holds no objects, or of each member of an
            object whose names are free.
    """

    kind: str
    null: bool = False
    required: bool = False
    filled: bool = False
    choices: tuple[Json, ...] = ()
    longest: int | None = None
    low: float | None = None
    high: float | None = None
    inner: Schema | None = None
    each: str | Prop | None = None


NAME = Prop("string", required=True, filled=True, longest=255)
"""A name that creation needs. Assumed (reference 3.3): its length."""


def ignoring(*names: str) -> Schema:
    """Return a schema of members that are taken and have no effect."""
    return dict.fromkeys(names, "ignored")


def prop(kind: str | Prop) -> Prop:
    """Read the short form of a property.

    >>> prop("string?") == Prop("string", null=True)
    True
    >>> prop("int!") == Prop("int", required=True)
    True
    """
    return kind if isinstance(kind, Prop) else _parsed(kind)


@cache
def _parsed(kind: str) -> Prop:
    return Prop(kind.rstrip("?!"), null=kind.endswith("?"), required=kind.endswith("!"))


def check_object(
    model: Mapping[str, Json],
    schema: Schema,
    errors: ValidationErrors,
    *,
    users: Container[Json] = (),
    at: str = "",
    partial: bool = False,
) -> set[str]:
    """Check every property of a model; return the names that are sound.

    Args:
        model: the object of the request.
        schema: what it may hold.
        errors: where errors go.
        users: ids that may be written as a user.
        at: path of the object, with its dot.
        partial: whether required properties may be left out, as on a change.
    """
    sound: set[str] = set()
    for name, kind in () if partial else schema.items():
        if name not in model and prop(kind).required:
            errors.missing(at + name)
    for name, value in model.items():
        if name not in schema:
            errors.unexpected(at + name)
        elif _check_value(value, prop(schema[name]), errors, users, at + name):
            sound.add(name)
    return sound


def _check_value(
    value: Json, wanted: Prop, errors: ValidationErrors, users: Container[Json], at: str
) -> bool:
    before = len(errors.found)
    if wanted.kind == "ignored":
        return False
    kind = "int" if wanted.kind == "user" else wanted.kind
    if not errors.is_kind(value, kind, at, null=wanted.null):
        return False
    if value is None:
        return True
    if wanted.kind == "user" and value and value not in users:
        errors.no_choice(at)  # 0 is the robot, or nobody (reference 3.6).
    if wanted.choices and value not in wanted.choices:
        errors.no_choice(at)
    _check_size(value, wanted, errors, at)
    _check_inside(value, wanted, errors, users, at)
    return len(errors.found) == before


def _check_size(value: Json, wanted: Prop, errors: ValidationErrors, at: str) -> None:
    is_sized = isinstance(value, (str, list, dict))
    if wanted.filled and is_sized and not (value.strip() if isinstance(value, str) else value):
        errors.blank(at)
    if wanted.longest is not None and is_sized and len(value) > wanted.longest:
        if isinstance(value, str):
            text = "This value is too long. It should have {} characters or less."
            errors.add("TooLong", at, text.format(wanted.longest))
        else:
            text = "This collection should contain {} elements or less."
            errors.add("TooHigh", at, text.format(wanted.longest))
    if wanted.low is not None and not is_sized and value < wanted.low:
        errors.add("TooLow", at, f"This value should be {wanted.low} or more.")
    if wanted.high is not None and not is_sized and value > wanted.high:
        errors.add("TooHigh", at, f"This value should be {wanted.high} or less.")


def _check_inside(
    value: Json, wanted: Prop, errors: ValidationErrors, users: Container[Json], at: str
) -> None:
    each = wanted.each
    if is_object(value) and wanted.inner is not None:
        check_object(value, wanted.inner, errors, users=users, at=at + ".")
    elif is_array(value) and wanted.inner is not None:
        each = Prop("object", inner=wanted.inner)
    if each is not None and (is_array(value) or is_object(value)):
        items = value.items() if is_object(value) else enumerate(value)
        for name, item in items:
            _check_value(item, prop(each), errors, users, f"{at}.{name}")
