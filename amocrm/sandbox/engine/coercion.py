"""JSON as amoCRM's server reads it (reference 3.1, 3.3).

The server is written in PHP, where a JSON object and a JSON array are the same type. So `[]` and
`{}` mean the same, an object with any keys is taken where a list is due, a list is an object with
the keys `0`, `1`, ..., and a whole float such as `5.0` is an integer. Members that the server knows
and that nobody can write are ignored. What cannot be read this way stays as it is, and is refused
by the check against the schema.
"""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.engine.schema import INTEGERS, Prop, Schema, prop
from amocrm.sandbox.http.answer import Json, is_array, is_object


def coerced(value: Json, wanted: Prop) -> Json:
    """Return a value in the form that its schema names.

    >>> coerced({"7": {"id": 2.0}}, Prop("array", inner={"id": "int"}))
    [{'id': 2}]
    >>> coerced([], Prop("object"))
    {}
    """
    if wanted.kind == "array":
        items = list(value.values()) if is_object(value) else value
        return [_item(one, wanted) for one in items] if is_array(items) else items
    if wanted.kind == "object":
        keyed = {str(at): one for at, one in enumerate(value)} if is_array(value) else value
        if not is_object(keyed):
            return keyed
        if wanted.inner is not None:
            return coerced_object(keyed, wanted.inner)
        return {name: _item(one, wanted) for name, one in keyed.items()}
    if wanted.kind in INTEGERS and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def coerced_object(model: Mapping[str, Json], schema: Schema) -> dict[str, Json]:
    """Return an object in the form that a schema names, without its ignored members."""
    found: dict[str, Json] = {}
    for name, value in model.items():
        wanted = prop(schema[name]) if name in schema else None
        if wanted is None:
            found[name] = value
        elif wanted.kind != "ignored":
            found[name] = coerced(value, wanted)
    return found


def _item(value: Json, wanted: Prop) -> Json:
    if wanted.each is not None:
        return coerced(value, prop(wanted.each))
    return coerced(value, Prop("object", inner=wanted.inner)) if wanted.inner is not None else value
