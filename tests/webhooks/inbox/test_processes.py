"""An inbox that processes share: who is killed, who is forked, who brings the same delivery."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm.webhooks.inbox.tables import describe_tables
from tests.endurance.conftest import ROUNDS
from tests.processes import APART, in_child
from tests.servers import DATABASES, URLS, engine, inbox_place, open_inbox
from tests.webhooks.inbox.conftest import Places
from tests.webhooks.inbox.contract import delivery, drain, part
from tests.webhooks.inbox.killed import Log, Task, handle, putter, worker

LONGEST = 0.06
"""Seconds within which a process is killed at random."""
PROCESSES = 3


@pytest.fixture(params=["sqlite", *DATABASES])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, places: Places) -> str:
    return places(kind)


def put_all(kind: str, place: str, gate: Any, numbers: Any) -> None:
    """Put the same deliveries as others do at the same time."""
    inbox = open_inbox(kind, place)
    gate.wait(60)
    numbers.put([inbox.put(delivery(f"{turn}"), [part()]) for turn in range(10)])
    inbox.close()


def test_the_same_deliveries_at_several_processes_are_stored_once(kind: str, place: str) -> None:
    gate, numbers = APART.Barrier(PROCESSES), APART.Queue()
    arguments = (kind, place, gate, numbers)
    running = [APART.Process(target=put_all, args=arguments) for _ in range(PROCESSES)]
    for process in running:
        process.start()
    found = [numbers.get(timeout=90) for _ in running]
    for process in running:
        process.join(30)
    for turn in zip(*found, strict=True):
        assert len([number for number in turn if number is not None]) == 1
    inbox = open_inbox(kind, place)
    assert sorted(drain(inbox)) == [f"{turn}".encode() for turn in range(10)]
    inbox.close()


def free_all_leases(kind: str, place: str) -> None:
    """Let all leases end: their owners are dead."""
    prefix = "amocrm_" if kind == "sqlite" else f"{place}_"
    url = f"sqlite:///{place}/inbox.db" if kind == "sqlite" else URLS[kind]
    with engine(url).begin() as connection:
        connection.execute(sa.update(describe_tables(prefix).queues).values(due_at=0.0))


def kill_at_random(kind: str, place: str, folder: str, rounds: int) -> int:
    """Let putters and workers run and be killed; return the number of kills."""
    random.seed(f"{kind} {rounds}")
    kills = 0
    for turn in range(rounds):
        running = []
        for name in ("a", "b"):
            task = Task(kind, place, folder, random.uniform(0.0005, LONGEST))
            running.append(APART.Process(target=putter, args=(task, name, turn)))
            task = task._replace(moment=random.uniform(0.0005, LONGEST))
            running.append(APART.Process(target=worker, args=(task,)))
        for process in running:
            process.start()
        for process in running:
            process.join(60)
            assert process.exitcode == -signal.SIGALRM
            kills += 1
        free_all_leases(kind, place)
    return kills


def check(accepted: Log, handled: Log) -> dict[str, int]:
    """Check what was written down; return how many were handled, and how many of them twice."""
    handlings: Counter[tuple[str, str]] = Counter()
    marks: Counter[tuple[str, str]] = Counter()
    order: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for what, key, name, number in handled.read():
        event = key, f"{name} {number}"
        if what == "marked":
            marks[event] += 1
            continue
        assert not marks[event], "nothing is handled again after its mark"
        handlings[event] += 1
        order[key, name].append(number)
    for key, name, number in accepted.read():
        assert handlings[key, f"{name} {number}"], "what was accepted is handled"
    for numbers in order.values():
        assert numbers == sorted(numbers), "in the order in which they were put"
    return {"handled": len(handlings), "twice": sum(handlings.values()) - len(handlings)}


def survive(kind: str, place: str, folder: Path, rounds: int) -> dict[str, int]:
    kills = kill_at_random(kind, place, str(folder), rounds)
    inbox, handled = open_inbox(kind, place), Log(f"{folder}/handled")
    while handle(inbox, handled):
        pass
    assert inbox.counts() == (0, 0, None)
    assert inbox.next_due() is None
    inbox.close()
    handled.close()
    accepted = Log(f"{folder}/accepted")
    accepted.close()
    told = {"kills": kills, **check(accepted, handled)}
    assert told["twice"] <= kills / 2, "at most one for each killed worker"
    return told


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_what_was_accepted_is_handled_in_order_whoever_is_killed(
    kind: str, place: str, tmp_path: Path
) -> None:
    assert survive(kind, place, tmp_path, 2)["kills"] == 8


@pytest.mark.endurance
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_what_was_accepted_is_handled_in_order_after_many_kills(
    kind: str, place: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    told = survive(kind, place, tmp_path, max(1, ROUNDS // 4))
    record_property("kills", told)
    assert told["handled"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_uses_the_inbox_beside_its_parent(kind: str, place: str) -> None:
    inbox = open_inbox(kind, place)
    assert inbox.put(delivery("parent"), [part()])

    def use() -> bool:
        stored = inbox.put(delivery("child"), [part("1/leads/2")])
        lease = inbox.take(60)
        inbox.close()
        return stored is not None and lease is not None

    assert in_child(use)
    assert inbox.put(delivery("after"), [part("1/leads/2")])
    assert inbox.counts().undone == 3
    lease = inbox.take(60)
    assert lease is not None
    assert len(lease.events) == 2, "the child has a lease of the other one"
    inbox.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_an_sqlite_database_is_not_open_while_a_process_forks(tmp_path: Path) -> None:
    """SQLite would believe that the parent's locks are the child's, who has none."""
    with inbox_place("sqlite", tmp_path) as place:
        inbox = open_inbox("sqlite", place)
        assert inbox.put(delivery("one"), [part()])

        def is_closed() -> bool:
            links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
            return not any("inbox.db" in str(link.resolve()) for link in links)

        if Path("/proc/self/fd").is_dir():
            assert not is_closed()
            assert in_child(is_closed)
        assert inbox.put(delivery("two"), [part()])
        assert drain(inbox) == [b"one", b"two"]
        inbox.close()
