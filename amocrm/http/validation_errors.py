"""Reads which fields amoCRM refused from a 400 response, and describes them in one line.

Source: reference 3.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from amocrm.errors import InvalidField, printable
from amocrm.http.legacy_codes import UNKNOWN_PHONE, explain_code
from amocrm.http.messages import Json

MAX_FIELDS_SHOWN: Final = 3
"""Refused fields in a message; `error.fields` has all of them."""

MAX_CHOICES_SHOWN: Final = 10
"""Allowed values in a message; `choices` has all of them."""

_MAX_VALUE: Final = 60
"""Characters of a value or a code in a message."""

_MAX_DETAIL: Final = 200
"""Characters of a path or of amoCRM's explanation in a message; `error.fields` has all of them."""

_MAX_STEPS: Final = 100
"""Steps of a path that are followed; the paths of the API have eight at most."""

_RULES: Final[Mapping[str, str]] = {
    "FieldMissing": "is missing",
    "FieldNotExpected": "is not an accepted field",
    "InvalidFormat": "has the wrong format",
    "InvalidType": "has the wrong type",
    "NotBlank": "must not be blank",
    "NotNull": "must not be null",
    "NotNullable": "must not be null",
    "NotSupportedChoice": "is not an allowed value",
    "TooHigh": "is too large",
    "TooLong": "is too long",
    "TooLow": "is too small",
    "TooShort": "is too short",
    str(UNKNOWN_PHONE): "belongs to no contact or company",
}
"""What a field violates, by amoCRM's code. Source: reference 3.3."""

_TYPE: Final = re.compile(r"of type ([\w|]{1,40})")
_ABSENT: Final = object()


def read_validation_errors(problem: Mapping[str, Json], sent: Json) -> Iterator[InvalidField]:
    """Read the refused fields from the body of a 400 response; find each value in the sent data.

    Shapes:
        {"validation-errors": [{"request_id": str, "errors": [
            {"code": str, "path": str, "detail": str}, ...]}, ...]}
        {"errors": {"<id of an item>": "Loss reason can be specified only for lost lead"}}
        {"errors": [{"status": 263, "title": str, "detail": str, "request_id": str}, ...]}
    """
    positions = _positions(sent, "request_id")
    groups = problem.get("validation-errors")
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, Mapping):
            errors = group.get("errors")
            for error in errors if isinstance(errors, list) else ():
                if isinstance(error, Mapping):
                    yield _read(error, group.get("request_id"), sent, positions)
    if not groups:
        errors = problem.get("errors")
        if isinstance(errors, Mapping):
            positions = {**positions, **_positions(sent, "id")}
        yield from _read_plain_errors(errors, sent, positions)


def describe(fields: Sequence[InvalidField]) -> str:
    """Describe refused fields in one line; of many, the first ones."""
    shown = "; ".join(_describe(field) for field in fields[:MAX_FIELDS_SHOWN])
    more = len(fields) - MAX_FIELDS_SHOWN
    return shown + (f"; and {more} more" if more > 0 else "")


def _read_plain_errors(
    errors: Json, sent: Json, positions: Mapping[str, int]
) -> Iterator[InvalidField]:
    """Read `errors`: a list of items, or texts by the id of the item."""
    if isinstance(errors, list):
        for error in errors:
            if isinstance(error, Mapping):
                yield _read(error, error.get("request_id"), sent, positions)
    elif isinstance(errors, Mapping):
        for key, texts in errors.items():
            for text in texts if isinstance(texts, list) else [texts]:
                if isinstance(text, str) and text:
                    yield _read({"detail": text}, key, sent, positions)


def _read(
    error: Mapping[str, Json], rid: Json, sent: Json, positions: Mapping[str, int]
) -> InvalidField:
    index = _index(rid, sent, positions)
    item = sent[index] if index is not None else sent
    code = _text(error.get("code")) or _text(error.get("status"))
    path = _text(error.get("path"))
    if code == str(UNKNOWN_PHONE) and not path:
        path = "phone"  # amoCRM names no path here.
    value = _find(item, path)
    return InvalidField(
        index=index,
        request_id=_text(rid) or None,
        path=path,
        code=code,
        detail=_text(error.get("detail")) or _text(error.get("title")),
        value=None if value is _ABSENT else value,
        is_sent=value is not _ABSENT,
        field_id=_custom_field(item, path),
    )


def _positions(sent: Json, name: str) -> dict[str, int]:
    """Return the positions of the sent items by their `request_id` or `id`; the first of equals."""
    positions: dict[str, int] = {}
    for index, item in enumerate(sent if isinstance(sent, (list, tuple)) else ()):
        if isinstance(item, Mapping) and (key := item.get(name)) is not None:
            positions.setdefault(str(key), index)
    return positions


def _index(rid: object, sent: Json, positions: Mapping[str, int]) -> int | None:
    """Return the position of an item: by its own `request_id` or id, else by its index."""
    if not isinstance(sent, (list, tuple)):
        return None
    text = _text(rid)
    if text in positions:
        return positions[text]
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) < len(sent):
        return int(text)
    return None


def _find(item: Json, path: str) -> Json:
    """Return the value at a dotted path such as `tags.0.id`; `_ABSENT` if there is none."""
    for step in path.split(".", _MAX_STEPS):
        if isinstance(item, Mapping) and step in item:
            item = item[step]
        elif isinstance(item, (list, tuple)) and step.isascii() and step.isdigit():
            if len(step) >= 9 or int(step) >= len(item):
                return _ABSENT
            item = item[int(step)]
        else:
            return _ABSENT
    return item


def _custom_field(item: Json, path: str) -> int | str | None:
    """Return the id of the custom field at a path, or the code under which it was sent."""
    parts = _split_at_custom_field(path)
    field = None if parts is None else _find(item, parts[0])
    if not isinstance(field, Mapping):
        return None
    keys = (field.get("field_id"), field.get("field_code"))
    return next((key for key in keys if isinstance(key, (int, str))), None)


def _split_at_custom_field(path: str) -> tuple[str, str] | None:
    """Split a path after the last custom field in it; None if it contains none."""
    steps = path.split(".")[:_MAX_STEPS]
    for at in range(len(steps) - 1, 0, -1):
        if steps[at - 1] == "custom_fields_values" and steps[at].isdecimal():
            return ".".join(steps[: at + 1]), ".".join(steps[at + 1 :])
    return None


def _text(value: object) -> str:
    """Return a string or a number of the server as text; empty for any other value."""
    is_text = isinstance(value, (str, int)) and not isinstance(value, bool)
    return str(value) if is_text else ""


def _describe(field: InvalidField) -> str:
    """Describe one field: place, rule and value first, then amoCRM's own words."""
    item = "" if field.index is None else f"item {field.index}"
    subject = ": ".join(part for part in (item, _place(field)) if part) or "the data"
    got = f", got {_value(field)}" if field.is_sent else ""
    return f"{subject} {_rule(field)}{got}{_source(field)}{_choices(field)}"


def _rule(field: InvalidField) -> str:
    expected = _TYPE.search(field.detail) if field.code == "InvalidType" else None
    if expected is not None:
        return f"must be {expected[1]}"
    return _RULES.get(field.code, "was refused")


def _source(field: InvalidField) -> str:
    """Quote amoCRM: its explanation and its code."""
    detail = printable(field.detail.rstrip("."), _MAX_DETAIL)
    code = printable(field.code, _MAX_VALUE)
    words = ", ".join(part for part in (f'"{detail}"' if detail else "", code) if part)
    return f" (amoCRM: {words})" if words else ""


def _place(field: InvalidField) -> str:
    path = printable(field.path, _MAX_DETAIL)
    parts = _split_at_custom_field(field.path)
    if field.field_id is None or parts is None or parts[1] in ("field_id", "field_code"):
        return path
    if field.field_name is None:
        return f"{path} of custom field {field.field_id}"
    return f"{path} of custom field {field.field_name!r} ({field.field_id})"


def _choices(field: InvalidField) -> str:
    if not field.choices:
        return ""
    more = len(field.choices) - MAX_CHOICES_SHOWN
    shown = ", ".join(repr(choice) for choice in field.choices[:MAX_CHOICES_SHOWN])
    return f"; allowed: {shown}" + (f" and {more} more" if more > 0 else "")


def _value(field: InvalidField) -> str:
    """Describe a refused value without a person's data, because messages end up in logs.

    A value that had to be one of known choices is shown: it is nobody's data.
    """
    value = field.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        if field.choices:
            return repr(value if len(value) <= _MAX_VALUE else f"{value[:_MAX_VALUE]}...")
        return f"str of length {len(value)}"
    if isinstance(value, (list, tuple)):
        return f"list of length {len(value)}"
    return "dict"


def code_hint(fields: Sequence[InvalidField]) -> str | None:
    """Return the meaning of the first numeric code among refused fields, if there is one."""
    return next((hint for field in fields if (hint := explain_code(field.code))), None)
