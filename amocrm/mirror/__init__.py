"""The mirror: an account in a database that people already use."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm.mirror.report import MirrorProgress, MirrorReport
    from amocrm.mirror.run import mirror
    from amocrm.mirror.sql.forgetting import forget
    from amocrm.mirror.sql.viewing import create_mybi_views
    from amocrm.mirror.verification import Difference, Verification, verify

__all__ = [
    "Difference",
    "MirrorProgress",
    "MirrorReport",
    "Verification",
    "create_mybi_views",
    "forget",
    "mirror",
    "verify",
]

_MODULES = {
    "Difference": "amocrm.mirror.verification",
    "MirrorProgress": "amocrm.mirror.report",
    "MirrorReport": "amocrm.mirror.report",
    "Verification": "amocrm.mirror.verification",
    "create_mybi_views": "amocrm.mirror.sql.viewing",
    "forget": "amocrm.mirror.sql.forgetting",
    "mirror": "amocrm.mirror.run",
    "mirror_webhooks": "amocrm.mirror.webhooks",
    "verify": "amocrm.mirror.verification",
}


def __getattr__(name: str) -> object:
    """Import a name on its first use: the definitions and `flatten` need no SQLAlchemy."""
    if name in _MODULES:
        found = globals()[name] = getattr(_import_module(_MODULES[name]), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
