"""What happens when an account agrees to an integration, and when it switches it off.

Both are told by calls that may come twice, late, or from strangers: what is done is done once,
nobody's own calls wait for it or fail by it, and a token that works is never given up for a call
that claims it does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from amocrm._support.cache import LRUCache
from amocrm.auth.connection import Connection
from amocrm.auth.installation.install_limit import InstallLimit
from amocrm.auth.installation.registry import AccountRegistry, Entry
from amocrm.auth.token_record import bound
from amocrm.errors import (
    AmoCRMError,
    AuthorizationError,
    BlockedError,
    ForbiddenError,
    NotAuthorizedError,
    PaymentRequiredError,
    UnauthorizedError,
)
from amocrm.http.request import Request
from amocrm.http.transport.transport import Response


class Client(Protocol):
    """What an installation needs of an account's client."""

    @property
    def connection(self) -> Connection:
        """The authorization."""
        ...

    @property
    def request(self) -> Request:
        """Makes calls."""
        ...

    def on(
        self, event: Literal["connection:newToken"], handler: Callable[[Response], object]
    ) -> None:
        """Call a handler when an event happens."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Client)

_ACCOUNT: Final = "/api/v4/account"

GUESTS: Final = 64
"""Redirects that did not end in an installation yet, and may be loaded again: so many are kept."""

Open: TypeAlias = Callable[[str, int | None], C]
"""Makes a client of an account, by its host and, once it is known, its id."""

_log = logging.getLogger("amocrm")


class _Guest(Generic[C]):
    """A client that brings a code which anybody may have made up.

    Attributes:
        client: of whichever account the code turns out to be.
        granted: the answer that brought its token, until somebody has been told of it.
    """

    def __init__(self, client: C) -> None:
        self.client = client
        self.granted: list[Response] = []
        client.on("connection:newToken", self.granted.append)

    @property
    def is_owed(self) -> bool:
        """Whether it was granted a token that is not saved, or not told of, yet."""
        return bool(self.granted) or _is_unsaved(self.client)

    def take_granted(self) -> Response | None:
        """Return the answer that nobody was told of yet, to one who asks; None to the others."""
        try:
            return self.granted.pop()
        except IndexError:
            return None


class Installer(Generic[C]):
    """Installs an integration in accounts, and removes it. Thread-safe.

    Args:
        open_client: makes a client.
        registry: the accounts.
        limit: how often codes are sent that strangers may have made up.
        room: how many clients are kept.
    """

    def __init__(
        self, open_client: Open[C], registry: AccountRegistry, limit: InstallLimit, room: int
    ) -> None:
        self._open = open_client
        self._registry = registry
        self._limit = limit
        self.clients: LRUCache[C] = LRUCache(room, _is_unsaved)
        # Whose a code is shows when it is granted: until then a client of its own brings it.
        self._guests: LRUCache[_Guest[C]] = LRUCache(GUESTS, lambda guest: guest.is_owed)

    def client(self, entry: Entry) -> C:
        """Return the client of an account; the same one while it is kept."""
        return self.clients.get(entry.kept, lambda: self._open(entry.record.host, entry.account_id))

    def install(self, host: str, code: str, state: str | None) -> tuple[C, bool]:
        """Exchange a code, unless that was done; keep the token under the account's id."""
        name = bound(code, state, host)
        guest = self._guests.get(name, lambda: _Guest(self._open(host, None)))
        try:
            guest.client.connection.install(code, state=state, share=self._limit.turn)
            entry = self._entry(guest.client)
            account = self.client(entry)
            account.connection.take_over()
        except AmoCRMError as error:
            if error.retryable:
                # Others may have taken its place meanwhile, and it may hold a pair by now.
                self._guests.get(name, lambda: guest)
            else:
                self._guests.take(name)
            raise
        self._guests.take(name)
        granted = guest.take_granted()
        if granted is not None:
            _log.info("installed in %s, account %s", entry.record.host, entry.account_id)
            account.connection.tell_granted(granted)
        return account, granted is not None

    def _entry(self, guest: C) -> Entry:
        """Find the record of an account that has just been installed, or was before."""
        account_id, host = guest.connection.account_id, guest.connection.host
        found = (
            self._registry.find(host) if account_id is None else self._registry.by_id(account_id)
        )
        if found is None:
            raise NotAuthorizedError(f"{host} was removed while it was being installed")
        if account_id is None:
            _log.warning("the uninstall hook of %s will not be understood: no id is known", host)
        return found

    def remove(self, account_id: int) -> str | None:
        """Forget an account by its id, unless its token works; return its host if it was there."""
        while (entry := self._registry.by_id(account_id)) is not None:
            try:
                works = self._works(entry)
            except AuthorizationError:
                if self._registry.is_there(entry):
                    raise
                continue  # Somebody has removed or renewed it meanwhile: it is another question.
            if works:
                _log.warning("said to be uninstalled in %s, whose token works", entry.record.host)
                return None
            if not self._registry.forget(entry):
                return None
            self.clients.take(entry.kept)
            _log.info("uninstalled in %s, account %d", entry.record.host, account_id)
            return entry.record.host
        _log.info("uninstalled in account %d, of which nothing is kept", account_id)
        return None

    def forget(self, find: Callable[[], Entry | None]) -> None:
        """Forget an account, and close its client, which would go on with a pair that is good."""
        while (entry := find()) is not None:
            client = self.clients.take(entry.kept)
            if client is not None:
                client.close()
            if self._registry.forget(entry):
                break

    def close(self) -> None:
        """Close all clients."""
        for client in self.clients.clear() + [guest.client for guest in self._guests.clear()]:
            client.close()

    def _works(self, entry: Entry) -> bool:
        """Ask amoCRM whether the token of an account is alive.

        Raises:
            AmoCRMError: the answer does not tell, or there was none.
        """
        client, token = self.client(entry), entry.record.token
        try:
            try:
                client.request.get(_ACCOUNT)
            except UnauthorizedError:
                if token.refresh_token is None:
                    return False
                # Renewing was tried a moment ago, for another call; now it is what we want to know.
                client.connection.refresh_token()
        except BlockedError:
            raise
        except (PaymentRequiredError, ForbiddenError):
            pass
        except AuthorizationError:
            # What stands against another pair, or against a code, says nothing of this one.
            if not client.connection.is_dead(token):
                raise
            return False
        return True


def _is_unsaved(client: Client) -> bool:
    return client.connection.unsaved
