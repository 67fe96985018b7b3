"""`validation-errors` → which field of which item was refused, and what was sent there.

Source: reference 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from amocrm.errors import InvalidField, printable
from amocrm.http.messages import Json

SHOWN_FIELDS: Final = 3
"""Refused fields that a message lists; `error.fields` has them all."""

SHOWN_CHOICES: Final = 10
"""Choices of a field that a message lists; `choices` has them all."""

_LONGEST: Final = 60
"""Characters of a choice that a message shows."""

_LONGEST_REASON: Final = 200
"""Characters of a path, and of a reason, that a message shows; `error.fields` has the whole."""

_DEEPEST: Final = 100
"""Steps of a path that are looked at: those of the API have eight at most."""


def read_validation_errors(problem: Mapping[str, Json], sent: Json) -> Iterator[InvalidField]:
    """Decode `validation-errors` and find each refused value in what was sent.

    Shape:
        [{"request_id": str, "errors": [{"code": str, "path": str, "detail": str}, ...]}, ...]
    """
    groups = problem.get("validation-errors")
    own = _own_ids(sent)
    for group in groups if isinstance(groups, list) else ():
        if not isinstance(group, Mapping):
            continue
        rid = group.get("request_id")
        index = _index(rid, sent, own)
        item = sent[index] if index is not None else sent
        errors = group.get("errors")
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, Mapping):
                path = _text(error.get("path"))
                yield InvalidField(
                    index=index,
                    request_id=_text(rid) or None,
                    path=path,
                    code=_text(error.get("code")),
                    detail=_text(error.get("detail")),
                    value=_value(item, path),
                    field_id=_custom_field(item, path),
                )


def describe(fields: Sequence[InvalidField]) -> str:
    """Say in one line which fields were refused; the first ones of many."""
    shown = "; ".join(_describe(field) for field in fields[:SHOWN_FIELDS])
    more = len(fields) - SHOWN_FIELDS
    return shown + (f"; and {more} more" if more > 0 else "")


def _own_ids(sent: Json) -> dict[str, int]:
    """Return where each item stands that was sent with a `request_id`; the first one of many."""
    own: dict[str, int] = {}
    for index, item in enumerate(sent if isinstance(sent, (list, tuple)) else ()):
        if isinstance(item, Mapping) and (rid := item.get("request_id")) is not None:
            own.setdefault(str(rid), index)
    return own


def _index(rid: object, sent: Json, own: Mapping[str, int]) -> int | None:
    """Find the item a `request_id` means: our own id first, else the zero-based index."""
    if not isinstance(sent, (list, tuple)):
        return None
    text = _text(rid)
    if text in own:
        return own[text]
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) < len(sent):
        return int(text)
    return None


def _value(item: Json, path: str) -> Json:
    """Follow a dotted path such as `custom_fields_values.0.field_id`; None where it ends early."""
    for step in path.split(".", _DEEPEST):
        if isinstance(item, Mapping):
            item = item.get(step)
        elif isinstance(item, (list, tuple)) and step.isascii() and step.isdigit():
            item = item[int(step)] if len(step) < 9 and int(step) < len(item) else None
        else:
            return None
    return item


def _custom_field(item: Json, path: str) -> int | str | None:
    """Return the id of the custom field that a path is about, or the code it was sent by."""
    within = _custom(path)
    values = None if within is None else _value(item, within[0])
    if not isinstance(values, Mapping):
        return None
    named = (values.get("field_id"), values.get("field_code"))
    return next((one for one in named if isinstance(one, (int, str))), None)


def _custom(path: str) -> tuple[str, str] | None:
    """Split a path after the last custom field in it; None if there is none."""
    steps = path.split(".")[:_DEEPEST]
    for at in range(len(steps) - 1, 0, -1):
        if steps[at - 1] == "custom_fields_values" and steps[at].isdecimal():
            return ".".join(steps[: at + 1]), ".".join(steps[at + 1 :])
    return None


def _text(value: object) -> str:
    """Return a word of the server's; empty for what is none."""
    known = isinstance(value, (str, int)) and not isinstance(value, bool)
    return str(value) if known else ""


def _describe(field: InvalidField) -> str:
    where = f"item {field.index}, " if field.index is not None else ""
    reason = printable(field.detail.rstrip(".") or field.code, _LONGEST_REASON)
    code = f" [{printable(field.code, _LONGEST)}]" if field.code and field.code != reason else ""
    return f"{where}{_place(field)} (sent {_sent(field)}): {reason}{code}{_choices(field)}"


def _place(field: InvalidField) -> str:
    within = _custom(field.path)
    if field.field_id is None or within is None or within[1] in ("field_id", "field_code"):
        return printable(field.path, _LONGEST_REASON)
    name = "" if field.field_name is None else f"{field.field_name!r}, "
    return f"{printable(field.path, _LONGEST_REASON)} of the custom field {name}{field.field_id}"


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
