"""Injected faults of webhooks: lost, doubled, out of order, late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amocrm.sandbox import HookFaultPlan, ManualClock, Sandbox
from tests.sandbox.webhooks.receiver import ORIGIN, Receiver

Subscribe = Callable[..., str]


@pytest.fixture
def add(portal: Sandbox, subscribe: Subscribe, receiver: Receiver) -> Callable[[str], None]:
    """Add leads by their names, which the receiver is told."""
    subscribe("add_lead")

    def add(names: str) -> None:
        for name in names:
            portal.add("leads", {"name": name})

    return add


def arrived(receiver: Receiver) -> str:
    """Return the names of the leads in the order of their webhooks."""
    names = [body.decode().partition("name%5D=")[2][0] for body in receiver.bodies]
    return "".join(names)


def test_a_lost_webhook_is_never_sent(
    portal: Sandbox, receiver: Receiver, add: Callable[[str], None], clock: ManualClock
) -> None:
    portal.webhooks.lose(2)
    add("abc")
    portal.webhooks.deliver()
    clock.advance(86400)
    assert portal.webhooks.deliver() == []
    assert arrived(receiver) == "c"
    assert [one.state for one in portal.webhooks.deliveries] == ["lost", "lost", "delivered"]


def test_what_is_lost_has_no_duplicate(
    portal: Sandbox, receiver: Receiver, add: Callable[[str], None]
) -> None:
    portal.webhooks.faults = HookFaultPlan(lose=1, duplicate=1)
    add("a")
    assert portal.webhooks.deliver() == []
    assert [one.state for one in portal.webhooks.deliveries] == ["lost"]


def test_a_duplicate_is_sent_whatever_the_answer_is(
    portal: Sandbox, receiver: Receiver, add: Callable[[str], None]
) -> None:
    portal.webhooks.duplicate()
    add("ab")
    portal.webhooks.deliver()
    assert arrived(receiver) == "aab"
    assert [one.copy_of for one in portal.webhooks.deliveries] == [None, 1, None]


def test_a_lost_answer_is_repeated_though_it_was_good(
    portal: Sandbox, receiver: Receiver, add: Callable[[str], None], clock: ManualClock
) -> None:
    portal.webhooks.lose_answer()
    add("ab")
    portal.webhooks.deliver()
    clock.advance(300)
    portal.webhooks.deliver()
    assert arrived(receiver) == "aba"
    assert [one.statuses for one in portal.webhooks.deliveries] == [[0, 200], [200]]


def test_a_reordered_webhook_comes_after_the_next_one(
    portal: Sandbox, receiver: Receiver, add: Callable[[str], None]
) -> None:
    portal.webhooks.reorder()
    add("abc")
    portal.webhooks.deliver()
    assert arrived(receiver) == "bac"


def test_a_late_webhook_comes_later(
    portal: Sandbox, receiver: Receiver, add: Callable[[str], None], clock: ManualClock
) -> None:
    portal.webhooks.delay(10)
    add("ab")
    portal.webhooks.deliver()
    clock.advance(9)
    assert portal.webhooks.deliver() == []
    clock.advance(1)
    portal.webhooks.deliver()
    assert arrived(receiver) == "ba"


def test_faults_hit_what_they_name(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, add: Callable[[str], None]
) -> None:
    subscribe("add_lead", "add_contact", url=f"{ORIGIN}/second")
    portal.webhooks.lose(code="add_contact")
    portal.webhooks.duplicate(url=f"{ORIGIN}/second")
    add("a")
    portal.add("contacts", {})
    portal.webhooks.deliver()
    assert receiver.paths == ["/secret/in", "/second", "/second"]
    assert portal.webhooks.deliveries[-1].state == "lost"


def test_a_fault_needs_at_least_one_time(portal: Sandbox) -> None:
    with pytest.raises(ValueError, match="times must be at least 1"):
        portal.webhooks.lose(0)


@pytest.mark.parametrize("seed", [0, 1])
def test_chances_are_drawn_from_the_seed(seed: int, clock: ManualClock) -> None:
    def states(seed: int) -> list[tuple[str, int | None]]:
        portal = Sandbox(clock=clock, rps=None, seed=seed)
        portal.webhooks.mount(ORIGIN, Receiver())
        hook = {"id": 1, "destination": ORIGIN, "settings": ["add_lead"], "disabled": False}
        portal.account().shelf("webhooks")[1] = hook
        portal.webhooks.faults = HookFaultPlan(lose=0.3, duplicate=0.2, delay=0.2, reorder=0.2)
        for _ in range(100):
            portal.add("leads", {})
        portal.webhooks.deliver()
        return [(one.state, one.copy_of) for one in portal.webhooks.deliveries]

    found = states(seed)
    assert found == states(seed)
    assert found != states(seed + 2)
    lost = sum(state == "lost" for state, _ in found)
    copied = sum(copy is not None for _, copy in found)
    late = sum(state == "waiting" for state, _ in found)
    assert (15 < lost < 45, 5 < copied < 25, 5 < late < 25) == (True, True, True)
