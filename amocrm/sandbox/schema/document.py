"""Reading and writing schema documents: bad ones are refused in one line (see `members`)."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias, cast

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.schema import check_object
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json, is_array, is_object
from amocrm.sandbox.schema.members import DOCUMENT, KINDS, VERSION
from amocrm.sandbox.schema.references import resolved

MOST_BYTES: Final = 20_000_000
"""Longest file of a schema; that of an account with a thousand fields has less than a million."""

_SMALL: Final = 1_000_000
"""Bytes of a document that is checked once; a longer one is checked each time."""

Source: TypeAlias = "Mapping[str, Json] | str | os.PathLike[str]"
"""A schema: the document, or the path of its file."""


class SchemaError(ValueError):
    """A schema document cannot be read or loaded."""


def read_schema(source: Source, *, drop_dangling: bool = False) -> Entity:
    """Return a checked copy of a document.

    Args:
        source: the document, or the path of its file.
        drop_dangling: leave out references to what is not there, such as a deleted stage, instead
            of refusing them.

    Raises:
        SchemaError: it is not one, or what it says is not possible.
    """
    content = _plain(source) if isinstance(source, Mapping) else _of_file(source)
    document = _parsed(content)
    if drop_dangling:
        _check(document)
        return resolved(document)[0]
    (_check_once if len(content) <= _SMALL else _check_content)(content)
    return cast("Entity", document)


def write_schema(document: Mapping[str, Json]) -> str:
    """Return the text of a document: members sorted, so that two of them can be compared."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _check_content(content: bytes) -> None:
    document = _parsed(content)
    _check(document)
    for path, value in resolved(document)[1]:
        raise SchemaError(f"{_line(path)}: there is no {_shown(value)}")


_check_once = lru_cache(maxsize=8)(_check_content)
"""A test suite makes a portal of the same document a thousand times; refusals are not kept."""


def _check(document: Json) -> None:
    """Refuse what is no document by itself, references apart."""
    if not is_object(document):
        raise SchemaError("a schema must be a JSON object")
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # A half of a surrogate pair, which JSON can name.
        raise _no_text() from None
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise SchemaError(f"version must be {VERSION}, not {_shown(version)}")
    errors = ValidationErrors()
    check_object(document, DOCUMENT, errors)
    for one in errors.found:
        raise SchemaError(f"{_line(one['path'])}: {one['detail']}")
    for path in _wrong_kinds(document):
        raise SchemaError(f"{_line(path)}: there are no custom fields of that")
    for path in _repeated(document):
        raise SchemaError(f"{_line(path)} is there twice")
    _check_whole(document)


def _no_text() -> SchemaError:
    return SchemaError("a schema must be text in UTF-8")


def _plain(document: Mapping[str, Json]) -> bytes:
    try:
        text = json.dumps(dict(document), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except UnicodeEncodeError:
        raise _no_text() from None
    except (TypeError, ValueError, RecursionError):
        raise SchemaError("a schema must be plain JSON data") from None


def _of_file(path: str | os.PathLike[str]) -> bytes:
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SchemaError(f"cannot read the schema {_shown(name)}: {reason}") from None
    if len(content) > MOST_BYTES:
        raise SchemaError(f"the schema {_shown(name)} is longer than {MOST_BYTES:,} bytes")
    return content


def _parsed(content: bytes) -> Json:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise _no_text() from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SchemaError(f"a schema must be JSON: {error.msg}, {where}") from None
    except RecursionError:
        raise SchemaError("a schema must be JSON that is not so deep") from None
    except ValueError as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError("a schema must be JSON without such long numbers") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise SchemaError(f"the member {_shown(twice)} is there twice")
    return found


def _wrong_kinds(document: Entity) -> Iterable[str]:
    lists = {f"catalogs/{one['id']}" for one in document.get("catalogs", ())}
    known = lists | set(KINDS)
    for name in ("fields", "field_groups"):
        for kind in document.get(name, ()):
            if kind not in known or (name == "field_groups" and kind == KINDS[-1]):
                yield f"{name}.{kind}"


def _repeated(document: Entity) -> Iterable[str]:
    for at, items in _lists(document, ""):
        seen: set[Json] = set()
        for place, item in enumerate(items):
            if item["id"] in seen:
                yield f"{at}.{place}: the id {item['id']}"
            seen.add(item["id"])
    stages: set[int] = set()
    for place, pipeline in enumerate(document.get("pipelines", ())):
        for stage in pipeline["statuses"]:
            if stage["id"] in stages and stage["id"] not in (142, 143):
                yield f"pipelines.{place}: the stage {stage['id']}"
            stages.add(stage["id"])


def _lists(value: Json, at: str) -> Iterable[tuple[str, list[Entity]]]:
    """Return the lists of what has an id, with their paths, inner ones included."""
    if is_object(value):
        for name, one in value.items():
            yield from _lists(one, f"{at}.{name}" if at else name)
    elif is_array(value) and value and is_object(value[0]):
        if "id" in value[0]:
            yield at, value
        for place, one in enumerate(value):
            yield from _lists(one, f"{at}.{place}")


def _check_whole(document: Entity) -> None:
    """Refuse an account that could not work: without a pipeline, a closed stage, a user."""
    for name, flag in (("pipelines", "is_main"), ("customer_statuses", "is_default")):
        items = document.get(name)
        if items is not None and sum(one[flag] for one in items) != 1:
            raise SchemaError(f"{name}: exactly one must have {flag}")
    for place, pipeline in enumerate(document.get("pipelines", ())):
        kinds = {one["id"]: one["type"] for one in pipeline["statuses"]}
        if kinds.get(142) != 0 or kinds.get(143) != 0:
            raise SchemaError(f"pipelines.{place}.statuses: 142 and 143 must be there, of type 0")
        if sum(kinds.values()) > 1:
            raise SchemaError(f"pipelines.{place}.statuses: only one can be of type 1")
    users = document.get("users")
    if users is not None and not any(
        one["rights"].get("is_admin") and one["rights"].get("is_active", True) for one in users
    ):
        raise SchemaError("users: one that is active must have is_admin")


def _shown(value: Json) -> str:
    return "that" if is_object(value) or is_array(value) else _line(repr(value), 60)


def _line(text: str, longest: int = 200) -> str:
    line = "".join(one if one.isprintable() else "?" for one in text[:longest])
    return line if len(text) <= longest else line + "..."
