"""Reads a form body with PHP's brackets: `leads[add][0][id]=1` becomes nested data.

An array whose keys are all numbers becomes a list, in the order of the numbers; gaps close. Where
PHP would lose or guess, it is as PHP does: the last of two values stands, `a[]` counts on, a value
gives way to an array, what follows a closing bracket is ignored. Source: reference 6.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from amocrm.errors import WebhookError
from amocrm.http.messages import Json

MAX_BODY: Final = 1_048_576
"""Bytes of a body."""

MAX_FIELDS: Final = 10_000
"""Fields of a form, its arrays, and values of JSON; so many events at most. A lead with 60 custom
fields has about 300 fields and fewer arrays."""

MAX_DEPTH: Final = 16
"""Names in a key, and containers within one another. Of documented bodies 11 at most."""

MAX_KEY: Final = 1_000
"""Bytes of a key, as it is sent; six of them are one Cyrillic letter."""

_BRACKETS: Final = ((b"+", b" "), (b"%5B", b"["), (b"%5D", b"]"), (b"%5b", b"["), (b"%5d", b"]"))

_ESCAPES: Final = re.compile(rb"(?:%[0-9A-Fa-f]{2}){1,64}")
"""Several at once: a Cyrillic letter has two. Not all of a long run: the search would keep each."""

_INDEX_DIGITS: Final = 18
"""Digits of an index at most."""


class _Array(dict[str, Json]):
    """An array of PHP while it is filled."""

    next_index = -1
    """The key of `a[]`, once it has been asked for."""

    def append_key(self) -> str:
        """Return the key of `a[]`: one more than the highest."""
        if self.next_index < 0:
            indexes = [int(key) for key in self if _is_index(key)] if self else []
            self.next_index = max(indexes) + 1 if indexes else 0
        return str(self.next_index)

    def put(self, key: str, value: Json) -> None:
        """Set a value."""
        if self.next_index >= 0 and _is_index(key):
            self.next_index = max(self.next_index, int(key) + 1)
        self[key] = value


def parse_form(body: bytes) -> dict[str, Json]:
    """Return the nested data of a form body; its values are strings.

    Raises:
        WebhookError: the body is out of bounds.
    """
    check_size(body)
    if body.count(b"&") >= MAX_FIELDS:
        raise WebhookError(f"the webhook has more than {MAX_FIELDS:,} fields")
    for coded, plain in _BRACKETS:
        body = body.replace(coded, plain)
    _check_arrays(body.count(b"[]["))  # Each makes one: such a body need not be split.
    fields = [field.partition(b"=") for field in body.split(b"&") if field]
    for name, _, _ in fields:
        check_key(len(name), name.count(b"[") + 1)
    return nest((_unquote(name), _unquote(value)) for name, _, value in fields)


def check_size(body: bytes) -> None:
    """Refuse a body that is too large.

    Raises:
        WebhookError: it is.
    """
    if len(body) > MAX_BODY:
        raise WebhookError(f"the webhook has more than {MAX_BODY:,} bytes")


def check_key(length: int, depth: int) -> None:
    """Refuse a key that is too long or too deep.

    Raises:
        WebhookError: it is.
    """
    if length > MAX_KEY:
        raise WebhookError(f"the webhook has a key longer than {MAX_KEY:,}")
    if depth > MAX_DEPTH:
        raise WebhookError(f"the webhook is nested deeper than {MAX_DEPTH}")


def _check_arrays(number: int) -> None:
    if number > MAX_FIELDS:
        raise WebhookError(f"the webhook has more than {MAX_FIELDS:,} arrays")


def nest(fields: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    """Return the nested data of keys with brackets; values may be nested already."""
    root = _Array()
    parents: dict[str, _Array] = {}
    arrays = 0
    for name, value in fields:
        prefix, bracket, last = name.rpartition("[")
        parent = parents.get(prefix) if bracket else None
        if parent is None or last.find("]") != len(last) - 1 or last == "]":
            keys = _keys(name)
            parent, made = _descend(root, keys)
            arrays += made
            _check_arrays(arrays)
            last = keys[-1] or (parent.append_key() if len(keys) > 1 else "")
            if len(keys) == name.count("[") + 1 > 1 and "[]" not in prefix:
                parents[prefix] = parent
        else:
            last = last[:-1]
        if parents and isinstance(parent.get(last), _Array):
            parents.clear()  # A value takes the place of an array that may be remembered.
        parent.put(last, value)
    return {key: _finish(value) for key, value in root.items()}


def decode(raw: bytes) -> str:
    """Decode UTF-8, also if it is broken; windows-1251 if most letters are none of UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    text = raw.decode("utf-8", "replace")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    if 2 * text.count("\ufffd") > foreign:
        return raw.decode("cp1251", "replace")
    return text


def _unquote(raw: bytes) -> str:
    return decode(_ESCAPES.sub(_unescape, raw) if b"%" in raw else raw)


def _unescape(run: re.Match[bytes]) -> bytes:
    return bytes.fromhex(run[0].replace(b"%", b"").decode())


def _keys(name: str) -> list[str]:
    """Split `leads[add][0][id]` at its brackets; a key without a closing one is kept whole."""
    head, bracket, rest = name.partition("[")
    end = rest.rfind("]")
    if not (bracket and head) or end < 0:
        return [name]
    keys = [head, *rest[:end].split("][")]
    for number, key in enumerate(keys[1:] if rest.count("]") > len(keys) - 1 else (), 1):
        if "]" in key:
            keys[number:] = [key.partition("]")[0]]
            break
    check_key(0, len(keys))
    return keys


def _descend(root: _Array, keys: list[str]) -> tuple[_Array, int]:
    """Return the array that the last key belongs to, and how many were made on the way."""
    array, made = root, 0
    for number, key in enumerate(keys[:-1]):
        name = key or (array.append_key() if number else "")
        inner = array.get(name)
        if not isinstance(inner, _Array):
            inner = _Array()
            array.put(name, inner)
            made += 1
        array = inner
    return array, made


def _finish(value: Json) -> Json:
    """Make plain dicts and lists."""
    if isinstance(value, list):
        return [_finish(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value and all(_is_index(key) for key in value):
        return [_finish(value[key]) for key in sorted(value, key=int)]
    return {key: one if isinstance(one, str) else _finish(one) for key, one in value.items()}


def _is_index(key: str) -> bool:
    return key.isdecimal() and key.isascii() and len(key) <= _INDEX_DIGITS
