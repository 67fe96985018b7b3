"""The key of the webhooks' addresses, their codes, and how far they were compared."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from importlib import import_module
from typing import Final, cast
from urllib.parse import urlsplit

from amocrm._support.atomic_file import replace
from amocrm._support.numbers import instant
from amocrm._support.private_files import check_private, open_private
from amocrm.cli.profiles import Profiles
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.schema.enums import WebhookCode
from amocrm.webhooks.codes import ACCOUNT
from amocrm.webhooks.receiver.receiver import Receiver
from amocrm.webhooks.router import Hooks

KEY: Final = "AMOCRM_WEBHOOKS_KEY"

_AGES: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_AGE: Final = re.compile(r"([0-9]{1,9})([smhd])")
_CODES: Final[Mapping[str, WebhookCode]] = {
    one.code: cast("WebhookCode", one.code) for one in ACCOUNT
}


def address_keys(profiles: Profiles, variables: Mapping[str, str]) -> list[str]:
    """Return the keys of AMOCRM_WEBHOOKS_KEY; without them, one that is made and kept.

    Raises:
        ConfigurationError: the file of the key is not private.
    """
    given = [key.strip() for key in variables.get(KEY, "").split(",") if key.strip()]
    if given:
        return given
    profiles.prepare()
    path = os.path.join(profiles.folder, "webhooks.key")
    try:
        if not os.path.lexists(path):
            replace(path, Receiver.new_key().encode())
        with open(open_private(path, os.O_RDONLY), "rb") as file:
            check_private(path, os.fstat(file.fileno()))
            return [file.read(1000).decode("ascii", "replace").strip()]
    except OSError as error:
        hint = getattr(error, "hint", None)
        raise ConfigurationError(f"{path}: {error.strerror or error}", hint=hint) from error


def load_hooks(name: str) -> Hooks:
    """Import the handlers of a program: `shop.handlers:hooks`.

    Raises:
        ConfigurationError: there are none.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigurationError(f"{name[:100]!r} names no handlers", hint="module:hooks")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: object = getattr(import_module(module), attribute, None)
    except Exception as error:
        what = type(error).__name__
        raise ConfigurationError(f"{module} cannot be imported: {what}: {error}") from error
    if not isinstance(found, Hooks):
        raise ConfigurationError(f"{attribute} of {module} is no Hooks()")
    return found


def check_codes(names: Iterable[str]) -> list[WebhookCode]:
    """Return codes that can be subscribed to.

    Raises:
        ConfigurationError: one cannot.
    """
    codes: list[WebhookCode] = []
    for name in names:
        if name not in _CODES:
            raise ConfigurationError(
                f"no webhook {name[:60]!r} can be subscribed to", hint=near(name, _CODES)
            )
        codes.append(_CODES[name])
    return codes


def read_since(text: str, now: float) -> float:
    """Read an instant: an age such as `24h` or `7d`, Unix seconds, or an ISO 8601 time.

    Raises:
        ConfigurationError: it is none.
    """
    if age := _AGE.fullmatch(text.strip()):
        return max(0.0, now - int(age[1]) * _AGES[age[2]])
    if text.strip().isdecimal() and (seconds := instant(float(text))) is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ConfigurationError(
            f"{text[:60]!r} is no time", hint="24h, 7d, Unix seconds or 2026-01-31T12:00:00+03:00"
        ) from None
    # One without a zone is meant in the zone of this machine.
    return moment.astimezone(timezone.utc).timestamp()


def compared_until(
    profiles: Profiles, account_id: int, codes: Iterable[str], otherwise: float
) -> float:
    """Return up to which instant an account's record was compared for all of some codes.

    Args:
        profiles: beside which it is kept.
        account_id: of the account.
        codes: that were compared.
        otherwise: Unix seconds for a code that never was.
    """
    known = _read_compared(profiles).get(str(account_id))
    return min((_until(known, code, otherwise) for code in codes), default=otherwise)


def note_compared(
    profiles: Profiles, account_id: int, codes: Iterable[str], begin: float, until: float
) -> None:
    """Remember between which instants an account's record was compared for some codes.

    A code for which some time before `begin` was left out stays where it was: the next run compares
    that, too.
    """
    found = _read_compared(profiles)
    known = found.get(str(account_id))
    fresh = {code: _until(known, code, begin) for code in codes}
    fresh = {code: max(last, until) for code, last in fresh.items() if begin <= last}
    before = known if isinstance(known, dict) else {"": known} if known is not None else {}
    profiles.prepare()
    replace(
        _compared(profiles), json.dumps({**found, str(account_id): {**before, **fresh}}).encode()
    )


def _until(known: Json, code: str, otherwise: float) -> float:
    """Return up to which instant a code was compared; older versions kept one for all codes."""
    last = known.get(code, known.get("")) if isinstance(known, dict) else known
    seconds = instant(last)
    return otherwise if seconds is None else seconds


def _read_compared(profiles: Profiles) -> dict[str, Json]:
    try:
        with open(open_private(_compared(profiles), os.O_RDONLY), "rb") as file:
            found = json.loads(file.read(1_000_000))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _compared(profiles: Profiles) -> str:
    return os.path.join(profiles.folder, "reconciled.json")


def check_url(url: str, option: str) -> str:
    """Return an address to post to.

    Args:
        url: to check.
        option: that gave it.

    Raises:
        ConfigurationError: it is no http(s) URL.
    """
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise ConfigurationError(f"{option} must be an http(s) URL")
    return url


def receiver_base(url: str) -> str:
    """Return where a receiver is mounted, without the slash at its end.

    Raises:
        ConfigurationError: it is no http(s) URL.
    """
    return check_url(url, "--url").rstrip("/")
