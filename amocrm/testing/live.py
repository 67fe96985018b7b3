"""The account of `--amocrm-live`: a profile of the command line, whose tokens are stored there."""

from __future__ import annotations

import os
from typing import Final

from amocrm.auth.connection import Connection
from amocrm.cli.opening import open_client
from amocrm.cli.profiles import Profiles, config_folder
from amocrm.cli.settings import CalledAccount
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

_HINT: Final = "--amocrm-live-writes lets tests change the account"


class LiveAccount:
    """A real account, on which tests run.

    Args:
        opened: the client, with the rate limiter of the command line.
        writes: whether tests may change the account.
    """

    def __init__(self, opened: AmoCRM, *, writes: bool) -> None:
        self._opened = opened
        # A test that closes it does not close it for the next one.
        self.client = opened.with_options(read_only=False if writes else _HINT)
        self.client.connection = _LiveConnection(opened.connection)

    def close(self) -> None:
        """Close the client."""
        self._opened.close()


class _LiveConnection(Connection):
    """Refreshes the tokens of the profile, and lets no test replace them by others."""

    def __init__(self, real: Connection) -> None:
        super().__init__(real._provider, real._cache, real._consent, real._events)

    def set_token(self, token: object) -> None:
        raise _not_replaced("set_token")

    def set_code(self, code: str, *, state: str | None = None) -> dict[str, Json]:
        raise _not_replaced("set_code")


def _not_replaced(method: str) -> ConfigurationError:
    return ConfigurationError(
        f"{method} would replace the stored tokens of a real account",
        hint="use amocrm_sandbox.client() in this test",
    )


def open_live(profile: str, *, writes: bool) -> LiveAccount:
    """Open the account of a profile. Nothing is sent.

    The environment replaces nothing: AMOCRM_DOMAIN and the like could name another account.

    Raises:
        ConfigurationError: there is no such profile.
        NotAuthorizedError: the long-lived token of the profile is gone.
    """
    profiles = Profiles(config_folder(os.environ))
    target = CalledAccount(profile, profiles.get(profile))
    return LiveAccount(open_client(target, profiles), writes=writes)
