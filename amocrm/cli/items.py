"""`name=Order stage=New cf.Region=north` → an item to create, or a change of one.

The shape of the item, which the resource declares, says how a member's text is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, Literal

from amocrm.cli.filters import FIELD
from amocrm.cli.names import Names
from amocrm.cli.words import (
    flag,
    from_json,
    is_number,
    key_of,
    moment,
    number,
    split_names,
    split_pair,
)
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.definitions import FieldDefinition
from amocrm.resources.endpoint import near
from amocrm.resources.entity import HasCustomFields
from amocrm.resources.field_lookup import find_field
from amocrm.resources.resource import Resource, shape_of

_TIMES: Final = re.compile(r".*_at|complete_till|next_date|.*_date")
_PEOPLE: Final = ("responsible_user_id", "created_by", "updated_by")


def read_item(
    texts: Iterable[str], resource: Resource, names: Names, what: Literal["new", "patch"]
) -> dict[str, Json]:
    """Return an item of assignments.

    Args:
        texts: `MEMBER=VALUE`, `cf.FIELD=VALUE`, `stage=NAME`, `responsible=NAME`, `tags=a,b`; an
            empty value of a custom field clears it, and one that is repeated is a list.
        resource: where it is created or changed.
        names: of the account.
        what: is made.

    Raises:
        ConfigurationError: there is no such member, or it does not take the value.
    """
    item: dict[str, Json] = {}
    fields: dict[str, list[str]] = {}
    shape = shape_of(type(resource), what)
    for name, text in [split_pair(one, "a value") for one in texts]:
        try:
            if name.startswith(FIELD):
                fields.setdefault(name.removeprefix(FIELD), []).append(text)
            elif name == "tags" and "_embedded" in shape:
                item["_embedded"] = {"tags": [{"name": one} for one in split_names([text])]}
            elif name == "responsible" and "responsible_user_id" in shape:
                item["responsible_user_id"] = names.user_id(text)
            elif name == "stage" and "status_id" in shape:
                _put_stage(item, text, "pipeline_id" in shape, names)
            else:
                item[name] = _member(name, text, shape.get(name), names, [*shape])
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}: {error}") from None
    _put_fields(item, fields, resource)
    return item


def _put_stage(item: dict[str, Json], text: str, of_leads: bool, names: Names) -> None:
    if of_leads:
        item.update(names.stage(text))
    else:
        item["status_id"] = names.customer_stage_id(text)


def _member(name: str, text: str, kind: str | None, names: Names, known: list[str]) -> Json:
    """Return the value of a member; `kind` is its type as it is written."""
    if kind is None:
        raise ConfigurationError("there is no such member", hint=near(name, known))
    if text[:1] in ("{", "[") and "str" not in kind.split(" | "):
        return from_json(text, "the value")
    types = kind.split(" | ")
    if text in ("null", "") and "None" in types:
        return None
    if name in _PEOPLE:
        return names.user_id(text)
    if name == "pipeline_id":
        return names.pipeline_id(text)
    if _TIMES.fullmatch(name) and "int" in types:
        return _seconds(moment(text))
    if "str" in types:
        return text
    if "bool" in types:
        return flag(text)
    if "float" in types or "Decimal" in types:
        return number(text)
    if "int" in types:
        if not is_number(text.removeprefix("-")):
            raise ConfigurationError(f"it takes a whole number, not {text[:60]!r}")
        return int(text)
    return text  # A code of a closed set, which is checked before it is sent.


def _put_fields(item: dict[str, Json], fields: dict[str, list[str]], resource: Resource) -> None:
    if not fields:
        return
    if not isinstance(resource, HasCustomFields):
        raise ConfigurationError(f"{resource!r} has no custom fields")
    view = resource.cf(item)
    cleared: list[Json] = []
    for name, texts in fields.items():
        field = find_field(resource, key_of(name))
        if texts == [""]:
            cleared.append({"field_id": field.id, "values": None})
        else:
            view[field.id] = _field_value(field, texts)
    if cleared:  # A view cannot remove what is not there; a change must say so.
        item["custom_fields_values"] = [*(item.get("custom_fields_values") or ()), *cleared]


def _field_value(field: FieldDefinition, texts: list[str]) -> Json:
    values = [_one_value(field, text) for text in texts]
    if field.type in ("multiselect", "multitext"):
        return values
    if len(values) > 1:
        raise ConfigurationError(f"the custom field {field} takes one value")
    return values[0]


def _one_value(field: FieldDefinition, text: str) -> Json:
    if field.type in ("date", "birthday"):
        found = moment(text)
        return found.date() if isinstance(found, datetime) else found
    if field.type == "date_time":
        found = moment(text)
        if type(found) is date:
            raise ConfigurationError(f"the custom field {field} takes a day and a time")
        return found
    if field.type == "checkbox":
        return flag(text)
    if field.type in ("numeric", "monetary", "price"):
        return number(text)
    return from_json(text, f"cf.{field.name}") if text[:1] in ("{", "[") else text


def _seconds(found: int | date) -> int:
    """Return Unix seconds; a time without a zone is of this machine's."""
    if isinstance(found, int):
        return found
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)
    return int(found.timestamp())
