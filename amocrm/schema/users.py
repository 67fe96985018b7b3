"""Users, roles, rights. Source: reference 4.19, 5.8, 5.9."""

from __future__ import annotations

from typing import TypedDict

from amocrm.schema.common import HypertextLinks


class Access(TypedDict, total=False):
    """Who may do it: `A` all, `G` the group, `M` the responsible, `L` linked, `D` nobody."""

    view: str
    edit: str
    add: str
    delete: str
    export: str


class StageRights(TypedDict):
    """Rights on one stage."""

    entity_type: str
    pipeline_id: int
    status_id: int
    rights: Access


class CatalogRights(TypedDict):
    """Rights on one list."""

    catalog_id: int
    rights: Access


class RoleRights(TypedDict, total=False):
    """What a role allows."""

    leads: Access
    contacts: Access
    companies: Access
    tasks: Access
    mail_access: bool
    catalog_access: bool
    status_rights: list[StageRights] | None
    catalog_rights: list[CatalogRights]


class Rights(RoleRights, total=False):
    """What a user may do."""

    is_admin: bool
    is_free: bool
    is_active: bool
    group_id: int | None
    role_id: int | None


class Named(TypedDict):
    """A role or a group, by id and name."""

    id: int
    name: str


class UserParts(TypedDict, total=False):
    """What a user embeds, when it is asked for."""

    roles: list[Named]
    groups: list[Named]


class _User(TypedDict):
    id: int
    name: str
    email: str
    lang: str
    rights: Rights
    _links: HypertextLinks


class User(_User, total=False):
    """A user; the second part of it comes when it is asked for."""

    uuid: str | None
    amojo_id: str | None
    user_rank: str
    phone_number: str | None
    request_id: str
    _embedded: UserParts


class _NewUser(TypedDict):
    name: str
    email: str
    password: str


class NewUser(_NewUser, total=False):
    """A user to create: a password has six characters, a digit, a small and a big letter."""

    lang: str
    rights: Rights
    request_id: str


class RoleParts(TypedDict, total=False):
    """Users of a role, when they are asked for."""

    users: list[int]


class _Role(TypedDict):
    id: int
    name: str
    rights: RoleRights
    _links: HypertextLinks


class Role(_Role, total=False):
    """A set of rights."""

    request_id: str
    _embedded: RoleParts


class _NewRole(TypedDict):
    name: str
    rights: RoleRights


class NewRole(_NewRole, total=False):
    """A role to create."""

    request_id: str


class RolePatch(TypedDict, total=False):
    """What to change of a role."""

    name: str
    rights: RoleRights
