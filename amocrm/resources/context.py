"""What the resources of one client share. Each part is made when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from amocrm._support.forks import ForkLock
from amocrm.bulk.context import ApiContext
from amocrm.errors import AmoCRMError
from amocrm.resources import lazy
from amocrm.stores.store import TokenStore

if TYPE_CHECKING:
    from amocrm.resources.custom_fields.definitions_cache import DefinitionsCache
    from amocrm.resources.files.host import DriveHost
    from amocrm.resources.people.find_or_create import Lock


class ResourceContext:
    """The definitions of custom fields, and locks between all who share a store. Thread-safe.

    Args:
        api: what is asked through.
        store: where locks are.
        client_id: whose locks: of the integration, and
        account: of the account; it is asked when they are needed.
    """

    def __init__(
        self, api: ApiContext, store: TokenStore, client_id: str, account: Callable[[], str]
    ) -> None:
        self._api = api
        self._store = store
        self._client_id = client_id
        self._account = account
        self._definitions: DefinitionsCache | None = None
        self._drive_host: DriveHost | None = None
        self._lock = ForkLock()

    def definitions(self) -> DefinitionsCache:
        """Return the cache of custom fields' definitions and of the account's time zone."""
        with self._lock:
            if self._definitions is None:
                self._definitions = lazy.definitions_cache.DefinitionsCache(self._api)
            return self._definitions

    def files(self, api: ApiContext) -> ApiContext:
        """Return a context whose calls go to the host of the account's files."""
        with self._lock:
            if self._drive_host is None:
                self._drive_host = lazy.host.DriveHost(api.clock)
            host = self._drive_host
        return api._replace(request=lazy.host.on_drive(api.request, host))

    def forget_fields(self, kind: str) -> None:
        """Ask for the custom fields of a kind anew when they are next needed."""
        if self._definitions is not None:
            self._definitions.forget(kind)

    def explain(self, error: Exception, kind: str) -> Exception:
        """Return an error that names the custom fields it is about, if they are known by now.

        Args:
            error: of any kind.
            kind: of the entities that were sent, such as `leads`.
        """
        if self._definitions is None or not isinstance(error, AmoCRMError):
            return error
        return lazy.error_messages.explain(error, kind, self._definitions.held)

    @property
    def lock(self) -> Lock:
        """Locks by any text."""
        return lazy.locks.Stripes(self._store, self._client_id, self._account())
