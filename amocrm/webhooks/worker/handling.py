"""Handles the events of one lease: reads them, calls their handlers, marks them.

A handler that has finished is marked before the next one is called, and is not called again. An
event is handled twice only if this process dies between a handler and its mark, if a lease is lost
meanwhile, or if the inbox cannot be written for long.
"""

from __future__ import annotations

import copy
import logging
import math
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import random
from typing import Final, NamedTuple

from amocrm._support.cache import LRUCache
from amocrm._support.clock import Clock
from amocrm.errors import InboxError, WebhookError, printable
from amocrm.webhooks.event import Delivery, Event
from amocrm.webhooks.inbox.inbox import Inbox, Lease, RawDelivery, StoredEvent
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.router import Handler, Hooks
from amocrm.webhooks.worker.accounts import Accounts, EntityReader, EventAccount
from amocrm.webhooks.worker.calling import Loops, call, for_the_log, in_full
from amocrm.webhooks.worker.heartbeat import SLOW, Heartbeat, Job, Running
from amocrm.webhooks.worker.retry_delays import event_delay, outage_delay

PARSED: Final = 16
"""Deliveries whose events stay in memory: one of a thousand leads is leased a thousand times."""

LAST: Final = 5.0
"""Seconds for which a worker that stops tries to mark what it has handled."""

_log: Final = logging.getLogger("amocrm.webhooks")


class Handled(NamedTuple):
    """How many events were handled, will be tried again, and are dead."""

    done: int = 0
    failed: int = 0
    dead: int = 0

    def plus(self, other: Handled) -> Handled:
        """Add two counts."""
        return Handled(*(a + b for a, b in zip(self, other, strict=True)))


class Limits(NamedTuple):
    """What a worker may spend.

    Attributes:
        attempts: to handle an event, before it is dead.
        lease: seconds of a lease.
        timeout: seconds that a handler may run.
    """

    attempts: int
    lease: float
    timeout: float


class LeaseHandler:
    """Handles leases. Thread-safe.

    Args:
        inbox: of the leases.
        hooks: the handlers.
        accounts: the clients.
        limits: what may be spent.
        clock: the clock.
        stopping: set when nothing new may begin.
        on_given_up: called when a handler took too long; its thread is still in it.
    """

    def __init__(
        self,
        inbox: Inbox,
        hooks: Hooks,
        accounts: Accounts,
        limits: Limits,
        clock: Clock,
        stopping: threading.Event,
        on_given_up: Callable[[], object],
    ) -> None:
        self._inbox = inbox
        self._hooks = hooks
        self._accounts = accounts
        self._limits = limits
        self._clock = clock
        self._stopping = stopping
        self._on_given_up = on_given_up
        self._parsed: LRUCache[tuple[RawDelivery, Delivery]] = LRUCache(PARSED)
        self.loops = Loops()
        self.heartbeat = Heartbeat(inbox, limits.lease, limits.timeout, clock, self._give_up)

    def handle(self, lease: Lease, patience: float = math.inf) -> tuple[Handled, Job]:
        """Handle the events of a lease in their order, up to the first that fails.

        Args:
            lease: of one entity.
            patience: seconds to wait for an inbox that cannot be written.

        Raises:
            InboxError: the inbox cannot be written; what is undone is given again later.
        """
        total, reader = Handled(), EntityReader()
        with self.heartbeat.holding(lease) as job:
            try:
                for stored in lease.events:
                    if job.is_lost or job.is_over:
                        break
                    total = total.plus(self._handle_event(job, stored, reader, patience))
            finally:
                self._release(job)
        return total, job

    def give_back(self, job: Job) -> None:
        """Give the lease of a handler back that still runs."""
        running = job.running
        if running is not None:
            _log.warning(
                "%s still runs; its event %d is given back", running.handler, running.event.id
            )
        job.is_lost = True
        self._end(job)

    def _handle_event(
        self, job: Job, stored: StoredEvent, reader: EntityReader, patience: float
    ) -> Handled:
        try:
            event = self._read(stored)
        except WebhookError as error:
            return self._fail(job, stored, {"reading": error}, patience, is_final=True)
        account = self._accounts.of(event)
        try:
            handlers = dict(self._hooks.handlers(event, account))
        except Exception as error:
            return self._fail(job, stored, {f"routing {event.code}": error}, patience)
        left = [name for name in handlers if name not in stored.handled_by]
        errors: dict[str, BaseException] = {}
        for name in left:
            if self._stopping.is_set() and not errors:
                return Handled()
            running = Running(stored, name, self._clock.monotonic())
            work = partial(self._invoke, handlers[name], event, account, reader)
            raised = self._call(job, running, work)
            if job.is_lost:
                return Handled()
            if raised is not None:
                errors[name] = raised
            elif errors or name != left[-1]:
                is_mine = partial(self._inbox.handled, job.lease, stored, name)
                if not self._mark(job, is_mine, patience):
                    return Handled()
        if errors:
            return self._fail(job, stored, errors, patience)
        is_done = self._mark(job, partial(self._inbox.done, job.lease, stored), patience)
        return Handled(done=int(is_done))

    def _read(self, stored: StoredEvent) -> Event:
        """Return an event of a stored delivery.

        Raises:
            WebhookError: this version cannot read it.
        """
        raw, name = stored.delivery, str(stored.delivery_id)
        known = self._parsed.held(name)
        # SQLite gives the numbers of purged deliveries a second time.
        if known is not None and known[0] == raw:
            delivery = known[1]
        else:
            delivery = parse(raw.body, raw.content_type, kind=raw.kind, received_at=raw.received_at)
            if len(delivery.events) > 1:
                self._parsed.take(name)
                self._parsed.get(name, lambda: (raw, delivery))
        if stored.position >= len(delivery.events):
            raise WebhookError(f"the webhook has no event {stored.position}")
        event = delivery.events[stored.position]
        account_id = event.account_id if raw.account_id is None else raw.account_id
        return replace(event, account_id=account_id, synthetic=raw.synthetic)

    def _invoke(
        self, handler: Handler, event: Event, account: EventAccount, reader: EntityReader
    ) -> None:
        # A handler may change what it gets: the next one, and the next attempt, get it as it came.
        item, previous = copy.deepcopy(event.item), dict(event.previous)
        bound = replace(event, item=item, previous=previous, _fetch=reader.of(account.crm))
        call(handler, bound, account.crm, self.loops, self._limits.timeout)

    def _call(self, job: Job, running: Running, work: Callable[[], None]) -> BaseException | None:
        """Call a handler; return whatever it raised."""
        job.running, job.next_told = running, SLOW
        process = os.getpid()
        raised: BaseException | None = None
        try:
            work()
        except BaseException as error:  # also SystemExit: no handler ends a worker
            raised = error
        if os.getpid() != process:
            # A child that the handler has forked: the event is its parent's to mark.
            os._exit(_exit_code(raised))
        with job.lock:
            job.running = None
        return raised

    def _fail(
        self,
        job: Job,
        stored: StoredEvent,
        errors: Mapping[str, BaseException],
        patience: float,
        *,
        is_final: bool = False,
    ) -> Handled:
        """Count a failure, tell it, and decide when the event is tried again."""
        attempt = stored.attempts + 1
        is_dead = is_final or attempt >= self._limits.attempts
        delay = max(event_delay(attempt, random(), error) for error in errors.values())
        for name, error in errors.items():
            _log.error(
                "%s failed (event %d of delivery %d, attempt %d of %d, %s): %s",
                printable(name, 200), stored.id, stored.delivery_id, attempt, self._limits.attempts,
                "dead" if is_dead else f"again in {delay:.0f} s", for_the_log(error),
            )  # fmt: skip
        text = "; ".join(f"{name}: {in_full(error)}" for name, error in errors.items())
        retry_at = None if is_dead else self._clock.time() + delay
        job.is_over = not is_dead
        failed = partial(self._inbox.failed, job.lease, stored, printable(text), retry_at)
        is_mine = self._mark(job, failed, patience)
        for error in errors.values():
            # Ctrl-C, or a handler of SIGTERM: it is for the program, not for the handler.
            if isinstance(error, (KeyboardInterrupt, SystemExit)) and _is_main_thread():
                raise error
        return Handled(failed=int(is_mine and not is_dead), dead=int(is_mine and is_dead))

    def _give_up(self, job: Job, running: Running) -> None:
        """Fail the event of a handler that takes too long; the handler itself cannot be ended."""
        with job.lock:
            if job.running is not running or job.is_given_up:
                return
            job.is_given_up = job.is_lost = True
        self._on_given_up()
        error = TimeoutError(f"it took longer than {self._limits.timeout:g} s")
        self._fail(job, running.event, {running.handler: error}, 0.0)
        if not job.is_over:  # The event is dead; the later ones are not.
            self._end(job)

    def _mark(self, job: Job, mark: Callable[[], bool], patience: float) -> bool:
        is_mine = self._write(mark, patience)
        if not is_mine and not job.is_lost:
            _log.warning("a lease was lost: its events may be handled twice")
        job.is_lost = job.is_lost or not is_mine
        return is_mine

    def _write(self, mark: Callable[[], bool], patience: float) -> bool:
        """Write to the inbox, again and again while it cannot be reached."""
        failures, waited = 0, 0.0
        while True:
            try:
                return mark()
            except InboxError as error:
                failures += 1
                delay = outage_delay(failures, random())
                waited += delay
                _log.warning("the inbox cannot be written: %s", error)
                if waited > patience:
                    raise
                if self._stopping.wait(delay):
                    patience = min(patience, LAST)
                    self._clock.sleep(delay)

    def _release(self, job: Job) -> None:
        if not job.is_over and not job.is_lost:
            self._end(job)

    def _end(self, job: Job) -> None:
        job.is_over = True
        try:
            self._inbox.release(job.lease)
        except InboxError as error:
            _log.warning("a lease was not given back, and ends by itself: %s", error)


def _exit_code(raised: BaseException | None) -> int:
    """Return with what a process ends that raised something."""
    if isinstance(raised, SystemExit) and isinstance(raised.code, int):
        return raised.code & 0xFF
    return 0 if raised is None or (isinstance(raised, SystemExit) and raised.code is None) else 1


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
