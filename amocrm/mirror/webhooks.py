"""Between two runs: what a receiver's inbox in the same database tells of is read again.

A webhook is taken as a hint and nothing more: it names an entity, and the entity is read from the
API. So an old, repeated, lost or forged webhook does no harm, and their order does not matter; what
none of them tells of is found by the next run. Of webhooks about deletions and restorations the
events are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Final

from amocrm._support.clock import Clock
from amocrm.client import AmoCRM
from amocrm.mirror.batch import Batch
from amocrm.mirror.changed_items import read_by_id, read_touched
from amocrm.mirror.context import RunContext, running
from amocrm.mirror.event_stream import EventStream
from amocrm.mirror.families import SOURCES, choose_families
from amocrm.mirror.report import MirrorReport
from amocrm.mirror.sql.inbox_hints import STATE, Hint, read_hints
from amocrm.mirror.sql.sink import Sink

if TYPE_CHECKING:
    import sqlalchemy as sa

_LIFE: Final = ("delete_", "restore_")


def mirror_webhooks(
    crm: AmoCRM,
    engine: sa.Engine | str,
    *,
    families: Iterable[str] | None = None,
    prefix: str = "",
    inbox_prefix: str = "amocrm_",
    clock: Clock | None = None,
) -> MirrorReport | None:
    """Read again what webhooks have told of since the last time.

    Args:
        crm: the client of the account.
        engine: an engine of SQLAlchemy, or a URL; a `SQLInbox` has its tables there, too.
        families: what is mirrored; None for all.
        prefix: of the names of the mirror's tables.
        inbox_prefix: of the names of the inbox's tables.
        clock: for tests.

    Returns:
        What was done; None if no webhook has come, which costs no call.

    Raises:
        MirrorError: the database cannot be used, or another run is mirroring the account.
        AmoCRMError: a call failed.
    """
    chosen = choose_families(families)
    known = crm.connection.account_id
    with closing(Sink(engine, prefix)) as sink:
        if known is not None and not (sink.exists() and read_hints(sink, known, inbox_prefix)):
            return None
        sink.create_tables()
        with running(crm, sink, None, clock) as run:
            _follow(run, read_hints(sink, run.account.id, inbox_prefix), chosen)
    return run.report


def _follow(run: RunContext, found: Mapping[int, Hint | None], families: Collection[str]) -> None:
    hints = [hint for hint in found.values() if hint is not None]
    ids: dict[str, set[int]] = defaultdict(set)
    for hint in hints:
        ids[hint.kind].add(hint.entity_id)
    for source in SOURCES:
        is_copied = "since" in run.state(source.name)
        if source.name in ids and source.family in families and is_copied:
            read_by_id(run, source, sorted(ids[source.name]))
    events = EventStream(run, families)
    if events.is_copied and any(hint.code.startswith(_LIFE) for hint in hints):
        events.read()
        run.flush()
        read_touched(run, events.touched, families)
        events.finish()
    if found:
        run.put(Batch(state={STATE: {"event": max(found)}}))
