"""Processor time of typed calls against the same calls through `crm.request`.

    python benchmarks/typed_calls.py [--rounds 9] [--calls 200]

A server in another process answers one page of leads from a ready text, so that only the client's
work is counted: filters, checks and the listing, over what sending and decoding cost anyway. The
two ways take turns call by call, so that a machine that slows down slows both; a ratio is the
median over the rounds' ratios. Needs cheroot.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from served import neutral_environment, served
from streaming import LEAD
from table import show

from amocrm import AmoCRM, LocalRateLimiter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from amocrm.resources.leads import LeadFilter

PATH = "/api/v4/leads"
FEW, FULL = 3, 250
WARM_UP = 20
ONE = json.dumps(LEAD).encode()

Way = Callable[[], object]


def page(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer a page of as many leads as the filter has for a price, or one lead."""
    asked = parse_qs(environ["QUERY_STRING"]).get("filter[price][from]")
    body = _page(int(asked[0])) if asked else ONE
    size = ("Content-Length", str(len(body)))
    start_response("200 OK", [("Content-Type", "application/hal+json"), size])
    return [body]


@cache
def _page(count: int) -> bytes:
    return json.dumps({"_page": 1, "_links": {}, "_embedded": {"leads": [LEAD] * count}}).encode()


def pairs(crm: AmoCRM) -> dict[str, tuple[Way, Way]]:
    """Name typed calls, each after the same call through `crm.request`."""
    get = crm.request.get

    def leads(count: int) -> tuple[Way, Way]:
        asked: LeadFilter = {
            "price": {"from": count}, "id": [7001, 7002, 7003],
            "updated_at": {"from": 1700000000, "to": 1800000000},
        }  # fmt: skip
        raw = {"filter": asked, "limit": 250, "page": 1}
        return (
            lambda: get(PATH, raw).data["_embedded"]["leads"],
            lambda: list(crm.leads.list(filter=asked)),
        )

    stages: LeadFilter = {
        "price": {"from": FEW}, "pipeline_id": 10, "responsible_user_id": [5, 6, 7],
        "statuses": [{"pipeline_id": 10, "status_id": number} for number in (101, 102, 142)],
    }  # fmt: skip
    raw_stages = {"filter": stages, "with": "contacts", "limit": 250, "page": 1}
    return {
        f"`crm.leads.list(filter=...)`, {FEW} leads": leads(FEW),
        f"`crm.leads.list(filter=...)`, {FULL} leads": leads(FULL),
        f"`crm.leads.list(filter=..., with_=...)` by stages, {FEW} leads": (
            lambda: get(PATH, raw_stages).data["_embedded"]["leads"],
            lambda: list(crm.leads.list(filter=stages, with_=["contacts"])),
        ),
        "`crm.leads.get(7001)`": (
            lambda: get(f"{PATH}/7001").data,
            partial(crm.leads.get, 7001),
        ),
    }


def measure(origin: str, rounds: int, calls: int) -> list[list[str]]:
    """Return microseconds of this process per call, and the ratio to the untyped way, by call."""
    # The fastest pace there is: it does all its work, and hardly anybody waits for it.
    pace = LocalRateLimiter(1000)
    crm = AmoCRM("example", {"access_token": "a" * 900}, base_url=origin, rate_limiter=pace)
    rows = []
    for name, ways in pairs(crm).items():
        for way in ways * WARM_UP:
            way()
        rounds_spent = [_round(ways, calls) for _ in range(rounds)]
        raw, typed = (median(each) / calls * 1e6 for each in zip(*rounds_spent, strict=True))
        ratio = median(typed / raw for raw, typed in rounds_spent)
        rows.append([name, f"{raw:.0f}", f"{typed:.0f}", f"{ratio:.2f}"])
    return rows


def _round(ways: tuple[Way, Way], calls: int) -> list[float]:
    """Return the processor seconds of some calls of each way, one of each in turn."""
    spent = [0.0, 0.0]
    for turn in range(calls):
        for side in (0, 1) if turn % 2 else (1, 0):
            started = time.process_time()
            ways[side]()
            spent[side] += time.process_time() - started
    return spent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200, help="of each way in a round")
    options = parser.parse_args()
    if find_spec("cheroot") is None:
        print("nothing measured: cheroot is not installed")
        return
    neutral_environment()
    with served(app=page) as origin:
        rows = measure(origin, options.rounds, options.calls)
    head = ["call", "`crm.request`, µs", "typed, µs", "ratio"]
    show("Processor time of typed calls (target: a ratio of at most 1.10)", head, rows)


if __name__ == "__main__":
    main()
