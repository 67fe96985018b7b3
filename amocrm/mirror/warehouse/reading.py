"""Reads an account in a thread of its own, so that a warehouse can load while pages are awaited."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch, Written
from amocrm.mirror.changed_items import read_by_id
from amocrm.mirror.context import RunContext
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.families import SOURCES
from amocrm.mirror.report import MirrorReport
from amocrm.mirror.warehouse.package import restored, without_deleted
from amocrm.mirror.warehouse.queries import Warehouse

WAITING: Final = 64
"""Batches that are read ahead while a package is loaded."""

RESTORED: Final = "restored"
"""The part of the state that names entities to read once more, each with the event that says so:
its deletion may be read after it, also by the next run."""

Run = Callable[["Reading"], MirrorReport]


class Reading:
    """One run, as batches in the order in which they were read; it is their `Destination`.

    Args:
        run: reads the account into it, and then what `read_restored` reads.
        states: how far listings were read, by account id.
        warehouse: what was loaded by earlier runs.

    Attributes:
        account_id: of the account; 0 before it is known.
        report: of the run, once it has ended well.
        error: why the run has ended, if not well.
        is_over: whether all batches were taken.
    """

    def __init__(
        self, run: Run, states: Mapping[str, Mapping[str, Json]], warehouse: Warehouse
    ) -> None:
        self.account_id = 0
        self.report: MirrorReport | None = None
        self.error: BaseException | None = None
        self.is_over = False
        self._states = states
        self._warehouse = warehouse
        self._queue: queue.Queue[Batch | None] = queue.Queue(WAITING)
        self._held: list[Batch] = []
        self._stopped = False
        self._fates: dict[EntityKey, Fate] = {}
        self._restored: set[EntityKey] = set()
        self._thread = threading.Thread(
            target=self._read, args=(run,), name="amocrm-warehouse", daemon=True
        )

    def __enter__(self) -> Reading:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped = True
        while self._queue.get() is not None if not self.is_over else False:
            pass
        self._thread.join()

    def batches(self) -> Iterator[Batch]:
        """Yield the batches that were not taken yet; sets `is_over` after the last one."""
        while self._held:
            yield self._held.pop(0)
        while not self.is_over:
            if (batch := self._next()) is not None:
                yield batch

    def finds_nothing(self) -> bool:
        """Wait for the first batch that brings anything; return whether the run ends without one.

        Then it need not be loaded how far listings were read: the next run reads the same and more.
        """
        while not self.is_over and not (self._held and _brings(self._held[-1])):
            if (batch := self._next()) is not None:
                self._held.append(batch)
        if self.is_over and not self._held:
            return True
        brought = any(map(_brings, self._held)) or self.report is None or self.report.first_copies
        return self.is_over and not brought

    def _next(self) -> Batch | None:
        batch = self._queue.get()
        self.is_over = batch is None
        return batch

    # As a destination ----------------------------------------------------------------------------

    @contextmanager
    def running(self, account_id: int) -> Generator[None, None, None]:
        """Do nothing: whoever loads the packages keeps others out."""
        yield

    def load(self, account_id: int) -> dict[str, Json]:
        """Return how far listings were read when the run began."""
        self.account_id = account_id
        states = dict(self._states.get(str(account_id), {}))
        for kind, number, at, event_id in states.get(RESTORED) or ():
            self._fates[EntityKey(kind, number)] = Fate(at, event_id, False)
        self._restored = {*self._fates}
        return states

    def write(self, account_id: int, batch: Batch) -> Written:
        """Hand over a batch; wait while too many are waiting."""
        if self._stopped:
            raise _StoppedError
        for key, fate in batch.fates.items():
            self._fates[key] = max(fate, self._fates.get(key, fate))
        # Pages may come in any order: what an earlier page has told may be later.
        fates = {key: self._fates[key] for key in batch.fates}
        rows = without_deleted(batch.rows, self._fates, batch.at)
        state = dict(batch.state)
        if fates:
            before = set(self._restored)
            self._restored.difference_update(fates)
            self._restored.update(restored(fates))
            if self._restored != before:
                state[RESTORED] = [[*key, *self._fates[key][:2]] for key in sorted(self._restored)]
        self._queue.put(replace(batch, rows=rows, fates=fates, state=state))
        counts = {name: len(some) for name, some in rows.items() if some}
        deleted = sum(fate.is_deleted for fate in fates.values())
        gone = sum(len(one.keys) for one in batch.gone)
        return Written(counts, deleted + gone, len(fates) - deleted)

    def alive(self, account_id: int, table: str, **among: Json) -> set[tuple[Json, ...]]:
        """Return the keys of the rows of a listing that earlier runs have loaded."""
        if str(account_id) not in self._states:
            return set()
        return self._warehouse.keys(account_id, table, among)

    def versions(self, account_id: int, table: str, ids: Sequence[int]) -> dict[int, int]:
        """Return the `updated_at` of those entities that earlier runs have loaded."""
        if str(account_id) not in self._states:
            return {}
        known = self._warehouse.versions(account_id, table, ids)
        # What an event has told of may be removed by the time it is asked for.
        return {
            number: at
            for number, at in known.items()
            if EntityKey(table, number) not in self._fates
        }

    def read_restored(self, run: RunContext) -> None:
        """Read what was restored: the event of its deletion has removed it from the warehouse."""
        if not self._restored:
            return
        for source in SOURCES:
            if wanted := {key.id for key in self._restored if key.kind == source.name}:
                known = self.versions(run.account.id, source.kind, sorted(wanted))
                read_by_id(run, source, sorted(wanted - known.keys()))
        run.put(Batch(state={RESTORED: []}))

    # In its thread -------------------------------------------------------------------------------

    def _read(self, run: Run) -> None:
        try:
            self.report = run(self)
        except BaseException as error:
            if not isinstance(error, _StoppedError):
                self.error = error
        self._queue.put(None)


def _brings(batch: Batch) -> bool:
    return any(batch.rows.values()) or bool(batch.fates or batch.gone)


class _StoppedError(Exception):
    """Nobody takes the batches any more."""
