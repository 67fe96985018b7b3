"""Contacts, their chats, companies. Source: reference 4.7, 4.8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from amocrm.resources.changes import HasChanges
from amocrm.resources.entity import Entities, EntityFilter, HasContactDetails, OneEntity, TimeOrder
from amocrm.resources.lazy import LazyResource
from amocrm.resources.one_item import OneEditable
from amocrm.resources.verbs import Creates, Editable, Lists

if TYPE_CHECKING:
    from amocrm.schema.common import Renamed, Short
    from amocrm.schema.contacts import (
        ChatLink,
        Company,
        CompanyPatch,
        Contact,
        ContactPatch,
        NewChatLink,
        NewCompany,
        NewContact,
    )
    from amocrm.schema.events import Event

ContactWith: TypeAlias = Literal[
    "catalog_elements", "customers", "leads", "only_deleted", "social_profiles"
]
CompanyWith: TypeAlias = Literal[
    "catalog_elements", "contacts", "customers", "leads", "only_deleted"
]


class OneContact(OneEntity, OneEditable["Contact", ContactWith, "ContactPatch", "Renamed"]):
    """What belongs to one contact."""

    __slots__ = ()


class Contacts(
    Editable[
        "Contact", "NewContact", "ContactPatch", "Short", "Renamed",
        EntityFilter, ContactWith, TimeOrder,
    ],
    Entities["Renamed"],
    HasContactDetails["NewContact"],
    HasChanges["Contact", "Event", EntityFilter, ContactWith],
    path="contacts", source="4.7", query=True,
):  # fmt: skip
    """Contacts: people."""

    __slots__ = ()

    chats: LazyResource[ContactChats] = LazyResource("contacts.ContactChats")
    """Chats of contacts: `list(params={"contact_id": 31})`, or by `chat_id`."""

    def __call__(self, id: int | str) -> OneContact:  # noqa: A002
        """Return what belongs to one contact."""
        return self._at(OneContact, id)


class ContactChats(
    Lists["ChatLink", NoReturn, NoReturn, NoReturn], Creates["NewChatLink", "ChatLink"],
    path="chats", source="4.7",
):  # fmt: skip
    """Chats of contacts: `list(params={"contact_id": 31})`, or by `chat_id`."""

    __slots__ = ()


class OneCompany(OneEntity, OneEditable["Company", CompanyWith, "CompanyPatch", "Renamed"]):
    """What belongs to one company."""

    __slots__ = ()


class Companies(
    Editable[
        "Company", "NewCompany", "CompanyPatch", "Short", "Renamed",
        EntityFilter, CompanyWith, TimeOrder,
    ],
    Entities["Renamed"],
    HasContactDetails["NewCompany"],
    HasChanges["Company", "Event", EntityFilter, CompanyWith],
    path="companies", source="4.8", query=True,
):  # fmt: skip
    """Companies."""

    __slots__ = ()

    def __call__(self, id: int | str) -> OneCompany:  # noqa: A002
        """Return what belongs to one company."""
        return self._at(OneCompany, id)
