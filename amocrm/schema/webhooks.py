"""Webhooks of the account. Source: reference 4.20, 6.2."""

from __future__ import annotations

from typing import TypedDict

from amocrm.schema.enums import WebhookCode


class Webhook(TypedDict):
    """An address that is told of events; `settings` are their names (6.2)."""

    id: int
    destination: str
    created_at: int
    updated_at: int
    account_id: int
    created_by: int
    sort: int
    disabled: bool
    settings: list[str]


class _NewWebhook(TypedDict):
    destination: str
    settings: list[WebhookCode]


class NewWebhook(_NewWebhook, total=False):
    """An address to tell: `{"destination": "https://...", "settings": ["add_lead"]}`."""

    sort: int
