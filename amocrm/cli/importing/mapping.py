"""What a column of a file becomes: a member, a custom field, an id by its name, tags, a link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from amocrm.cli.cell_types import PREFIX, CellType, field_type, member_type
from amocrm.cli.entity_kinds import EntityKind
from amocrm.cli.exporting.columns import LINKED, NAMED, WITH_PARTS
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.resources.custom_fields.definitions import FieldDefinition
from amocrm.resources.endpoint import closest
from amocrm.resources.patch import NULLABLE
from amocrm.resources.resource import shape_of

Purpose: TypeAlias = Literal["id", "member", "field", "name", "tags", "link", "nothing"]
Match: TypeAlias = Literal["id", "phone", "email"]
Empty: TypeAlias = Literal["keep", "clear"]
"""What an empty cell does: nothing, or it clears the field."""

_NEVER: Final = ("custom_fields_values", "_embedded", "tags_to_add", "tags_to_delete", "request_id")
_IDS: Final = {
    name: source
    for source, (name, names) in NAMED.items()
    if names in ("users", "pipelines", "stages", "loss_reasons")
    and source not in ("created_by", "updated_by")
}
"""Columns of names, each with the member that gets the id."""
_LINKS: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("contact", "company"), "contacts": ("company",), "companies": ("contact",),
    "customers": ("contact", "company"),
}  # fmt: skip
"""What each kind can be linked to. Source: reference 4.12."""
_WITH: Final = {"contacts": "контактами", "companies": "компаниями"}
_SHOWN: Final = 5


class MappedColumn(NamedTuple):
    """What a column becomes.

    Attributes:
        column: its name in the file.
        purpose: the sort of place; `nothing` leaves the column out.
        name: of the member; of the custom field, for a person; of the kind that is linked; why it
            is left out.
        type: of its cells.
        field: the custom field.
        is_cleared: whether an empty cell clears it.
    """

    column: str
    purpose: Purpose
    name: str
    type: CellType = "text"
    field: FieldDefinition | None = None
    is_cleared: bool = False

    def __str__(self) -> str:
        cleared = tr(", cleared where empty", ", пустая ячейка очищает") if self.is_cleared else ""
        if self.field is not None:
            return tr(f"custom field {self.field}", f"доп. поле {self.field}") + cleared
        if self.purpose == "nothing":
            return f"- ({self.name})"
        if self.purpose == "name":
            return self.name + tr(" (by its name)", " (по имени)") + cleared
        if self.purpose == "link":
            return tr(f"link to {self.name}, by id, phone, e-mail or name",
                      f"связь с {_WITH[self.name]}: по id, телефону, email или имени")  # fmt: skip
        return self.name + cleared


def map_columns(
    kind: EntityKind,
    columns: Sequence[str],
    match: Match | None = None,
    given: Mapping[str, str] | None = None,
    empty: Empty = "keep",
) -> list[MappedColumn]:
    """Return what each column becomes.

    Args:
        kind: of the entities.
        columns: of the file.
        match: what entities are found by; None creates all.
        given: what columns become, by their names; an empty text leaves a column out.
        empty: whether an empty cell clears what its column became.

    Raises:
        ConfigurationError: nobody knows what a column is, or two become the same.
    """
    given = given or {}
    if empty == "clear" and match is None:
        raise ConfigurationError(
            "empty cells clear fields of entities that are changed, and without --match all are new"
        )
    if missing := [name for name in given if name not in columns]:
        raise ConfigurationError(f"the file has no column {missing[0]!r}")
    targets: list[MappedColumn] = []
    unknown: list[str] = []
    for column in columns:
        name = given.get(column, column)
        found = _find(kind, column, name) if name else _nothing(column, "not wanted", "не нужен")
        if found is None:
            unknown.append(name)
        else:
            targets.append(found)
    if unknown:
        raise _unknown(kind, unknown)
    targets = [_fitted(one, targets, match) for one in targets]
    _check(targets, match)
    return [one._replace(is_cleared=empty == "clear" and _can_clear(one)) for one in targets]


def _nothing(column: str, why: str, why_ru: str) -> MappedColumn:
    return MappedColumn(column, "nothing", tr(why, why_ru))


def _can_clear(target: MappedColumn) -> bool:
    """Tell whether the API takes nothing as the value."""
    is_member = target.purpose in ("member", "name")
    return target.field is not None or (is_member and member_of(target) in NULLABLE)


def member_of(target: MappedColumn) -> str:
    """Return the member that a column becomes, by its name or by that of its id."""
    return _IDS[target.name] if target.purpose == "name" else target.name


def _find(kind: EntityKind, column: str, name: str) -> MappedColumn | None:
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
        MappedColumn(column, "field", fields[0].name, field_type(fields[0]), fields[0])
        if fields
        else None
    )


def _member(kind: EntityKind, column: str, name: str) -> MappedColumn | None:
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
        return MappedColumn(column, "id", "id", "integer")
    if key == "tags" and "tags_to_add" in taken:
        return MappedColumn(column, "tags", "tags", "list")
    if key in taken and key not in _NEVER:
        return MappedColumn(column, "member", key, member_type(key, taken[key]))
    if key in _IDS and _IDS[key] in taken and (kind.name == "leads" or key == "responsible"):
        return MappedColumn(column, "name", key)
    if key in _LINKS.get(kind.name, ()):
        return MappedColumn(column, "link", LINKED[key], "list" if key == "contact" else "text")
    if key in known:
        return _nothing(column, "amoCRM sets it", "его задаёт amoCRM")
    if key in WITH_PARTS or key in ("segments", *(one for one, _ in NAMED.values())):
        return _nothing(column, _no_link(kind, column, key), _no_link_ru(kind, column, key))
    return None


def _no_link(kind: EntityKind, column: str, key: str) -> str:
    how = _linking(kind, column, key)
    return f"not linked: ids may be of another account{how and '; if not: '}{how}"


def _no_link_ru(kind: EntityKind, column: str, key: str) -> str:
    how = _linking(kind, column, key)
    return f"без связи: id могут быть из другого аккаунта{how and '; если нет: '}{how}"


def _linking(kind: EntityKind, column: str, key: str) -> str:
    """Return the option that links by a column of an export; an empty text if none does."""
    named = [one for one in _LINKS.get(kind.name, ()) if LINKED[one] == key]
    return f"--map '{column}={named[0]}'" if named else ""


def _fitted(
    target: MappedColumn, targets: Iterable[MappedColumn], match: Match | None
) -> MappedColumn:
    """Leave out what means nothing in this import."""
    if target.purpose == "id" and match != "id":
        if match is None:
            return _nothing(target.column, "amoCRM gives new ids", "новые id даёт amoCRM")
        return _nothing(target.column, f"found by {match}", f"поиск по {match}")
    if target.purpose == "name":
        member = member_of(target)
        if any(one.purpose == "member" and one.name == member for one in targets):
            return _nothing(target.column, f"{member} is there, too", f"есть и {member}")
    return target


def _check(targets: Sequence[MappedColumn], match: Match | None) -> None:
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


def is_key(target: MappedColumn, match: str) -> bool:
    """Tell whether entities are found by a column: by `phone`, or by `email`."""
    return target.field is not None and target.field.code == match.upper()


def _unknown(kind: EntityKind, names: Sequence[str]) -> ConfigurationError:
    shown = ", ".join(repr(one[:60]) for one in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    known = [*shape_of(type(kind.resource), "new"), *(one.name for one in kind.schema)]
    near = closest(names[0], [one for one in known if one not in _NEVER])
    hint = f"is it {near[0]!r}? " if near else ""
    return ConfigurationError(
        f"{kind.name} have nothing that is called {shown}{more}",
        hint=f"{hint}say what it is: --map 'COLUMN=NAME'; leave it out: --map 'COLUMN='",
    )
