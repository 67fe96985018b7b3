"""Which account a command calls: environment variables first, then a profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm.cli.profiles import Profile, Profiles
from amocrm.errors import ConfigurationError, NotAuthorizedError
from amocrm.http.messages import Json

_VARIABLES: Final = {
    "domain": "AMOCRM_DOMAIN",
    "client_id": "AMOCRM_CLIENT_ID",
    "client_secret": "AMOCRM_CLIENT_SECRET",
    "redirect_uri": "AMOCRM_REDIRECT_URI",
    "base_url": "AMOCRM_BASE_URL",
}


class CalledAccount(NamedTuple):
    """The account to call.

    Attributes:
        name: of the profile; None if the environment names the account.
        profile: its settings, with those of the environment.
        token: a long-lived token of the environment; empty if there is none.
    """

    name: str | None
    profile: Profile
    token: str = ""

    def __repr__(self) -> str:
        return f"Target({self.name!r}, {self.profile!r})"


def find_target(
    profiles: Profiles, chosen: str | None, variables: Mapping[str, str]
) -> CalledAccount:
    """Return the account to call.

    AMOCRM_DOMAIN names an account without any profile. Otherwise AMOCRM_PROFILE or the chosen
    profile does, and each variable replaces the profile's value.

    Args:
        profiles: of this user.
        chosen: the name that `--profile` gives.
        variables: of the environment.

    Raises:
        ConfigurationError: both `--profile` and the environment name an account, or `--profile` is
            empty.
        NotAuthorizedError: nothing names one.
    """
    if chosen == "":  # Such as of a variable of the shell that is not set.
        raise ConfigurationError("--profile is empty", hint="amocrm accounts lists the profiles")
    given: dict[str, Json] = {
        member: variables[name] for member, name in _VARIABLES.items() if variables.get(name)
    }
    token = variables.get("AMOCRM_TOKEN", "")
    if "domain" in given:
        if chosen is not None:
            raise ConfigurationError(
                "--profile and AMOCRM_DOMAIN name two accounts", hint="leave one of them out"
            )
        return CalledAccount(None, Profile()._replace(**given), token)
    name = chosen or variables.get("AMOCRM_PROFILE") or profiles.current()
    if name is None:
        raise NotAuthorizedError("no account is chosen", hint="log in first: amocrm login")
    return CalledAccount(name, profiles.get(name)._replace(**given), token)
