"""32 threads on one client with injected faults: no loss unreported, nothing written twice."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from amocrm import AmoCRM, AmoCRMError, LostReplyError, ServerError, UnexpectedReplyError
from amocrm.sandbox import FaultPlan, ManualClock, Sandbox

THREADS = 32
CALLS = int(os.environ.get("AMOCRM_TEST_CALLS", "4000"))
"""The full load is 20,000 calls; the gate runs it."""

FAULTS = FaultPlan(
    lost_before=0.01,
    lost_after=0.01,
    server_error=0.02,
    too_many=0.01,
    half_body=0.01,
    html=0.01,
)
UNKNOWN = (LostReplyError, ServerError, UnexpectedReplyError)
"""Errors of a write that may have been carried out."""


@pytest.fixture
def faulty() -> Sandbox:
    # With a manual clock, the load is calls and not pauses.
    return Sandbox(rps=None, clock=ManualClock(), seed=7, refresh_mode="grace")


def client(portal: Sandbox, **settings: Any) -> AmoCRM:
    one = portal.integration
    auth: Any = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "code": portal.issue_code(),
    }
    return AmoCRM("example", auth, session=portal.session(), clock=portal.clock, **settings)


@pytest.mark.endurance
def test_every_call_ends_in_its_response_or_in_a_correct_error(faulty: Sandbox) -> None:
    crm = client(faulty, rate_limiter=None)
    crm.connect()
    faulty.faults = FAULTS
    names = iter(range(CALLS))
    taking = threading.Lock()
    results: list[tuple[str, str]] = []

    def work(_: int) -> None:
        while True:
            with taking:
                number = next(names, None)
            if number is None:
                return
            name = f"lead {number}"
            try:
                if number % 4:
                    read = crm.request.get("/api/v4/account", {"n": number})
                    assert read.data["subdomain"] == "example"
                    results.append(("read", name))
                else:
                    crm.request.post("/api/v4/leads", [{"name": name}])
                    results.append(("written", name))
            except UNKNOWN:
                results.append(("unknown" if number % 4 == 0 else "unread", name))
            except AmoCRMError:
                results.append(("refused", name))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    crm.close()

    stored = Counter(lead["name"] for lead in faulty.leads())
    by_kind: dict[str, set[str]] = {}
    for kind, name in results:
        by_kind.setdefault(kind, set()).add(name)
    assert len(results) == CALLS, "every call has a result"
    assert max(stored.values()) == 1, "nothing was written twice"
    assert by_kind["written"] <= set(stored), "each write that was reported as done is there"
    assert not by_kind.get("refused", set()) & set(stored), (
        "no write that was reported as refused is there"
    )
    assert set(stored) <= by_kind["written"] | by_kind["unknown"]
    assert len(by_kind.get("unread", ())) < CALLS / 1000, "reads succeed within five tries"
    assert faulty.counters["lost"] > CALLS / 200, "faults were injected"


def test_the_server_never_counts_more_than_seven_a_second() -> None:
    portal = Sandbox(rps=7, faults=FaultPlan(server_error=0.02, lost_after=0.02))
    crm = client(portal)
    crm.connect()

    def work(_: int) -> None:
        crm.request.get("/api/v4/account")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(40)))
    crm.close()
    assert portal.counters["429"] == 0
    assert portal.busiest_second() <= 7
