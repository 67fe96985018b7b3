"""Widgets. Source: reference 4.21."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks


class WidgetSetting(TypedDict):
    """A setting that a widget takes."""

    key: str
    name: str
    type: str
    is_required: bool


class _Widget(TypedDict):
    id: int
    code: str
    version: str
    rating: str | float
    settings_template: list[WidgetSetting]
    is_lead_source: bool
    is_work_with_dp: bool
    is_crm_template: bool
    client_uuid: str | None
    is_active_in_account: bool
    pipeline_id: int | None
    _links: HypertextLinks


class Widget(_Widget, total=False):
    """A widget; only its own integration sees `settings`."""

    settings: dict[str, Json] | list[Json] | None
