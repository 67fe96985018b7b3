"""A first copy has every item, whatever happens while it is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amocrm import AmoCRM, BlockedError
from amocrm.mirror import MirrorProgress
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.places import Place


class StoppedError(Exception):
    """Ends a run where a test wants it."""


@pytest.fixture
def leads(shop: Sandbox, clock: ManualClock) -> list[int]:
    """The ids of four pages of leads."""
    for number in range(800):
        shop.add("leads", {"name": str(number)})
    clock.advance(600)
    return sorted(one["id"] for one in shop.leads())


def alive(place: Place) -> set[int]:
    return {one["id"] for one in place.rows("leads") if one["deleted_at"] is None}


def stopping(family: str, done: int) -> Callable[[MirrorProgress], None]:
    """StoppedError a run when a page of a family has come after some items were written."""

    def stop(progress: MirrorProgress) -> None:
        if progress.family == family and progress.done > done:
            raise StoppedError

    return stop


def test_items_that_leave_the_last_page_while_it_is_stopped(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, leads: list[int]
) -> None:
    with pytest.raises(StoppedError):
        run(file, families=["leads"], progress=stopping("leads", 750))
    clock.advance(3600)
    for number in leads[:100]:
        shop.trash("leads", number)
    clock.advance(3600)
    # The fourth page is empty now: what was there stands on the third one.
    run(file, families=["leads"])
    assert alive(file) == set(leads[100:])


@pytest.mark.parametrize("fault", ["forbidden", "unpaid"])
def test_items_that_move_while_deletions_cannot_be_read(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, leads: list[int], fault: str
) -> None:
    def delete(progress: MirrorProgress) -> None:
        if progress.family == "leads" and progress.done == 250:
            for number in leads[:3]:
                shop.trash("leads", number)
            if fault == "forbidden":
                shop.inject("forbidden", path="/api/v4/events")
            else:
                shop.inject("server_error", path="/api/v4/events", status=402, times=100)

    if fault == "forbidden":
        with pytest.raises(BlockedError):
            run(file, families=["leads"], progress=delete)
    else:
        assert "deletions of leads" in run(file, families=["leads"], progress=delete).skipped
    shop.clear_faults()
    clock.advance(3600)
    assert run(file, families=["leads"]).is_whole
    assert alive(file) == set(leads[3:])


def test_what_is_edited_before_a_copy_is_proven(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, leads: list[int], crm: AmoCRM
) -> None:
    shop.inject("server_error", path="/api/v4/events", status=402, times=100)
    run(file, families=["leads"])
    clock.advance(1000)
    crm.leads.update(leads[0], {"name": "edited"})
    clock.advance(1000)
    shop.clear_faults()
    run(file, families=["leads"])
    assert file.one("leads", id=leads[0])["name"] == "edited"
