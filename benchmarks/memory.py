"""Memory of many idle clients in one process: made, some given a token, none has called yet.

    python benchmarks/memory.py [--clients 1000] [--rounds 3]

Twice over, each time in a fresh process: what Python has allocated (tracemalloc), and by how much
the process has grown (RSS, Linux only), which also counts what the allocator holds in reserve.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import tracemalloc
from pathlib import Path
from statistics import median

from table import show

from amocrm import AmoCRM, AuthSettings

AUTH: AuthSettings = {
    "client_id": "benchmark", "client_secret": "secret", "redirect_uri": "https://example.com/",
}  # fmt: skip
STATM = Path("/proc/self/statm")


def client(number: int, token: bool) -> AmoCRM:
    """Make one client of its own account; a token is two strings of 900 bytes, as the API's."""
    crm = AmoCRM(f"account{number}", AUTH)
    if token:
        access, refresh = f"{number:0900}", f"{number:0>900}"
        crm.connection.set_token(
            {"access_token": access, "refresh_token": refresh, "expires_at": 4_102_444_800}
        )
    return crm


def used(traced: bool) -> int:
    """Return the bytes in use now."""
    gc.collect()
    if traced:
        return tracemalloc.get_traced_memory()[0]
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown(clients: int, token: bool, traced: bool) -> float:
    """Return the KB each client adds; in a process where nothing else has been made."""
    client(clients, token)  # what is made once for all is not theirs
    if traced:
        tracemalloc.start()
    before = used(traced)
    alive = [client(number, token) for number in range(clients)]
    after = used(traced)
    return (after - before) / len(alive) / 1024


def measured(rounds: int, clients: int, token: bool, traced: bool) -> str:
    """Return the median of some fresh processes."""
    if not traced and not STATM.exists():
        return "no /proc"
    task = (clients, token, traced)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
        return f"{median(fresh.apply(grown, task) for _ in range(rounds)):.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = [
        [name, *(measured(options.rounds, options.clients, token, way) for way in (True, False))]
        for name, token in (("no token", False), ("with a token of 900 + 900 bytes", True))
    ]
    head = [f"{options.clients:,} idle clients", "allocated, KB each", "RSS, KB each"]
    show("Memory of idle clients (target: 20 KB each)", head, rows)


if __name__ == "__main__":
    main()
