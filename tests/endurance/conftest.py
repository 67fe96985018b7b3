"""Long runs, short by default: AMOCRM_TEST_ROUNDS sets the number of rounds."""

from __future__ import annotations

import os

from amocrm import AuthSettings, TokenStore
from amocrm.sandbox import Sandbox
from amocrm.stores.redis import RedisStore
from amocrm.stores.sql import SQLStore
from tests.servers import DATABASES, URLS, open_store

ROUNDS = int(os.environ.get("AMOCRM_TEST_ROUNDS", "12"))

REDIS_LOCK = 0.5
"""Seconds of a lock; its owner prolongs it three times in that time."""


def open_as_users_do(kind: str, place: str) -> TokenStore:
    """Open a store for the life of a process: with a pool of connections, by its address.

    The lock of a killed holder lives on in Redis: here not for long, or each kill would cost that.
    """
    if kind == "redis":
        return RedisStore(URLS["redis"], place, lock_seconds=REDIS_LOCK)
    return SQLStore(URLS[kind], place) if kind in DATABASES else open_store(kind, place)


def auth_of(sandbox: Sandbox) -> AuthSettings:
    """The settings of the sandbox's integration, for another process."""
    one = sandbox.integration
    return {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }
