"""When the next call may leave, so that the server never counts too many in one second.

The *server* counts calls when they arrive, a little after they were sent. So the call that follows
in a slot is sent not one second after the previous one, but one second and a margin later: the
longest time by which the previous call can have been late. Until its response has come, the margin
is an assumption; then it is calculated, because a call cannot have been later than the time by
which it took longer than the quickest calls (see `jitter`). Bursts are allowed: even spacing would
only delay the last calls.

There are as many slots at a time as calls in a second. Slots are numbered, and slot n follows
slot n - slots, so calls are sent in order and each one is sent at last. A caller that has slept
until its slot checks it again, because in the meantime the server may have asked for a pause. A
slot that its caller does not use expires when the slot that follows it begins: the caller has
died, or reserves another one.

A call that several budgets count waits for its slot in the narrowest one first. Only when it could
be sent there, it reserves a slot in the next one; while it waits for that, its narrow slot moves
along. So no call occupies a wide slot while it waits for a narrow one, and the calls of one account
that wait for each other take nothing from other accounts.
Source: reference 3.4.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.jitter import LEAST_MARGIN, MARGIN
from amocrm.rate_limit.learning import (
    NOTHING_KNOWN,
    Counting,
    Knowledge,
    after_responses,
    free,
)

OPENING: Final = 10.0
"""The longest time in seconds for which a call over a new connection occupies its slot before it is
reported as sent or its response comes: its arrival is unknown until the TLS handshake is over."""
LOOK: Final = 0.05
"""Seconds between two checks of a slot that may become free at any time."""
LEARNING_LOOK: Final = 0.4
"""Seconds between two checks while it is unknown whether the server counts the address."""
PROBE: Final = 30.0
"""Seconds to wait for the one call that tests whether a block is over."""
BLOCK_GROWTH: Final = (1, 5, 15)
"""Factors of the pause before each test of a block, of which the last one stays: with 60 seconds,
tests come after 1, 5, 15, 15 ... minutes. amoCRM's support lifts the block of an account, which
takes hours, and every call meanwhile is one more that the account was not to make."""
QUEUE: Final = 1024
"""The largest number of calls that wait for their slots at the same time."""
FIRST_RING: Final = 8
"""Slots that a new window has room for."""

NOT_RESERVED: Final = -1
"""Slot number of a call that has not reserved a slot yet."""

Numbers: TypeAlias = tuple[int, ...]
"""The slot numbers of a call, one for each of its windows."""


class Action(IntEnum):
    """The next action of a caller that has reserved a slot."""

    GO = 0
    WAIT = 1
    RESERVE_AGAIN = 2
    TOO_FAR = 3
    BLOCKED = 4


class Step(NamedTuple):
    """The result of reserving or checking a slot.

    Attributes:
        action: send now, wait, reserve another slot, or give up: the slot is too far away, or the
            server blocks this account or address.
        away: seconds until the slot; 0.0 if it is now.
        slot_number: number of the slot.
        held: the wait is a pause that the server asked for.
        probe: this call tests whether the block is over.
    """

    action: Action
    away: float = 0.0
    slot_number: int = NOT_RESERVED
    held: bool = False
    probe: bool = False


class Turn(NamedTuple):
    """The result of reserving or checking the slots of a call in all its windows; see `Step`.

    Attributes:
        numbers: the slots reserved so far, one for each window.
    """

    action: Action
    away: float
    numbers: Numbers
    held: bool = False
    probe: bool = False


class Window:
    """The slots of one budget. Not thread-safe; its methods are given the time.

    It stores the slots that are not free yet, and grows with the calls that wait.

    Args:
        rate: calls in a second. Below one, it is one call in a longer time.
        first: number of the first slot.

    Attributes:
        first: number of the oldest slot that is stored.
        free_at: instant from which all slots are free, or a later one.
        next: number of the slot that is reserved next.
        not_before: instant before which no call is sent; the server asked for it.
        blocked: instant until which all calls are refused; 0.0 if the server blocks nothing.
        blocks: number of times that the server was found to block, without an answer in between.
        probe: slot number of the call that tests whether the block is over.
        ring: two instants for each stored slot: when its call is sent, or arrived at the latest if
            that is known; and when it is free again.
        knowledge: whether the server counts the address; for the window of a learned budget.
        is_open: the window limits nothing for now.
        looks_often: waiting calls check often, because the limit may end at any time.
    """

    __slots__ = (
        "blocked", "blocks", "first", "free_at", "is_open", "knowledge", "looks_often", "next",
        "not_before", "probe", "rate", "ring", "seconds", "slots",
    )  # fmt: skip

    def __init__(self, rate: float, first: int = 0) -> None:
        self.set_rate(rate)
        self.first = self.next = first
        self.not_before = self.blocked = self.free_at = 0.0
        self.blocks, self.probe = 0, NOT_RESERVED
        self.knowledge: Knowledge = NOTHING_KNOWN
        self.is_open = self.looks_often = False
        self.ring = array("d", bytes(16 * FIRST_RING))

    def set_rate(self, rate: float) -> None:
        """Change the rate: clients that share a window may have different ones."""
        self.rate = rate
        self.slots, self.seconds = slots_for(rate)

    def use_knowledge(self, now: float) -> None:
        """Set the rate to what is known of the address; for the window of a learned budget."""
        rate = self.knowledge.rate(now)
        self.is_open = rate is None
        self.looks_often = self.knowledge.known is Counting.UNKNOWN
        if rate is not None and rate != self.rate:
            self.set_rate(rate)

    def closed(self, now: float, patience: float) -> Step | None:
        """Return the refusal that a call would get in any slot; None if it can get one."""
        if now < self.blocked:
            return Step(Action.BLOCKED, self.blocked - now)
        if self.not_before - now > patience:
            return Step(Action.TOO_FAR, self.not_before - now)
        return None

    def reserve(self, now: float, patience: float, margin: float) -> Step:
        """Reserve the next slot.

        Args:
            now: monotonic seconds.
            patience: seconds the caller can wait; no slot further away is reserved.
            margin: seconds by which this call may be late at the server.
        """
        if now < self.blocked:
            return Step(Action.BLOCKED, self.blocked - now)
        number = self.next
        plan, free = now, now
        before = number - self.slots
        if before >= self.first:
            # Planned early rather than late: the response of the previous call may have come then.
            position = self._position(before)
            plan, free = self.ring[position] + self.seconds + LEAST_MARGIN, self.ring[position + 1]
        plan = max(plan, now, self.not_before)
        # Every call comes here, so a method is called only if there may be no room.
        has_room = number - self.first < FIRST_RING or self._has_room(now)
        if plan - now > patience or not has_room:
            return Step(Action.TOO_FAR, max(plan - now, LOOK))
        self.next = number + 1
        is_probe = self.blocked > 0
        if is_probe:
            self.blocked, self.probe = now + PROBE, number
        if plan > now or free > now:
            self._occupy(number, plan, LEAST_MARGIN)
            return self.check(number, now, margin)
        self._occupy(number, now, margin)
        return Step(Action.GO, 0.0, number, False, is_probe)

    def check(self, number: int, now: float, margin: float) -> Step:
        """Send the call if its slot has come; otherwise return how long it is still away."""
        is_probe = self.probe == number
        if self.blocked and not is_probe:
            return Step(Action.BLOCKED, max(0.0, self.blocked - now), number)
        if not self.first <= number < self.next or self._is_passed(number, now):
            return Step(Action.RESERVE_AGAIN, 0.0, number)
        at, ring = self.ring[self._position(number)], self.ring
        due, held = max(at, self.not_before), self.not_before >= at
        before = number - self.slots
        if before >= self.first:
            position = self._position(before)
            if ring[position + 1] > due:
                # The response may have come by the earliest instant it can free the slot.
                early, held = ring[position] + self.seconds + LEAST_MARGIN, False
                due = early if now < early else min(ring[position + 1], now + LOOK)
        if now < due:
            self._occupy(number, due, LEAST_MARGIN)
            return Step(Action.WAIT, due - now, number, held)
        self._occupy(number, now, margin)
        return Step(Action.GO, 0.0, number, probe=is_probe)

    def try_now(self, now: float, margin: float) -> Step:
        """Take a slot that is free now, or wait without one.

        No slots are planned while the limit may end at any time: it takes much longer to use them
        up than to find out.
        """
        step = self.reserve(now, 0.0, margin)
        if step.action in (Action.GO, Action.BLOCKED):
            return step
        self.cancel(step.slot_number)
        return Step(Action.WAIT, LEARNING_LOOK, held=now < self.not_before)

    def move(self, number: int, at: float) -> None:
        """Move the slot of a call that waits in a wider window to an instant."""
        if self._is_kept(number):
            self._occupy(number, at, LEAST_MARGIN)

    def cancel(self, number: int) -> None:
        """Give back a slot that is not used, unless a later one was reserved already."""
        if number == self.next - 1 and number >= self.first:
            self.next = number

    def opening(self, number: int, now: float) -> None:
        """Occupy the slot of a call that has to open a connection, until it is sent."""
        if self._is_kept(number):
            self.ring[self._position(number) + 1] = now + OPENING
            self.free_at = max(self.free_at, now + OPENING)

    def settle(self, number: int, margin: float) -> None:
        """Set the time by which a call may be late, until its response comes."""
        if self._is_kept(number):
            self._occupy(number, self.ring[self._position(number)], margin)

    def finish(self, number: int, margin: float) -> None:
        """Set the time by which a call was late at most, now that this is known.

        The slot moves to that instant, so a call that reserves the next one sleeps once.
        """
        if self.first <= number < self.next:
            at = self.ring[2 * number % len(self.ring)]
            self._occupy(number, at + margin - LEAST_MARGIN, LEAST_MARGIN)

    def is_flowing(self) -> bool:
        """Whether so many calls of one second were answered that the server does not count them.

        For the window of a learned budget: the calls may be those of several processes. None of
        them waits for a slot there, so those that look like it are finished.
        """
        answered: list[float] = []
        for number in range(self.first, self.next):
            at, free = self.ring[self._position(number) :][:2]
            if free - at < self.seconds + 1.5 * LEAST_MARGIN:
                answered.append(at)
        return after_responses(answered)

    def hold(self, until: float) -> None:
        """Send no call before an instant, calls that have a slot already included."""
        self.not_before = max(self.not_before, until)

    def block(self, now: float, first_pause: float) -> float:
        """Refuse all calls for a while; the first one after it tests the block.

        Args:
            now: monotonic seconds.
            first_pause: seconds until the first test; later ones come after longer pauses.

        Returns:
            The seconds until the next test.
        """
        # Calls that were in flight together find the same block.
        if not self.blocked or self.probe != NOT_RESERVED:
            self.blocks += 1
        until = now + first_pause * block_factor(self.blocks)
        self.blocked, self.probe = max(self.blocked, until), NOT_RESERVED
        return self.blocked - now

    def unblock(self) -> None:
        """End the block: the call that tested it was answered."""
        self.blocked, self.blocks, self.probe = 0.0, 0, NOT_RESERVED

    def is_idle(self, now: float) -> bool:
        """Whether a new window would behave in the same way."""
        return self.idle_at() <= now

    def idle_at(self) -> float:
        """Return the instant from which a new window would behave in the same way."""
        if self.blocked or self.knowledge != NOTHING_KNOWN:
            return float("inf")
        return max(self.not_before, self.free_at)

    def _occupy(self, number: int, at: float, margin: float) -> None:
        ring, free = self.ring, at + self.seconds + margin
        position = 2 * number % len(ring)
        ring[position], ring[position + 1] = at, free
        if free > self.free_at:
            self.free_at = free

    def _position(self, number: int) -> int:
        return 2 * number % len(self.ring)

    def _is_kept(self, number: int) -> bool:
        return self.first <= number < self.next

    def _is_passed(self, number: int, now: float) -> bool:
        """Whether the call that follows in this slot may have been sent."""
        following = number + self.slots
        return following < self.next and self.ring[self._position(following)] <= now

    def _has_room(self, now: float) -> bool:
        """Make room for another slot: drop those that are free, or grow. False: too many wait."""
        capacity = len(self.ring) // 2
        most = QUEUE + self.slots - 1
        if self.next - self.first < min(capacity, most):
            return True
        while self.first < self.next and self.ring[self._position(self.first) + 1] <= now:
            self.first += 1
        if self.next - self.first < min(capacity, most):
            return True
        if capacity >= most:
            return False
        self._grow(2 * capacity)
        return True

    def _grow(self, capacity: int) -> None:
        larger = array("d", bytes(16 * capacity))
        for number in range(self.first, self.next):
            old, new = self._position(number), 2 * number % len(larger)
            larger[new : new + 2] = self.ring[old : old + 2]
        self.ring = larger


def reserve(windows: Sequence[Window], now: float, patience: float, margin: float) -> Turn:
    """Reserve a slot in every window that counts a call, the narrowest first.

    Nothing is reserved if one of them is blocked, or held for longer than the patience. See
    `Window.reserve`.
    """
    numbers = (NOT_RESERVED,) * len(windows)
    for window in windows:
        if window.is_open or (now >= window.blocked and window.not_before - now <= patience):
            continue
        if (refusal := window.closed(now, patience)) is not None:
            return Turn(refusal.action, refusal.away, numbers)
    return _advance(windows, numbers, now, patience, margin)


def check(windows: Sequence[Window], numbers: Numbers, now: float, margin: float) -> Turn:
    """Send the call if its slots have come in all windows; see `Window.check`."""
    return _advance(windows, numbers, now, float("inf"), margin)


def finish(
    windows: Sequence[Window],
    numbers: Numbers,
    margin: float,
    budgets: Sequence[Budget],
    now: float,
    is_accepted: bool,
) -> bool:
    """Finish a call in all its windows, and learn from it whether the server counts the address.

    Returns:
        Whether it is known not to count it.
    """
    widest = windows[-1]
    is_learned = budgets[-1].learned
    for window, number in zip(windows, numbers, strict=True):
        if is_learned and window is widest and not is_accepted:
            window.settle(number, max(margin, MARGIN))
        else:
            window.finish(number, margin)
    if not is_learned:
        return False
    if widest.knowledge.known is Counting.UNKNOWN and is_accepted and widest.is_flowing():
        widest.knowledge = free(widest.knowledge, now)
    return widest.knowledge.known is Counting.FREE


def _advance(
    windows: Sequence[Window], numbers: Numbers, now: float, patience: float, margin: float
) -> Turn:
    reserved, is_probe = list(numbers), False
    for index, window in enumerate(windows):
        if window.is_open:
            continue
        number = reserved[index]
        if number == NOT_RESERVED and window.looks_often:
            step = window.try_now(now, margin)
        elif number == NOT_RESERVED:
            step = window.reserve(now, patience, margin)
        else:
            step = window.check(number, now, margin)
            if step.action is Action.RESERVE_AGAIN and index:
                step = window.reserve(now, patience, margin)
        reserved[index] = step.slot_number
        is_probe = is_probe or step.probe
        if step.action is Action.GO:
            continue
        away = step.away
        if step.action is Action.WAIT and window.looks_often:
            away = min(away, LEARNING_LOOK)
        for wider in range(index + 1, len(windows)):
            windows[wider].cancel(reserved[wider])
            reserved[wider] = NOT_RESERVED
        for narrower in range(index):
            if step.action is Action.WAIT:
                windows[narrower].move(reserved[narrower], now + away)
            else:
                windows[narrower].cancel(reserved[narrower])
        return Turn(step.action, away, tuple(reserved), step.held, is_probe)
    return Turn(Action.GO, 0.0, tuple(reserved), False, is_probe)


def block_factor(blocks: int) -> int:
    """Return the factor of the pause after a block was found so many times in a row."""
    return BLOCK_GROWTH[min(blocks, len(BLOCK_GROWTH)) - 1]


def slots_for(rate: float) -> tuple[int, float]:
    """Return how many calls may be sent in how many seconds."""
    return max(1, int(rate)), 1.0 if rate >= 1 else 1.0 / rate
