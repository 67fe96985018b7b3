"""Processes for tests, which share nothing with the test process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

import pytest

_PRELOADED = [
    "amocrm.stores.sql", "amocrm.stores.redis", "psycopg", "pymysql", "pytest",
    "tests.servers", "tests.webhooks.inbox.killed", "tests.endurance.test_one_grant",
    "tests.bulk.test_writer", "tests.webhooks.test_kills", "tests.mirror.test_kills",
]  # fmt: skip
"""Most modules that such a process imports; importing takes longer than its work."""


def _context() -> ForkServerContext | SpawnContext:
    """Start them, if possible, by forking a server process that has only imported modules."""
    if not hasattr(os, "fork"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


APART = _context()


CHILD_DEADLINE = 30
"""Seconds after which a stuck child is killed."""


def in_child(test: Callable[[], object]) -> bool:
    """Run a test in a forked child; return whether its result was true.

    Nothing of pytest's may run in there: whatever happens, the child leaves at once. It is also
    ended when it waits for ever, by the alarm's own effect: the handler that pytest-timeout has
    set would raise in the middle of pytest.
    """
    child = os.fork()
    if child == 0:
        verdict = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, CHILD_DEADLINE)
            verdict = 0 if test() else 2
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(verdict)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def kills(*moments: int | str) -> list[Any]:
    """Return further moments or places of a kill as test parameters that run with `endurance`."""
    return [pytest.param(moment, marks=pytest.mark.endurance) for moment in moments]
