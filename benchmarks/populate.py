"""`Sandbox.populate(leads=10_000)`: processor time, against bare copies and Faker itself.

    python benchmarks/populate.py [--rounds 5]

Beside it stand a deep copy of as many leads, which any way of storing them takes at least, and as
many names, phones and addresses asked of Faker one by one. The ways take turns, so that a machine
that slows down slows all of them; each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import copy
import gc
import time
from collections.abc import Callable
from statistics import median

from faker import Faker
from table import show

from amocrm.sandbox import ManualClock, Sandbox

LEADS = 10_000


def populate() -> None:
    """Fill a fresh account."""
    Sandbox(clock=ManualClock(), rps=None).populate(LEADS)


def copies(lead: dict[str, object]) -> None:
    """Copy one lead as often."""
    for _ in range(LEADS):
        copy.deepcopy(lead)


def faker_alone() -> None:
    """Ask Faker for the people of as many leads."""
    fake = Faker("ru_RU")
    fake.seed_instance(7)
    for _ in range(LEADS):
        for draw in (fake.first_name, fake.last_name, fake.phone_number, fake.email):
            draw()


def processor_time(work: Callable[[], None]) -> float:
    """Return seconds of processor time."""
    gc.collect()
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    portal = Sandbox(clock=ManualClock())
    portal.populate(100)
    lead = next(iter(portal.account().entities["leads"].values()))
    ways: dict[str, Callable[[], None]] = {
        f"populate(leads={LEADS:,})": populate,
        f"{LEADS:,} deep copies of one lead": lambda: copies(lead),
        f"Faker: {LEADS:,} names, phones, addresses": faker_alone,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            times[name].append(processor_time(work))
    first = times[next(iter(ways))]
    rows = [
        (name, f"{median(found):.2f} s",
         f"{median(a / b for a, b in zip(first, found, strict=True)):.2f}")
        for name, found in times.items()
    ]  # fmt: skip
    show("A year of data", ("what", "processor time", "populate ÷ this"), rows)


if __name__ == "__main__":
    main()
