"""`--filter created_at.from=2026-01-01` → the typed filter of a resource.

The kind of a filter, which the resource declares, says how its text is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

from amocrm.cli.names import Names
from amocrm.cli.words import flag, from_json, is_number, key_of, moment, number, split_pair
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.definitions import FieldDefinition
from amocrm.resources.endpoint import near
from amocrm.resources.field_lookup import find_field
from amocrm.resources.resource import Resource
from amocrm.schema import enums

FIELD: Final = "cf."
"""How a custom field is named: `cf.Region`."""
RANGES: Final = ("Times", "Since", "Numbers", "SizeRange", "DateRange")
"""Kinds that take `.from` and `.to`."""

_SHORT: Final = {
    "stage": "statuses",
    "pipeline": "pipeline_id",
    "responsible": "responsible_user_id",
    "author": "created_by",
}
"""Names that stand for others, where a resource has those."""
_SEVERAL: Final = re.compile(r"(\w+) \| Iterable\[\w+\]")
_END: Final = re.compile(r"(.+)\.(from|to)")


def read_filters(texts: Iterable[str], resource: Resource, names: Names) -> dict[str, Json] | None:
    """Return the filter of a resource; None if no texts are given.

    Args:
        texts: `NAME=VALUE`, `NAME.from=VALUE`, `cf.FIELD=VALUE`; a name may be repeated.
        resource: what is filtered.
        names: of the account.

    Raises:
        ConfigurationError: there is no such filter, or it does not take the value.
    """
    found: dict[str, Json] = {}
    kinds = resource.endpoint.filters
    pairs = [split_pair(text, "--filter") for text in texts]
    longer = [(_SHORT.get(name, name), value) for name, value in pairs]
    named = [new if new[0] in kinds else old for old, new in zip(pairs, longer, strict=True)]
    # A stage is looked for in the pipeline.
    for name, value in sorted(named, key=lambda pair: pair[0] != "pipeline_id"):
        try:
            if name.startswith(FIELD):
                fields = found.setdefault("custom_fields_values", {})
                _add_field(fields, name.removeprefix(FIELD), value, resource)
            else:
                _add(found, name, value, resource, names)
        except ConfigurationError as error:
            raise ConfigurationError(f"--filter {name}: {error}") from None
    return found or None


def _add(found: dict[str, Json], name: str, text: str, resource: Resource, names: Names) -> None:
    kinds = resource.endpoint.filters
    end = _END.fullmatch(name)
    if end and end[1] in kinds:
        value = _single(kinds[end[1]], end[1], text, found, names)
        _put_end(found, end[1], end[2], value)
        return
    if name not in kinds:
        raise ConfigurationError("there is no such filter", hint=near(name, kinds))
    if text[:1] in ("{", "["):
        found[name] = from_json(text, "the value")
        return
    kind = kinds[name]
    several = _SEVERAL.fullmatch(kind)
    base = several[1] if several else kind
    values = [_single(base, name, one, found, names) for one in _parts(text, base)]
    is_list = base == "Stages" or (several is not None and (len(values) > 1 or name in found))
    if not is_list:
        found[name] = values[0]
        return
    before = found.get(name, [])
    found[name] = [*(before if isinstance(before, list) else [before]), *values]


def _parts(text: str, kind: str) -> list[str]:
    """Split ids and codes at commas; names and words may have commas in them."""
    parts = [one.strip() for one in text.split(",")]
    return parts if all(map(is_number, parts)) or hasattr(enums, kind) else [text]


def _single(kind: str, name: str, text: str, found: dict[str, Json], names: Names) -> Json:
    if kind == "UserId":
        return names.user_id(text)
    if name == "pipeline_id":
        return names.pipeline_id(text)
    if name == "status_id":
        return names.customer_stage_id(text)
    if kind == "Stages":
        pipeline = found.get("pipeline_id")
        return names.stage(text, pipeline if isinstance(pipeline, int) else None)
    if kind in ("Id", "FileAuthor"):
        return int(text) if is_number(text.removeprefix("-")) else text
    if kind in ("Times", "Since", "DateRange"):
        return moment(text)
    if kind in ("Numbers", "SizeRange"):
        return _whole(number(text))
    return flag(text) if kind in ("Flag", "Present") else text


def _put_end(found: dict[str, Json], name: str, end: str, value: Json) -> None:
    ends = found.setdefault(name, {})
    if not isinstance(ends, dict):
        raise ConfigurationError("a range and a value exclude each other")
    ends[end] = value


def _add_field(fields: dict[str, Json], name: str, text: str, resource: Resource) -> None:
    end = _END.fullmatch(name)
    if end:
        value = _field_value(find_field(resource, key_of(end[1])), text)
        _put_end(fields, end[1], end[2], value)
        return
    value = _field_value(find_field(resource, key_of(name)), text)
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], dict) or isinstance(value, date):
        raise ConfigurationError("it is given twice")
    else:
        before = fields[name]
        fields[name] = [*(before if isinstance(before, list) else [before]), value]


def _field_value(field: FieldDefinition, text: str) -> Json:
    if field.type in ("date", "date_time", "birthday"):
        return moment(text)
    if field.type == "numeric":
        return _whole(number(text))
    return flag(text) if field.type == "checkbox" else text


def _whole(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value
