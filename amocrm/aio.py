"""The bridge to asyncio: calls of a client run in threads, and their results are awaited.

The threads are the bridge's own. A client waits for the rate limiter by design; in the default
executor of asyncio, which also resolves names, such calls would hold up unrelated work.

A canceled task does not cancel a call that has begun: it ends in its thread, so a write may be
carried out, and a refreshed token is stored. A call that has not begun is not sent.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio import shield, wrap_future
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from inspect import iscoroutinefunction
from itertools import islice
from typing import Final, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

from amocrm._support.forks import after_fork
from amocrm.bulk.context import read_count
from amocrm.errors import ConfigurationError

P = ParamSpec("P")
T = TypeVar("T")
Chunk: TypeAlias = tuple[list[T], "Exception | None", bool]
"""Items that were read, the error behind them, and whether they are the last."""

C = TypeVar("C", bound="Closable")

MOST: Final = 1000
"""Threads of a bridge."""

LARGEST: Final = 1_000_000
"""Items of a buffer."""


class Closable(Protocol):
    """A client, or an integration."""

    def close(self) -> None:
        """Store an unsaved token and close the connections."""
        ...


class Async(Generic[C]):
    """Awaits the calls of a client: `await aio(crm.leads.get, 42)`. An async context manager.

    It closes the client with itself. It may be used by several event loops, one after another or
    in several threads.

    Args:
        crm: an `AmoCRM` or an `Integration`.
        threads: how many calls run at the same time; others wait for a free thread.

    Raises:
        ConfigurationError: an argument is wrong.
    """

    def __init__(self, crm: C, threads: int = 16) -> None:
        if not callable(getattr(crm, "close", None)):
            raise ConfigurationError("the first argument must be an AmoCRM or an Integration")
        self.crm = crm
        self._threads = read_count("threads", threads, 1, MOST) or 1
        self._end: Future[None] | None = None
        self.renew_after_fork()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Forget the parent's threads, which a forked child does not have."""
        self._executor = ThreadPoolExecutor(self._threads, "amocrm-aio")

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread, with the context variables of this task.

        Raises:
            ConfigurationError: the bridge is closed, no asyncio loop is running, or `function` is
                not a plain function.
        """
        if not callable(function) or iscoroutinefunction(function):
            raise ConfigurationError(
                f"expected a function and its arguments, not {type(function).__name__}",
                hint="await aio(crm.leads.get, 42)",
            )
        return await wrap_future(self._start(partial(function, *args, **kwargs)))

    async def each(self, items: Iterable[T], *, buffer: int = 500) -> AsyncGenerator[T, None]:
        """Yield the items of a listing, which is read ahead in a thread.

        No thread is occupied while the buffer is full. When the loop is left, the listing is closed
        as soon as its current page has come; use `contextlib.aclosing` to wait for that.

        Args:
            items: a listing, or anything to iterate over.
            buffer: how many items are read and not yet yielded, at most.
        """
        size = read_count("buffer", buffer, 2, LARGEST) or 2
        reading = _Reading(items)
        ahead = self._start(partial(reading.take, 1))
        try:
            while True:
                items_read, error, is_last = await wrap_future(ahead)
                if not is_last:
                    # Small at first, so that the first items do not wait for a full buffer.
                    most = min(2 * len(items_read), size // 2)
                    ahead = self._start(partial(reading.take, most))
                for item in items_read:
                    yield item
                if error is not None:
                    raise error
                if is_last:
                    return
        finally:
            ahead.cancel()
            await shield(wrap_future(_in_new_thread(partial(reading.close, ahead))))

    async def aclose(self) -> None:
        """Wait for the calls that have begun or wait for a thread, then close the client."""
        _running_loop()
        if self._end is None:
            self._end = _in_new_thread(self._finish)
        await shield(wrap_future(self._end))

    async def __aenter__(self) -> Async[C]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _finish(self) -> None:
        self._executor.shutdown(wait=True)
        self.crm.close()

    def _start(self, work: Callable[[], T]) -> Future[T]:
        _running_loop()
        closed = ConfigurationError("this bridge is closed", hint="create a new Async")
        if self._end is not None:
            raise closed
        try:
            return self._executor.submit(contextvars.copy_context().run, _without_stop, work)
        except RuntimeError:  # closed meanwhile, or the program ends
            raise closed from None


class _Reading(Generic[T]):
    """One iteration, read by one thread at a time."""

    def __init__(self, items: Iterable[T]) -> None:
        if not isinstance(items, Iterable):
            raise ConfigurationError(
                f"expected a listing, not {type(items).__name__}",
                hint="async for lead in aio.each(crm.leads.list())",
            )
        self._iterator: Iterator[T] = iter(items)
        self._is_stopped = False

    def take(self, most: int) -> Chunk[T]:
        """Read the next items; the ones before an error are not lost."""
        items: list[T] = []
        try:
            for item in islice(self._iterator, most):
                items.append(item)
                if self._is_stopped:
                    break
        except Exception as error:
            return items, error, True
        return items, None, len(items) < most

    def close(self, reading: Future[Chunk[T]]) -> None:
        """Close the iterator after the chunk that is being read."""
        self._is_stopped = True
        if not reading.cancelled():
            wait([reading])
        if isinstance(self._iterator, Generator):
            self._iterator.close()


def _running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError("no asyncio event loop is running in this thread") from None


def _in_new_thread(work: Callable[[], None]) -> Future[None]:
    """Begin work that must not wait for a thread of the bridge."""
    executor = ThreadPoolExecutor(1, "amocrm-aio-end")
    future = executor.submit(work)
    executor.shutdown(wait=False)
    return future


def _without_stop(work: Callable[[], T]) -> T:
    """Do the work; a future cannot hold StopIteration, and its task would wait forever."""
    try:
        return work()
    except StopIteration as error:
        raise RuntimeError("the function raised StopIteration") from error
