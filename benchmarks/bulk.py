"""10,000 leads listed, and 10,000 created, from a portal that lets seven calls a second through.

    python benchmarks/bulk.py [--latency 0.05 0.25 1] [--leads 10000] [--jitter 0.05]
        [--only listed] [--plot docs/img/listing.svg] [--bar]

The portal is the sandbox, served with keep-alive by another process, which counts what arrives. It
is compared with bare requests: page after page, and batch after batch, as every loop over `next`
does; a 429 is waited out for a second. The limit is pages / 7; the least possible is what somebody
would need who knew all pages from the first instant on. A plot needs matplotlib, a bar rich.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import requests
from portal import Portal, Seen, portal
from served import neutral_environment
from table import show

from amocrm import AmoCRM
from amocrm.ahead import THREAD_NAME
from amocrm.core.wire import Json
from amocrm.progress import Report, bar

RATE, PAGE, LEADS = 7, 250, "/api/v4/leads"

Way = Callable[[Portal, int, Report | None], object]


class Row(NamedTuple):
    """One measurement."""

    way: str
    latency: float
    seconds: float
    limit: float
    seen: Seen

    @property
    def least(self) -> float:
        """The least possible: full bursts from the first instant on, and the last answer."""
        return math.ceil(self.limit) - 1 + self.latency

    def cells(self) -> list[str]:
        """Return the row as the table shows it."""
        return [
            f"{self.latency * 1000:.0f} ms", self.way, f"{self.seconds:.2f}",
            f"{self.seconds / self.limit:.2f}", f"{self.least:.2f}", str(self.seen.calls),
            str(self.seen.too_many), str(self.seen.busiest),
        ]  # fmt: skip


def client(where: Portal) -> AmoCRM:
    """Make a client with a pace of its own and the default settings."""
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


def create_ours(where: Portal, leads: int, report: Report | None) -> None:
    """Create many."""
    run = client(where).create_many(LEADS, models(leads), progress=report)
    assert sum(outcome.unwrap() is not None for outcome in run) == leads


def measure(name: str, way: Way, latency: float, options: argparse.Namespace, stored: int) -> Row:
    """Run one way against a portal of its own."""
    with portal(stored, latency, options.jitter) as where:
        with bar(f"{latency:g} s, {name}") if options.bar else contextlib.nullcontext() as report:
            started = time.monotonic()
            way(where, options.leads, report)
            seconds = time.monotonic() - started
        for thread in threading.enumerate():
            if thread.name == THREAD_NAME:
                thread.join()  # What was asked for beyond the end counts, too.
        return Row(name, latency, seconds, options.leads / PAGE / RATE, where.seen())


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
    parser.add_argument("--latency", type=float, nargs="+", default=[0.05, 0.25, 1.0])
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--only", choices=("listed", "created"))
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--plot", help="file to draw the listings into")
    parser.add_argument("--bar", action="store_true", help="show progress, with rich")
    options = parser.parse_args()
    neutral_environment()
    head = ["latency", "way", "seconds", "× limit", "least", "calls", "429", "most in 1 s"]
    listing: dict[str, Way] = {
        "requests, page after page": list_bare,
        "`listing(ahead=0)`": list_in_turn,
        "`listing`": list_ours,
    }
    creating: dict[str, Way] = {
        "requests, batch after batch": create_bare,
        "`create_many`": create_ours,
    }
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
