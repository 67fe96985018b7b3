"""Calls as the server counts them: never more than seven in a second, and as many as that allows.

    python benchmarks/pace.py [--seconds 20] [--redis redis://127.0.0.1:6379/9]

The sandbox runs in a process of its own, with kept connections (cheroot), 50 ms of jitter on the
way there, and no limit of its own; so what it counts is what the rate limiter lets through. "most
in 1 s" is the largest number of arrivals in any sliding second, "reached" the steady rate against
7/s. At a cold start connections take up to 500 ms to stand, each another time (see relay.py). The
baseline is pyrate-limiter (`pip install pyrate-limiter`), before each call of the same client
without a rate limiter.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Generator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import NamedTuple

from relay import slow_proxy
from served import issue, neutral_environment
from table import show

from amocrm import AmoCRM, AmoCRMError, LocalRateLimiter, RateLimiter
from amocrm._support.clock import SystemClock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.rate_limit.file import FileRateLimiter
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.sandbox import FaultPlan, Sandbox

THREADS = 32
SPAWN = multiprocessing.get_context("spawn")
CLOCK = SystemClock()


class ApiContext(NamedTuple):
    """How calls are paced: what makes the rate limiter, and what is waited for before each call."""

    make: Callable[[], RateLimiter | None]
    before: Callable[[], Callable[[], object]] | None = None


def pyrate() -> Callable[[], object]:
    """Make the baseline: wait until seven calls a second allow one more."""
    # No tool of this project: it is imported by name, so that the type checkers do without it.
    library = import_module("pyrate_limiter")
    limiter = library.Limiter(library.Rate(REQUESTS_PER_SECOND, library.Duration.SECOND))
    return lambda: limiter.try_acquire("amocrm")


def nothing() -> None:
    """Make no rate limiter."""


def serve(pipe: Pipe, faults: FaultPlan, tls: tuple[str, str] | None) -> None:
    """Be the server's process: tell address and token, then, when asked, the arrivals."""
    portal = Sandbox(rps=None, faults=faults)
    with portal.serve(tls=tls, threads=80) as served:
        pipe.send((served.url, portal.issue_long_lived()))
        while pipe.recv() == "arrivals":
            pipe.send([one.at for one in portal.log if one.path.startswith("/api/")])


@contextlib.contextmanager
def sandbox(faults: FaultPlan, tls: tuple[str, str] | None = None) -> Generator[Pipe, None, None]:
    """Run a sandbox in another process while the block runs."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=serve, args=(theirs, faults, tls), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.kill()
        process.join()


def call(
    origin: str,
    token: str,
    way: ApiContext,
    seconds: float,
    threads: int,
    ready: Barrier | None = None,
) -> None:
    """Call from some threads for some seconds, once all are ready."""
    if ready is not None:
        ready.wait()  # While others still import, they would keep the server from running.
    until = CLOCK.monotonic() + seconds
    wait = way.before() if way.before else nothing
    with AmoCRM(
        "example", {"access_token": token}, base_url=origin, rate_limiter=way.make()
    ) as crm:

        def work() -> None:
            while CLOCK.monotonic() < until:
                wait()
                with contextlib.suppress(AmoCRMError):
                    crm.request.get("/api/v4/account")

        pool = [threading.Thread(target=work) for _ in range(threads)]
        for one in pool:
            one.start()
        for one in pool:
            one.join()


def seen(
    way: ApiContext, seconds: float, faults: FaultPlan, tls: tuple[str, str] | None = None,
    processes: int = 1, opening: float = 0.0,
) -> list[float]:  # fmt: skip
    """Return the instants of arrival."""
    with sandbox(faults, tls) as pipe, contextlib.ExitStack() as on_the_way:
        origin, token = pipe.recv()
        if opening:
            os.environ["HTTPS_PROXY"] = on_the_way.enter_context(slow_proxy(opening))
            on_the_way.callback(os.environ.pop, "HTTPS_PROXY")
        if processes == 1:
            call(origin, token, way, seconds, THREADS)
        else:
            ready = SPAWN.Barrier(processes)
            arguments = (origin, token, way, seconds, THREADS // processes, ready)
            pool = [SPAWN.Process(target=call, args=arguments) for _ in range(processes)]
            for one in pool:
                one.start()
            for one in pool:
                one.join()
        pipe.send("arrivals")
        return sorted(pipe.recv())


def most(arrivals: list[float]) -> int:
    """Return the largest number of arrivals in any second."""
    first = busiest = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - 1 + 1e-9:
            first += 1
        busiest = max(busiest, last - first + 1)
    return busiest


def reached(arrivals: list[float]) -> float:
    """Return the steady rate in percent of the limit, after two seconds, over whole bursts."""
    steady = [one for one in arrivals if one > arrivals[0] + 2]
    whole = (len(steady) - 1) // REQUESTS_PER_SECOND * REQUESTS_PER_SECOND
    return 100 * whole / (steady[whole] - steady[0]) / REQUESTS_PER_SECOND


def row(name: str, arrivals: list[float]) -> list[str]:
    """Return a line of the table."""
    return [name, str(len(arrivals)), str(most(arrivals)), f"{reached(arrivals):.1f} %"]


def cost(rate_limiter: RateLimiter, calls: int = 2000) -> float:
    """Return the microseconds of processor time of one turn that nobody waits for."""
    spent = []
    for _ in range(9):
        started = time.process_time()
        for _ in range(calls // 9):
            rate_limiter.wait(CLOCK, 0)
        spent.append((time.process_time() - started) / (calls // 9) * 1e6)
    return median(spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9")
    options = parser.parse_args()
    neutral_environment()
    folder = tempfile.mkdtemp()
    run = partial(seen, seconds=options.seconds)
    rough = FaultPlan(latency=0.05, jitter=0.05)
    far = FaultPlan(latency=0.25, jitter=0.05)
    ours = ApiContext(LocalRateLimiter)
    rows = [row("`LocalRateLimiter`, 50 ms of jitter", run(ours, faults=rough))]
    rows.append(row("the same, no jitter", run(ours, faults=FaultPlan(latency=0.05))))
    rows.append(row("the same, answers after 1 s", run(ours, faults=FaultPlan(1.0, 0.05))))
    if find_spec("pyrate_limiter"):
        rows.append(
            row("pyrate-limiter, 50 ms of jitter", run(ApiContext(nothing, pyrate), faults=rough))
        )
    certificate = issue(folder)
    tls = None if certificate is None else (certificate, certificate)
    cold = partial(run, faults=far, tls=tls, opening=0.5 if tls else 0.0)
    rows.append(row("`LocalRateLimiter`, cold start of up to 500 ms, TLS", cold(ours)))
    if find_spec("pyrate_limiter"):
        rows.append(row("pyrate-limiter, the same", cold(ApiContext(nothing, pyrate))))
    name = f"benchmark-{uuid.uuid4().hex}"
    shared = partial(FileRateLimiter, Path(folder, "pace"))
    rows.append(
        row("4 processes, `FileRateLimiter`", run(ApiContext(shared), faults=rough, processes=4))
    )
    hosts = partial(RedisRateLimiter, options.redis, name)
    rows.append(
        row("4 processes, `RedisRateLimiter`", run(ApiContext(hosts), faults=rough, processes=4))
    )
    head = ["32 threads", "calls", "most in 1 s", "reached"]
    show("Calls counted at the server (target: at most 7, and at least 95 %)", head, rows)
    print()
    costs = [
        ["`LocalRateLimiter`", f"{cost(LocalRateLimiter(1000)):.1f}", "5"],
        ["`FileRateLimiter`", f"{cost(FileRateLimiter(Path(folder, 'cost'), 1000)):.1f}", "50"],
        [
            "`RedisRateLimiter`",
            f"{cost(RedisRateLimiter(options.redis, name + 'cost', 1000)):.1f}",
            "no target",
        ],
    ]
    show("Processor time of a turn that nobody waits for", ["pace", "µs", "target"], costs)


if __name__ == "__main__":
    main()
