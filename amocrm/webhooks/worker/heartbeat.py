"""Keeps the leases of handlers that run for long, and tells of handlers that run for too long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, NamedTuple

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock, after_fork
from amocrm.errors import InboxError
from amocrm.webhooks.inbox.inbox import Inbox, Lease, StoredEvent

BEATS: Final = 3
"""How often a lease is extended before it would end, and a handler is looked at before its time
is over."""

SLOW: Final = 60.0
"""Seconds after which a running handler is told first; then after twice as long, and so on."""

_log: Final = logging.getLogger("amocrm.webhooks")


class Running(NamedTuple):
    """A handler that runs."""

    event: StoredEvent
    handler: str
    since: float


class Job:
    """A lease whose events are being handled.

    Attributes:
        lease: the lease.
        lock: whoever ends the handling of an event holds it.
        running: the handler that runs now.
        is_lost: whether the lease is no longer ours; nothing more is marked.
        is_over: whether the lease is being ended; nobody extends it.
        is_given_up: whether the handler took too long, and its event counts as failed.
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.lock = threading.Lock()
        self.running: Running | None = None
        self.is_lost = False
        self.is_over = False
        self.is_given_up = False
        self.next_told = SLOW


class Heartbeat:
    """One thread that extends the leases of all jobs; it runs while there are any.

    Args:
        inbox: of the leases.
        seconds: of a lease.
        timeout: seconds that a handler may run.
        clock: the clock.
        give_up: called with a job whose handler has run for longer.
    """

    def __init__(
        self,
        inbox: Inbox,
        seconds: float,
        timeout: float,
        clock: Clock,
        give_up: Callable[[Job, Running], object],
    ) -> None:
        self._inbox = inbox
        self._seconds = seconds
        self._timeout = timeout
        self._clock = clock
        self._give_up = give_up
        self._lock = ForkLock()
        self.renew_after_fork()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Forget the parent's jobs and thread."""
        self.jobs: set[Job] = set()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, lease: Lease) -> Generator[Job, None, None]:
        """Extend a lease until the block ends."""
        job = Job(lease)
        with self._lock:
            self.jobs.add(job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="amocrm-heartbeat", daemon=True
                )
                self._thread.start()
        try:
            yield job
        finally:
            with self._lock:
                self.jobs.discard(job)

    def close(self) -> None:
        """End the thread now, even if there are jobs; they are not extended any more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(min(self._seconds, self._timeout) / BEATS):
            with self._lock:
                jobs = list(self.jobs)
                if not jobs:
                    self._thread = None  # The next job starts another one.
                    return
            for job in jobs:
                try:
                    self._beat(job)
                except Exception as error:
                    _log.error("a lease could not be extended: %s", type(error).__name__)

    def _beat(self, job: Job) -> None:
        running = job.running
        if running is not None:
            seconds = self._clock.monotonic() - running.since
            if seconds >= self._timeout:
                self._give_up(job, running)
            elif seconds >= job.next_told:
                job.next_told *= 2
                _log.warning(
                    "%s has been running for %d s (event %d)",
                    running.handler, seconds, running.event.id,
                )  # fmt: skip
        if job.is_lost or job.is_over:
            return
        try:
            is_kept = self._inbox.extend(job.lease, self._seconds)
        except InboxError as error:
            _log.warning("a lease could not be extended: %s", error)
            return
        if not is_kept and not job.is_over:
            job.is_lost = True
            _log.warning("a lease was lost: its events may be handled twice")
