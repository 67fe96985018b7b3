"""Worker: handles what is in an inbox, in threads, in a process of its own, or in task queues."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from random import random
from typing import Final

from amocrm._support.arguments import check_function
from amocrm._support.clock import Clock, SystemClock
from amocrm._support.stop_order import StopOrder
from amocrm.bulk.context import read_count
from amocrm.errors import ConfigurationError, InboxError
from amocrm.webhooks.inbox.inbox import Inbox, Lease
from amocrm.webhooks.router import Hooks
from amocrm.webhooks.worker.accounts import Accounts, Clients
from amocrm.webhooks.worker.calling import for_the_log
from amocrm.webhooks.worker.handling import Handled, LeaseHandler, Limits
from amocrm.webhooks.worker.retry_delays import outage_delay

__all__ = ["Handled", "Worker"]

DAY: Final = 86_400.0
PURGE_EVERY: Final = 3_600.0
"""Seconds between two runs that delete what is old."""
PURGED: Final = 1_000
"""Deliveries that are deleted at once."""

_log: Final = logging.getLogger("amocrm.webhooks")


class Worker:
    """Handles the events of an inbox. Thread-safe.

    Args:
        inbox: where the deliveries are.
        hooks: the handlers.
        clients: the client of the account; or an `Integration`; or a function that returns the
            client of an account id.
        threads: how many entities are handled at the same time.
        attempts: to handle an event, in about a day; then it is dead, and can be replayed.
        lease: seconds after which the events of a killed worker are given to others.
        timeout: seconds after which a handler counts as failed. An `async` one is canceled; a
            thread cannot be ended, so another one takes its place, up to `threads` times.
        grace: seconds that `run` waits for handlers when it is told to stop.
        retention: seconds for which deliveries that are done are kept, to be replayed.
        poll: seconds between two looks into an inbox in which nothing is due.
        clock: a clock for tests.

    Raises:
        ConfigurationError: an argument is wrong.
    """

    def __init__(
        self,
        inbox: Inbox,
        hooks: Hooks,
        clients: Clients,
        *,
        threads: int = 4,
        attempts: int = 10,
        lease: float = 60.0,
        timeout: float = 7_200.0,
        grace: float = 25.0,
        retention: float = 14 * DAY,
        poll: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(inbox, Inbox):
            raise ConfigurationError(f"expected an inbox, not {type(inbox).__name__}")
        if not isinstance(hooks, Hooks):
            raise ConfigurationError(f"expected Hooks, not {type(hooks).__name__}")
        for name, value in (
            ("lease", lease), ("timeout", timeout), ("grace", grace), ("retention", retention),
            ("poll", poll),
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise ConfigurationError(f"{name} must be a positive number of seconds")
        self._threads = read_count("threads", threads, 1, 1_000) or 1
        limits = Limits(read_count("attempts", attempts, 1, 1_000) or 1, lease, timeout)
        clock = SystemClock() if clock is None else clock
        self._inbox = inbox
        self._lease, self._grace = lease, grace
        self._retention, self._poll = retention, poll
        self._clock = clock
        self._stop_order = StopOrder()
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._taking = threading.Lock()
        self._pool: list[threading.Thread] = []
        self._replaced = 0
        self._handler = LeaseHandler(
            inbox, hooks, Accounts(clients, clock), limits, clock, self._stopping, self._replace
        )

    def run(self) -> None:
        """Handle events until SIGTERM, SIGINT or `stop`; call it once.

        Handlers that run then have `grace` seconds to finish; what is undone is given back. Signals
        are received in the main thread only. A second signal has its usual effect.
        """
        with self._stop_order.given_by_signals():
            _log.info("handling webhooks in %d threads", self._threads)
            for _ in range(self._threads):
                self._start_thread()
            try:
                while not self._stop_order.wait(self._purge()):
                    pass
            finally:
                self._end()

    def stop(self) -> None:
        """Let `run` return; it waits for the handlers that run."""
        self._stop_order.give()

    def wake(self, _: object = None) -> None:
        """Look into the inbox now: `inbox.hand_over(worker.wake)` in the receiver's process."""
        self._woken.set()

    def run_until_empty(self) -> Handled:
        """Handle what is due now in this thread; for tests and cron.

        Raises:
            InboxError: the inbox cannot be reached.
        """
        total = Handled()
        try:
            while not self._stopping.is_set() and (lease := self._inbox.take(self._lease)):
                total = total.plus(self._handler.handle(lease, self._lease)[0])
        finally:
            self._handler.loops.close()
        return total

    def handle(self, delivery_id: int) -> Handled:
        """Handle the events of a delivery in this thread: the body of a task of a task queue.

        A failed handler is no error of the task: the inbox counts the attempts, and `sweep` hands
        the delivery over again when it is due.

        Raises:
            InboxError: the inbox cannot be reached; `sweep` hands the delivery over again.
        """
        total = Handled()
        while not self._stopping.is_set() and (
            lease := self._inbox.take_of(delivery_id, self._lease)
        ):
            while lease and not self._stopping.is_set():
                total = total.plus(self._handler.handle(lease, self._lease)[0])
                # Tasks of later deliveries found the entity leased, and have ended.
                lease = self._inbox.take(self._lease, lease.key)
        return total

    def sweep(self, hand_over: Callable[[int], object], older_than: float = 60.0) -> int:
        """Hand deliveries over again that are due, undone and older; call it every minute.

        It gives what the broker has lost, and what failed and is to be tried again. It also
        deletes deliveries that are older than `retention`.

        Args:
            hand_over: sends the id of a delivery to the task queue, such as `task.delay`.
            older_than: seconds that the task queue may take.

        Returns:
            How many were handed over; fewer than there are if `hand_over` raised an error.
        """
        check_function("hand_over", hand_over)
        number = 0
        for delivery_id in self._inbox.not_handed_over(older_than):
            try:
                hand_over(delivery_id)
            except Exception as error:
                _log.warning("the task queue cannot be reached: %s", for_the_log(error))
                break
            number += 1
        self._inbox.purge(self._retention, PURGED)
        return number

    def _start_thread(self) -> None:
        name = f"amocrm-webhooks-{len(self._pool)}"
        # A daemon, because a handler that hangs must not keep the program from ending.
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._pool.append(thread)
        thread.start()

    def _work(self) -> None:
        while (lease := self._next()) is not None:
            try:
                _, job = self._handler.handle(lease)
            except Exception as error:
                _log.error("events were not marked, and come again: %s", for_the_log(error))
                continue
            if job.is_given_up:
                break
        self._handler.loops.close()

    def _next(self) -> Lease | None:
        """Wait for the next lease; None when the worker stops. One thread at a time asks."""
        failures = 0
        with self._taking:
            while not self._stopping.is_set():
                try:
                    lease = self._inbox.take(self._lease)
                except Exception as error:
                    failures += 1
                    delay = outage_delay(failures, random())
                    _log.warning("the inbox cannot be read: %s", for_the_log(error))
                    self._stopping.wait(delay)
                    continue
                if lease is not None:
                    return lease
                failures = 0
                self._woken.wait(self._poll)
                self._woken.clear()
        return None

    def _replace(self) -> None:
        """Start another thread for one whose handler hangs."""
        if self._replaced >= self._threads:
            _log.error("%d handlers hang: restart this process", self._replaced + 1)
            return
        self._replaced += 1
        if self._pool and not self._stopping.is_set():
            self._start_thread()

    def _purge(self) -> float:
        """Delete what is old; return seconds until the next time."""
        try:
            is_more = self._inbox.purge(self._retention, PURGED) == PURGED
        except InboxError as error:
            _log.warning("old deliveries could not be deleted: %s", error)
            is_more = False
        return self._poll if is_more else PURGE_EVERY

    def _end(self) -> None:
        """Wait for the handlers that run, and give back the leases of those that do not end."""
        self._stopping.set()
        self._woken.set()
        until = self._clock.monotonic() + self._grace
        for thread in list(self._pool):
            thread.join(max(0.0, until - self._clock.monotonic()))
        for job in list(self._handler.heartbeat.jobs):
            self._handler.give_back(job)
        self._handler.heartbeat.close()
        _log.info("handling webhooks has ended")
