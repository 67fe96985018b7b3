"""What stands below leads, contacts, companies and customers. Source: reference 4.12-4.17, 4.29."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from amocrm.resources.base import Resource
from amocrm.resources.entity import FieldedMany
from amocrm.resources.lazy import Mount

if TYPE_CHECKING:
    from amocrm.resources.attached import Files
    from amocrm.resources.fields import CustomFields
    from amocrm.resources.links import ItemLinks, Links
    from amocrm.resources.notes import ItemNotes, Notes
    from amocrm.resources.tags import ItemTags, Tags

C = TypeVar("C")


class Entities(FieldedMany[C]):
    """What leads, contacts, companies and customers all have below them."""

    __slots__ = ()

    custom_fields: Mount[CustomFields] = Mount("fields.CustomFields")
    tags: Mount[Tags] = Mount("tags.Tags")
    notes: Mount[Notes] = Mount("notes.Notes")
    links: Mount[Links] = Mount("links.Links")


class OneEntity(Resource):
    """What belongs to one of them."""

    __slots__ = ()

    notes: Mount[ItemNotes] = Mount("notes.ItemNotes")
    links: Mount[ItemLinks] = Mount("links.ItemLinks")
    tags: Mount[ItemTags] = Mount("tags.ItemTags")
    files: Mount[Files] = Mount("attached.Files")
