"""Processes for tests: they share nothing with the one that runs the tests."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerContext, SpawnContext

_PRELOADED = [
    "amocrm.stores.sql", "amocrm.stores.redis", "psycopg", "pymysql", "pytest",
    "tests.servers", "tests.endurance.test_one_grant",
]  # fmt: skip
"""Most of what such a process imports: that takes longer than what it does."""


def _context() -> ForkServerContext | SpawnContext:
    """Fork them, where that can be done, from a server that has imported all and done nothing."""
    if not hasattr(os, "fork"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


APART = _context()
