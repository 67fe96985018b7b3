"""Whatever happens in an account, and whenever it is mirrored, the mirror ends as the account."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm import AmoCRM
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.histories import ENTITIES, STEPS, History, Step
from tests.mirror.places import Place

CASES = max(6, int(os.environ.get("AMOCRM_TEST_CASES", "100")) // 16)
"""A case costs as much as a hundred cases of a pure function."""

FAMILIES = st.sampled_from([list(ENTITIES), [*ENTITIES, "events"]])
RUN = st.just(("run",))

pytestmark = pytest.mark.timeout(3600)  # for 100,000 cases


@settings(
    max_examples=CASES, derandomize=True, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(st.lists(st.one_of(STEPS, STEPS, STEPS, RUN), min_size=4, max_size=25), FAMILIES)
def test_any_history_ends_in_the_same_mirror(steps: list[Step], families: list[str]) -> None:
    clock = ManualClock()
    portal = Sandbox(clock=clock, rps=None, seed=0)
    token = portal.issue_long_lived()
    with (
        AmoCRM("example", {"access_token": token}, session=portal.session(), clock=clock,
               rate_limiter=None) as crm,
        TemporaryDirectory() as folder,
    ):  # fmt: skip
        history, run = History(portal, crm, clock), Runs(crm, clock, Path(folder))
        place = Place(f"sqlite:///{folder}/mirror.db")
        for kind in ENTITIES:
            for _ in range(2):
                history.do(("create", kind))
        for step in steps:
            if step == ("run",):
                run(place, families=families)
            else:
                history.do(step)
        run(place, families=families)
        run.check(place, families=families)
        for kind in ENTITIES:
            rows = place.rows(kind)
            alive = {row["id"] for row in rows if row["deleted_at"] is None}
            assert alive == set(history.alive(kind))
            names = {row["id"]: row["name"] for row in rows if row["id"] in alive}
            stored = portal.leads() + portal.contacts() + portal.companies()
            assert names.items() <= {one["id"]: one["name"] for one in stored}.items()
