"""Opens the client of a target; keeps the long-lived tokens of profiles."""

from __future__ import annotations

from typing import Final

from amocrm.auth.settings import AuthSettings
from amocrm.auth.token_repository import TokenRepository
from amocrm.cli.profiles import Profile, Profiles
from amocrm.cli.settings import CalledAccount
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError, NotAuthorizedError
from amocrm.rate_limit.file import FileRateLimiter
from amocrm.stores.file import FileStore
from amocrm.stores.store import Key

LONG_LIVED: Final = "long-lived"
"""Instead of a client id: the key of long-lived tokens in the store."""


def open_client(target: CalledAccount, profiles: Profiles) -> AmoCRM:
    """Return a client of a target. Nothing is sent.

    Tokens are in a `FileStore` beside the profiles, and all commands of this user share one rate
    limiter, so that several terminals and cron jobs stay within the limit together.

    Args:
        target: the account.
        profiles: of this user.

    Raises:
        ConfigurationError: a setting is missing or malformed.
        NotAuthorizedError: the long-lived token of the profile is gone.
    """
    profile = target.profile
    profiles.prepare()
    store = FileStore(profiles.tokens)
    return AmoCRM(
        profile.domain,
        _auth(target, store),
        account_id=profile.account_id,
        store=store,
        rate_limiter=FileRateLimiter(profiles.rate_limits),
        base_url=profile.base_url or None,
        user_agent="amocrm-cli",
    )


def _auth(target: CalledAccount, store: FileStore) -> AuthSettings:
    profile = target.profile
    if target.token:
        return {"access_token": target.token}
    if profile.long_lived:
        return {"access_token": _long_lived(profile, store)}
    settings: AuthSettings = {}
    if profile.client_id:
        settings["client_id"] = profile.client_id
    if profile.client_secret:
        settings["client_secret"] = profile.client_secret
    if profile.redirect_uri:
        settings["redirect_uri"] = profile.redirect_uri
    if not settings:
        raise ConfigurationError(
            "there is neither a token nor an integration",
            hint="set AMOCRM_TOKEN, or log in: amocrm login",
        )
    return settings


def _long_lived(profile: Profile, store: FileStore) -> str:
    token = store.load(long_lived_key(profile))
    if token is None:
        raise NotAuthorizedError(
            f"the long-lived token of {profile.domain} is not stored", hint="amocrm login"
        )
    return token


def long_lived_key(profile: Profile) -> Key:
    """Return the key under which the long-lived token of an account is stored."""
    return Key(LONG_LIVED, f"{profile.domain}{profile.base_url and '@'}{profile.base_url}")


def forget_tokens(profile: Profile, profiles: Profiles) -> None:
    """Remove the tokens of a profile from the store. amoCRM is not told."""
    store = FileStore(profiles.tokens)
    if profile.long_lived:
        store.forget(long_lived_key(profile))
    elif profile.client_id:
        TokenRepository(profile.client_id, profile.domain, store, profile.account_id).forget()
