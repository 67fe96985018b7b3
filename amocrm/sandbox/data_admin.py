"""What tests and people do with the data of an account without a request."""

from __future__ import annotations

import copy
import json
from collections import Counter

from amocrm.sandbox.admin import Admin
from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.fixtures import put
from amocrm.sandbox.data.shop import fill_shop
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.merging import merge
from amocrm.sandbox.engine.routes import dispatch
from amocrm.sandbox.engine.validate import check_model
from amocrm.sandbox.engine.validation_errors import refuse_batch
from amocrm.sandbox.engine.view import plain
from amocrm.sandbox.engine.writing import Writer
from amocrm.sandbox.entities.unsorted_items import enter
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.populate.population import Locale, Population, Setting, languages_of


class DataAdmin(Admin):
    """Adds, deletes and reads the entities of accounts."""

    def add(self, entity_type: str, entity: Entity, account: str | Account | None = None) -> int:
        """Store an entity directly, past the wire; return its id.

        Bots, talks, widgets and waiting bots, which no request can make, are taken as they are.

        Raises:
            KeyError: there is no such resource.
            ProblemError: the API would refuse it, too.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            if entity_type not in ENTITY_TYPES:
                return put(where, self._router.ids, entity_type, copy.deepcopy(entity), now)
            table = ENTITY_TYPES[entity_type]
            checked = check_model(entity, table, where, table.create)
            refuse_batch([entity], [checked])
            client_id = self.integration.client_id
            writer = Writer(where, self._router.ids, where.admin.id, now, client_id)
            return int(writer.create(table, copy.deepcopy(entity))["id"])

    def add_shop(self, account: str | Account | None = None) -> None:
        """Fill an account with the data of a small shop, as if its administrator had entered it."""
        with self._writing():
            where = self.account(account)
            fill_shop(
                lambda method, path, body: self.call_api(method, path, body, account=where),
                int(self.clock.time()),
            )

    def populate(
        self,
        leads: int = 10_000,
        seed: int = 7,
        account: str | Account | None = None,
        locale: Locale | None = None,
    ) -> None:
        """Fill an account with a plausible year: leads, people, companies, notes, tasks, events.

        The pipelines, fields and users are those of the account; loss reasons are added if it has
        none. The same seed makes the same data in the same account, with the same version of Faker.
        No webhook tells of it.

        Args:
            leads: how many; the rest follows from them.
            seed: of everything that is drawn.
            account: the first one if None.
            locale: names and texts in Russian (`ru`), in English (`en`), or `both`; None: in that
                of the account's platform.

        Raises:
            ValueError: the number of leads is negative, there is no such locale, or no pipeline has
                a stage for new leads.
            ImportError: Faker is missing: it comes with the extra `testing`.
        """
        with self._writing():
            where = self.account(account)
            setting = Setting(
                where, self._router.ids, self.integration.client_id, int(self.clock.time()), seed,
                languages_of(where, locale),
            )  # fmt: skip
            Population(setting).fill(leads)

    def call_api(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        query: str = "",
        account: str | Account | None = None,
    ) -> Json:
        """Do what a request of the account's administrator does; return the decoded answer.

        It needs no token, is in no log, and suffers no fault and no limit. Its writes are recorded
        as events, and cause webhooks.

        Args:
            method: of the request.
            path: below `/api/v4`.
            body: of a write.
            query: of the address.
            account: the first one if None.

        Raises:
            ProblemError: it is refused.
        """
        with self._writing() if method != "GET" else self.locked():
            where = self.account(account)
            grant, now = self._grant(where, None), int(self.clock.time())
            request = IncomingRequest.of_json(method, where.host, f"/api/v4{path}", body, query)
            answer = dispatch(Call(request, where, grant, now, self._router.ids, Counter()))
            return json.loads(answer.body) if answer.body else None

    def add_unsorted(
        self,
        category: str,
        metadata: Entity | None = None,
        account: str | Account | None = None,
    ) -> str:
        """Add an incoming lead; return its uid.

        The only way to add chats and mail: the API creates forms and calls only (reference 4.4).
        """
        with self._writing():
            where = self.account(account)
            writer = Writer(where, self._router.ids, where.admin.id, int(self.clock.time()))
            ends: dict[str, int | None] = {
                name: int(writer.create(ENTITY_TYPES[name], {})["id"])
                for name in ("leads", "contacts")
            }
            return str(enter(writer, category, ends, {"metadata": metadata or {}})["uid"])

    def trash(self, entity_type: str, number: int, account: str | Account | None = None) -> None:
        """Delete an entity, which the API itself cannot do (reference 3.7).

        Leads, contacts, companies and customers go to the recycle bin; tasks and elements of lists
        (`elements`) are gone.

        Raises:
            KeyError: there is no such entity.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            entity = where.entities[entity_type][number]
            if entity_type in ENTITY_TYPES:
                entity |= {"is_deleted": True, "updated_at": now}
            else:
                del where.entities[entity_type][number]
            where.changes.delete(entity_type, entity)
            if entity_type in SINGULAR:
                history = Writer(where, self._router.ids, where.admin.id, now).history
                history.record(f"{SINGULAR[entity_type]}_deleted", SINGULAR[entity_type], number)

    def restore(self, entity_type: str, number: int, account: str | Account | None = None) -> None:
        """Take an entity out of the recycle bin.

        Raises:
            KeyError: there is no such entity.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            entity = where.entities[entity_type][number]
            entity |= {"is_deleted": False, "updated_at": now}
            where.changes.restore(entity_type, entity)
            history = Writer(where, self._router.ids, where.admin.id, now).history
            history.record(f"{SINGULAR[entity_type]}_restored", SINGULAR[entity_type], number)

    def merge(
        self, entity_type: str, into: int, other: int, account: str | Account | None = None
    ) -> None:
        """Merge two leads, contacts, companies or customers: only `into` is left.

        Raises:
            KeyError: there is no such entity.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            merge(Writer(where, self._router.ids, where.admin.id, now), entity_type, into, other)

    def leads(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored leads, with tags by name and ties by id."""
        return self._stored("leads", account)

    def contacts(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored contacts."""
        return self._stored("contacts", account)

    def companies(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored companies."""
        return self._stored("companies", account)

    def _stored(self, entity_type: str, account: str | Account | None) -> list[Entity]:
        with self._lock:
            where = self.account(account)
            entities = where.entities[entity_type].values()
            return [plain(where, entity_type, one, copy.deepcopy) for one in entities]
