"""The inbox of this user's webhooks: a database of their own, or that of AMOCRM_INBOX."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from amocrm.cli.profiles import Profiles
from amocrm.webhooks.inbox.sql import SQLInbox

URL: Final = "AMOCRM_INBOX"
KEYS: Final = "AMOCRM_INBOX_KEYS"
PREFIX: Final = "AMOCRM_INBOX_PREFIX"


def open_inbox(
    profiles: Profiles, variables: Mapping[str, str], *, create: bool = False
) -> SQLInbox:
    """Open the inbox of AMOCRM_INBOX; without one, a database beside the profiles.

    Args:
        profiles: of this user.
        variables: of the environment: the URL has a password, so it is no argument.
        create: create missing tables, also in the database of AMOCRM_INBOX.
    """
    url = variables.get(URL)
    own = os.path.join(profiles.folder, "webhooks.db")
    if not url:
        profiles.prepare()
    keys = [key.strip() for key in variables.get(KEYS, "").split(",") if key.strip()]
    prefix = variables.get(PREFIX) or "amocrm_"
    inbox = SQLInbox(url or f"sqlite:///{own}", keys=keys or None, table_prefix=prefix)
    if create or not url:
        inbox.create_table()
    return inbox
