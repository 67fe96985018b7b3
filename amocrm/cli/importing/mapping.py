"""Which column of a file becomes what: a member, a custom field, an id by its name, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from amocrm.cli.cell_types import PREFIX, CellType, field_type, member_type
from amocrm.cli.entity_kinds import EntityKind
from amocrm.cli.exporting.columns import NAMED, WITH_PARTS
from amocrm.errors import ConfigurationError
from amocrm.resources.custom_fields.definitions import FieldDefinition
from amocrm.resources.endpoint import closest
from amocrm.resources.resource import shape_of

Purpose: TypeAlias = Literal["id", "member", "field", "name", "tags", "nothing"]
Match: TypeAlias = Literal["id", "phone", "email"]

_NEVER: Final = ("custom_fields_values", "_embedded", "tags_to_add", "tags_to_delete", "request_id")
_IDS: Final = {
    name: source
    for source, (name, names) in NAMED.items()
    if names in ("users", "pipelines", "stages", "loss_reasons")
    and source not in ("created_by", "updated_by")
}
"""Columns of names, each with the member that gets the id."""
_SHOWN: Final = 5


class Target(NamedTuple):
    """What a column becomes.

    Attributes:
        column: its name in the file.
        purpose: the sort of place; `nothing` leaves the column out.
        name: of the member; of the custom field, for a person; why it is left out.
        type: of its cells.
        field: the custom field.
    """

    column: str
    purpose: Purpose
    name: str
    type: CellType = "text"
    field: FieldDefinition | None = None

    def __str__(self) -> str:
        if self.field is not None:
            return f"custom field {self.field}"
        if self.purpose == "nothing":
            return f"- ({self.name})"
        return f"{self.name} (by its name)" if self.purpose == "name" else self.name


def map_columns(
    kind: EntityKind,
    columns: Sequence[str],
    match: Match | None = None,
    given: Mapping[str, str] | None = None,
) -> list[Target]:
    """Return what each column becomes.

    Args:
        kind: of the entities.
        columns: of the file.
        match: what entities are found by; None creates all.
        given: what columns become, by their names; an empty text leaves a column out.

    Raises:
        ConfigurationError: nobody knows what a column is, or two become the same.
    """
    given = given or {}
    if missing := [name for name in given if name not in columns]:
        raise ConfigurationError(f"the file has no column {missing[0]!r}")
    targets: list[Target] = []
    unknown: list[str] = []
    for column in columns:
        name = given.get(column, column)
        found = Target(column, "nothing", "not wanted") if not name else _find(kind, column, name)
        if found is None:
            unknown.append(column)
        else:
            targets.append(found)
    if unknown:
        raise _unknown(kind, unknown)
    targets = [_fitted(one, targets, match) for one in targets]
    _check(targets, match)
    return targets


def _find(kind: EntityKind, column: str, name: str) -> Target | None:
    """Return what a name stands for; None if nobody knows."""
    if not name.startswith(PREFIX):
        found = _member(kind, column, name)
        if found is not None:
            return found
    key = name.removeprefix(PREFIX)
    fields = kind.schema.matches(key)
    if not fields and key.isascii() and key.isdecimal() and len(key) < 19:
        fields = kind.schema.matches(int(key))
    if len(fields) > 1:
        kind.schema.find(key)  # Raises, and lists them.
    return (
        Target(column, "field", fields[0].name, field_type(fields[0]), fields[0])
        if fields
        else None
    )


def _member(kind: EntityKind, column: str, name: str) -> Target | None:
    resource = type(kind.resource)
    taken = {**shape_of(resource, "new"), **shape_of(resource, "patch")}
    known = shape_of(resource, "item")
    key = name.casefold()
    if key in ("custom_fields_values", "_embedded"):
        raise ConfigurationError(
            f"the rows are as the API has them, with {key}, but columns are imported by name",
            hint=f"amocrm export {kind.name} writes such rows; leave it out: --map '{column}='",
        )
    if key == "id":
        return Target(column, "id", "id", "integer")
    if key == "tags" and "tags_to_add" in taken:
        return Target(column, "tags", "tags", "list")
    if key in taken and key not in _NEVER:
        return Target(column, "member", key, member_type(key, taken[key]))
    if key in _IDS and _IDS[key] in taken and (kind.name == "leads" or key == "responsible"):
        return Target(column, "name", key)
    if key in known:
        return Target(column, "nothing", "amoCRM sets it")
    if key in WITH_PARTS or key in ("segments", *(one for one, _ in NAMED.values())):
        return Target(column, "nothing", "links are not imported")
    return None


def _fitted(target: Target, targets: Iterable[Target], match: Match | None) -> Target:
    """Leave out what means nothing in this import."""
    if target.purpose == "id" and match != "id":
        why = "amoCRM gives new ids" if match is None else f"found by {match}"
        return Target(target.column, "nothing", why)
    if target.purpose == "name":
        member = _IDS[target.name]
        if any(one.purpose == "member" and one.name == member for one in targets):
            return Target(target.column, "nothing", f"{member} is there, too")
    return target


def _check(targets: Sequence[Target], match: Match | None) -> None:
    seen: dict[tuple[Purpose, str], str] = {}
    for one in targets:
        key = (one.purpose, str(one.field.id) if one.field else one.name)
        if one.purpose != "nothing" and key in seen:
            raise ConfigurationError(
                f"the columns {seen[key]!r} and {one.column!r} both become {one}",
                hint=f"leave one out: --map '{one.column}='",
            )
        seen[key] = one.column
    if match == "id" and not any(one.purpose == "id" for one in targets):
        raise ConfigurationError("to match by id, the file needs a column id")
    if match in ("phone", "email") and not any(is_key(one, match) for one in targets):
        raise ConfigurationError(
            f"to match by {match}, the file needs a column {match.upper()}",
            hint=f"name it: --map 'COLUMN={match.upper()}'",
        )
    if all(one.purpose in ("nothing", "id") for one in targets):
        raise ConfigurationError("the file has no column that can be written")


def is_key(target: Target, match: str) -> bool:
    """Tell whether entities are found by a column: by `phone`, or by `email`."""
    return target.field is not None and target.field.code == match.upper()


def _unknown(kind: EntityKind, columns: Sequence[str]) -> ConfigurationError:
    shown = ", ".join(repr(one[:60]) for one in columns[:_SHOWN])
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    known = [*shape_of(type(kind.resource), "new"), *(one.name for one in kind.schema)]
    near = closest(columns[0], [one for one in known if one not in _NEVER])
    hint = f"is it {near[0]!r}? " if near else ""
    return ConfigurationError(
        f"{kind.name} have nothing that is called {shown}{more}",
        hint=f"{hint}say what it is: --map 'COLUMN=NAME'; leave it out: --map 'COLUMN='",
    )
