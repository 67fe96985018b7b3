"""`validation-errors` → which field of which item was refused, and what was sent there.

Source: reference 3.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from amocrm.core.wire import Json
from amocrm.errors import InvalidField

SHOWN_FIELDS: Final = 3
"""Refused fields that a message lists; `error.fields` has them all."""

SHOWN_CHOICES: Final = 10
"""Choices of a field that a message lists; `choices` has them all."""

_LONGEST: Final = 60
"""Characters of a choice that a message shows."""

_CUSTOM: Final = re.compile(r"((?:.*\.)?custom_fields_values\.\d+)(?:\.(.*))?")


def read_refusal(problem: Mapping[str, Json], sent: Json) -> Iterator[InvalidField]:
    """Decode `validation-errors` and find each refused value in what was sent.

    Shape:
        [{"request_id": str, "errors": [{"code": str, "path": str, "detail": str}, ...]}, ...]
    """
    groups = problem.get("validation-errors")
    for group in groups if isinstance(groups, list) else ():
        if not isinstance(group, Mapping):
            continue
        rid = group.get("request_id")
        index = _index(rid, sent)
        item = sent[index] if index is not None else sent
        errors = group.get("errors")
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, Mapping):
                path = str(error.get("path") or "")
                yield InvalidField(
                    index=index,
                    request_id=None if rid is None else str(rid),
                    path=path,
                    code=str(error.get("code") or ""),
                    detail=str(error.get("detail") or ""),
                    value=_value(item, path),
                    field_id=_custom_field(item, path),
                )


def describe(fields: Sequence[InvalidField]) -> str:
    """Say in one line which fields were refused; the first ones of many."""
    shown = "; ".join(_describe(field) for field in fields[:SHOWN_FIELDS])
    more = len(fields) - SHOWN_FIELDS
    return shown + (f"; and {more} more" if more > 0 else "")


def _index(rid: object, sent: Json) -> int | None:
    """Find the item a `request_id` means: our own id first, else the zero-based index."""
    if not isinstance(sent, (list, tuple)):
        return None
    for index, item in enumerate(sent):
        own = item.get("request_id") if isinstance(item, Mapping) else None
        if own is not None and str(own) == str(rid):
            return index
    text = str(rid)
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) < len(sent):
        return int(text)
    return None


def _value(item: Json, path: str) -> Json:
    """Follow a dotted path such as `custom_fields_values.0.field_id`; None where it ends early."""
    for step in path.split("."):
        if isinstance(item, Mapping):
            item = item.get(step)
        elif isinstance(item, (list, tuple)) and step.isascii() and step.isdigit():
            item = item[int(step)] if len(step) < 9 and int(step) < len(item) else None
        else:
            return None
    return item


def _custom_field(item: Json, path: str) -> int | str | None:
    """Return the id of the custom field that a path is about, or the code it was sent by."""
    within = _CUSTOM.fullmatch(path)
    values = None if within is None else _value(item, within[1])
    if not isinstance(values, Mapping):
        return None
    named = (values.get("field_id"), values.get("field_code"))
    return next((one for one in named if isinstance(one, (int, str))), None)


def _describe(field: InvalidField) -> str:
    where = f"item {field.index}, " if field.index is not None else ""
    reason = field.detail.rstrip(".") or field.code
    code = f" [{field.code}]" if field.code and field.code != reason else ""
    return f"{where}{_place(field)} (sent {_sent(field)}): {reason}{code}{_choices(field)}"


def _place(field: InvalidField) -> str:
    within = _CUSTOM.fullmatch(field.path)
    if field.field_id is None or within is None or within[2] in ("field_id", "field_code"):
        return field.path
    name = "" if field.field_name is None else f"{field.field_name!r}, "
    return f"{field.path} of the custom field {name}{field.field_id}"


def _choices(field: InvalidField) -> str:
    if not field.choices:
        return ""
    more = len(field.choices) - SHOWN_CHOICES
    shown = ", ".join(repr(one) for one in field.choices[:SHOWN_CHOICES])
    return f"; it takes {shown}" + (f" and {more} more" if more > 0 else "")


def _sent(field: InvalidField) -> str:
    """Describe a refused value without showing a person's data, which ends up in logs.

    What was to be one of known choices is shown: that is no person's.
    """
    value = field.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        if field.choices:
            return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")
        return f"a string of {len(value)} characters"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return "an object"
