"""Processor time per listed lead, and memory while a million of them stream through.

    python benchmarks/streaming.py [--rounds 5] [--pages 80] [--million 4000]

A server in another process answers pages of 250 leads of 1 KB each from a ready text, so that only
the client's work is counted. It is compared with the least that has to be done: the same pages got
by a `requests.Session` and decoded, one after the other; without pauses, and with those of a rate
limiter, for a processor that slept works more slowly. The ways take turns; a ratio is the median
over the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import requests
from served import neutral_environment, served
from table import show

from amocrm import AmoCRM, AuthSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PAGE, PATH = 250, "/api/v4/leads"
PACE = 28
"""Calls a second: four times what amoCRM lets through, to be done in time."""
STATM = Path("/proc/self/statm")
FIELD = {"field_id": 900, "field_name": "Source", "values": [{"value": "north", "enum_id": 5}]}
LEAD = {
    "id": 7001, "name": "Order 17", "price": 1500, "responsible_user_id": 5, "group_id": 0,
    "status_id": 101, "pipeline_id": 10, "loss_reason_id": None, "created_by": 5, "updated_by": 5,
    "created_at": 1700000000, "updated_at": 1700000000, "closed_at": None, "closest_task_at": None,
    "is_deleted": False, "custom_fields_values": [FIELD] * 7, "score": None, "account_id": 1,
    "labor_cost": None, "_links": {"self": {"href": "https://example.amocrm.ru/api/v4/leads/7001"}},
    "_embedded": {"tags": [], "companies": []},
}  # fmt: skip
ITEMS = json.dumps([LEAD] * PAGE, separators=(",", ":"))

BARE = "`Session.get(url).json()`"
SLOW = f"{BARE}, {PACE} calls a second"

ApiContext = Callable[[], object]


def pages_of(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer any page; the query's own `pages` says which is the last one."""
    query = parse_qs(environ["QUERY_STRING"])
    page, last = int(query["page"][0]), int(query["pages"][0])
    href = f"http://{environ['HTTP_HOST']}{PATH}?pages={last}&limit={PAGE}&page={page + 1}"
    links = json.dumps({"next": {"href": href}} if page < last else {})
    body = f'{{"_page":{page},"_links":{links},"_embedded":{{"leads":{ITEMS}}}}}'.encode()
    if page > last:
        start_response("204 No Content", [])
        return []
    size = ("Content-Length", str(len(body)))
    start_response("200 OK", [("Content-Type", "application/hal+json"), size])
    return [body]


def ways(origin: str, pages: int) -> dict[str, tuple[ApiContext, str]]:
    """Name the ways to read the pages, each with the name of what it is compared with."""
    session = requests.Session()
    token: AuthSettings = {"access_token": "a" * 900}
    crm = AmoCRM("example", token, base_url=origin, rate_limiter=None)
    paced = AmoCRM("example", token, base_url=origin, rate_limiter=PACE)
    headers = {"Authorization": f"Bearer {'a' * 900}"}

    def bare(pause: float) -> ApiContext:
        def read() -> None:
            for page in range(1, pages + 1):
                url = f"{origin}{PATH}?pages={pages}&limit={PAGE}&page={page}"
                for _ in session.get(url, headers=headers, timeout=30).json()["_embedded"]["leads"]:
                    pass
                time.sleep(pause)

        return read

    def ours(client: AmoCRM, ahead: int | None) -> ApiContext:
        def read() -> None:
            for _ in client.listing(PATH, {"pages": pages}, ahead=ahead):
                pass

        return read

    hot, slow = bare(0), bare(1 / PACE)
    return {
        BARE: (hot, BARE),
        "`listing(ahead=0)`": (ours(crm, 0), BARE),
        "`listing`": (ours(crm, None), BARE),
        SLOW: (slow, SLOW),
        f"`listing`, {PACE} calls a second": (ours(paced, None), SLOW),
    }


def measure(origin: str, rounds: int, pages: int) -> list[list[str]]:
    """Return microseconds of this process per lead, and the ratio to the bare way, by way."""
    candidates = ways(origin, pages)
    spent: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name, (way, _) in candidates.items():
            started = time.process_time()
            way()
            if turn > 0:  # the first round warms up
                spent[name].append((time.process_time() - started) / pages / PAGE * 1e6)
    rows = []
    for name, (_, base) in candidates.items():
        ratios = [ours / bare for ours, bare in zip(spent[name], spent[base], strict=True)]
        rows.append([name, f"{median(spent[name]):.1f}", f"{median(ratios):.2f}"])
    return rows


def resident() -> float:
    """Return the megabytes this process holds."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def curve(origin: str, pages: int) -> list[list[str]]:
    """Stream pages and return the memory along the way."""
    crm = AmoCRM("example", {"access_token": "a"}, base_url=origin, rate_limiter=None)
    started, rows = time.monotonic(), [["0", f"{resident():.1f}", "0.0"]]
    marks = {max(1, pages * part // 1000) for part in (1, 10, 50, 100, 250, 500, 750, 1000)}
    for page, _ in enumerate(crm.listing(PATH, {"pages": pages}).pages(), 1):
        if page in marks:
            seconds = time.monotonic() - started
            rows.append([f"{page * PAGE:,}", f"{resident():.1f}", f"{seconds:.1f}"])
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=80)
    parser.add_argument("--million", type=int, default=4000, help="pages to stream")
    options = parser.parse_args()
    neutral_environment()
    with served(app=pages_of) as origin:
        rows = measure(origin, options.rounds, options.pages)
        size = len(ITEMS) // PAGE
        title = f"Processor time per listed lead of {size:,} bytes (target: a ratio of 1.10)"
        show(title, ["way", "CPU, µs", "ratio"], rows)
        print()
        if STATM.exists():
            title = f"Memory while {options.million * PAGE:,} leads stream through"
            show(title, ["leads", "RSS, MB", "s"], curve(origin, options.million))


if __name__ == "__main__":
    main()
