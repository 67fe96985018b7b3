"""What handlers need of an account: its client, its pipelines, its user, an event's entity."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Final, Protocol, TypeAlias, cast

from amocrm._support.cache import CachedValue, LRUCache
from amocrm._support.clock import Clock
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError, NotAuthorizedError, NotOfferedError
from amocrm.http.messages import Json
from amocrm.integration import Integration
from amocrm.webhooks.authors import number_of
from amocrm.webhooks.event import Event, Fetch

Clients: TypeAlias = "AmoCRM | Integration | Callable[[int], AmoCRM]"
"""One account's client, an integration, or a function that returns the client of an account id."""

KNOWN_FOR: Final = 600.0
"""Seconds for which an account's pipelines and user are not read again."""

ACCOUNTS: Final = 1000
"""Accounts whose pipelines and users stay in memory."""

_BY_ID: Final = (
    "leads", "contacts", "companies", "customers", "tasks", "talks", "chat_templates",
)  # fmt: skip


class AccountFacts:
    """An account's pipelines, and the user whose token its client has."""

    def __init__(self, crm: AmoCRM, clock: Clock) -> None:
        self.crm = crm
        self._pipelines = CachedValue(clock, lambda: list(crm.leads.pipelines.list()))
        self._user_id = CachedValue(clock, lambda: crm.account.get()["current_user_id"])

    def pipelines(self) -> Sequence[dict[str, Json]]:
        """Return the pipelines of leads with their stages."""
        return cast("list[dict[str, Json]]", self._pipelines.get(KNOWN_FOR))

    def user_id(self) -> int:
        """Return the id of the user whose token the client has."""
        return self._user_id.get(KNOWN_FOR)


class Accounts:
    """Finds the client of an event's account, and what is known about the account."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        if not isinstance(clients, (AmoCRM, Integration)) and not callable(clients):
            raise ConfigurationError(
                "clients must be an AmoCRM, an Integration, or a function of an account id"
            )
        self._clients = clients
        self._clock = clock
        self._facts: LRUCache[AccountFacts] = LRUCache(ACCOUNTS)

    def of(self, event: Event) -> EventAccount:
        """Return the account of an event; nothing is read yet."""
        return EventAccount(self, event)

    def client(self, event: Event) -> AmoCRM:
        """Return the client of the account that an event is of.

        Raises:
            ConfigurationError: the client is one of another account, or the account is not known.
            NotAuthorizedError: the integration is not installed in the account.
        """
        if isinstance(self._clients, AmoCRM):
            known = self._clients.connection.account_id
            if None not in (known, event.account_id) and known != event.account_id:
                raise ConfigurationError(
                    f"a webhook of account {event.account_id} came to the client of {known}"
                )
            return self._clients
        if event.account_id is None:
            raise ConfigurationError(
                "the webhook does not say of which account it is",
                hint="give each account an address of its own",
            )
        try:
            if isinstance(self._clients, Integration):
                return self._clients.account(id=event.account_id)
            return self._clients(event.account_id)
        except NotAuthorizedError:
            if event.kind != "uninstall":
                raise
            # Its handler runs all the same; the token may be deleted by now.
            return cast("AmoCRM", None)

    def facts(self, event: Event, crm: AmoCRM) -> AccountFacts:
        """Return what is known about the account; with a new client it is read again."""
        name = str(event.account_id)
        facts = self._facts.held(name)
        if facts is None or facts.crm is not crm:
            self._facts.take(name)
            facts = self._facts.get(name, lambda: AccountFacts(crm, self._clock))
        return facts


class EventAccount:
    """The account of one event. Its client is looked for when it is first needed."""

    def __init__(self, accounts: Accounts, event: Event) -> None:
        self._accounts = accounts
        self._event = event

    @cached_property
    def crm(self) -> AmoCRM:
        """The client."""
        return self._accounts.client(self._event)

    def pipelines(self) -> Sequence[dict[str, Json]]:
        """Return the pipelines of leads with their stages."""
        return self._accounts.facts(self._event, self.crm).pipelines()

    def user_id(self) -> int:
        """Return the id of the user whose token the client has."""
        return self._accounts.facts(self._event, self.crm).user_id()


class _Readable(Protocol):
    def get(self, id: int | str, /, *, with_: Sequence[str] | None) -> Json: ...  # noqa: A002


class EntityReader:
    """Reads the entities of events that are handled together, each once."""

    def __init__(self) -> None:
        self._read: dict[tuple[object, ...], dict[str, Json]] = {}

    def of(self, crm: AmoCRM) -> Fetch:
        """Return the function for the events of one client."""
        return partial(self._fetch, crm)

    def _fetch(
        self, crm: AmoCRM, event: Event, with_: tuple[str, ...], again: bool
    ) -> dict[str, Json]:
        """Return an entity; each caller may change what it gets."""
        if event.id is None:
            raise NotOfferedError(f"an event {event.code} is about no entity that can be read")
        name = (event.entity, event.id, *sorted(with_))
        if again or name not in self._read:
            self._read[name] = _resource(event, crm).get(event.id, with_=with_ or None)
        return copy.deepcopy(self._read[name])


def _resource(event: Event, crm: AmoCRM) -> _Readable:
    if event.entity in _BY_ID:
        return cast("_Readable", getattr(crm, event.entity))
    if event.entity == "unsorted":
        return cast("_Readable", crm.leads.unsorted)
    catalog_id = number_of(event.item, "catalog_id")
    if event.entity == "catalog_elements" and catalog_id is not None:
        return cast("_Readable", crm.catalogs(catalog_id).elements)
    raise NotOfferedError(f"the API does not return one of {event.entity or event.wire} by its id")
