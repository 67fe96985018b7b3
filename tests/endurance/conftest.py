"""Long runs, short by default: AMOCRM_TEST_ROUNDS says how long."""

from __future__ import annotations

import os

from amocrm import AuthSettings, TokenStore
from amocrm.sandbox import Sandbox
from amocrm.stores.sql import SQLStore
from tests.servers import DATABASES, URLS, open_store

ROUNDS = int(os.environ.get("AMOCRM_TEST_ROUNDS", "12"))


def open_as_users_do(kind: str, place: str) -> TokenStore:
    """Open a store for the life of a process, with a pool of connections."""
    return SQLStore(URLS[kind], place) if kind in DATABASES else open_store(kind, place)


def auth_of(sandbox: Sandbox) -> AuthSettings:
    """The settings of the sandbox's integration, for another process."""
    one = sandbox.integration
    return {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }
