"""Webhooks that wait for their next attempt; the caller holds the lock."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from amocrm.sandbox.webhooks.delivery import Delivery
from amocrm.sandbox.webhooks.faults import HookFault


class HookQueue:
    """Deliveries by the moment of their next attempt, then in the order of their events."""

    def __init__(self) -> None:
        """Begin empty."""
        self._count = 0
        self.deliveries: list[Delivery] = []
        self._waiting: list[tuple[float, float, int, Delivery]] = []

    def reset(self) -> None:
        """Drop what is on its way and forget every delivery; numbers go on."""
        for delivery in self.deliveries:
            if delivery.state == "waiting":
                delivery.state = "dropped"
        self.deliveries = []
        self._waiting = []

    @property
    def next_due(self) -> float | None:
        """Unix seconds of the earliest attempt, None if nothing waits."""
        return self._waiting[0][0] if self._waiting else None

    def enter(self, delivery: Delivery, faults: Iterable[HookFault], now: float) -> None:
        """Queue a new delivery for now, with the faults that it suffers."""
        self.record(delivery, now)
        named = {one.name: one for one in faults}
        if "lose" in named:
            delivery.state = "lost"
            return
        delivery.lost_answers = int("lose_answer" in named)
        late = named["delay"].seconds if "delay" in named else 0.0
        # Behind the next one: its place is between those of the next two.
        place = delivery.number + (1.5 if "reorder" in named else 0.0)
        self.wait(delivery, now + late, place)

    def record(self, delivery: Delivery, now: float) -> None:
        """Keep a new delivery, and give it its number."""
        self._count += 1
        delivery.number = self._count
        delivery.queued_at = now
        self.deliveries.append(delivery)

    def wait(self, delivery: Delivery, due: float, place: float | None = None) -> None:
        """Let a delivery wait for its next attempt."""
        delivery.state, delivery.due = "waiting", due
        place = delivery.number if place is None else place
        heapq.heappush(self._waiting, (due, place, delivery.number, delivery))

    def take(self, now: float) -> Delivery | None:
        """Take the next delivery whose attempt is due, None if there is none."""
        if not self._waiting or self._waiting[0][0] > now:
            return None
        delivery = heapq.heappop(self._waiting)[-1]
        delivery.due = None
        return delivery
