"""What the resources of one client share. Each part is made when it is first used."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from amocrm._support.forks import ForkLock
from amocrm.bulk.context import ApiContext
from amocrm.errors import AmoCRMError
from amocrm.http.messages import Retry, Timeout
from amocrm.http.request import with_options
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
        self._shared: ResourceContext | None = None

    def with_options(
        self, timeout: float | Timeout | None, retry: Retry | None, read_only: bool | str
    ) -> ResourceContext:
        """Return a context that shares what is known, and asks with other limits."""
        twin = copy.copy(self)
        twin._shared = self._original
        request = with_options(self._api.request, timeout=timeout, retry=retry, read_only=read_only)
        twin._api = self._api._replace(request=request)
        return twin

    @property
    def _original(self) -> ResourceContext:
        """The context that holds what is shared."""
        return self._shared or self

    def definitions(self) -> DefinitionsCache:
        """Return the cache of custom fields' definitions and of the account's time zone."""
        original = self._original
        with self._lock:
            if original._definitions is None:
                original._definitions = lazy.definitions_cache.DefinitionsCache(original._api)
            known = original._definitions
        return known if self is original else known.through(self._api)

    def files(self, api: ApiContext) -> ApiContext:
        """Return a context whose calls go to the host of the account's files."""
        original = self._original
        with self._lock:
            if original._drive_host is None:
                original._drive_host = lazy.host.DriveHost(api.clock)
            host = original._drive_host
        return api._replace(request=lazy.host.on_drive(api.request, host))

    def forget_fields(self, kind: str) -> None:
        """Ask for the custom fields of a kind anew when they are next needed."""
        if (known := self._original._definitions) is not None:
            known.forget(kind)

    def explain(self, error: Exception, kind: str) -> Exception:
        """Return an error that names the custom fields it is about, if they are known by now.

        Args:
            error: of any kind.
            kind: of the entities that were sent, such as `leads`.
        """
        known = self._original._definitions
        if known is None or not isinstance(error, AmoCRMError):
            return error
        return lazy.error_messages.explain(error, kind, known.held)

    @property
    def lock(self) -> Lock:
        """Locks by any text."""
        return lazy.locks.Stripes(self._store, self._client_id, self._account())
