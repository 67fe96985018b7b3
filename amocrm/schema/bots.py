"""Salesbots. Source: reference 4.31."""

from __future__ import annotations

from typing import Literal, TypedDict

from amocrm.http.messages import Json


class _Bot(TypedDict):
    id: int
    name: str
    type_functionality: str
    is_visual_editor: bool
    settings: dict[str, Json]


class Bot(_Bot, total=False):
    """A bot."""

    is_favorite: bool


class BotRun(TypedDict):
    """A bot to start for an entity."""

    bot_id: int
    entity_id: int
    entity_type: Literal["leads", "contacts", "customers"]
