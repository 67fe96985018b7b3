"""10,000 leads listed, and 10,000 created, from a portal that lets seven calls a second through.

    python benchmarks/bulk.py [--latency 0 0.05 0.25 0.5 1] [--leads 10000] [--jitter 0.05]
        [--rounds 3] [--ours] [--only listed] [--plot docs/img/listing.svg] [--bar]

The portal is the sandbox, served with keep-alive by another process, which counts what arrives. It
is compared with bare requests: page after page, and batch after batch, as every loop over `next`
does; a 429 is waited out for a second. `--ours` leaves the slow ways out. Seconds are the median of
the rounds; the other numbers are the worst of them.

The limit is pages / 7. "Least" is what the portal makes possible at all: seven calls at once, seven
more a second later and so on, and the answer to the last; without a hint a whole latency more, for
the first page has to say that there is a second one. Jitter is not counted in. A plot needs
matplotlib, a bar rich.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import threading
import time
from collections.abc import Callable
from importlib import import_module
from statistics import median
from typing import NamedTuple

import requests
from portal import Portal, Seen, portal
from served import neutral_environment
from table import show

from amocrm import AmoCRM
from amocrm.bulk.workers import THREAD_NAME
from amocrm.http.messages import Json
from amocrm.progress import Report, bar

RATE, PAGE, LEADS = 7, 250, "/api/v4/leads"
UNKNOWING = "`listing`"

ApiContext = Callable[[Portal, int, Report | None], object]


class Row(NamedTuple):
    """One measurement."""

    way: str
    latency: float
    seconds: float
    limit: float
    least: float
    seen: Seen

    def cells(self) -> list[str]:
        """Return the row as the table shows it."""
        return [
            f"{self.latency * 1000:.0f} ms", self.way, f"{self.seconds:.2f}",
            f"{self.seconds / self.limit:.2f}", f"{self.least:.2f}",
            f"{self.seconds / self.least:.3f}", str(self.seen.calls), str(self.seen.too_many),
            str(self.seen.busiest),
        ]  # fmt: skip


def client(where: Portal) -> AmoCRM:
    """Make a client with a rate limiter of its own and the default settings."""
    return AmoCRM("example", {"access_token": where.token}, base_url=where.origin)


def bare(where: Portal, method: str, url: str, json: Json = None) -> requests.Response:
    """Make a call as a careful script does: a 429 is waited out."""
    while True:
        answer = session.request(
            method, url, json=json, headers={"Authorization": f"Bearer {where.token}"}, timeout=30
        )
        if answer.status_code != 429:
            answer.raise_for_status()
            return answer
        time.sleep(1)


def list_bare(where: Portal, leads: int, report: Report | None) -> None:
    """Follow `next` from page to page."""
    url, count = f"{where.origin}{LEADS}?limit={PAGE}", 0
    while url:
        data = bare(where, "GET", url).json()
        count += len(data["_embedded"]["leads"])
        url = data["_links"].get("next", {}).get("href")
    assert count == leads


def list_ours(where: Portal, leads: int, report: Report | None) -> None:
    """Iterate a listing."""
    assert sum(1 for _ in client(where).listing(LEADS, progress=report)) == leads


def list_expected(where: Portal, leads: int, report: Report | None) -> None:
    """Iterate a listing whose length is known."""
    found = client(where).listing(LEADS, expect=leads, progress=report)
    assert sum(1 for _ in found) == leads


def list_in_turn(where: Portal, leads: int, report: Report | None) -> None:
    """Iterate a listing that does not read ahead."""
    assert sum(1 for _ in client(where).listing(LEADS, ahead=0, progress=report)) == leads


def models(leads: int) -> list[dict[str, object]]:
    """Make up leads."""
    return [{"name": f"Lead {number}", "price": number} for number in range(leads)]


def create_bare(where: Portal, leads: int, report: Report | None) -> None:
    """Post batch after batch."""
    items = models(leads)
    for start in range(0, leads, PAGE):
        bare(where, "POST", where.origin + LEADS, items[start : start + PAGE])


def create_ours(where: Portal, leads: int, report: Report | None, size: int | None = None) -> None:
    """Create many, with a size that grows from 50, or with a fixed one."""
    run = client(where).create_many(LEADS, models(leads), size=size, progress=report)
    assert sum(outcome.unwrap() is not None for outcome in run) == leads


def least(name: str, latency: float, calls: int) -> float:
    """Return the seconds that the portal makes possible at all."""
    bursts = (calls - 1) // RATE + latency
    return bursts + (latency if name == UNKNOWING else 0.0)


def measure(
    name: str, way: ApiContext, latency: float, options: argparse.Namespace, stored: int
) -> Row:
    """Run one way, each time against a portal of its own."""
    took, saw = [], []
    for _ in range(options.rounds):
        with portal(stored, latency, options.jitter) as where:
            shown = bar(f"{latency:g} s, {name}") if options.bar else contextlib.nullcontext()
            with shown as report:
                started = time.monotonic()
                way(where, options.leads, report)
                took.append(time.monotonic() - started)
            for thread in threading.enumerate():
                if thread.name == THREAD_NAME:
                    thread.join()  # What was asked for beyond the end counts, too.
            saw.append(where.seen())
    calls = math.ceil(options.leads / PAGE)
    worst = Seen(*(max(column) for column in zip(*saw, strict=True)))
    return Row(name, latency, median(took), calls / RATE, least(name, latency, calls), worst)


def plot(rows: list[Row], path: str) -> None:
    """Draw wall time against latency."""
    # No tool of this project: it is imported by name, so that the type checkers do without it.
    import_module("matplotlib").use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name in dict.fromkeys(row.way for row in rows):
        points = sorted((row.latency, row.seconds) for row in rows if row.way == name)
        axes.plot(*zip(*points, strict=True), marker="o", label=name.replace("`", ""))
    axes.axhline(rows[0].limit, color="grey", linestyle="--", label="the limit: pages / 7")
    axes.set(xlabel="latency, s", ylabel="wall time, s", title="Listing 10,000 leads")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, nargs="+", default=[0, 0.05, 0.25, 0.5, 1])
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--only", choices=("listed", "created"))
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", action="store_true", help="leave the slow ways out")
    parser.add_argument("--plot", help="file to draw the listings into")
    parser.add_argument("--bar", action="store_true", help="show progress, with rich")
    options = parser.parse_args()
    neutral_environment()
    head = [
        "latency",
        "way",
        "seconds",
        "× limit",
        "least",
        "× least",
        "calls",
        "429",
        "most in 1 s",
    ]
    listing: dict[str, ApiContext] = {UNKNOWING: list_ours, "`listing(expect=…)`": list_expected}
    creating: dict[str, ApiContext] = {
        "`create_many`": create_ours,
        "`create_many(size=250)`": functools.partial(create_ours, size=PAGE),
    }
    if not options.ours:
        listing = {
            "requests, page after page": list_bare,
            "`listing(ahead=0)`": list_in_turn,
            **listing,
        }
        creating = {"requests, batch after batch": create_bare, **creating}
    for title, ways, stored in (("listed", listing, options.leads), ("created", creating, 0)):
        if options.only not in (None, title):
            continue
        rows = [
            measure(name, way, latency, options, stored)
            for latency in options.latency
            for name, way in ways.items()
        ]
        show(
            f"{options.leads:,} leads {title} (target: 1.05 × the limit, no 429)",
            head,
            [row.cells() for row in rows],
        )
        print()
        if options.plot and ways is listing:
            plot(rows, options.plot)


session = requests.Session()

if __name__ == "__main__":
    main()
