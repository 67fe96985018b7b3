"""A model as it was read → the part of it that creates it again, in another account too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, get_args

from amocrm.http.messages import Json
from amocrm.resources import lazy
from amocrm.resources.resource import Resource, member_types, shape_named, shape_of
from amocrm.schema import enums

_WORDS: Final = re.compile(r"\w+")
_SYSTEM_STAGES: Final = (142, 143)
_UNSORTED: Final = 1
_BY_NAME: Final = ("TagRef", "Choice", "NestedChoice")
"""Shapes whose ids another account does not know: they are created by their texts."""


def writable(kind: type[Resource], model: Mapping[str, Json]) -> dict[str, Json]:
    """Return the members of a model that creating one takes; nulls are left out.

    Parts of it are treated alike. Stages of a pipeline are new ones, but for the two final ones,
    which are renamed; choices and tags are named by their texts, not by ids. A color that amoCRM
    shows but no longer takes, as stages of older accounts have (reference 4.5), is left out.
    """
    whole = lazy.patch.with_exact_price(model)
    return _part(whole, shape_of(kind, "new"), kind.__module__.rpartition(".")[2])


def _part(model: Mapping[str, Json], shape: Mapping[str, str], home: str) -> dict[str, Json]:
    return {
        name: _value(model[name], annotation, home)
        for name, annotation in shape.items()
        if model.get(name) is not None and name != "request_id"
        if name != "color" or _is_taken(model[name], annotation)
    }


def _is_taken(color: Json, annotation: str) -> bool:
    allowed = get_args(getattr(enums, annotation, None))
    return not allowed or color in allowed


def _value(value: Json, annotation: str, home: str) -> Json:
    words = _WORDS.findall(annotation)
    name = next((one for one in words if shape_named(one, home) is not None), None)
    if name is None:
        return value
    shape = member_types(shape_named(name, home))
    if isinstance(value, Mapping):
        return _item(value, name, shape, home)
    if not isinstance(value, list):
        return value
    return [
        _item(one, name, shape, home)
        for one in value
        if isinstance(one, Mapping) and not (name == "NewStatus" and one.get("type") == _UNSORTED)
    ]


def _item(item: Mapping[str, Json], name: str, shape: Mapping[str, str], home: str) -> Json:
    part = _part(item, shape, home)
    if name == "NewStatus":
        final = item.get("id") in _SYSTEM_STAGES
        names = ("id", "name") if final else ("name", "sort", "color", "descriptions")
        return {key: part[key] for key in names if key in part}
    if name == "Description":
        return {key: part[key] for key in ("level", "description") if key in part}
    if name == "NestedChoice" and "id" in part:
        # Its levels are tied by the ids of the account that it was read in.
        part["request_id"] = str(part["id"])
        if "parent_id" in part:
            part["parent_request_id"] = str(part.pop("parent_id"))
    if name == "FieldValues":
        return {key: part[key] for key in ("field_id", "values") if key in part}
    return {key: one for key, one in part.items() if key != "id" or name not in _BY_NAME}
