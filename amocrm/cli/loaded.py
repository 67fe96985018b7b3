"""Modules that commands load when they need them, so that `amocrm --help` is fast."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from amocrm.cli import asking as asking
    from amocrm.cli import completing as completing
    from amocrm.cli import error_texts as error_texts
    from amocrm.cli import logging_in as logging_in
    from amocrm.cli import opening as opening
    from amocrm.cli import output as output
    from amocrm.cli import profiles as profiles
    from amocrm.cli import settings as settings

_MODULES: Final = (
    "asking",
    "completing",
    "error_texts",
    "logging_in",
    "opening",
    "output",
    "profiles",
    "settings",
)

if not TYPE_CHECKING:  # Checkers see the imports above.

    def __getattr__(name: str) -> object:
        """Import a module when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = import_module(f"amocrm.cli.{name}")
        return found
