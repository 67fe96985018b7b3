"""Whatever happens in an account, and whenever it is mirrored, the mirror ends as the account."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm import AmoCRM
from amocrm.mirror import mirror_webhooks
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.mirror.conftest import Runs
from tests.mirror.histories import ENTITIES, STEPS, History, Step
from tests.mirror.places import Place
from tests.webhooks.arrivals import form, put

CASES = max(4, int(os.environ.get("AMOCRM_TEST_CASES", "100")) // 25)
"""A case costs as much as a hundred cases of a pure function."""

RUN: Step = ("run",)
FAMILIES = st.sampled_from([list(ENTITIES), [*ENTITIES, "events"]])
TOLD = st.tuples(
    st.just("told"), st.sampled_from(ENTITIES), st.integers(0, 5),
    st.sampled_from(["add", "update", "delete", "restore"]),
)  # fmt: skip
"""A webhook about some entity, whatever has happened to it."""

ROUNDS = st.lists(st.lists(st.one_of(STEPS, TOLD), min_size=1, max_size=5), min_size=3, max_size=8)
"""Steps between two runs: what a run does depends on what the ones before it have seen."""

pytestmark = pytest.mark.timeout(3600)  # for 100,000 cases


@settings(
    max_examples=CASES, derandomize=True, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(ROUNDS, FAMILIES)
def test_any_history_ends_in_the_same_mirror(rounds: list[list[Step]], families: list[str]) -> None:
    clock = ManualClock()
    portal = Sandbox(clock=clock, rps=None, seed=0)
    token = portal.issue_long_lived()
    with (
        AmoCRM("example", {"access_token": token}, session=portal.session(), clock=clock,
               rate_limiter=None) as crm,
        TemporaryDirectory() as folder,
        ExitStack() as stack,
    ):  # fmt: skip
        history, run = History(portal, crm, clock), Runs(crm, clock, Path(folder))
        place = Place(f"sqlite:///{folder}/mirror.db")
        for kind in ENTITIES:
            for _ in range(2):
                history.do(("create", kind))
        inbox = stack.enter_context(closing(SQLInbox(place.url)))
        inbox.create_table()
        run(place, families=families)
        for number, step in enumerate(step for some in rounds for step in (*some, RUN)):
            if step == RUN:
                run(place, families=families)
            elif step[0] == "told":
                tell(history, inbox, number, *step[1:])
                mirror_webhooks(crm, place.url, families=families, clock=clock)
            else:
                history.do(step)
        run.check(place, families=families)
        for kind in ENTITIES:
            rows = place.rows(kind)
            alive = {row["id"] for row in rows if row["deleted_at"] is None}
            assert alive == set(history.alive(kind))
            names = {row["id"]: row["name"] for row in rows if row["id"] in alive}
            stored = portal.leads() + portal.contacts() + portal.companies()
            assert names.items() <= {one["id"]: one["name"] for one in stored}.items()


def tell(
    history: History, inbox: SQLInbox, number: int, kind: str, which: int, action: str
) -> None:
    """Let a webhook arrive, about an entity that may be deleted by now."""
    ids = history.alive(kind) + history.alive(kind, deleted=True)
    account = history.portal.account().id
    item = {"id": ids[which % len(ids)], "at": number, "type": KINDS_OF_CONTACTS.get(kind, "")}
    wire = "contacts" if kind == "companies" else kind
    put(inbox, form(wire, action, item, account=account), account=account)


KINDS_OF_CONTACTS = {"contacts": "contact", "companies": "company"}
