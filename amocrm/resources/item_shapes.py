"""What an item to write may look like: its members, and which of them are dicts or lists of dicts.

It is read from the shapes of `amocrm.schema` that a resource names in its header. amoCRM answers a
wrong shape with an error that names no right one, or takes it for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, NamedTuple

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.resources.resource import Resource, member_types, members, shape_named, shape_of
from amocrm.schema import enums

_FORMS: Final = {
    "custom_fields_values": '[{"field_id": 900, "values": [{"value": "north"}]}]',
    "values": '[{"value": "north"}]',
    **dict.fromkeys(("tags", "tags_to_add", "tags_to_delete"), '[{"name": "vip"}]'),
    **dict.fromkeys(("contacts", "companies", "segments"), '[{"id": 31}]'),
    "_embedded": '{"tags": [{"name": "vip"}]}',
    "enums": '[{"value": "north", "sort": 1}]',
    "params": '{"text": "Call back"}',
}  # fmt: skip
"""Examples of members, for hints."""

_SERVICE: Final = frozenset({"id", "request_id", "_links"})
"""Members that amoCRM knows of every item."""

_LIST: Final = re.compile(r"list\[(.+)\]")


_WORDS: Final = re.compile(r"\w+")

_SETS: Final = {name for name in vars(enums) if name[0].isupper() and name != "Literal"}


class _Part(NamedTuple):
    """A member that is a dict or a list.

    Attributes:
        is_list: it is a list.
        of_dicts: it is a dict, or a list of dicts.
        shape: the name of their shape; empty if they take any names.
    """

    is_list: bool
    of_dicts: bool
    shape: str = ""


class Rules(NamedTuple):
    """What an item of a resource may hold.

    Attributes:
        own: members that creating it, or changing it, takes.
        known: those, and members that amoCRM knows and ignores; empty if nobody told which.
        closed_sets: members that take a value of a closed set, each with the set's name.
        parts: members that are dicts or lists.
        home: the module of `amocrm.schema` that has its shapes.
    """

    own: frozenset[str]
    known: frozenset[str]
    closed_sets: Mapping[str, str]
    parts: Mapping[str, _Part]
    home: str


_rules: Final[dict[tuple[type[Resource], str], Rules]] = {}


def rules_of(kind: type[Resource], what: Literal["new", "patch"]) -> Rules:
    """Return what an item to create, or a change, may hold; it is found out once."""
    rules = _rules.get((kind, what))
    if rules is None:
        types, home = shape_of(kind, what), kind.__module__.rpartition(".")[2]
        all_known = members(kind, "new") | members(kind, "patch") | members(kind, "item") | _SERVICE
        sets = {
            name: word
            for name, annotation in types.items()
            for word in _WORDS.findall(annotation)
            if word in _SETS
        }
        known = all_known if types else frozenset[str]()
        rules = Rules(frozenset(types), known, sets, _read_parts(types, home), home)
        _rules[kind, what] = rules
    return rules


def check_names(item: Mapping[str, Json], rules: Rules, where: str) -> None:
    """Check that amoCRM knows the names of an item's members, be it that it ignores them.

    Raises:
        ConfigurationError: it does not know one; the hint says the nearest one.
    """
    for name in item if rules.known else ():
        if name not in rules.known:
            inside = rules.parts.get("_embedded")
            if inside is not None and name in _parts(inside.shape, rules.home):
                form = _FORMS.get(str(name), "[...]")
                hint = f'it is a part of _embedded: {{"_embedded": {{"{name}": {form}}}}}'
            else:
                hint = near(str(name), sorted(rules.own))
            raise ConfigurationError(f"{where} has no {str(name)!r}", hint=hint)


def check_shapes(item: Mapping[str, Json], rules: Rules, where: str) -> None:
    """Check that lists and dicts in an item are what they are to be; a null is left to amoCRM.

    Raises:
        ConfigurationError: one is something else; the message and the hint say the form.
    """
    _check(item, rules.parts, rules.home, f"{where}: ")


def _check(item: Mapping[str, Json], parts: Mapping[str, _Part], home: str, at: str) -> None:
    for name, part in parts.items():
        value = item.get(name)
        if value is None or value == []:  # PHP has one empty value for lists and dicts.
            continue
        if not part.is_list:
            _check_dict(name, value, part, home, f"{at}{name}")
            continue
        if not isinstance(value, (list, tuple)):
            raise _wrong(
                name, f"{at}{name}", "a list of dicts" if part.of_dicts else "a list", value
            )
        for index, one in enumerate(value if part.of_dicts else ()):
            _check_dict(name, one, part, home, f"{at}{name}[{index}]")


def _check_dict(name: str, value: Json, part: _Part, home: str, at: str) -> None:
    if not isinstance(value, (dict, Mapping)):  # A dict is recognized faster so.
        raise _wrong(name, at, "a dict", value)
    if part.shape:
        _check(value, _parts(part.shape, home), home, f"{at}.")


def _wrong(name: str, at: str, form: str, value: Json) -> ConfigurationError:
    example = _FORMS.get(name)
    return ConfigurationError(
        f"{at} must be {form}, not {type(value).__name__}",
        hint=None if example is None else f"{name} is {example}",
    )


@cache
def _parts(shape: str, home: str) -> Mapping[str, _Part]:
    return _read_parts(member_types(shape_named(shape, home)), home)


def _read_parts(types: Mapping[str, str], home: str) -> dict[str, _Part]:
    parts = {name: _part(annotation, home) for name, annotation in types.items()}
    return {name: part for name, part in parts.items() if part is not None}


def _part(annotation: str, home: str) -> _Part | None:
    """Return what the type of a member says; None for a number, a text and the like.

    >>> _part("list[TagRef] | None", "leads")
    _Part(is_list=True, of_dicts=True, shape='TagRef')
    """
    text = annotation.removesuffix(" | None")
    found = _LIST.fullmatch(text)
    one = text if found is None else found[1]
    is_named = one.isidentifier() and shape_named(one, home) is not None
    of_dicts = is_named or (one.startswith("dict[") and " | " not in one)
    if found is None and not of_dicts:
        return None
    return _Part(found is not None, of_dicts, one if is_named else "")
