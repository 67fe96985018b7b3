"""Renews stored token pairs, so that none of them ends: three months after it was granted.

A pair that calls use is renewed by them. One that nothing uses is lost after three months, and a
person has to give consent again. Source: reference 2.6.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from amocrm._support.atomic_file import replace
from amocrm._support.clock import Clock
from amocrm._support.numbers import instant
from amocrm._support.private_files import check_private, open_private
from amocrm.api_limits import REFRESH_TOKEN_SECONDS
from amocrm.cli.opening import open_client
from amocrm.cli.profiles import Profile, Profiles
from amocrm.cli.settings import CalledAccount
from amocrm.errors import AmoCRMError, ConfigurationError
from amocrm.http.messages import Json
from amocrm.integration import Integration
from amocrm.rate_limit.file import FileRateLimiter
from amocrm.stores.file import FileStore

if TYPE_CHECKING:
    from amocrm.client import AmoCRM

DAYS: Final = 30
"""Age of a pair from which on it is renewed: there are two more months to mend what fails."""

PROFILES: Final = "profiles"
"""Instead of a folder: what was renewed are the profiles."""

_DAY: Final = 86_400.0
_FILE: Final = "keepalive.json"

Outcome = Literal["renewed", "fresh", "long-lived", "missing", "failed"]


class Kept(NamedTuple):
    """What was done for one account.

    Attributes:
        name: of the profile, or the account's host.
        outcome: `renewed`; `fresh`: it is young enough; `long-lived`: it cannot be renewed;
            `missing`: there is no token; `failed`.
        until: Unix seconds until which the pair can be renewed; until which a long-lived token
            works; None if unknown.
        error: why it failed.
    """

    name: str
    outcome: Outcome
    until: float | None = None
    error: AmoCRMError | None = None


class LastRun(NamedTuple):
    """When tokens were renewed last: Unix seconds, and how many accounts failed."""

    ran_at: float
    failed: int


Open = Callable[[], AbstractContextManager["AmoCRM"]]


def of_profiles(profiles: Profiles) -> Iterator[tuple[str, Open]]:
    """Return all profiles, each with what opens its client."""
    for name, profile in profiles.all().items():
        yield name, partial(open_client, CalledAccount(name, profile), profiles)


def of_store(integration: Integration) -> Iterator[tuple[str, Open]]:
    """Return all accounts of an integration, each with what opens its client."""
    for host in integration.accounts():
        yield host, partial(_opened, integration, host)


def _opened(integration: Integration, host: str) -> AbstractContextManager[AmoCRM]:
    return nullcontext(integration.account(host))


def open_store(folder: str, profile: Profile, profiles: Profiles) -> Integration:
    """Return the integration whose tokens are in the folder of another program.

    Args:
        folder: of its `FileStore`.
        profile: has the settings of the integration.
        profiles: of this user; their rate limiter is used.

    Raises:
        ConfigurationError: the folder is not there, or a setting is missing.
    """
    if not os.path.isdir(folder):
        raise ConfigurationError(f"there is no folder {folder}")
    profiles.prepare()
    return Integration(
        profile.client_id,
        profile.client_secret,
        profile.redirect_uri,
        store=FileStore(folder),
        zone=profile.domain.partition(".")[2] or "amocrm.ru",
        rate_limiter=FileRateLimiter(profiles.rate_limits),
        base_url=profile.base_url or None,
        user_agent="amocrm-cli",
    )


def keep(accounts: Iterable[tuple[str, Open]], days: float, clock: Clock) -> Iterator[Kept]:
    """Renew the pairs that are older than some days; one that fails does not stop the others."""
    for name, open_account in accounts:
        try:
            with open_account() as crm:
                yield _kept(name, crm, days, clock.time())
        except AmoCRMError as error:
            yield Kept(name, "failed", error=error)


def _kept(name: str, crm: AmoCRM, days: float, now: float) -> Kept:
    status = crm.connection.status()
    if status.freshness is None:
        return Kept(name, "missing")
    if not status.renewable:
        return Kept(name, "long-lived", status.expires_at)
    end = status.refresh_expires_at
    if end is not None and now - (end - REFRESH_TOKEN_SECONDS) < days * _DAY:
        return Kept(name, "fresh", end)
    crm.connection.refresh_token()
    return Kept(name, "renewed", crm.connection.status().refresh_expires_at)


def last_run(profiles: Profiles, place: str = PROFILES) -> LastRun | None:
    """Return when tokens of a place were renewed last; None if never."""
    noted = _noted(profiles).get(place)
    if not isinstance(noted, Mapping):
        return None
    ran_at, failures = instant(noted.get("ran_at")), noted.get("failed")
    if ran_at is None or not isinstance(failures, int):
        return None
    return LastRun(ran_at, failures)


def note_run(profiles: Profiles, run: LastRun, place: str = PROFILES) -> None:
    """Remember when tokens of a place were renewed.

    Raises:
        OSError: the file cannot be written.
    """
    profiles.prepare()
    noted = {**_noted(profiles), place: run._asdict()}
    replace(_path(profiles), json.dumps(noted).encode())


def _noted(profiles: Profiles) -> dict[str, Json]:
    """Return what was remembered of each place; nothing if the file is missing or damaged."""
    try:
        with open(open_private(_path(profiles), os.O_RDONLY), "rb") as file:
            check_private(_path(profiles), os.fstat(file.fileno()))
            found = json.loads(file.read(1_000_000))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(profiles: Profiles) -> str:
    return os.path.join(profiles.folder, _FILE)
