"""Every action of the control API."""

from __future__ import annotations

from amocrm.sandbox.control import (
    accounts,
    entities,
    faults,
    requests,
    settings,
    tokens,
    webhooks,
)
from amocrm.sandbox.control.action import Action, Parameter

__all__ = ["ACTIONS", "BY_NAME", "Action", "Parameter"]

ACTIONS: tuple[Action, ...] = (
    *accounts.ACTIONS,
    *entities.ACTIONS,
    *requests.ACTIONS,
    *webhooks.ACTIONS,
    *tokens.ACTIONS,
    *faults.ACTIONS,
    *settings.ACTIONS,
)
BY_NAME = {one.name: one for one in ACTIONS}
