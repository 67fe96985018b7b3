"""Receives webhooks: reads and verifies them, stores them, answers, and handles them afterwards."""

from __future__ import annotations

from importlib import import_module as _import_module

from amocrm.webhooks.event import Delivery, Event

# Not later: the module would take the function's name.
from amocrm.webhooks.parse import parse

__all__ = ["Delivery", "Event", "parse"]

_LATER: dict[str, str] = {}
"""Names that need a database or start threads, by their modules."""


def __getattr__(name: str) -> object:
    """Import a name on first use: who only parses needs no database."""
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names and nothing else."""
    return sorted(__all__)
