"""What can go wrong with webhooks on request: lost, doubled, out of order, late.

As with requests, `HookFaultPlan` is chance, drawn from the sandbox's seed, and an injected fault is
certain: the next matching webhooks get it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

FaultName: TypeAlias = 'Literal["lose", "lose_answer", "duplicate", "reorder", "delay"]'


@dataclass
class HookFaultPlan:
    """Chances between 0 and 1, drawn for each webhook.

    Attributes:
        lose: the webhook is never sent.
        lose_answer: the answer to the first attempt is lost, so that the sender repeats it.
        duplicate: the webhook is sent twice, whatever the answer is.
        reorder: the webhook is sent after the next one.
        delay: the webhook is sent `delay_seconds` later.
    """

    lose: float = 0.0
    lose_answer: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 60.0


@dataclass(frozen=True)
class HookFault:
    """A fault of one webhook; `seconds` is how late a delayed one is."""

    name: FaultName
    seconds: float = 0.0


@dataclass
class Injected:
    """A fault that waits for the next `times` webhooks that match."""

    fault: HookFault
    code: str | None
    url: str | None
    times: int

    def hits(self, codes: tuple[str, ...], url: str) -> bool:
        """Tell whether a webhook gets it."""
        if self.code is not None and self.code not in codes:
            return False
        return self.url is None or url.startswith(self.url)


class HookFaultInjector:
    """Injected faults that wait for their webhook, and the random generator of the others."""

    def __init__(self, seed: int) -> None:
        """Start without faults; the same seed draws the same ones."""
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Begin again: no chances, the first draws, and no injected fault."""
        self.faults = HookFaultPlan()
        self._random = random.Random(f"webhooks-{self._seed}")
        self.clear()

    def clear(self) -> None:
        """Forget the injected faults that wait for their webhook."""
        self._injected: list[Injected] = []

    @property
    def injected(self) -> list[Injected]:
        """The injected faults that wait for their webhook."""
        return [replace(one) for one in self._injected]

    def inject(self, fault: HookFault, code: str | None, url: str | None, times: int) -> None:
        """Queue a certain fault for the next `times` matching webhooks.

        Raises:
            ValueError: the number of times is not above 0.
        """
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times!r}")
        self._injected.append(Injected(fault, code, url, times))

    def choose(self, codes: tuple[str, ...], url: str) -> list[HookFault]:
        """Take the faults of one webhook: the oldest matching injected one, else by chance."""
        for injected in self._injected:
            if injected.hits(codes, url):
                injected.times -= 1
                self._injected = [one for one in self._injected if one.times > 0]
                return [injected.fault]
        return [one for one, chance in self._chances() if chance and self._random.random() < chance]

    def _chances(self) -> list[tuple[HookFault, float]]:
        plan = self.faults
        return [
            (HookFault("lose"), plan.lose),
            (HookFault("lose_answer"), plan.lose_answer),
            (HookFault("duplicate"), plan.duplicate),
            (HookFault("reorder"), plan.reorder),
            (HookFault("delay", plan.delay_seconds), plan.delay),
        ]
