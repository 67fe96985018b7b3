"""Contacts and companies. Source: reference 4.7, 4.8, 5.2."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import (
    FieldValues,
    HypertextLinks,
    LinkedElement,
    NewTags,
    Ref,
    Tag,
    TagRef,
)


class _ContactParts(TypedDict):
    tags: list[Tag]
    companies: list[Ref]


class ContactParts(_ContactParts, total=False):
    """What a contact embeds."""

    leads: list[Ref]
    customers: list[Ref]
    catalog_elements: list[LinkedElement]
    social_profiles: list[dict[str, Json]]


class _Named(TypedDict):
    id: int
    name: str
    responsible_user_id: int
    group_id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    is_deleted: bool
    closest_task_at: int | None
    custom_fields_values: list[FieldValues] | None
    account_id: int
    _links: HypertextLinks


class Contact(_Named):
    """A person."""

    first_name: str
    last_name: str
    is_unsorted: bool
    _embedded: ContactParts


class _CompanyParts(TypedDict):
    tags: list[Tag]


class CompanyParts(_CompanyParts, total=False):
    """What a company embeds."""

    contacts: list[Ref]
    leads: list[Ref]
    customers: list[Ref]
    catalog_elements: list[LinkedElement]


class Company(_Named):
    """An organisation."""

    _embedded: CompanyParts


class NewCompany(TypedDict, total=False):
    """A company to create; nothing is required."""

    name: str
    responsible_user_id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    custom_fields_values: list[FieldValues] | None
    tags_to_add: list[TagRef]
    request_id: str
    _embedded: NewTags


class NewContact(NewCompany, total=False):
    """A contact to create; nothing is required. First and last name make the name."""

    first_name: str
    last_name: str


class CompanyPatch(NewCompany, total=False):
    """What to change of a company; `id` names it where many are changed."""

    id: int
    tags_to_delete: list[TagRef]


class ContactPatch(NewContact, total=False):
    """What to change of a contact; `id` names it where many are changed."""

    id: int
    tags_to_delete: list[TagRef]


class ChatLink(TypedDict):
    """A chat of a contact."""

    id: int
    chat_id: str
    contact_id: int


class _NewChatLink(TypedDict):
    contact_id: int
    chat_id: str


class NewChatLink(_NewChatLink, total=False):
    """A chat to give to a contact."""

    request_id: str


class NewComplexContact(NewContact, total=False):
    """A contact of a lead: one that is there, by its `id`, or a new one."""

    id: int
    is_main: bool


class NewComplexCompany(NewCompany, total=False):
    """A company of a lead: one that is there, by its `id`, or a new one."""

    id: int
