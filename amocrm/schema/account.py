"""The account. Source: reference 4.1, 4.30."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks


class UsersGroup(TypedDict):
    """A group of users; the default one has the id 0."""

    id: int
    name: str
    uuid: str | None


class TaskType(TypedDict):
    """A kind of task."""

    id: int
    name: str
    color: str | None
    icon_id: int | None
    code: str | None


class DatetimeSettings(TypedDict, total=False):
    """How the account writes times, and its time zone."""

    date_pattern: str
    short_date_pattern: str
    short_time_pattern: str
    date_format: str
    time_format: str
    timezone: str
    timezone_offset: str


class AccountParts(TypedDict, total=False):
    """What an account embeds, when it is asked for."""

    amojo_rights: dict[str, bool]
    users_groups: list[UsersGroup]
    task_types: list[TaskType]
    datetime_settings: DatetimeSettings


class _Account(TypedDict):
    id: int
    name: str
    subdomain: str
    created_at: int
    created_by: int
    updated_at: int
    updated_by: int
    current_user_id: int
    country: str
    currency: str
    currency_symbol: str
    customers_mode: str
    is_unsorted_on: bool
    is_loss_reason_enabled: bool
    is_helpbot_enabled: bool
    is_technical_account: bool
    mobile_feature_version: int
    contact_name_display_order: int
    _links: HypertextLinks


class Account(_Account, total=False):
    """An account; the second part of it comes when it is asked for."""

    amojo_id: str
    uuid: str
    version: int
    drive_url: str
    is_api_filter_enabled: bool
    entity_names: dict[str, Json]
    invoices_settings: dict[str, Json]
    _embedded: AccountParts


class _Currency(TypedDict):
    code: str


class Currency(_Currency, total=False):
    """A currency; only its code is documented."""

    id: int
    name: str
    symbol: str
