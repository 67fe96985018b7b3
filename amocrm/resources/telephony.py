"""Calls. Source: reference 4.22."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm.resources.verbs import Creates

if TYPE_CHECKING:
    from amocrm.schema.telephony import Call, NewCall


class Calls(Creates["NewCall", "Call"], path="calls", source="4.22"):
    """Phone calls. Each becomes a note of whom its number belongs to; without one it is refused."""

    __slots__ = ()
