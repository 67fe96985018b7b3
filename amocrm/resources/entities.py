"""What stands below leads, contacts, companies and customers. Source: reference 4.12-4.17, 4.29."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from amocrm.resources.base import Resource
from amocrm.resources.entity import HasCustomFieldsInBulk
from amocrm.resources.lazy import LazyResource

if TYPE_CHECKING:
    from amocrm.resources.attached import Files
    from amocrm.resources.fields import FieldDefinitions
    from amocrm.resources.links import ItemLinks, Links
    from amocrm.resources.notes import ItemNotes, Notes
    from amocrm.resources.tags import ItemTags, Tags

C = TypeVar("C")


class Entities(HasCustomFieldsInBulk[C]):
    """What leads, contacts, companies and customers all have below them."""

    __slots__ = ()

    custom_fields: LazyResource[FieldDefinitions] = LazyResource("fields.FieldDefinitions")
    tags: LazyResource[Tags] = LazyResource("tags.Tags")
    notes: LazyResource[Notes] = LazyResource("notes.Notes")
    links: LazyResource[Links] = LazyResource("links.Links")


class OneEntity(Resource):
    """What belongs to one of them."""

    __slots__ = ()

    notes: LazyResource[ItemNotes] = LazyResource("notes.ItemNotes")
    links: LazyResource[ItemLinks] = LazyResource("links.ItemLinks")
    tags: LazyResource[ItemTags] = LazyResource("tags.ItemTags")
    files: LazyResource[Files] = LazyResource("attached.Files")
