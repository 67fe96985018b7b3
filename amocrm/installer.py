"""What happens when an account agrees to an integration, and when it switches it off.

Both are told by calls that may come twice, late, or from strangers: what is done is done once, and
a token that works is never given up for a call that claims it does not.
"""

from __future__ import annotations

import logging
import threading
from typing import Final, NamedTuple

from amocrm.client import AmoCRM
from amocrm.core.oauth import CODE_SPENT
from amocrm.core.token import account_id
from amocrm.errors import (
    AmoCRMError,
    ConfigurationError,
    GrantError,
    NotAuthorizedError,
    PaymentRequiredError,
    UnauthorizedError,
)
from amocrm.register import Entry, Register
from amocrm.shelf import Shelf

_ACCOUNT: Final = "/api/v4/account"

_log = logging.getLogger("amocrm")


class Installed(NamedTuple):
    """An account that agreed; `fresh` if this very call has exchanged its code."""

    account: AmoCRM
    fresh: bool


class Installer:
    """Installs an integration in accounts, and removes it. Thread-safe."""

    def __init__(self, clients: Shelf[AmoCRM], register: Register) -> None:
        self._clients = clients
        self._register = register

    def install(self, host: str, code: str) -> Installed:
        """Exchange a code, unless that was done; keep the token and the account's id."""
        self._make_room(host)
        client = self._clients.get(host)
        try:
            fresh = _exchange(client, code)
        except GrantError as error:
            # Somebody who shares the store was quicker, or the page was loaded again.
            if (error.reason or "").lower() != CODE_SPENT or not self._works(host):
                raise
            fresh = False
        if fresh:
            _log.info("installed in %s", host)
        self._note(host, client)
        return Installed(client, fresh)

    def remove(self, number: int) -> str | None:
        """Forget an account by its id, unless its token works; return its host if it was there."""
        entry = self._register.by_number(number)
        if entry is None:
            _log.info("uninstalled in account %d, of which nothing is kept", number)
            return None
        if self._works(entry.name):
            _log.warning("said to be uninstalled in %s, whose token works", entry.record.host)
            return None
        if not self._register.forget(entry):
            return None
        self.drop(entry)
        _log.info("uninstalled in %s", entry.record.host)
        return entry.record.host

    def drop(self, entry: Entry) -> None:
        """Close the client of an account, whichever of its names it is kept under."""
        for name in (entry.name, entry.record.host):
            client = self._clients.take(name)
            if client is not None:
                client.close()

    def _make_room(self, host: str) -> None:
        """Make sure that a name belongs to nobody else than the account that agrees.

        Names can be taken over: what is kept under this one may be a renamed account's. Asking with
        its token tells: it is refused, or followed to where the account is now.
        """
        entry = self._register.find(host)
        if entry is None:
            return
        if entry.name != host:
            # Only a pointer: either this account's, or one that has served.
            self._clients.take(host)
            if entry.record.host != host:
                self._register.free(host)
        elif not self._works(host):
            self._register.forget(entry)
            self.drop(entry)
        elif (entry := self._register.find(host)) is not None and entry.record.host != host:
            raise ConfigurationError(
                f"{host} was the name of an account that is {entry.record.host} now, and whose "
                "token is kept under it",
                hint=f"integration.forget({host!r}), then let both accounts install it again",
            )

    def _works(self, name: str) -> bool:
        """Ask amoCRM whether it accepts the token of an account.

        Raises:
            AmoCRMError: it could not be asked.
        """
        try:
            self._clients.get(name).request.get(_ACCOUNT)
        except PaymentRequiredError:
            return True
        except (UnauthorizedError, GrantError, NotAuthorizedError):
            return False
        return True

    def _note(self, host: str, client: AmoCRM) -> None:
        """Keep the account's id, by which the uninstall hook names it."""
        try:
            token = client.connection.get_token() or {}
            number = account_id(token.get("access_token", ""))
            if number is None:
                number = int(client.request.get(_ACCOUNT).data["id"])
            self._register.note(host, number)
        except (AmoCRMError, LookupError, TypeError, ValueError) as error:
            _log.warning("the uninstall hook of %s will not be understood: %s", host, error)


def _exchange(client: AmoCRM, code: str) -> bool:
    """Exchange a code; False if it was found to be exchanged already."""
    heard: list[int] = []

    def hear(_: object) -> None:
        heard.append(threading.get_ident())

    # Another thread may be exchanging a code with the same client, and is heard as well.
    client.on("connection:newToken", hear)
    try:
        client.connection.set_code(code)
    finally:
        client.off("connection:newToken", hear)
    return threading.get_ident() in heard
