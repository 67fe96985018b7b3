"""32 threads on one client with injected faults: nothing lost unsaid, nothing written twice."""

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
"""The whole load is 20,000 calls; the gate asks for it."""

WEATHER = FaultPlan(
    lost_before=0.01,
    lost_after=0.01,
    server_error=0.02,
    too_many=0.01,
    half_body=0.01,
    html=0.01,
)
UNKNOWN = (LostReplyError, ServerError, UnexpectedReplyError)
"""What a write may end in when it may have been done."""


@pytest.fixture
def stormy() -> Sandbox:
    # On a clock that nobody waits for, the load is one of calls and not of pauses.
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
def test_every_call_ends_in_its_response_or_in_a_correct_error(stormy: Sandbox) -> None:
    crm = client(stormy, rate_limiter=None)
    crm.connect()
    stormy.faults = WEATHER
    names = iter(range(CALLS))
    taking = threading.Lock()
    told: list[tuple[str, str]] = []

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
                    told.append(("read", name))
                else:
                    crm.request.post("/api/v4/leads", [{"name": name}])
                    told.append(("written", name))
            except UNKNOWN:
                told.append(("unknown" if number % 4 == 0 else "unread", name))
            except AmoCRMError:
                told.append(("refused", name))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    crm.close()

    stored = Counter(lead["name"] for lead in stormy.leads())
    by_kind: dict[str, set[str]] = {}
    for kind, name in told:
        by_kind.setdefault(kind, set()).add(name)
    assert len(told) == CALLS, "every call ended in something"
    assert max(stored.values()) == 1, "nothing was written twice"
    assert by_kind["written"] <= set(stored), "what was told as written is there"
    assert not by_kind.get("refused", set()) & set(stored), "what was told as refused is not"
    assert set(stored) <= by_kind["written"] | by_kind["unknown"]
    assert len(by_kind.get("unread", ())) < CALLS / 1000, "reads get through five tries"
    assert stormy.counters["lost"] > CALLS / 200, "there was weather"


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
