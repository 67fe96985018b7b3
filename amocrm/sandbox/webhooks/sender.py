"""Sends the webhooks of the sandbox: at once, and again after a bad answer (reference 6.1)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable

from amocrm.sandbox.clock import Clock
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.webhooks.apps import App
from amocrm.sandbox.webhooks.delivery import FORM, USER_AGENT, Attempt, Delivery
from amocrm.sandbox.webhooks.destinations import Destinations
from amocrm.sandbox.webhooks.events import HookEvent, events_of
from amocrm.sandbox.webhooks.faults import (
    HookFault,
    HookFaultInjector,
    HookFaultPlan,
    Injected,
)
from amocrm.sandbox.webhooks.queue import HookQueue
from amocrm.sandbox.webhooks.schedule import next_delay

BAD_ANSWERS = 100
"""A subscription is switched off when there were more of them within `BAD_SECONDS`."""

BAD_SECONDS = 7200.0

_LONGEST_WAIT = 0.2
"""Seconds after which a thread looks again: a shifted clock wakes nobody."""


class HookSender:
    """The webhooks of all accounts.

    A webhook is queued when the request that caused it ends, and sent by `deliver`. A sandbox that
    is served by the real clock sends by itself.
    """

    def __init__(
        self, lock: threading.RLock, clock: Clock, seed: int, on_change: Callable[[], object]
    ) -> None:
        """Start without webhooks.

        Args:
            lock: of the sandbox.
            clock: of the sandbox.
            seed: of the faults.
            on_change: is called for each new webhook, and for each attempt.
        """
        self._on_change = on_change
        self._wake = threading.Condition(lock)
        self._clock = clock
        self._queue = HookQueue()
        self._destinations = Destinations(clock)
        self._injector = HookFaultInjector(seed)
        self._is_stopping = False

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook so far, in the order of the events."""
        with self._wake:
            return list(self._queue.deliveries)

    @property
    def next_due(self) -> float | None:
        """Unix seconds of the next attempt, None if nothing waits."""
        with self._wake:
            return self._queue.next_due

    def mount(self, origin: str, app: App) -> None:
        """Let a WSGI or ASGI app of this process receive what is sent to an origin.

        Args:
            origin: such as `https://hooks.example.com`; it takes the place of every other server.
            app: is called without a socket. One that raises has answered 500; one that takes
                longer than 2 seconds of the sandbox's clock has not answered in time.

        Raises:
            ValueError: it is no origin.
        """
        self._destinations.mount(origin, app)

    def unmount(self, origin: str) -> None:
        """Forget the app of an origin.

        Raises:
            KeyError: there is none.
        """
        self._destinations.unmount(origin)

    def deliver(self) -> list[Delivery]:
        """Make every attempt that is due now, and return the deliveries.

        What these attempts cause, a handler's own writes included, waits for the next call.
        """
        with self._wake:
            now = self._clock.time()
            batch = list(iter(lambda: self._queue.take(now), None))
        for delivery in batch:
            self._attempt(delivery)
        return batch

    def resend(self, number: int) -> Delivery:
        """Send a webhook once more, whatever became of it; return the new delivery.

        Raises:
            KeyError: there is no such delivery.
        """
        with self._wake:
            delivery = next((one for one in self._queue.deliveries if one.number == number), None)
            if delivery is None:
                raise KeyError(f"no delivery {number}")
            return self.enter(_copied(delivery))

    def reset(self) -> None:
        """Forget every webhook and fault, as nothing was sent; mounted apps stay."""
        with self._wake:
            self._queue.reset()
            self._injector.reset()
        self._on_change()

    @property
    def injected(self) -> list[Injected]:
        """The injected faults that wait for their webhook."""
        with self._wake:
            return self._injector.injected

    def clear_faults(self) -> None:
        """End every fault: chances are 0, and injected faults are forgotten."""
        with self._wake:
            self._injector.faults = HookFaultPlan()
            self._injector.clear()

    @contextlib.contextmanager
    def sending(self, threads: int = 4) -> Generator[None]:
        """Send by itself, from threads, while the block runs."""
        workers = [
            threading.Thread(target=self._work, name="amocrm-sandbox-webhooks", daemon=True)
            for _ in range(threads)
        ]
        for one in workers:
            one.start()
        try:
            yield
        finally:
            with self._wake:
                self._is_stopping = True
                self._wake.notify_all()
            for one in workers:
                one.join()
            self._is_stopping = False

    @property
    def faults(self) -> HookFaultPlan:
        """The chances of injected faults; assign another `HookFaultPlan` to change them."""
        return self._injector.faults

    @faults.setter
    def faults(self, faults: HookFaultPlan) -> None:
        self._injector.faults = faults

    def lose(self, times: int = 1, *, code: str | None = None, url: str | None = None) -> None:
        """Never send the next `times` webhooks.

        Args:
            times: how many webhooks.
            code: only of events with this subscription code.
            url: only to addresses that begin like this.
        """
        self.inject(HookFault("lose"), times, code=code, url=url)

    def lose_answer(
        self, times: int = 1, *, code: str | None = None, url: str | None = None
    ) -> None:
        """Lose the first answer to the next `times` webhooks, which are therefore repeated."""
        self.inject(HookFault("lose_answer"), times, code=code, url=url)

    def duplicate(self, times: int = 1, *, code: str | None = None, url: str | None = None) -> None:
        """Send the next `times` webhooks twice, whatever the answer is."""
        self.inject(HookFault("duplicate"), times, code=code, url=url)

    def reorder(self, times: int = 1, *, code: str | None = None, url: str | None = None) -> None:
        """Send each of the next `times` webhooks after the one that follows it."""
        self.inject(HookFault("reorder"), times, code=code, url=url)

    def delay(
        self, seconds: float, times: int = 1, *, code: str | None = None, url: str | None = None
    ) -> None:
        """Send the next `times` webhooks so many seconds later."""
        self.inject(HookFault("delay", seconds), times, code=code, url=url)

    def inject(
        self, fault: HookFault, times: int = 1, *, code: str | None = None, url: str | None = None
    ) -> None:
        """Apply a fault to the next `times` webhooks.

        Raises:
            ValueError: the number of times is not above 0.
        """
        with self._wake:
            self._injector.inject(fault, code, url, times)

    def collect(self, accounts: Iterable[Account]) -> None:
        """Queue what the changes of a request cause; the caller holds the lock."""
        for account in accounts:
            for change in account.changes.take():
                hooks = [one for one in account.shelf("webhooks").values() if not one["disabled"]]
                for event in events_of(change, account) if hooks else ():
                    self._announce(account, event, hooks)

    def enter(self, delivery: Delivery) -> Delivery:
        """Queue a webhook; the caller holds the lock."""
        now = self._clock.time()
        self._on_change()
        if not self._destinations.reaches(delivery.url):
            self._queue.record(delivery, now)
            delivery.state = "refused"
            return delivery
        faults = self._injector.choose(delivery.codes, delivery.url)
        self._queue.enter(delivery, faults, now)
        if delivery.state != "lost" and any(one.name == "duplicate" for one in faults):
            self._queue.enter(_copied(delivery), (), now)
        self._wake.notify()
        return delivery

    def _announce(self, account: Account, event: HookEvent, hooks: list[Entity]) -> None:
        body: bytes | None = None
        for hook in hooks:
            codes = tuple(one for one in event.codes if one in hook["settings"])
            if not codes:
                continue
            body = event.body(account) if body is None else body
            self.enter(
                Delivery(
                    number=0,
                    kind="account",
                    codes=codes,
                    account=account.subdomain,
                    url=hook["destination"],
                    body=body,
                    headers=form_headers(),
                    repeats="account",
                    subscription=hook,
                )
            )

    def _attempt(self, delivery: Delivery) -> None:
        with self._wake:
            if delivery.subscription is not None and not _is_on(delivery.subscription):
                # Assumed (reference 6.1): a subscription that is off repeats nothing.
                delivery.state = "dropped"
                return
        attempt = self._destinations.attempt(delivery)
        with self._wake:
            if delivery.lost_answers:
                delivery.lost_answers -= 1
                attempt = Attempt(attempt.at, 0, "the answer was lost")
            self._settle(delivery, attempt)

    def _settle(self, delivery: Delivery, attempt: Attempt) -> None:
        delivery.attempts.append(attempt)
        self._on_change()
        if delivery.state == "dropped":
            return  # The sandbox was reset meanwhile.
        if attempt.is_good:
            delivery.state = "delivered"
            return
        delay = next_delay(delivery.repeats, delivery.statuses)
        if delay is None:
            delivery.state = "failed"
        else:
            self._queue.wait(delivery, attempt.at + delay)
        if delivery.subscription is not None:
            _count_bad(delivery.subscription, attempt.at)

    def _work(self) -> None:
        while True:
            with self._wake:
                if self._is_stopping:
                    return
                now = self._clock.time()
                delivery = self._queue.take(now)
                if delivery is None:
                    due = self._queue.next_due
                    wait = _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, due - now)
                    self._wake.wait(wait)
                    continue
            self._attempt(delivery)


def form_headers() -> dict[str, str]:
    """Return the headers of a form body."""
    return {"User-Agent": USER_AGENT, "Content-Type": FORM}


def _copied(delivery: Delivery) -> Delivery:
    return Delivery(
        number=0,
        kind=delivery.kind,
        codes=delivery.codes,
        account=delivery.account,
        url=delivery.url,
        body=delivery.body,
        headers=delivery.headers,
        method=delivery.method,
        repeats=delivery.repeats,
        limit=delivery.limit,
        copy_of=delivery.number,
        subscription=delivery.subscription,
    )


def _is_on(hook: Entity) -> bool:
    return not hook["disabled"] and not hook.get("_is_deleted")


def _count_bad(hook: Entity, at: float) -> None:
    """Switch a subscription off after too many bad answers (reference 6.1)."""
    recent = [one for one in hook.get("_bad", ()) if one > at - BAD_SECONDS]
    hook["_bad"] = [*recent, at]
    if len(hook["_bad"]) > BAD_ANSWERS:
        hook["disabled"] = True
