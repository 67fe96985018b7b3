"""The account of `--amocrm-live`: a profile of the command line, whose tokens are stored there."""

from __future__ import annotations

import os
from typing import Final

from amocrm.cli.opening import open_client
from amocrm.cli.profiles import Profiles, config_folder
from amocrm.cli.settings import Target
from amocrm.client import AmoCRM

_HINT: Final = "--amocrm-live-writes lets tests change the account"


class LiveAccount:
    """A real account, on which tests run.

    Args:
        opened: the client, with the rate limiter of the command line.
        writes: whether tests may change the account.
    """

    def __init__(self, opened: AmoCRM, *, writes: bool) -> None:
        self._opened = opened
        self.client = opened if writes else opened.with_options(read_only=_HINT)

    def close(self) -> None:
        """Close the client."""
        self._opened.close()


def open_live(profile: str, *, writes: bool) -> LiveAccount:
    """Open the account of a profile. Nothing is sent.

    The environment replaces nothing: AMOCRM_DOMAIN and the like could name another account.

    Raises:
        ConfigurationError: there is no such profile.
        NotAuthorizedError: the long-lived token of the profile is gone.
    """
    profiles = Profiles(config_folder(os.environ))
    target = Target(profile, profiles.get(profile))
    return LiveAccount(open_client(target, profiles), writes=writes)
