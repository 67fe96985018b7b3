"""Many accounts: calls at once, cost of their budgets, memory and connections.

    python benchmarks/accounts.py calls [--accounts 100] [--redis redis://127.0.0.1:6379/9]
    python benchmarks/accounts.py budgets
    python benchmarks/accounts.py memory [--accounts 1000] [--rounds 3]

`calls`: each account has seven threads, and a server in another process counts as amocrm.ru does.
With hundreds of threads CPython spends more time on waking them than on their work, unless its
switch interval is long: see docs/scaling.md.

`memory`: clients of an integration against a bare session for each account. Each figure comes from
a fresh process: what Python has allocated (tracemalloc), by how much the process has grown (RSS)
and how many sockets it has open (both Linux only). The tokens are in the store beforehand; what
clients make of them counts. One server plays all accounts, so they share its connections; of real
accounts, each at a host of its own, those of the last hundred are kept.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

import requests
from counting_server import Seen, counting_server
from served import neutral_environment, served
from table import show

from amocrm import AmoCRM, Integration, LocalRateLimiter, MemoryStore, RateLimiter, Token
from amocrm._support.clock import SystemClock
from amocrm.auth.token_record import Record, write_record
from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.sandbox import ManualClock
from amocrm.stores.store import Key

CLIENT = "benchmark"
PATH = "/api/v4/account"
CALLS, LATENCY, THREADS = 140, 0.25, 7
LONG_INTERVAL = 0.1
STILL = ManualClock()
STATM, SOCKETS = Path("/proc/self/statm"), Path("/proc/self/fd")


def integration(accounts: int, origin: str) -> Integration:
    """Install an integration in many accounts; a token is 900 + 900 bytes, as the API's."""
    store = MemoryStore()
    for number in range(accounts + 1):
        host = f"account{number}.amocrm.ru"
        token = Token(f"{number:0900}", f"{number:0>900}", 4_102_444_800)
        store.save(Key(CLIENT, host), write_record(CLIENT, host, Record(token, host)), None)
    return Integration(
        CLIENT, "secret", "https://example.com/", store=store, base_url=origin, rate_limiter=None
    )


def ours(accounts: int, origin: str, call: bool) -> Callable[[int], object]:
    """Return what makes the client of an account, which calls once if it is to."""
    all_of_them = integration(accounts, origin)

    def make(number: int) -> object:
        account = all_of_them.account(f"account{number}")
        if call:
            account.request.get(PATH)
        return account

    return make


def bare(accounts: int, origin: str, call: bool) -> Callable[[int], object]:
    """Return what makes a session for an account."""

    def make(number: int) -> object:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {number:0900}"
        if call:
            assert session.get(origin + PATH, timeout=10).json()
        return session

    return make


def used(traced: bool) -> int:
    """Return the bytes in use now."""
    gc.collect()
    if traced:
        return tracemalloc.get_traced_memory()[0]
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sockets() -> int:
    """Return how many sockets this process holds."""
    links = (os.readlink(one) for one in SOCKETS.iterdir() if one.is_symlink())
    return sum(link.startswith("socket:") for link in links)


def grown(which: str, accounts: int, origin: str, call: bool, traced: bool) -> tuple[float, int]:
    """Return the KB each account adds, and the sockets of all; in a process of its own."""
    make = {"ours": ours, "bare": bare}[which](accounts, origin, call)
    make(accounts)  # what is made once for all is not theirs
    if traced:
        tracemalloc.start()
    before = used(traced)
    alive = [make(number) for number in range(accounts)]
    after = used(traced)
    return (after - before) / len(alive) / 1024, sockets() if SOCKETS.exists() else -1


def measured(rounds: int, which: str, accounts: int, origin: str, call: bool) -> list[str]:
    """Return the medians of some fresh processes."""
    cells = []
    held = 0
    for traced in (True, False):
        if not traced and not STATM.exists():
            cells.append("no /proc")
            continue
        task = (which, accounts, origin, call, traced)
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
            figures = [fresh.apply(grown, task) for _ in range(rounds)]
        cells.append(f"{median(size for size, _ in figures):.1f}")
        held = figures[-1][1]
    return [*cells, str(held) if held >= 0 else "no /proc"]


def call_all(origin: str, names: Sequence[str], limiter: RateLimiter) -> float:
    """Make the calls of some accounts, each with threads of its own; return the seconds."""
    clients = [
        AmoCRM(name, {"access_token": name}, base_url=origin, rate_limiter=limiter)
        for name in names
    ]

    def work(crm: AmoCRM) -> None:
        for _ in range(CALLS // THREADS):
            crm.request.get(PATH)

    pool = [threading.Thread(target=work, args=(one,)) for one in clients for _ in range(THREADS)]
    started = time.perf_counter()
    for one in pool:
        one.start()
    for one in pool:
        one.join()
    took = time.perf_counter() - started
    for crm in clients:
        crm.close()
    return took


def _calls_of_process(
    origin: str, names: Sequence[str], redis: str | None, ready: Barrier, pipe: Pipe
) -> None:
    limiter = LocalRateLimiter() if redis is None else RedisRateLimiter(redis, "benchmark")
    ready.wait()
    pipe.send(call_all(origin, names, limiter))


def many_processes(origin: str, accounts: int, redis: str | None, processes: int = 4) -> float:
    """Return the seconds until some processes have made the calls of all accounts."""
    spawn = multiprocessing.get_context("spawn")
    ready, pool, pipes = spawn.Barrier(processes), [], []
    for at in range(processes):
        ours, theirs = spawn.Pipe()
        names = [f"account{number}" for number in range(at, accounts, processes)]
        task = (origin, names, redis, ready, theirs)
        pool.append(spawn.Process(target=_calls_of_process, args=task, daemon=True))
        pipes.append(ours)
    for one in pool:
        one.start()
    took: list[float] = [pipe.recv() for pipe in pipes]
    for one in pool:
        one.join()
    return max(took)


def calls_at_once(accounts: int, redis: str | None) -> None:
    """Print how long the calls of one account take, of many, and of many in four processes."""
    rows: list[list[str]] = []
    alone = 0.0

    def row(name: str, number: int, took: float, seen: Seen, against: float) -> None:
        rate = f"{seen.calls / took:,.0f}"
        ratio = f"{took / against:.2f}"
        rows.append([
            name, str(number), f"{took:.1f}", ratio, rate, str(seen.too_many), str(seen.busiest),
        ])  # fmt: skip

    with counting_server(LATENCY) as server:
        alone = call_all(server.origin, ["account0"], LocalRateLimiter())
        row("one process", 1, alone, server.seen(), alone)
        names = [f"account{number}" for number in range(accounts)]
        row("one process", accounts, call_all(server.origin, names, LocalRateLimiter()),
            server.seen(), alone)  # fmt: skip
        usual = sys.getswitchinterval()
        sys.setswitchinterval(LONG_INTERVAL)
        row(f"one process, `sys.setswitchinterval({LONG_INTERVAL})`", accounts,
            call_all(server.origin, names, LocalRateLimiter()), server.seen(), alone)  # fmt: skip
        sys.setswitchinterval(usual)
        if redis is not None:
            apart = many_processes(server.origin, 2 * accounts, None)
            row("4 processes, each its own limiter", 2 * accounts, apart, server.seen(), apart)
            shared = many_processes(server.origin, 2 * accounts, redis)
            row("4 processes, Redis", 2 * accounts, shared, server.seen(), apart)
    head = ["", "accounts", "s", "ratio", "calls/s", "429", "most in 1 s"]
    show(f"{CALLS} calls of each account, {LATENCY * 1000:.0f} ms of latency", head, rows)


def budgets() -> None:
    """Print what a budget costs: bytes, and microseconds of a slot among few and among many."""

    def slot(limiter: LocalRateLimiter, known: int) -> float:
        clock = SystemClock()
        keep = [(Budget(f"account:account{number}.amocrm.ru", 1000),) for number in range(known)]
        for one in keep:
            limiter.scoped(lambda one=one: one).hold(clock, 1e6)  # type: ignore[misc]
        own = (Budget("integration:one:a", 1000), Budget("account:a", 1000))
        bound, spent = limiter.scoped(lambda: own), []
        for _ in range(15):
            started = time.process_time()
            for _ in range(60):
                bound.wait(clock, 0)
            spent.append((time.process_time() - started) / 60 * 1e6)
        return median(spent)

    few, many = slot(LocalRateLimiter(), 1), slot(LocalRateLimiter(), 10_000)
    gc.collect()
    tracemalloc.start()
    limiter, number = LocalRateLimiter(), 10_000
    before = tracemalloc.get_traced_memory()[0]
    for at in range(number):
        for _ in range(7):
            limiter.reserve(STILL, 0, (Budget(f"integration:{at:036}:account{at}.amocrm.ru", 7),))
    size = (tracemalloc.get_traced_memory()[0] - before) / number
    tracemalloc.stop()
    rows = [
        ["memory of an active budget", f"{size:,.0f} bytes", "1,024 bytes"],
        ["a slot in two budgets, 1 other budget known", f"{few:.1f} µs", ""],
        ["a slot in two budgets, 10,000 others known", f"{many:.1f} µs", f"{2 * few:.1f} µs"],
    ]
    show("Cost of budgets", ["", "measured", "target"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=("calls", "budgets", "memory"))
    parser.add_argument("--accounts", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--redis")
    options = parser.parse_args()
    neutral_environment()
    if options.part == "calls":
        calls_at_once(options.accounts or 100, options.redis)
    elif options.part == "budgets":
        budgets()
    else:
        memory(options.accounts or 1000, options.rounds)


def memory(accounts: int, rounds: int) -> None:
    """Print what the clients of an integration cost against bare sessions."""
    names = {"bare": "`requests.Session` each", "ours": "`integration.account(name)`"}
    with served() as origin:
        rows = [
            [
                f"{name}, {'one call each' if call else 'idle'}",
                *measured(rounds, which, accounts, origin, call),
            ]
            for call in (False, True)
            for which, name in names.items()
        ]
    head = [f"{accounts:,} accounts", "allocated, KB each", "RSS, KB each", "sockets, all"]
    show("Memory of the accounts of an integration (target: 20 KB each)", head, rows)


if __name__ == "__main__":
    main()
