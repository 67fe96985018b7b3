"""How long amoCRM waits for the receiver, from the first byte to the durable answer.

    python benchmarks/webhook_receiver.py latency [--rate 200] [--seconds 60]
    python benchmarks/webhook_receiver.py throughput [--seconds 10]

`latency`: deliveries at a fixed rate, over keep-alive connections, to a receiver with an inbox in
SQLite, in a process of its own; against an app that answers 200 and does nothing, in the same run.
A delivery that could not be sent in time counts from when it was due.

`throughput`: as many as four processes with a common inbox in PostgreSQL take, and as many as four
processes of that app take, from a client in a process of its own for each.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from served import served
from table import show
from webhook_inbox import place
from webhooks import webhook

from amocrm.webhooks import Receiver, SQLInbox
from amocrm.webhooks.addresses import path_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

KEY, URL = "k" * 43, "http://127.0.0.1"
SPAWN = multiprocessing.get_context("spawn")
PROCESSES, THREADS = 4, 16
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BODY = webhook(1, 6)


class Receiving:
    """The receiver's app, made in the process that serves it."""

    def __init__(self, url: str, prefix: str) -> None:
        self._place = url, prefix
        self._receiver: Receiver | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[str, str]:
        return self._place

    def __setstate__(self, place: tuple[str, str]) -> None:
        self.__init__(*place)  # type: ignore[misc]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        with self._lock:
            if self._receiver is None:
                url, prefix = self._place
                inbox = SQLInbox(url, table_prefix=prefix)
                self._receiver = Receiver(inbox, key=KEY, url=URL)
        return self._receiver.wsgi_app(environ, start_response)


def bare(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Read the body and answer 200."""
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"OK\n"]


@contextmanager
def connection(origin: str) -> Generator[Callable[[bytes], None]]:
    """Give what posts one delivery over a kept connection."""
    parts = urlsplit(origin)
    path = path_of(KEY, "account", 1)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def post(body: bytes) -> None:
        client.request("POST", path, body, FORM)
        response = client.getresponse()
        response.read()
        assert response.status == 200, response.status

    try:
        yield post
    finally:
        client.close()


def bodies(seed: object) -> Iterator[bytes]:
    """Give bodies that differ, of 200 entities."""
    for number in itertools.count():
        entity = f"{number % 200:08d}".encode()
        yield BODY.replace(b"1700000000", b"17%s" % entity, 1) + f"&n={seed}-{number}".encode()


def waits(origin: str, rate: float, seconds: float) -> list[float]:
    """Return the milliseconds from when each delivery was due until its answer."""
    found: list[float] = []
    numbers, begin = itertools.count(), time.perf_counter() + 0.2
    total = int(rate * seconds)

    def send(seed: int) -> None:
        contents = bodies(seed)
        with connection(origin) as post:
            while (number := next(numbers)) < total:
                due = begin + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                post(next(contents))
                found.append((time.perf_counter() - due) * 1000)

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def measure_latency(rate: float, seconds: float) -> None:
    """Print the milliseconds until the answer: median, 99th percentile, and the longest."""
    rows: list[list[str]] = []
    with TemporaryDirectory() as folder, place("sqlite", folder) as (url, prefix):
        apps = ("answers 200", bare), ("receiver, SQLite", Receiving(url, prefix))
        for name, app in apps:
            with served(app=app) as origin:
                waits(origin, rate, 2)
                times = waits(origin, rate, seconds)
            rows.append([name, f"{median(times):.1f}", f"{quantiles(times, n=100)[98]:.1f}",
                         f"{max(times):.1f}"])  # fmt: skip
    show(
        f"answers at {rate:.0f} deliveries a second for {seconds:.0f} s, ms "
        f"(load {os.getloadavg()[0]:.1f})",
        ["", "median", "p99", "longest"], rows,
    )  # fmt: skip


def post_for(origin: str, seed: int, seconds: float, gate: Barrier, counts: Queue[int]) -> None:
    """Post in four threads for some seconds; tell how many were answered."""
    counted = [0] * 4

    def send(at: int) -> None:
        contents = bodies((seed, at))
        with connection(origin) as post:
            post(next(contents))
            ready.wait()
            while time.monotonic() < end[0]:
                post(next(contents))
                counted[at] += 1

    end = [0.0]
    ready = threading.Barrier(5)
    threads = [threading.Thread(target=send, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    gate.wait()
    end[0] = time.monotonic() + seconds
    ready.wait()
    for thread in threads:
        thread.join()
    counts.put(sum(counted))


def measure_throughput(seconds: float) -> None:
    """Print how many deliveries a second four processes answer."""
    rows: list[list[str]] = []
    with place("postgres", "") as (url, prefix):
        apps = ("answers 200", bare), ("receiver, PostgreSQL", Receiving(url, prefix))
        for name, app in apps:
            with ExitStack() as stack:
                origins = [stack.enter_context(served(app=app)) for _ in range(PROCESSES)]
                gate, counts = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
                running = [
                    SPAWN.Process(target=post_for, args=(origin, seed, seconds, gate, counts))
                    for seed, origin in enumerate(origins)
                ]
                for process in running:
                    process.start()
                total = sum(counts.get() for _ in running)
                for process in running:
                    process.join()
            rows.append([name, f"{total / seconds:,.0f}"])
    rows[0].append("1.00")
    rows[1].append(f"{float(rows[1][1].replace(',', '')) / float(rows[0][1].replace(',', '')):.2f}")
    show(
        f"{PROCESSES} processes of a server, as many of clients (load {os.getloadavg()[0]:.1f})",
        ["", "a second", "ratio"], rows,
    )  # fmt: skip


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["latency", "throughput"])
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    if options.part == "latency":
        measure_latency(options.rate, options.seconds or 60)
    else:
        measure_throughput(options.seconds or 10)


if __name__ == "__main__":
    main()
