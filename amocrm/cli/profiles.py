"""Profiles: the accounts that a person has logged in to, in one TOML; tokens are beside it.

The folder and the file belong to the user who runs the program, and nobody else can read the file:
it has the secrets of integrations. One of another owner or mode is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Final, NamedTuple

from amocrm._support.atomic_file import replace
from amocrm._support.file_lock import FileLock
from amocrm._support.private_files import check_folder, check_private, make_folder, open_private
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

_FILE: Final = "profiles.toml"
_LARGEST: Final = 1024 * 1024
_LONGEST_NAME: Final = 64
_PATIENCE: Final = 10.0
"""Seconds to wait for another command that changes the file."""


class Profile(NamedTuple):
    """One account. No value of a profile but `client_secret` is a secret.

    Attributes:
        domain: the account's host.
        client_id, client_secret, redirect_uri: of the integration.
        account_id: the account's id, once it is known.
        base_url: origin of a test server.
        long_lived: the account is called with a long-lived token, which is stored with the tokens.
    """

    domain: str = ""
    client_id: str = ""
    client_secret: str = ""
    redirect_uri: str = ""
    account_id: int | None = None
    base_url: str = ""
    long_lived: bool = False

    def __repr__(self) -> str:
        return f"Profile({self.domain!r})"


_TYPES: Final[Mapping[str, type]] = {"account_id": int, "long_lived": bool}
"""Types of the members that are no texts."""


def check_profile_name(name: str) -> str:
    """Return a name of a profile.

    Raises:
        ConfigurationError: it is not letters, digits, dots, hyphens and underscores.
    """
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isalnum() or not name[0].isalnum() or len(name) > _LONGEST_NAME:
        raise ConfigurationError(
            f"{name[:_LONGEST_NAME]!r} cannot be the name of a profile",
            hint="letters, digits, dots, hyphens and underscores",
        )
    return name


def config_folder(variables: Mapping[str, str]) -> str:
    """Return the folder of the profiles: AMOCRM_CONFIG_DIR, else the platform's place."""
    if given := variables.get("AMOCRM_CONFIG_DIR"):
        return os.path.abspath(given)
    return str(import_module("platformdirs").user_config_dir("amocrm"))


class Profiles:
    """The profiles of a folder. Reads the file again for each question.

    Args:
        folder: of the file; it is created when the first profile is saved.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path = os.path.join(folder, _FILE)

    @property
    def tokens(self) -> str:
        """The folder of the tokens."""
        return os.path.join(self.folder, "tokens")

    @property
    def rate_limits(self) -> str:
        """The file of the rate limiter that all commands of this user share."""
        return os.path.join(self.folder, "rate-limits")

    def current(self) -> str | None:
        """Return the name of the chosen profile; None if there is none."""
        name = self._document().get("current")
        return name if isinstance(name, str) and name in self._tables() else None

    def all(self) -> dict[str, Profile]:
        """Return all profiles by their names.

        Raises:
            ConfigurationError: the file is not private, or not of profiles.
        """
        return {name: self._profile(name, one) for name, one in self._tables().items()}

    def get(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            ConfigurationError: there is none of this name.
        """
        check_profile_name(name)
        known = self._tables()
        if name not in known:
            raise ConfigurationError(
                f"there is no profile {name!r}",
                hint=f"there are {', '.join(known)}" if known else "log in first: amocrm login",
            )
        return self._profile(name, known[name])

    def prepare(self) -> None:
        """Create the folder.

        Raises:
            ConfigurationError: it cannot be used.
        """
        try:
            make_folder(self.folder)
            check_folder(self.folder)
        except OSError as error:
            raise self._refused(error) from error

    def save(self, name: str, profile: Profile) -> None:
        """Add or replace a profile, and choose it. What a person wrote in the file stays."""
        check_profile_name(name)
        with self._editing() as document:
            tables = document.setdefault("profiles", {})
            kept = tables.setdefault(name, {})
            for member, value in profile._asdict().items():
                if value or member == "domain":
                    kept[member] = value
                else:
                    kept.pop(member, None)
            document["current"] = name

    def use(self, name: str) -> None:
        """Choose a profile."""
        with self._editing() as document:
            self.get(name)
            document["current"] = name

    def forget(self, name: str) -> None:
        """Remove a profile."""
        with self._editing() as document:
            self.get(name)
            del document["profiles"][name]
            if document.get("current") == name:
                del document["current"]

    def _profile(self, name: str, table: object) -> Profile:
        if not isinstance(table, Mapping):
            raise self._broken(f"profiles.{name} is no table")
        for member, value in table.items():
            if member not in Profile._fields:
                raise self._broken(f"profiles.{name} has an unknown key {str(member)!r}")
            if type(value) is not _TYPES.get(member, str):
                kind = _TYPES.get(member, str).__name__
                raise self._broken(f"{member} of profiles.{name} must be of the type {kind}")
        return Profile(**dict(table))

    def _tables(self) -> dict[str, object]:
        tables = self._document().get("profiles", {})
        if not isinstance(tables, dict):
            raise self._broken("profiles is no table")
        return tables

    def _document(self) -> dict[str, object]:
        try:
            return _parsed(self._text())
        except _NotTOMLError as error:
            raise self._broken(str(error)) from None

    @contextmanager
    def _editing(self) -> Generator[dict[str, Json]]:
        """Give the document, with its comments, which tomlkit keeps; write it after the block.

        Other commands of this user wait meanwhile, so that none loses what another one has saved.
        """
        self.prepare()
        try:
            with FileLock(f"{self.path}.lock").hold(_PATIENCE):
                self._tables()
                tomlkit = import_module("tomlkit")
                document: dict[str, Json] = tomlkit.parse(self._text())
                yield document
                replace(self.path, tomlkit.dumps(document).encode())
        except TimeoutError:
            raise ConfigurationError(f"{self.path} is being changed by another command") from None
        except OSError as error:
            raise self._refused(error) from error

    def _text(self) -> str:
        try:
            check_folder(self.folder)
            with open(open_private(self.path, os.O_RDONLY), "rb") as file:
                check_private(self.path, os.fstat(file.fileno()))
                content = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._refused(error) from error
        if len(content) > _LARGEST:
            raise self._broken("it is too large")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise self._broken("it is not UTF-8") from None

    def _refused(self, error: OSError) -> ConfigurationError:
        why = error.strerror or str(error)
        return ConfigurationError(f"{self.path}: {why}", hint=getattr(error, "hint", None))

    def _broken(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path} cannot be read: {why}")


class _NotTOMLError(ValueError):
    """A text is not TOML; the message says where."""


def _parsed(text: str) -> dict[str, object]:
    """Parse a TOML: by the standard library where it can, which is faster."""
    try:
        parser = import_module("tomllib")
    except ModuleNotFoundError:  # Python 3.10
        parser = import_module("tomlkit")
    try:
        found = parser.loads(text)
        return dict(getattr(found, "unwrap", lambda: found)())
    except (ValueError, RecursionError) as error:
        # A parser's message may show a part of the file, and so a secret: only the place is taken.
        place = re.search(r"at (line \d+|end of document)", str(error))
        raise _NotTOMLError(f"not TOML, {place[1]}" if place else "not TOML") from None
