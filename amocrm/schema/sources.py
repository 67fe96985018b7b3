"""Sources, buttons on sites. Source: reference 4.24, 4.25."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks


class _SourceWrite(TypedDict, total=False):
    pipeline_id: int
    default: bool
    origin_code: str | None
    services: list[dict[str, Json]]
    request_id: str


class _Source(TypedDict):
    id: int
    name: str
    external_id: str
    _links: HypertextLinks


class Source(_Source, _SourceWrite, total=False):
    """Where leads come from."""


class _NewSource(TypedDict):
    name: str
    external_id: str


class NewSource(_NewSource, _SourceWrite, total=False):
    """A source to create; `external_id` is unique, and has 36 characters of ASCII at most."""


class SourcePatch(_SourceWrite, total=False):
    """What to change of a source; its `external_id` stays."""

    id: int
    name: str


class _WebsiteButton(TypedDict):
    account_id: int
    source_id: int
    button_id: int
    is_duplication_control_enabled: bool
    name: str
    creation_status: str
    pipeline_id: int | None
    _links: HypertextLinks


class WebsiteButton(_WebsiteButton, total=False):
    """A button for a site; it is made some time after it was asked for."""

    script: str | None
    is_deleted: bool


class _NewButton(TypedDict):
    pipeline_id: int


class NewButton(_NewButton, total=False):
    """A button to create; it takes ten domains at most."""

    trusted_websites: list[str]
    is_used_in_app: bool
    name: str


class CreatedButton(TypedDict):
    """A button that will be made."""

    source_id: int
    trusted_websites: list[str]


class AddedWebsites(TypedDict):
    """Domains to add."""

    add: list[str]


class ButtonPatch(TypedDict, total=False):
    """What to change of a button."""

    trusted_websites: AddedWebsites
    name: str
