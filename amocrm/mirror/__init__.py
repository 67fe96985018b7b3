"""The mirror: an account in a database that people already use.

Data flows one way::

    pages of the API → flatten → batches → writer thread → sink
                       rows of    rows, fates,             one transaction for
                       tables     how far it was read      each batch

- `tables` defines the tables as data, and `flatten` turns pages into their rows. Both are pure.
  Custom fields are rows, so that no change of an account changes a table.
- A first copy (`first_copy`) reads pages by number, ahead of the loop; it proves that no deletion
  moved an item past it. Later runs read what has changed (`changed_items`) and what happened
  (`event_stream`) since the last run began, by the server's clock and with an overlap; listings
  without such a filter are read as a whole every ten minutes (`whole_listings`).
- A sink (`sql.sink`) writes a batch in one transaction. A row replaces an older one by
  `updated_at`, never the other way; of two reads of one version the later one counts. What belongs
  to an entity (values, tags, links) is replaced together with it.
- A deletion is a mark. The latest event decides it, in whatever order events and pages come
  (`deletions`): a page that was read before a deletion and is written after it raises nothing, and
  what is only not visible is not deleted.
- Whatever names an entity, an event or a webhook, makes it be read again, and is not believed.
  So any order and any number of them ends in the same rows.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm.mirror.differences import RowDifference, Verification
    from amocrm.mirror.report import MirrorProgress, MirrorReport
    from amocrm.mirror.run import mirror
    from amocrm.mirror.sql.forgetting import forget
    from amocrm.mirror.sql.viewing import create_mybi_views
    from amocrm.mirror.verification import verify
    from amocrm.mirror.webhooks import mirror_webhooks

__all__ = [
    "MirrorProgress",
    "MirrorReport",
    "RowDifference",
    "Verification",
    "create_mybi_views",
    "forget",
    "mirror",
    "mirror_webhooks",
    "verify",
]

_MODULES = {
    "RowDifference": "amocrm.mirror.differences",
    "MirrorProgress": "amocrm.mirror.report",
    "MirrorReport": "amocrm.mirror.report",
    "Verification": "amocrm.mirror.differences",
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
