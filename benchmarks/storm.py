"""The proof: 100,000 mixed calls with injected faults; the outcome of each write is checked.

    python benchmarks/storm.py [--calls 100000] [--workers 8] [--seed 7]

Workers of one client read, list, create and change, alone and in batches, some with a journal,
while answers get lost and cut, errors, 429s and blocks come singly and in storms. The sandbox keeps
a record of every write it carried out. In the end the two are compared, one by one: what was told
as done was done once, what was told as refused was not, and what is unknown was done once or not at
all. It leaves with 1 if that does not hold for one of them.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from table import show

from amocrm import (
    AmoCRM,
    AmoCRMError,
    AuthSettings,
    LostReplyError,
    ServerError,
    UnexpectedReplyError,
)
from amocrm.bulk.outcomes import Created, Outcome, Refused, Updated
from amocrm.http.messages import Json
from amocrm.sandbox import FaultPlan, ManualClock, Sandbox
from amocrm.sandbox.faults.plan import KINDS

LEADS = "/api/v4/leads"
CONTACTS = 60
WEATHER = FaultPlan(
    lost_before=0.01, lost_after=0.01, server_error=0.02, too_many=0.02, half_body=0.01, html=0.01
)
STORMS = (("too_many", 40), ("forbidden", 3), ("server_error", 12), ("lost_after", 6))
EVERY = 500
"""Calls from one storm to the next."""
UNKNOWN = (LostReplyError, ServerError, UnexpectedReplyError)
TRIES = 50
"""How often an interrupted run with a journal is begun again."""


class Storm:
    """A portal with injected faults, a client of it, and what the client was told.

    Attributes:
        told: what was told of each write, by its name.
        reads: what became of the reads.
    """

    def __init__(self, calls: int, seed: int, folder: str) -> None:
        # On a clock that nobody waits for, the load is one of calls and not of pauses.
        clock = ManualClock()
        self.portal = Sandbox(rps=None, clock=clock, seed=seed)
        for number in range(CONTACTS):
            self.portal.add("contacts", {"name": f"Contact {number}"})
        auth: AuthSettings = {"access_token": self.portal.issue_long_lived()}
        self.crm = AmoCRM(
            "example", auth, session=self.portal.session(), clock=clock, rate_limiter=None
        )
        self.calls, self.folder = calls, Path(folder)
        self.told: dict[str, str] = {}
        self.reads: Counter[str] = Counter()
        self._names, self._turns = itertools.count(), itertools.count()
        self._ids: list[int] = []
        self._lock = threading.Lock()
        self.portal.faults = WEATHER

    def work(self) -> None:
        """Do one thing after the other until there were calls enough."""
        actions = (
            self.read, self.create, self.read, self.create_many, self.change, self.list_contacts,
            self.read, self.create_with_journal, self.update_many, self.read,
        )  # fmt: skip
        while self.portal.counters["requests"] < self.calls:
            turn = next(self._turns)
            if turn % EVERY == EVERY - 1:
                fault, times = STORMS[turn // EVERY % len(STORMS)]
                self.portal.inject(fault, path="/api/*", times=times)
            actions[turn % len(actions)]()

    def read(self) -> None:
        """Read the account."""
        try:
            self.crm.request.get("/api/v4/account")
            self.reads["read"] += 1
        except AmoCRMError:
            self.reads["told as failed"] += 1

    def list_contacts(self) -> None:
        """List all contacts: all of them, or an error."""
        try:
            names = {one["name"] for one in self.crm.listing("/api/v4/contacts", limit=10)}
            self.reads["listed" if len(names) == CONTACTS else "CUT SHORT"] += 1
        except AmoCRMError:
            self.reads["told as failed"] += 1

    def create(self) -> None:
        """Create one lead with a plain call."""
        name = self._name()
        with self._told(name):
            data = self.crm.request.post(LEADS, [{"name": name}]).data
            self._ids.append(data["_embedded"]["leads"][0]["id"])

    def change(self) -> None:
        """Change one lead with a plain call."""
        name, number = self._name(), self._take_id()
        if number is not None:
            with self._told(name):
                self.crm.request.patch(f"{LEADS}/{number}", {"name": name})

    def create_many(self) -> None:
        """Create leads in batches, some of them bad."""
        items = self._items(30)
        self._note(items, self.crm.create_many(LEADS, items, size=10))

    def create_with_journal(self) -> None:
        """Create leads in batches, and begin again until the run comes to its end."""
        items = self._items(30)
        path = self.folder / f"{items[0]['name']}.journal"
        for _ in range(TRIES):
            if self._note(items, self.crm.create_many(LEADS, items, size=10, journal=path)):
                break

    def update_many(self) -> None:
        """Change leads in batches, each of them once."""
        numbers = [number for number in (self._take_id() for _ in range(20)) if number is not None]
        items = [{"id": number, "name": self._name()} for number in numbers]
        self._note(items, self.crm.update_many(LEADS, items, size=7))

    def _note(self, items: list[dict[str, Json]], outcomes: Iterable[Outcome]) -> bool:
        """Write down what a batch is told to have become; tell whether it came to its end."""
        for item in items:
            self.told[item["name"]] = "not sent"
        try:
            for outcome in outcomes:
                self.told[outcome.item["name"]] = self._word(outcome)
        except AmoCRMError:
            return False
        return True

    def _word(self, outcome: Outcome) -> str:
        if isinstance(outcome, Created) and isinstance(outcome.id, int):
            self._ids.append(outcome.id)
        if isinstance(outcome, (Created, Updated)):
            return "done"
        return "refused" if isinstance(outcome, Refused) else "unknown"

    def _told(self, name: str) -> _Telling:
        return _Telling(self.told, name)

    def _items(self, count: int) -> list[dict[str, Json]]:
        names = [self._name() for _ in range(count)]
        return [
            {"name": name, "price": "bad" if int(name) % 17 == 0 else int(name)} for name in names
        ]

    def _name(self) -> str:
        return str(next(self._names))

    def _take_id(self) -> int | None:
        with self._lock:
            return self._ids.pop() if self._ids else None

    def record(self) -> Counter[str]:
        """Count how often the portal carried out each write."""
        done: Counter[str] = Counter()
        for seen in self.portal.log:
            carried_out = seen.fault == "" or KINDS[seen.fault].effect
            if seen.method in ("POST", "PATCH") and carried_out and seen.status == 200:
                done.update(_names(seen.body))
        return done


class _Telling:
    """Writes down what a plain call is told to have become."""

    def __init__(self, told: dict[str, str], name: str) -> None:
        self._told, self._name = told, name

    def __enter__(self) -> None:
        self._told[self._name] = "unknown"

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        word = "done" if error is None else "refused"
        self._told[self._name] = "unknown" if isinstance(error, UNKNOWN) else word
        return isinstance(error, AmoCRMError)


def _names(body: Json) -> Iterator[str]:
    for model in body if isinstance(body, list) else [body]:
        yield model["name"]


def judge(told: dict[str, str], record: Counter[str]) -> tuple[Counter[tuple[str, int]], list[str]]:
    """Compare one by one: how many writes were told what and done how often; which are wrong."""
    allowed = {"done": (1,), "refused": (0,), "not sent": (0,), "unknown": (0, 1)}
    tally = Counter((word, record[name]) for name, word in told.items())
    wrong = [name for name, word in told.items() if record[name] not in allowed[word]]
    return tally, wrong + [name for name in record if name not in told]


def main() -> int:
    """Brew a storm and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(options.calls, options.seed, folder)
        threads = [threading.Thread(target=storm.work) for _ in range(options.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    tally, wrong = judge(storm.told, storm.record())
    rows = [[word, str(times), f"{count:,}"] for (word, times), count in sorted(tally.items())]
    calls, seconds = storm.portal.counters["requests"], time.monotonic() - started
    show(f"{calls:,} calls in bad weather, {seconds:.0f} s", ["told", "done", "writes"], rows)
    faults = Counter(one.fault for one in storm.portal.log if one.fault)
    print(f"\nfates: {dict(faults)}\nreads: {dict(storm.reads)}")
    wrong += ["a listing"] * storm.reads["CUT SHORT"]
    print(f"wrong: {wrong[:20] or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
