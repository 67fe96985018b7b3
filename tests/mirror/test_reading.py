"""What a run hands over to a warehouse, whatever the order of the events."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install '.[warehouse]'")

from amocrm.mirror.batch import Batch
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.report import MirrorReport
from amocrm.mirror.warehouse.queries import SQLClient, Warehouse
from amocrm.mirror.warehouse.reading import RESTORED, Reading

LEAD = EntityKey("leads", 7)
DELETED = Batch(fates={LEAD: Fate(100, "a", True)})
BACK = Batch(fates={LEAD: Fate(200, "b", False)})
AGAIN = Batch(fates={LEAD: Fate(300, "c", True)})


@contextmanager
def _nothing() -> Generator[SQLClient, None, None]:
    raise AssertionError("it is not asked")
    yield


def hand_over(*batches: Batch, states: Mapping[str, Any] | None = None) -> list[Batch]:
    def run(destination: Reading) -> MirrorReport:
        destination.load(1)
        for batch in batches:
            destination.write(1, batch)
        return MirrorReport(1)

    with Reading(run, {"1": states or {}}, Warehouse(_nothing)) as reading:
        return list(reading.batches())


def test_the_newest_events_may_come_first() -> None:
    first, second = hand_over(BACK, DELETED)
    assert first.fates == second.fates == BACK.fates
    assert first.state == {RESTORED: [["leads", 7, 200, "b"]]}
    assert second.state == {}


def test_a_deletion_that_the_next_run_reads_is_older_than_the_restoration() -> None:
    (first,) = hand_over(BACK)
    (second,) = hand_over(DELETED, states=first.state)
    assert second.fates == BACK.fates
    assert second.state == {}, "it is still to be read"


def test_what_is_deleted_again_is_not_read() -> None:
    _, second = hand_over(BACK, AGAIN)
    assert (second.fates, second.state) == (AGAIN.fates, {RESTORED: []})
