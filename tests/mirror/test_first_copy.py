"""A first copy has every item, whatever happens while it is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amocrm import AmoCRM
from amocrm.mirror import MirrorProgress
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.places import Place


class Stop(Exception):
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
    """Stop a run when a page of a family has come after some items were written."""

    def stop(progress: MirrorProgress) -> None:
        if progress.family == family and progress.done > done:
            raise Stop

    return stop


def test_items_that_leave_the_last_page_while_it_is_stopped(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, leads: list[int]
) -> None:
    with pytest.raises(Stop):
        run(file, families=["leads"], progress=stopping("leads", 750))
    clock.advance(3600)
    for number in leads[:100]:
        shop.trash("leads", number)
    clock.advance(3600)
    # The fourth page is empty now: what was there stands on the third one.
    run(file, families=["leads"])
    assert alive(file) == set(leads[100:])
