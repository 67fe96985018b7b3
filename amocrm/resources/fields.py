"""Definitions of custom fields, and their groups. Source: reference 4.14."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypedDict

from amocrm.resources.lazy import LazyResource
from amocrm.resources.verbs import Creates, Deletes, Editable, Edits, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import Id
    from amocrm.resources.filters import Direction
    from amocrm.schema.enums import FieldType
    from amocrm.schema.fields import Field, FieldGroup, FieldPatch, GroupPatch, NewField, NewGroup


class FieldOrder(TypedDict, total=False):
    """What custom fields can be ordered by; one of them."""

    id: Direction
    sort: Direction


class FieldFilter(TypedDict, total=False):
    """What definitions can be filtered by."""

    id: Id | Iterable[Id]
    type: FieldType | Iterable[FieldType]


class SegmentFields(
    Editable[
        "Field", "NewField", "FieldPatch", "Field", "Field", FieldFilter, NoReturn, FieldOrder
    ],
    Deletes,
    path="custom_fields", source="4.14",
):  # fmt: skip
    """Custom fields of segments, which have no groups. Writing requires admin rights."""

    __slots__ = ()

    def _written(self) -> None:
        # What `cf` keeps of them is old now.
        self._context.forget_fields(self._where.removesuffix("/custom_fields"))


class FieldDefinitions(SegmentFields):
    """Custom fields of a kind of entity. Writing requires admin rights.

    A choice that is sent without its `id` is a new one, and those that are not sent are deleted.
    """

    __slots__ = ()

    groups: LazyResource[FieldGroups] = LazyResource("fields.FieldGroups")
    """Tabs that custom fields are shown under. Writing requires admin rights."""


class FieldGroups(
    Lists["FieldGroup", NoReturn, NoReturn, NoReturn], Creates["NewGroup", "FieldGroup"],
    Edits["FieldGroup", NoReturn, "GroupPatch", "FieldGroup"], Deletes,
    path="groups", source="4.14", text_id=True,
):  # fmt: skip
    """Tabs that custom fields are shown under. Writing requires admin rights."""

    __slots__ = ()
