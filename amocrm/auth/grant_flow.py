"""The steps that a code exchange and a token refresh share: announce, request, store, notify.

The store comes first: a new token pair is saved, then used, then handlers are called, and an error
of a handler loses nothing. After a lost response the old pair is used until amoCRM refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from amocrm._support.shield import shielded
from amocrm.auth.connection_events import ConnectionEvents, Step
from amocrm.auth.grant_log import GrantLogEntry, write
from amocrm.auth.token import Token, fingerprint
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_endpoint import Failed, Grant, TokenEndpoint
from amocrm.auth.token_record import Record
from amocrm.errors import TokenStoreError
from amocrm.http.transport.transport import Response

Settle: TypeAlias = Callable[[Token], None]
"""Gives a new token to the threads that wait for it."""


class StoredGrant(NamedTuple):
    """A grant whose pair is in use.

    Attributes:
        grant: the grant.
        error: why the pair could not be saved; None if it is in the store.
        moved: the account has another host than before.
    """

    grant: Grant
    error: TokenStoreError | None
    moved: bool


class GrantFlow:
    """Requests grants of one account, one at a time.

    Attributes:
        endpoint: client of the token endpoint.
        cache: the current token.
        events: of the connection.
        announcing: a handler of `beforeFetchToken` or `beforeRefreshToken` is running. It has
            the store's lock, so it must not exchange a code.
    """

    def __init__(
        self, endpoint: TokenEndpoint, cache: TokenCache, events: ConnectionEvents
    ) -> None:
        self.endpoint = endpoint
        self.cache = cache
        self.events = events
        self.announcing = False

    def announce(self, event: Step) -> None:
        """Emit the event before a request."""
        self.announcing = True
        try:
            self.events.step(event)
        finally:
            self.announcing = False

    def request(
        self,
        ask: Callable[[], Grant | Failed],
        used: Record | None,
        *,
        code_digest: str | None = None,
        granted_after_401: bool = False,
    ) -> StoredGrant | Failed:
        """Request a grant, then save and use its pair.

        Ctrl-C and SIGTERM wait until a granted pair is stored. If the user of the library sets
        another token meanwhile, that token stays in use, and the granted pair is dropped.

        Args:
            ask: sends the request.
            used: the stored record of the pair that is refreshed; None for a code.
            code_digest: digest of the code that is exchanged.
            granted_after_401: the refresh follows a 401.
        """
        cache, changes, host = self.cache, self.cache.changes, self.cache.portal.account

        def store(grant: Grant | Failed) -> StoredGrant | Failed:
            if isinstance(grant, Failed):
                return grant
            current = cache.token
            replaced = (
                current is None or used is None or current.refresh_token != used.token.refresh_token
            )
            if cache.changes != changes and replaced:
                return StoredGrant(grant, None, False)
            error = cache.store_granted(
                grant.token,
                grant.portal,
                used,
                code_digest,
                account_id=grant.account_id,
                granted_after_401=granted_after_401,
            )
            return StoredGrant(grant, error, grant.portal.account != host)

        return shielded(ask, store)

    def use_stored(self, record: Record, entry: GrantLogEntry) -> Token:
        """Use a token that another process has stored, and log that."""
        token = self.cache.use_stored(record)
        write(entry._replace(account=record.host, granted=fingerprint(token.refresh_token)))
        return token

    def notify(self, stored: StoredGrant, settle: Settle) -> None:
        """Give the token to the threads that wait, write the log, call the handlers.

        Raises:
            TokenStoreError: the pair could not be saved.
        """
        grant = stored.grant
        settle(grant.token)
        self.endpoint.log(grant)
        self.events.granted(Response(grant.token.as_dict(), grant.info))
        if stored.moved:
            self.events.moved(grant.portal.account)
        if stored.error is not None:
            raise stored.error
