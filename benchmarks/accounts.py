"""Memory and connections of many accounts of one integration, against a bare session for each.

    python benchmarks/accounts.py [--accounts 1000] [--rounds 3]

Each figure comes from a fresh process: what Python has allocated (tracemalloc), by how much the
process has grown (RSS) and how many sockets it holds (both Linux only). The tokens are in the store
beforehand; what clients make of them counts. One server plays all accounts, so they share its
connections; of real accounts, each at a host of its own, those of the last hundred are kept.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

import requests
from served import neutral_environment, served
from table import show

from amocrm import Integration, MemoryStore, Token
from amocrm.auth.token_record import Record, write_record
from amocrm.stores.store import Key

CLIENT = "benchmark"
PATH = "/api/v4/account"
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    neutral_environment()
    names = {"bare": "`requests.Session` each", "ours": "`integration.account(name)`"}
    with served() as origin:
        rows = [
            [
                f"{name}, {'one call each' if call else 'idle'}",
                *measured(options.rounds, which, options.accounts, origin, call),
            ]
            for call in (False, True)
            for which, name in names.items()
        ]
    head = [f"{options.accounts:,} accounts", "allocated, KB each", "RSS, KB each", "sockets, all"]
    show("Memory of the accounts of an integration (target: 20 KB each)", head, rows)


if __name__ == "__main__":
    main()
