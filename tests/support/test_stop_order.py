"""An order to stop ends the wait, whenever the signal comes and whichever thread receives it."""

from __future__ import annotations

import signal
import threading

import pytest

from amocrm._support.stop_order import StopOrder
from tests.processes import in_child
from tests.signals import posix, raise_after

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def test_an_order_that_was_given_before_ends_the_wait() -> None:
    order = StopOrder()
    order.give()
    assert order.wait(3600)


def test_without_an_order_the_wait_ends_in_time() -> None:
    assert not StopOrder().wait(0.01)


@posix
@SIGNALS
@pytest.mark.parametrize("lines", range(9))  # More than one round of its loop.
def test_a_signal_at_any_line_ends_the_wait(number: signal.Signals, lines: int) -> None:
    def stopped() -> bool:
        order = StopOrder()
        with order.given_by_signals():
            raise_after(lines, number)
            return order.wait(3600)

    assert in_child(stopped)


@posix
def test_a_signal_that_another_thread_receives_ends_the_wait() -> None:
    def stopped() -> bool:
        order, end = StopOrder(), threading.Event()
        other = threading.Thread(target=end.wait)
        other.start()

        def tell() -> None:
            assert other.ident is not None
            # When the main thread waits; it is not woken.
            signal.pthread_kill(other.ident, signal.SIGINT)

        with order.given_by_signals():
            threading.Timer(0.05, tell).start()
            is_given = order.wait(3600)
        end.set()
        return is_given

    assert in_child(stopped)


@posix
def test_the_second_signal_has_its_usual_effect() -> None:
    def interrupted() -> bool:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        order = StopOrder()
        with order.given_by_signals():
            signal.raise_signal(signal.SIGINT)
            assert order.wait(3600)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                return True
        return False

    assert in_child(interrupted)


def test_handlers_are_as_before_behind_it() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopOrder().given_by_signals():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_in_another_thread_no_signal_is_received() -> None:
    before = signal.getsignal(signal.SIGTERM)
    inside = []

    def work() -> None:
        with StopOrder().given_by_signals():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]
