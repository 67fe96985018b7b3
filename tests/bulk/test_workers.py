"""Worker threads: in order, bounded, and gone when they are not needed."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from amocrm.bulk.workers import DEEPEST, SLACK, Concurrency, OrderedPool
from amocrm.errors import ConfigurationError
from tests.conftest import workers
from tests.processes import in_child

pytestmark = pytest.mark.usefixtures("gone")


@pytest.mark.parametrize(
    ("rate", "latencies", "calls"),
    [
        (7, [], 7 + SLACK),  # A second is assumed.
        (7, [0.0], SLACK),
        (7, [0.14], 1 + SLACK),
        (7, [0.15], 2 + SLACK),
        (7, [1.0], 7 + SLACK),
        (7, [1.0, 5.0], 14 + SLACK),  # A quarter of the newest: two seconds in the mean.
        (7, [4.0], DEEPEST),
        (7, [3.99], DEEPEST),
        (7, [3.8], 27 + SLACK),
        (7, [3600.0], DEEPEST),
    ],
)
def test_the_depth_is_little_s_law_and_a_little(
    rate: float, latencies: list[float], calls: int
) -> None:
    depth = Concurrency(rate)
    for seconds in latencies:
        depth.note(seconds)
    assert depth.calls == calls


@pytest.mark.parametrize(
    ("latency", "fewest"), [(None, 1), (0.0, 1), (0.25, 1), (0.5, 3), (1.0, 7), (60.0, DEEPEST)]
)
def test_the_fewest_calls_leave_none_to_wait_for_the_limit(
    latency: float | None, fewest: int
) -> None:
    depth = Concurrency(7)
    if latency is not None:
        depth.note(latency)
    assert depth.fewest == fewest


def test_results_come_in_the_order_of_the_jobs() -> None:
    late = threading.Event()

    def work(job: int) -> int:
        if job == 0:
            assert late.wait(60)
        return job * job

    with OrderedPool(work) as crew:
        for job in range(5):
            crew.ask(job)
        assert len(crew) == 5
        assert not crew.ready
        late.set()
        assert [crew.take() for _ in range(5)] == [0, 1, 4, 9, 16]
        assert len(crew) == 0


def test_an_error_comes_in_its_turn() -> None:
    def work(job: int) -> int:
        if job == 1:
            raise KeyError("two")
        return job

    with OrderedPool(work) as crew:
        for job in range(3):
            crew.ask(job)
        assert crew.take() == 0
        with pytest.raises(KeyError, match="two"):
            crew.take()
        assert crew.take() == 2


def test_threads_are_hired_for_busy_ones_only() -> None:
    with OrderedPool[int, int](lambda job: job) as crew:
        for job in range(200):
            crew.ask(job)
            assert crew.take() == job
        assert len(workers()) == 1


def test_no_thread_is_begun_without_a_job() -> None:
    with OrderedPool(lambda job: job):
        assert not workers()


def test_close_drops_what_was_not_begun_and_does_not_wait() -> None:
    begun, end, done = threading.Semaphore(0), threading.Event(), list[int]()

    def work(job: int) -> None:
        begun.release()
        assert end.wait(60)
        done.append(job)

    with OrderedPool(work) as crew:
        for job in range(3):
            crew.ask(job)
        for _ in range(3):
            assert begun.acquire(timeout=60)
    assert done == []
    end.set()


def test_a_patient_one_waits_for_what_was_begun() -> None:
    begun, end, done = threading.Event(), threading.Event(), list[int]()

    def work(job: int) -> None:
        begun.set()
        assert end.wait(60)
        done.append(job)

    with OrderedPool(work, patient=True) as crew:
        crew.ask(1)
        assert begun.wait(60)
        threading.Timer(0, end.set).start()
    assert done == [1]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there are no signals")
@pytest.mark.usefixtures("ctrl_c")
def test_a_patient_one_does_not_wait_again_after_ctrl_c() -> None:
    end, done, main = threading.Event(), threading.Event(), threading.get_ident()

    def press_ctrl_c_when_it_waits(job: int) -> None:
        while True:
            with crew._results:  # Held while it closes, until it waits.
                if crew._closed:
                    break
        end.wait(0.1)  # Python's own `wait` must not be interrupted before it has begun.
        signal.pthread_kill(main, signal.SIGINT)
        end.wait(60)
        done.set()

    crew = OrderedPool(press_ctrl_c_when_it_waits, patient=True)
    crew.ask(1)
    with pytest.raises(KeyboardInterrupt):
        crew.close()
    crew.close()  # As the end of the program does it.
    assert not done.is_set()
    end.set()


def test_a_taken_result_is_not_kept_alive() -> None:
    import weakref

    class Page:
        pass

    with OrderedPool[int, Page](lambda job: Page()) as crew:
        crew.ask(0)
        reference = weakref.ref(crew.take())
        assert reference() is None


def test_collected_in_a_worker_thread_it_does_not_wait_for_itself() -> None:
    crews: list[OrderedPool[int, None]] = []

    def work(job: int) -> None:
        crews[0].close()

    crews.append(OrderedPool(work, patient=True))
    crews[0].ask(0)
    assert crews[0].take() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_it_has_not() -> None:
    with OrderedPool[int, int](lambda job: job) as crew:
        crew.ask(0)

        def take() -> bool:
            with pytest.raises(ConfigurationError):
                crew.take()
            crew.close()
            return True

        assert in_child(take)
        assert crew.take() == 0


def test_a_program_may_end_while_threads_wait_and_work() -> None:
    import subprocess

    script = (
        "import threading; from amocrm.bulk.workers import OrderedPool\n"
        "never = threading.Event()\n"
        "crew = OrderedPool(lambda job: job and never.wait())\n"
        "[crew.ask(job) for job in (0, 1, 2)]\n"
        "assert crew.take() == 0\n"
        "print('end')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
