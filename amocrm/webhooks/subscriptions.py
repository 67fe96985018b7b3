"""Keeps an account's subscription equal to what the handlers need.

amoCRM switches a subscription off after 100 bad answers in two hours, and it stays off until
somebody subscribes again (reference 6.1). `ensure` does that; call it at each start, and daily.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast, get_args
from urllib.parse import urlsplit

from amocrm.errors import ConfigurationError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.schema.enums import WebhookCode
from amocrm.webhooks.addresses import without_secret

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.schema.webhooks import Webhook

Action = Literal["created", "extended", "enabled", "unchanged"]

_log: Final = logging.getLogger("amocrm.webhooks")


class Ensured(NamedTuple):
    """What `ensure` did.

    Attributes:
        action: `created`; `enabled`: it was switched off; `extended`: codes were added;
            `unchanged`.
        codes: that amoCRM now sends.
        removed: how many outdated subscriptions of the same address were removed.
    """

    action: Action
    codes: tuple[str, ...]
    removed: int


def ensure(crm: AmoCRM, address: str, codes: Iterable[WebhookCode]) -> Ensured:
    """Subscribe an address to codes, and switch the subscription on again if it is off.

    Codes that are subscribed already stay, so that a version with fewer handlers that still runs
    elsewhere does not lose its webhooks. Subscriptions whose address is one of `Receiver.address`
    and differs in the secret only are outdated, and are removed after the new one exists. All
    others are left alone. Requires admin rights and a plan with webhooks.

    Args:
        crm: the client of the account.
        address: of `Receiver.address`; it contains a secret and is not logged.
        codes: what to subscribe to, such as `hooks.codes`.

    Raises:
        ConfigurationError: no codes, or the address is no ASCII http(s) URL.
        PaymentRequiredError, ForbiddenError: the plan or the rights of the user do not suffice.

    Source: reference 4.20, 6.1.
    """
    wanted = sorted(set(codes))
    if not wanted:
        raise ConfigurationError("there are no codes to subscribe to", hint="register a handler")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or not address.isascii():
        raise ConfigurationError("the address of a subscription must be an ASCII http(s) URL")
    known = list(crm.webhooks.list())
    mine = next((one for one in known if one["destination"] == address), None)
    action = _action(mine, wanted)
    known_codes = mine["settings"] if mine else []
    settings = list(dict.fromkeys([*known_codes, *wanted]))
    if action != "unchanged":
        if set(known_codes) <= set(get_args(WebhookCode)):
            checked = cast("list[WebhookCode]", settings)
            made = crm.webhooks.create({"destination": address, "settings": checked})
        else:
            made = subscribe(crm, address, settings)
        if missing := sorted(set(wanted) - set(made["settings"])):
            raise unexpected_response(
                "POST", "/api/v4/webhooks", f"amoCRM did not subscribe to {', '.join(missing)}"
            )
    old = [one for one in known if _is_outdated(one["destination"], address)]
    for one in old:
        crm.webhooks.delete(one["destination"])
    _log.info("subscription %s: %d codes, %d removed", action, len(settings), len(old))
    return Ensured(action, tuple(settings), len(old))


def subscribe(crm: AmoCRM, address: str, codes: Sequence[str]) -> Webhook:
    """Make the subscription of an address anew, and switch it on.

    Codes are not checked: what the account has already may be newer than the table of codes.

    Raises:
        ValidationError: amoCRM refuses the address or a code.
    """
    body: dict[str, Json] = {"destination": address, "settings": list(codes)}
    return cast("Webhook", crm.request.post("/api/v4/webhooks", body).data)


def _action(mine: Webhook | None, wanted: list[WebhookCode]) -> Action:
    if mine is None:
        return "created"
    if mine["disabled"]:
        return "enabled"
    return "unchanged" if set(wanted) <= set(mine["settings"]) else "extended"


def _is_outdated(destination: str, address: str) -> bool:
    """Whether two addresses of a receiver differ in their secret only."""
    place = without_secret(address)
    return place is not None and place == without_secret(destination) and destination != address
