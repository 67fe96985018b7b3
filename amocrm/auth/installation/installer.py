"""Installs an integration in accounts that agree, and removes it where it was switched off.

Both follow from calls that may come twice, late, or from strangers. Each is done once, makes no
other call wait or fail, and never removes a token that works.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from amocrm._support.cache import LRUCache
from amocrm.auth.connection import Connection
from amocrm.auth.installation.install_limit import InstallLimit
from amocrm.auth.installation.registry import AccountRegistry, Entry
from amocrm.auth.token_record import code_digest
from amocrm.errors import (
    AmoCRMError,
    AuthorizationError,
    BlockedError,
    ForbiddenError,
    NotAuthorizedError,
    PaymentRequiredError,
    UnauthorizedError,
)
from amocrm.http.paths import ACCOUNT_PATH
from amocrm.http.request import Request
from amocrm.http.transport.transport import Response


class Client(Protocol):
    """The parts of an account's client that an installation uses."""

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
        """Close the client."""
        ...


C = TypeVar("C", bound=Client)

PENDING: Final = 64
"""Installations that have not ended and may be repeated: so many clients of theirs are cached."""

Open: TypeAlias = Callable[[str, int | None], C]
"""Makes a client of an account, from its host and, if it is known, its id."""

_log = logging.getLogger("amocrm")


class _Pending(Generic[C]):
    """An installation in progress: a client that exchanges an unproven code.

    Attributes:
        client: of the account that the code belongs to, which is known after the grant.
        granted: the response with the token, until a caller has taken it.
    """

    def __init__(self, client: C) -> None:
        self.client = client
        self.granted: list[Response] = []
        client.on("connection:newToken", self.granted.append)

    @property
    def is_needed(self) -> bool:
        """Whether its token is not saved yet, or no caller has taken the response yet."""
        return bool(self.granted) or _is_unsaved(self.client)

    def take_granted(self) -> Response | None:
        """Return the response with the token to the first caller; None to the others."""
        try:
            return self.granted.pop()
        except IndexError:
            return None


class Installer(Generic[C]):
    """Installs an integration in accounts, and removes it. Thread-safe.

    Args:
        open_client: makes a client.
        registry: the accounts.
        limit: how often unproven codes are sent.
        max_clients: number of clients that are cached.
        on_open: called with each client of an account, but not with those of unproven codes.
    """

    def __init__(
        self,
        open_client: Open[C],
        registry: AccountRegistry,
        limit: InstallLimit,
        max_clients: int,
        on_open: Callable[[C], object] = lambda _: None,
    ) -> None:
        self._on_open = on_open
        self._open = open_client
        self._registry = registry
        self._limit = limit
        self.clients: LRUCache[C] = LRUCache(max_clients, _is_unsaved)
        # The account of a code is known after the grant: until then the code has its own client.
        self._pending: LRUCache[_Pending[C]] = LRUCache(PENDING, lambda pending: pending.is_needed)

    def client(self, entry: Entry) -> C:
        """Return the client of an account; the same one while it is cached."""
        return self.clients.get(entry.key_name, lambda: self._open_account(entry))

    def _open_account(self, entry: Entry) -> C:
        client = self._open(entry.record.host, entry.account_id)
        self._on_open(client)
        return client

    def install(self, host: str, code: str, state: str | None) -> tuple[C, bool]:
        """Exchange a code, unless that was done, and store the token under the account's id.

        Returns:
            The account's client, and whether this call has installed the integration there.
        """
        name = code_digest(code, state, host)
        pending = self._pending.get(name, lambda: _Pending(self._open(host, None)))
        try:
            pending.client.connection.install(code, state=state, limit=self._limit.slot)
            entry = self._entry(pending.client)
            account = self.client(entry)
            account.connection.reload()
        except AmoCRMError as error:
            if error.retryable:
                # Other codes may have displaced it meanwhile, and it may have a token by now.
                self._pending.get(name, lambda: pending)
            else:
                self._pending.take(name)
            raise
        self._pending.take(name)
        granted = pending.take_granted()
        if granted is not None:
            _log.info("installed in %s, account %s", entry.record.host, entry.account_id)
            account.connection.notify_granted(granted)
        return account, granted is not None

    def _entry(self, client: C) -> Entry:
        """Return the record of an account that was installed just now or before."""
        account_id, host = client.connection.account_id, client.connection.host
        entry = (
            self._registry.find(host) if account_id is None else self._registry.by_id(account_id)
        )
        if entry is None:
            raise NotAuthorizedError(f"{host} was removed during its installation")
        if account_id is None:
            _log.warning("%s has no known account id: its uninstall hook will remove nothing", host)
        return entry

    def remove(self, account_id: int) -> str | None:
        """Remove an account, unless its token works; return its host if this call removed it."""
        while (entry := self._registry.by_id(account_id)) is not None:
            try:
                works = self._works(entry)
            except AuthorizationError:
                if self._registry.is_current(entry):
                    raise
                continue  # Another process has removed or refreshed it meanwhile: check again.
            if works:
                _log.warning(
                    "ignored the uninstall hook of %s: its token still works", entry.record.host
                )
                return None
            if not self._registry.forget(entry):
                return None
            self.clients.take(entry.key_name)
            _log.info("uninstalled in %s, account %d", entry.record.host, account_id)
            return entry.record.host
        _log.info("uninstalled in account %d, which is not in the store", account_id)
        return None

    def forget(self, find: Callable[[], Entry | None]) -> None:
        """Remove an account, and close its client, which would go on with a valid token."""
        while (entry := find()) is not None:
            client = self.clients.take(entry.key_name)
            if client is not None:
                client.close()
            if self._registry.forget(entry):
                break

    def close(self) -> None:
        """Close all clients."""
        pending = [pending.client for pending in self._pending.clear()]
        for client in self.clients.clear() + pending:
            client.close()

    def _works(self, entry: Entry) -> bool:
        """Make a call to find out whether the token of an account works.

        Raises:
            AmoCRMError: there was no response, or it does not show that.
        """
        client, token = self.client(entry), entry.record.token
        try:
            try:
                client.request.get(ACCOUNT_PATH)
            except UnauthorizedError:
                if token.refresh_token is None:
                    return False
                # The cooldown of another call may have prevented a refresh; here it is needed.
                client.connection.refresh_token()
        except BlockedError:
            raise
        except (PaymentRequiredError, ForbiddenError):
            pass
        except AuthorizationError:
            # The refusal of another pair or of a code says nothing about this pair.
            if not client.connection.is_revoked(token):
                raise
            return False
        return True


def _is_unsaved(client: Client) -> bool:
    return client.connection.unsaved
