"""What happens when an account agrees to an integration, and when it switches it off.

Both are told by calls that may come twice, late, or from strangers: what is done is done once, and
a token that works is never given up for a call that claims it does not.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from amocrm.client import AmoCRM
from amocrm.core.oauth import is_withdrawn
from amocrm.core.token import account_id
from amocrm.errors import (
    AmoCRMError,
    BlockedError,
    ConfigurationError,
    ForbiddenError,
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

    def install(self, host: str, code: str, state: str | None) -> Installed:
        """Exchange a code, unless that was done; keep the token and the account's id."""
        self._make_room(host)
        client = self._clients.get(host)
        try:
            fresh = client.connection.install(code, state=state)
        except AmoCRMError:
            # Strangers name accounts, too: only those that agree take room.
            if not client.connection.connected:
                self._clients.take(host)
            raise
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
        self._take(entry)
        _log.info("uninstalled in %s", entry.record.host)
        return entry.record.host

    def forget(self, host: str) -> None:
        """Forget an account, and close its client, which would go on with a pair that is good."""
        while (entry := self._register.find(host)) is not None:
            for client in self._take(entry):
                client.close()
            if self._register.forget(entry):
                break

    def _take(self, entry: Entry) -> list[AmoCRM]:
        """Take an account's clients off the shelf, whichever of its names they are kept under."""
        clients = [self._clients.take(name) for name in (entry.name, entry.record.host)]
        return [client for client in clients if client is not None]

    def _make_room(self, host: str) -> None:
        """Make sure that a name belongs to nobody else than the account that agrees.

        Names can be taken over: what is kept under this one may be a renamed account's. Asking with
        its token tells: it is refused, or followed to where the account is now.
        """
        entry = self._register.find(host)
        if entry is None:
            return
        if entry.name != host:
            # Only a pointer: this account's, or one that has served. Nobody has proved yet to be
            # the account, so its current name is not taken from it.
            self._clients.take(host)
            if entry.record.host != host:
                self._register.free(host)
            return
        try:
            works = self._works(host)
        except GrantError as error:
            raise _unclear(host, error) from error
        entry = self._register.find(host)
        if entry is None or entry.record.host == host:
            return
        if works:
            raise _taken(host, entry.record.host)
        self._register.forget(entry)
        self._take(entry)

    def _works(self, name: str) -> bool:
        """Ask amoCRM whether the token of an account is alive.

        Raises:
            AmoCRMError: the answer does not tell, or there was none.
        """
        client = self._clients.get(name)
        try:
            try:
                client.request.get(_ACCOUNT)
            except UnauthorizedError:
                # Renewing was tried a moment ago, for another call; now it is what we want to know.
                client.connection.refresh_token()
        except BlockedError:
            raise
        except (PaymentRequiredError, ForbiddenError):
            pass
        except GrantError as error:
            if not is_withdrawn(error):
                raise
            return False
        except NotAuthorizedError:
            # Either it is dead, or others are busy with it just now, which tells nothing.
            if client.connection.status().renewable:
                raise
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


def _unclear(host: str, error: GrantError) -> ConfigurationError:
    return ConfigurationError(
        f"a token of {host} is kept already, and amoCRM does not say what became of it: "
        f"{error.args[0]}",
        hint=f"if the account that bore this name is gone, integration.forget({host!r})",
    )


def _taken(host: str, owner: str) -> ConfigurationError:
    return ConfigurationError(
        f"{host} was the name of an account that is {owner} now, and whose token is kept under it",
        hint=f"integration.forget({host!r}), then let both accounts install it again",
    )
