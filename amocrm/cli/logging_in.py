"""Logs in: spends a code or takes a long-lived token, asks who it is, saves a profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from amocrm.cli.opening import forget_tokens, long_lived_key, open_client
from amocrm.cli.profiles import Profile, Profiles, check_profile_name
from amocrm.cli.settings import CalledAccount
from amocrm.errors import ConfigurationError
from amocrm.http.hosts import account_host
from amocrm.stores.file import FileStore

if TYPE_CHECKING:
    from amocrm.client import AmoCRM

GetCode = Callable[["AmoCRM"], str]
"""Returns a code for a client, whose consent page has the state of this login."""


def profile_name(given: str | None, domain: str, known: dict[str, Profile]) -> str:
    """Return the name of a profile: the one given, else the account's login, else its host.

    Raises:
        ConfigurationError: the name cannot be one, or is another account's.
    """
    host = account_host(domain)
    if given is None:
        login = host.partition(".")[0]
        is_free = login not in known or known[login].domain == host
        return login if is_free else host
    check_profile_name(given)
    if given in known and known[given].domain != host:
        raise ConfigurationError(
            f"the profile {given!r} is of {known[given].domain}",
            hint=f"choose another --name, or: amocrm logout {given}",
        )
    return given


def log_in_with_code(name: str, profile: Profile, profiles: Profiles, get_code: GetCode) -> str:
    """Exchange a code for tokens, and save the profile; return the account's name.

    Args:
        name: of the profile.
        profile: the account and its integration.
        profiles: of this user.
        get_code: gets the code.

    Raises:
        AuthorizationError: there is no code, or amoCRM refuses it.
    """
    with open_client(CalledAccount(name, profile), profiles) as crm:
        crm.connection.set_code(get_code(crm))
        return _keep(crm, name, profile, profiles)


def log_in_with_token(name: str, profile: Profile, profiles: Profiles, token: str) -> str:
    """Check a long-lived token by a call, and save it with the profile; return the account's name.

    Raises:
        UnauthorizedError: the account does not take it.
    """
    with open_client(CalledAccount(name, profile, token), profiles) as crm:
        kept = profile._replace(long_lived=True)
        title = str(crm.account.get()["name"])
        store, key = FileStore(profiles.tokens), long_lived_key(kept)
        with store.lock(key, 10.0):
            store.save(key, token, store.load(key))
        profiles.save(name, kept._replace(account_id=crm.connection.account_id))
        return title


def log_out(name: str, profiles: Profiles) -> None:
    """Forget a profile; and its tokens, unless another profile uses them."""
    profile = profiles.get(name)
    others = [one for other, one in profiles.all().items() if other != name]
    if not any(_same_tokens(profile, one) for one in others):
        forget_tokens(profile, profiles)
    profiles.forget(name)


def _keep(crm: AmoCRM, name: str, profile: Profile, profiles: Profiles) -> str:
    title = str(crm.account.get()["name"])
    connection = crm.connection
    profiles.save(name, profile._replace(domain=connection.host, account_id=connection.account_id))
    return title


def _same_tokens(one: Profile, other: Profile) -> bool:
    return (one.client_id, one.domain, one.long_lived, one.base_url) == (
        other.client_id, other.domain, other.long_lived, other.base_url,
    )  # fmt: skip
