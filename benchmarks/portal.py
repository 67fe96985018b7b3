"""A sandbox with a rate limit, latency and leads, served over TCP by another process."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Generator
from multiprocessing.connection import Connection as Pipe
from typing import NamedTuple

from amocrm.sandbox import FaultPlan, Sandbox, SystemClock


class Seen(NamedTuple):
    """What the portal saw.

    Attributes:
        calls: that arrived.
        too_many: answers 429.
        busiest: most calls in any one second.
        leads: that are stored.
    """

    calls: int
    too_many: int
    busiest: int
    leads: int


class Portal(NamedTuple):
    """A portal that runs."""

    origin: str
    token: str
    pipe: Pipe

    def seen(self) -> Seen:
        """Ask what it has seen since the last time."""
        self.pipe.send("seen")
        return Seen(*self.pipe.recv())


@contextlib.contextmanager
def portal(
    leads: int = 0,
    latency: float = 0.0,
    jitter: float = 0.0,
    rps: int | None = 7,
    populated: bool = False,
) -> Generator[Portal, None, None]:
    """Run a portal while the block runs; latency and jitter are seconds.

    If it is populated, the leads are those of a year that ended an hour ago, with people,
    companies, notes, tasks and events.
    """
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    settings = (leads, latency, jitter, rps, populated)
    process = spawn.Process(target=_serve, args=(theirs, *settings), daemon=True)
    process.start()
    theirs.close()
    try:
        origin, token = ours.recv()
        yield Portal(origin, token, ours)
    finally:
        process.kill()
        process.join()


def _serve(
    pipe: Pipe, leads: int, latency: float, jitter: float, rps: int | None, populated: bool
) -> None:
    """Be the portal's process: tell address and token, then what was seen, until killed."""
    clock = SystemClock()
    sandbox = Sandbox(rps=rps, clock=clock, faults=FaultPlan(latency=latency, jitter=jitter))
    if populated:
        sandbox.populate(leads)
        clock.advance(3600)
    for number in range(0 if populated else leads):
        sandbox.add("leads", {"name": f"Lead {number}", "price": number})
    with sandbox.serve(threads=64) as served:
        pipe.send((served.url, sandbox.issue_long_lived()))
        began = 0
        while pipe.recv():
            log = [one for one in sandbox.log if one.path.startswith("/api/")]
            fresh, began = log[began:], len(log)
            times = [one.at for one in fresh]
            busiest = max((sum(at <= t < at + 1 for t in times) for at in times), default=0)
            refused = sum(one.status == 429 for one in fresh)
            pipe.send((len(fresh), refused, busiest, len(sandbox.leads())))
