"""Calls handlers, and says what they raised without saying personal data."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from collections.abc import Coroutine
from inspect import iscoroutine

from amocrm.client import AmoCRM
from amocrm.errors import AmoCRMError, ConfigurationError, printable
from amocrm.webhooks.event import Event
from amocrm.webhooks.router import Handler


class Loops(threading.local):
    """An event loop for each thread, so that connections of `async` handlers can be kept."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, work: Coroutine[object, object, object], timeout: float) -> None:
        """Run a coroutine to its end.

        Raises:
            ConfigurationError: another loop runs in this thread.
            TimeoutError: it took too long, and was canceled.
        """
        if _is_in_loop():
            work.close()
            raise ConfigurationError(
                "an async handler cannot run in the thread of a running event loop",
                hint="await asyncio.to_thread(worker.handle, delivery_id)",
            )
        if self._loop is None or self._process != os.getpid():
            self._loop, self._process = asyncio.new_event_loop(), os.getpid()
        try:
            error = self._loop.run_until_complete(asyncio.wait_for(_contained(work), timeout))
        except (KeyboardInterrupt, SystemExit):  # of a signal, in the main thread
            self.close()
            raise
        if error is not None:
            raise error

    def close(self) -> None:
        """Cancel what is left in this thread's loop, and close it."""
        loop, self._loop = self._loop, None
        if loop is None or self._process != os.getpid():
            return
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _contained(work: Coroutine[object, object, object]) -> BaseException | None:
    """Return an error that would otherwise end the loop, and stay in it."""
    try:
        await work
    except (KeyboardInterrupt, SystemExit) as error:
        return error
    return None


def call(handler: Handler, event: Event, crm: AmoCRM, loops: Loops, timeout: float) -> None:
    """Call a handler, and wait for it if it is an `async def`."""
    result = handler(event, crm)
    if iscoroutine(result):
        loops.run(result, timeout)


def in_full(error: BaseException) -> str:
    """Describe an error for the inbox, which holds personal data in any case."""
    try:
        message = str(error)
    except Exception:
        message = "its message cannot be read"
    return printable(f"{type(error).__name__}: {message}")


def for_the_log(error: BaseException) -> str:
    """Describe an error by its kind and place; only messages of this library hold no data."""
    if isinstance(error, AmoCRMError):
        return in_full(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return printable(f"{type(error).__name__}{place}")
