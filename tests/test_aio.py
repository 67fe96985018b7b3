from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, MemoryStore, NotFoundError
from amocrm.aio import Async
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.conftest import Make
from tests.processes import in_child

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("WORD", default="unset")


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 20))


def leads(crm: AmoCRM, count: int) -> None:
    assert len(list(crm.leads.create_many([{"name": str(at)} for at in range(count)]))) == count


class Numbers:
    """Numbers that tell how many were read, and whether they were closed."""

    def __init__(self, end: int = 10**6, fails_at: int = -1) -> None:
        self.read = 0
        self.closed = threading.Event()
        self._end, self._fails_at = end, fails_at

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self._end):
                if number == self._fails_at:
                    raise NotFoundError("gone", method="GET", path="/", status=404)
                self.read += 1
                yield number
        finally:
            self.closed.set()


def test_calls_and_listings_are_awaited(connected: AmoCRM) -> None:
    leads(connected, 300)

    async def work() -> None:
        async with Async(connected) as aio:
            first = await connected_names(aio, connected)
            assert first == [str(at) for at in range(300)]
            one, other = await asyncio.gather(
                aio(connected.request.get, "/api/v4/account"), aio(connected.account.get)
            )
            assert one.data["id"] == other["id"]
            with pytest.raises(NotFoundError):
                await aio(connected.leads.get, 999_999)

    run(work)


async def connected_names(aio: Async[AmoCRM], crm: AmoCRM) -> list[str]:
    return [lead["name"] async for lead in aio.each(crm.leads.list(limit=50))]


def test_calls_run_in_threads_of_their_own_with_the_context_of_the_task(connected: AmoCRM) -> None:
    async def work() -> None:
        WORD.set("set")
        async with Async(connected, threads=2) as aio:
            names = {await aio(lambda: threading.current_thread().name) for _ in range(9)}
            assert all(name.startswith("amocrm-aio") for name in names)
            assert len(names) <= 2
            assert await aio(WORD.get) == "set"
            assert [word async for word in aio.each(WORD.get() for _ in range(3))] == ["set"] * 3

    run(work)


def test_a_slow_consumer_is_waited_for(connected: AmoCRM) -> None:
    numbers = Numbers()

    async def work() -> None:
        async with (
            Async(connected, threads=1) as aio,
            aclosing(aio.each(numbers, buffer=10)) as each,
        ):
            async for number in each:
                # The only thread is free while the buffer is full.
                assert await aio(lambda: numbers.read) <= number + 1 + 10
                if number == 100:
                    break
        assert numbers.closed.is_set()

    run(work)


def test_a_loop_that_is_left_closes_the_listing(connected: AmoCRM) -> None:
    numbers = Numbers()

    async def work() -> None:
        async with Async(connected) as aio:
            async for number in aio.each(numbers):
                if number == 5:
                    break
            assert await asyncio.to_thread(numbers.closed.wait, 5)

    run(work)
    assert numbers.read <= 5 + 1 + 500


def test_items_before_an_error_are_yielded(connected: AmoCRM) -> None:
    async def work() -> None:
        seen: list[int] = []

        async def consume() -> None:
            async for number in aio.each(Numbers(fails_at=20)):
                seen.append(number)

        async with Async(connected) as aio:
            with pytest.raises(NotFoundError):
                await consume()
        assert seen == list(range(20))

    run(work)


def test_a_canceled_loop_ends_its_reading(connected: AmoCRM) -> None:
    numbers, begun, go_on = Numbers(), threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        for number in numbers:
            if number == 2:
                begun.set()
                go_on.wait(60)
            yield number

    async def work() -> None:
        async with Async(connected) as aio:

            async def consume() -> None:
                async for _ in aio.each(slow()):
                    pass

            task = asyncio.create_task(consume())
            await asyncio.to_thread(begun.wait, 60)
            task.cancel()
            while not any(one.name.startswith("amocrm-aio-end") for one in threading.enumerate()):
                await asyncio.sleep(0)  # It waits for the page that is being read.
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert numbers.read < 10
            assert numbers.closed.is_set()

    run(work)


def test_a_canceled_refresh_ends_and_is_stored(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    key = Key(sandbox.integration.client_id, str(sandbox.account().id))
    before = store.load(key)
    clock.sleep(86_401)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        begun.set()
        go_on.wait(60)

    crm.on("connection:beforeRefreshToken", hold)

    async def work() -> None:
        async with Async(crm) as aio:
            task = asyncio.create_task(aio(crm.leads.create, {"name": "written"}))
            await asyncio.to_thread(begun.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()

    run(work)
    assert store.load(key) not in (None, before)
    assert sandbox.counters["grants.refresh"] == 1
    later = make(store=store)
    assert [lead["name"] for lead in later.leads.list()] == ["written"]
    assert sandbox.counters["grants.refresh"] == 1


def test_a_canceled_call_that_has_not_begun_is_not_sent(connected: AmoCRM) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def occupy() -> None:
        busy.set()
        go_on.wait(60)

    async def work() -> None:
        async with Async(connected, threads=1) as aio:
            first = asyncio.create_task(aio(occupy))
            await asyncio.to_thread(busy.wait, 60)
            second = asyncio.create_task(aio(connected.leads.create, {"name": "dropped"}))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            go_on.set()
            await first
            assert [lead async for lead in aio.each(connected.leads.list())] == []

    run(work)


def test_closing_waits_for_calls_and_closes_the_client(connected: AmoCRM) -> None:
    ended = []

    async def work() -> None:
        aio = Async(connected)
        begun, go_on = threading.Event(), threading.Event()

        def slow() -> None:
            begun.set()
            go_on.wait(60)
            ended.append(True)

        task = asyncio.create_task(aio(slow))
        await asyncio.to_thread(begun.wait, 60)
        closing = asyncio.gather(aio.aclose(), aio.aclose())
        await asyncio.sleep(0)
        go_on.set()
        await closing
        assert ended == [True]
        await task
        with pytest.raises(ConfigurationError, match="this bridge is closed"):
            await aio(connected.account.get)
        with pytest.raises(ConfigurationError, match="this bridge is closed"):
            async for _ in aio.each([1]):
                pass
        await aio.aclose()

    run(work)
    with pytest.raises(ConfigurationError, match="closed"):
        connected.account.get()


def test_a_closed_bridge_ends_a_loop_that_goes_on(connected: AmoCRM) -> None:
    numbers = Numbers()

    async def work() -> None:
        aio = Async(connected)

        async def consume() -> None:
            async for _ in aio.each(numbers, buffer=4):
                await aio.aclose()

        with pytest.raises(ConfigurationError, match="this bridge is closed"):
            await consume()
        assert numbers.closed.is_set()

    run(work)


def test_wrong_arguments_are_told(connected: AmoCRM) -> None:
    aio = Async(connected)
    wrong: Any = aio

    async def work() -> None:
        async def already() -> None: ...

        for function in ({"id": 1}, already):
            with pytest.raises(ConfigurationError, match="expected a function and its arguments"):
                await wrong(function)
        with pytest.raises(ConfigurationError, match="expected a listing, not int"):
            async for _ in wrong.each(1):
                pass
        with pytest.raises(ConfigurationError, match="buffer must be a whole number"):
            async for _ in wrong.each([1], buffer=0):
                pass
        with pytest.raises(RuntimeError, match="StopIteration"):
            await aio(next, iter(()))
        await aio.aclose()

    call = aio(connected.account.get)
    with pytest.raises(ConfigurationError, match="no asyncio event loop is running"):
        call.send(None)
    run(work)
    with pytest.raises(ConfigurationError, match="threads must be a whole number from 1"):
        Async(connected, threads=0)
    with pytest.raises(ConfigurationError, match="an AmoCRM or an Integration"):
        Async(wrong.each)


def test_a_forked_child_has_threads_of_its_own(connected: AmoCRM) -> None:
    aio = Async(connected)

    async def name() -> str:
        return await aio(lambda: "called")

    assert asyncio.run(name()) == "called"
    assert in_child(lambda: asyncio.run(name()) == "called")
    asyncio.run(aio.aclose())
