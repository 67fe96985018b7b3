"""The lock between processes against filelock and portalocker, in one run.

    pip install filelock portalocker
    python benchmarks/locks.py [--rounds 5]

Each lock is measured in three ways: what it costs when nobody else wants it; how long after the
release the last of eight waiting processes has had it, when a holder kept it for 200 ms as a grant
does; and how long it stays held after its holder was killed, with and without a forked child that
lives on. The rounds take turns, and the median is shown.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from statistics import median

from table import show

from amocrm._support.file_lock import FileLock

WAITERS = 8
GRANT = 0.2
"""Seconds that a grant takes, and the lock is held."""
TURNS = 3000
PATIENCE = 60.0
LIFE = 3.0
"""Seconds that a forked child lives longer than its killed parent."""

# Neither is a dependency of anything here, so no checker knows them.
filelock = importlib.import_module("filelock")
portalocker = importlib.import_module("portalocker")

Hold = Callable[[], AbstractContextManager[object]]


def ours(path: str) -> Hold:
    """Make the lock of this library."""
    lock = FileLock(path)
    return lambda: lock.hold(PATIENCE)


def theirs(path: str, poll: float) -> Hold:
    """Make filelock's."""
    lock = filelock.FileLock(path)
    return lambda: lock.acquire(timeout=PATIENCE, poll_interval=poll)


def portal(path: str, poll: float) -> Hold:
    """Make portalocker's."""

    @contextmanager
    def hold() -> Generator[None, None, None]:
        with portalocker.Lock(path, "a", timeout=PATIENCE, check_interval=poll):
            yield

    return hold


LOCKS: dict[str, Callable[[str], Hold]] = {
    "ours, polled 0.5 to 5 ms": ours,
    "filelock, polled 50 ms (default)": lambda path: theirs(path, 0.05),
    "filelock, polled 5 ms": lambda path: theirs(path, 0.005),
    "portalocker, polled 250 ms (default)": lambda path: portal(path, 0.25),
    "portalocker, polled 5 ms": lambda path: portal(path, 0.005),
}
SPAWN = multiprocessing.get_context("spawn")


def alone(name: str, path: str) -> float:
    """Return the microseconds of taking and giving back a lock that nobody else wants."""
    hold = LOCKS[name](path)
    started = time.perf_counter()
    for _ in range(TURNS):
        with hold():
            pass
    return (time.perf_counter() - started) / TURNS * 1e6


def wait(name: str, path: str, gate: Barrier, ends: Queue[float]) -> None:
    """Be one of those who wait for a grant; note when one has had the lock."""
    hold = LOCKS[name](path)
    gate.wait()
    with hold():
        pass
    ends.put(time.monotonic())


def herd(name: str, path: str) -> float:
    """Return the milliseconds from the release until the last of the waiting has had the lock."""
    gate, ends = SPAWN.Barrier(WAITERS + 1), SPAWN.Queue()
    running = [SPAWN.Process(target=wait, args=(name, path, gate, ends)) for _ in range(WAITERS)]
    for process in running:
        process.start()
    with LOCKS[name](path)():
        gate.wait()
        time.sleep(GRANT)
        released = time.monotonic()
    last = max(ends.get(timeout=PATIENCE) for _ in running)
    for process in running:
        process.join()
    return (float(last) - released) * 1000


def hold_for_ever(name: str, path: str, forks: bool, held: Event) -> None:
    """Take a lock and wait to be killed."""
    with LOCKS[name](path)():
        if forks and os.fork() == 0:
            time.sleep(LIFE)
            os._exit(0)
        held.set()
        signal.pause()


def after_kill(name: str, path: str, forks: bool) -> float:
    """Return the milliseconds until the lock of a killed process is had by another."""
    held = SPAWN.Event()
    holder: BaseProcess = SPAWN.Process(target=hold_for_ever, args=(name, path, forks, held))
    holder.start()
    held.wait()
    hold = LOCKS[name](path)
    holder.kill()
    started = time.monotonic()
    with hold():
        spent = time.monotonic() - started
    holder.join()
    return spent * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    measures: list[Callable[[str, str], float]] = [
        alone,
        herd,
        lambda name, path: after_kill(name, path, forks=False),
        lambda name, path: after_kill(name, path, forks=True),
    ]
    seen: dict[str, list[list[float]]] = {name: [[] for _ in measures] for name in LOCKS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for place, name in enumerate(LOCKS):
                for number, measure in enumerate(measures):
                    path = os.path.join(folder, f"{turn}-{place}-{number}.lock")
                    seen[name][number].append(measure(name, path))
    first = [median(each) for each in seen["ours, polled 0.5 to 5 ms"]]
    rows = []
    for name, found in seen.items():
        middle = [median(each) for each in found]
        rows.append([
            name,
            f"{middle[0]:.1f} ({middle[0] / first[0]:.1f} x)",
            f"{middle[1]:.1f} ({middle[1] / first[1]:.1f} x)",
            f"{middle[2]:.1f}",
            f"{middle[3]:.1f}",
        ])  # fmt: skip
    head = ["lock", "alone, µs", f"herd of {WAITERS}, ms", "after kill -9, ms", "with a fork, ms"]
    show("Locks between processes", head, rows)


if __name__ == "__main__":
    main()
