"""Takes out of what an account says the members that a schema document has, and no others."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.schema import Prop, Schema, prop
from amocrm.sandbox.engine.validation_errors import KINDS
from amocrm.sandbox.http.answer import Json, is_array, is_object

_NOTHING = object()


def picked(item: Mapping[str, Json], schema: Schema) -> Entity:
    """Return the members that a schema names; one of another kind is left out.

    >>> picked({"id": 5, "name": "A", "email": "a@b.c", "sort": "x"}, {"id": "int", "sort": "int"})
    {'id': 5}
    """
    found: Entity = {}
    for name, kind in schema.items():
        value = _picked(item[name], prop(kind)) if name in item else _NOTHING
        if value is not _NOTHING:
            found[name] = value
    return found


def _picked(value: Json, wanted: Prop) -> Json:
    if value is None:
        return None if wanted.null else _NOTHING
    is_bool = isinstance(value, bool)
    if not isinstance(value, KINDS[wanted.kind]) or is_bool != (wanted.kind == "bool"):
        return _NOTHING
    if wanted.choices and value not in wanted.choices:
        return _NOTHING
    if is_object(value):
        return picked(value, wanted.inner or {})
    if is_array(value):
        return [picked(one, wanted.inner or {}) for one in value if is_object(one)]
    return value
