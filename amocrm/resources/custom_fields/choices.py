"""Fields with choices: selects, phones and e-mails with their kinds, addresses by lines.

Source: reference 5.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.definitions import (
    FieldDefinition,
    Option,
    describe_options,
    find_option,
    near_option,
)

_KIND_NAMES: Final = ("enum_code", "enum_id")


class Multitext(NamedTuple):
    """A phone, an e-mail, a messenger.

    Attributes:
        value: the number or address.
        kind: `WORK`, `MOB`, `PRIV` ...; the id of a kind that the schema does not know; None for
            the server's choice, which is `WORK`.
    """

    value: str
    kind: str | int | None = None


def read_choice(item: Mapping[str, Json], field: FieldDefinition) -> str:
    """Return the text of a choice, which a write may have left out."""
    if isinstance(item.get("value"), str):
        return str(item["value"])
    option = _option_of(item, field)
    if option is None:
        raise ValueError("an unknown choice")
    return option.value


def write_choice(wanted: Json, field: FieldDefinition) -> dict[str, Json]:
    """Name a choice that is given by its text, code or id.

    Raises:
        ConfigurationError: the field has no such choice; the message lists those it has.
    """
    if isinstance(wanted, Option):
        wanted = wanted.id
    if isinstance(wanted, bool) or not isinstance(wanted, (str, int)):
        raise TypeError("no choice")
    if not field.options:
        return {"enum_id" if isinstance(wanted, int) else "value": wanted}
    return {"enum_id": _named(wanted, field, "choice").id}


def choice_id(wanted: Json, field: FieldDefinition) -> int:
    """Return the id of a choice that is given by its text, code or id.

    Raises:
        ConfigurationError: the field has no such choice; the message lists those it has.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, (str, int)):
        raise ConfigurationError(f"the custom field {field} takes choices by text, code or id")
    return _named(wanted, field, "choice").id


def read_multitext(item: Mapping[str, Json], field: FieldDefinition) -> Multitext:
    """Read a phone or the like; its kind was called `enum` once."""
    value = item["value"]
    if not isinstance(value, str):
        raise TypeError("no text")
    option = _option_of(item, field)
    kind = item.get("enum_code") or item.get("enum_id") or item.get("enum")
    if option is not None:
        kind = option.code or option.value
    if not isinstance(kind, (str, int, type(None))):
        raise TypeError("no kind")
    return Multitext(value, kind)


def write_multitext(given: Json, field: FieldDefinition) -> dict[str, Json]:
    """Write a text, or a text with its kind."""
    if isinstance(given, Mapping):
        return _write_wire_item(given)
    value, kind = (given, None) if isinstance(given, str) else given
    if not isinstance(value, str):
        raise TypeError("no text")
    if kind is None:
        return {"value": value}
    if isinstance(kind, bool) or not isinstance(kind, (str, int)):
        raise TypeError("no kind")
    if not field.options:
        return {"value": value, "enum_id" if isinstance(kind, int) else "enum_code": kind}
    option = find_option(field.options, kind)
    if option is None and isinstance(kind, int):
        return {"value": value, "enum_id": kind}
    option = option or _named(kind, field, "kind")
    name: Json = {"enum_code": option.code} if option.code else {"enum_id": option.id}
    return {"value": value, **name}


def _write_wire_item(given: Mapping[str, Json]) -> dict[str, Json]:
    """Write an item as the API has it: `{"value": "+7999...", "enum_code": "MOB"}`."""
    if not isinstance(given["value"], str) or not given.keys() <= {"value", *_KIND_NAMES}:
        raise TypeError("no item")
    name = next((one for one in _KIND_NAMES if given.get(one) is not None), None)
    return {"value": given["value"]} | ({} if name is None else {name: given[name]})


def read_address(values: list[Mapping[str, Json]], field: FieldDefinition) -> dict[str, str]:
    """Read the lines of an address by their codes."""
    lines: dict[str, str] = {}
    for item in values:
        option = _option_of(item, field)
        if option is None or not isinstance(item["value"], str) or option.value in lines:
            raise ValueError("an unknown line")
        lines[option.value] = item["value"]
    return lines


def write_address(given: Json, field: FieldDefinition) -> list[dict[str, Json]]:
    """Write the lines of an address; those that are None are left out."""
    if not isinstance(given, Mapping) or not all(isinstance(one, str) for one in given):
        raise TypeError("no lines")
    return [
        {"value": _text(text), "enum_code": _named(line, field, "line").code}
        for line, text in given.items()
        if text is not None
    ]


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _option_of(item: Mapping[str, Json], field: FieldDefinition) -> Option | None:
    for key in ("enum_id", "enum_code"):
        wanted = item.get(key)
        for one in field.options if wanted is not None else ():
            if wanted == (one.id if key == "enum_id" else one.code):
                return one
    return None


def _named(wanted: str | int, field: FieldDefinition, what: str) -> Option:
    option = find_option(field.options, wanted)
    if option is not None:
        return option
    near = near_option(field.options, wanted)
    raise ConfigurationError(
        f"the custom field {field} has no {what} {str(wanted)[:60]!r}, "
        f"but {describe_options(field.options)}",
        hint=f"is it {near!r}?" if near else None,
    )
