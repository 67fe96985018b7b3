"""Shapes that many families share. Source: reference 3.1, 3.2, 5.13."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.enums import TagColor


class Href(TypedDict):
    """An address."""

    href: str


class HypertextLinks(TypedDict):
    """Where an item is found."""

    self: Href


class Ref(TypedDict):
    """Another entity, by its id."""

    id: int


class Short(TypedDict):
    """What a write says of a new item."""

    id: int
    request_id: str
    _links: HypertextLinks


class Changed(TypedDict):
    """What a write says of a changed item."""

    id: int
    updated_at: int
    _links: HypertextLinks


class _Tag(TypedDict):
    id: int
    name: str


class Tag(_Tag, total=False):
    """A label. Colours are hex without `#`, and only leads have them (4.15)."""

    color: str | None


class TagRef(TypedDict, total=False):
    """A label by its id or its name; an unknown name makes a new one."""

    id: int
    name: str


class _FieldValues(TypedDict):
    values: list[dict[str, Json]] | None


class FieldValues(_FieldValues, total=False):
    """A custom field's values on an entity, by `field_id` or `field_code` (5.13)."""

    field_id: int
    field_code: str | None
    field_name: str
    field_type: str
    is_computed: bool


class NewTags(TypedDict, total=False):
    """The complete new set of tags; None removes all."""

    tags: list[TagRef] | None


class ElementMeta(TypedDict, total=False):
    """How a list's element is linked."""

    quantity: float
    catalog_id: int
    price_id: int | None


class LinkedElement(TypedDict):
    """An element of a list that is linked to an entity."""

    id: int
    metadata: ElementMeta


class LinkedContact(TypedDict):
    """A contact that is linked to a lead."""

    id: int
    is_main: bool


class NewTag(TypedDict, total=False):
    """A label to create; `name` is required. Colours are of leads only: hex without `#`."""

    name: str
    color: TagColor
    request_id: str


class Subscription(TypedDict):
    """Who follows an entity: a `user` or a `group` (4.28)."""

    subscriber_id: int
    type: str


class FileLink(TypedDict):
    """A file of an entity: the id is the link's own (4.29)."""

    file_uuid: str
    id: int


class Renamed(Changed):
    """What a write says of a changed contact or company."""

    name: str
