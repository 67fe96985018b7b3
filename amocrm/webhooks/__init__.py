"""Receives webhooks: reads and verifies them, stores them, answers, and handles them afterwards."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from amocrm.webhooks.event import Delivery, Event

# Not later: the module would take the function's name.
from amocrm.webhooks.health import health
from amocrm.webhooks.parsing.parse import parse

if _TYPE_CHECKING:
    from amocrm.webhooks.health import AccountHealth, Health
    from amocrm.webhooks.inbox.inbox import Inbox
    from amocrm.webhooks.inbox.memory import MemoryInbox
    from amocrm.webhooks.inbox.sql import SQLInbox
    from amocrm.webhooks.receiver.receiver import Receiver
    from amocrm.webhooks.reconciliation.reconcile import Reconciled, reconcile
    from amocrm.webhooks.router import Hooks
    from amocrm.webhooks.subscriptions import Ensured, ensure
    from amocrm.webhooks.worker.worker import Handled, Worker

__all__ = [
    "AccountHealth",
    "Delivery",
    "Ensured",
    "Event",
    "Handled",
    "Health",
    "Hooks",
    "Inbox",
    "MemoryInbox",
    "Receiver",
    "Reconciled",
    "SQLInbox",
    "Worker",
    "ensure",
    "health",
    "parse",
    "reconcile",
]

_LATER: dict[str, str] = {
    "AccountHealth": "amocrm.webhooks.health",
    "Ensured": "amocrm.webhooks.subscriptions",
    "Handled": "amocrm.webhooks.worker.worker",
    "Health": "amocrm.webhooks.health",
    "Hooks": "amocrm.webhooks.router",
    "Inbox": "amocrm.webhooks.inbox.inbox",
    "MemoryInbox": "amocrm.webhooks.inbox.memory",
    "Receiver": "amocrm.webhooks.receiver.receiver",
    "Reconciled": "amocrm.webhooks.reconciliation.reconcile",
    "SQLInbox": "amocrm.webhooks.inbox.sql",
    "Worker": "amocrm.webhooks.worker.worker",
    "reconcile": "amocrm.webhooks.reconciliation.reconcile",
    "ensure": "amocrm.webhooks.subscriptions",
}
"""Names that need a database, start threads or are used in one program only, by their modules."""


def __getattr__(name: str) -> object:
    """Import a name on first use: who only parses needs no database."""
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names and nothing else."""
    return sorted(__all__)
