"""Encodes the data of a request as JSON, or names the value that JSON cannot represent."""

from __future__ import annotations

import json
import math
from typing import Final

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.http.query import advice, has_half_character

_dump: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_DEEPEST: Final = 100
"""Levels of nesting in which an unencodable value is searched."""


def encode_body(data: Json) -> bytes:
    """Encode data as JSON in UTF-8.

    Raises:
        ConfigurationError: JSON cannot represent a value; the message names its path in the data,
            such as `data[0].price`.
    """
    try:
        return _dump(data).encode()
    except (TypeError, ValueError, RecursionError) as error:
        named = _find(data, "data", ())
        unnamed = ConfigurationError(f"data cannot be encoded as JSON: {error}")
    # Raised outside of `except`: the encoder's error contains the data, which may be a secret.
    raise named or unnamed


def _find(value: object, path: str, parents: tuple[int, ...]) -> ConfigurationError | None:
    """Return an error for the first value that JSON cannot represent; None if there is none."""
    if isinstance(value, (dict, list, tuple)):
        if id(value) in parents:
            return ConfigurationError(f"{path} contains itself")
        return _find_inside(value, path, (*parents, id(value)))
    if isinstance(value, float) and not math.isfinite(value):
        return ConfigurationError(f"{path} is {value}, which JSON cannot represent")
    if isinstance(value, str):
        if has_half_character(value):
            return ConfigurationError(f"{path} contains half a character (a lone surrogate)")
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return None
    kind = type(value).__name__
    return ConfigurationError(
        f"{path} is of type {kind}, which JSON cannot represent", hint=advice(value)
    )


def _find_inside(
    value: dict[object, object] | list[object] | tuple[object, ...],
    path: str,
    parents: tuple[int, ...],
) -> ConfigurationError | None:
    if len(parents) > _DEEPEST:
        return ConfigurationError(f"data is nested deeper than {_DEEPEST} levels at {path[:60]}...")
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                kind = type(key).__name__
                return ConfigurationError(f"{path} has a key of type {kind}; keys must be strings")
            if (error := _find(item, f"{path}.{key}", parents)) is not None:
                return error
        return None
    for index, item in enumerate(value):
        if (error := _find(item, f"{path}[{index}]", parents)) is not None:
            return error
    return None
