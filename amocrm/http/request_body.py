"""Data → the JSON bytes of a request, or an error that names the value that cannot travel."""

from __future__ import annotations

import json
import math
from typing import Final

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.http.query import advice, has_half_character

_dump: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_DEEPEST: Final = 100
"""Levels the search for a culprit goes down: data that JSON refused below them is nonsense."""


def encode_body(data: Json) -> bytes:
    """Encode data as JSON in UTF-8.

    Raises:
        ConfigurationError: JSON cannot carry a value; the message names its path in the data,
            such as `data[0].price`.
    """
    try:
        return _dump(data).encode()
    except (TypeError, ValueError, RecursionError) as error:
        complaint = _find(data, "data", ())
        why = ConfigurationError(f"data cannot be sent as JSON: {error}")
    # Raised out here: an error of the encoder holds the whole text, which may be a secret.
    raise complaint or why


def _find(value: object, path: str, above: tuple[int, ...]) -> ConfigurationError | None:
    """Look for the first value that JSON cannot carry."""
    if isinstance(value, (dict, list, tuple)):
        if id(value) in above:
            return ConfigurationError(f"{path} contains itself, which JSON cannot carry")
        return _find_inside(value, path, (*above, id(value)))
    if isinstance(value, float) and not math.isfinite(value):
        return ConfigurationError(f"{path} is {value}, which JSON cannot carry")
    if isinstance(value, str):
        if has_half_character(value):
            return ConfigurationError(f"{path} holds half a character (a lone surrogate)")
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return None
    kind = type(value).__name__
    return ConfigurationError(
        f"{path} is a value of type {kind}, which JSON cannot carry", hint=advice(value)
    )


def _find_inside(
    value: dict[object, object] | list[object] | tuple[object, ...],
    path: str,
    above: tuple[int, ...],
) -> ConfigurationError | None:
    if len(above) > _DEEPEST:
        return ConfigurationError(f"data is nested deeper than {_DEEPEST} levels at {path[:60]}...")
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                kind = type(key).__name__
                return ConfigurationError(f"{path} has a key of type {kind}, not a string")
            if (found := _find(item, f"{path}.{key}", above)) is not None:
                return found
        return None
    for index, item in enumerate(value):
        if (found := _find(item, f"{path}[{index}]", above)) is not None:
            return found
    return None
