"""Finds the contact or company of a row by phone or e-mail and changes it, or creates it.

What a row says is set in the entity that was found, and what differs is sent: phones and e-mails
are added to those that are there. Doing it again changes nothing; so after a kill the rows that
may have been written are done again. The journal tells which rows are done.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from amocrm.bulk.import_journal import Journal, opened
from amocrm.bulk.outcomes import Created
from amocrm.bulk.workers import OrderedPool
from amocrm.cli.importing.items import Item
from amocrm.cli.importing.outcomes import RowOutcome, What
from amocrm.errors import (
    AmoCRMError,
    ConfigurationError,
    NotFoundError,
    OutcomeUnknownError,
    ValidationError,
)
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.values import CLEAR
from amocrm.resources.people.contact_keys import Ambiguous
from amocrm.resources.people.normalize import normalize_phone

if TYPE_CHECKING:
    from amocrm.cli.entity_kinds import EntityKind
    from amocrm.resources.contacts import Companies, Contacts

DEPTH: Final = 6
"""Rows that are worked on at once: about as many calls as fill the API's limit."""

_SHOWN: Final = 5


class _Task(NamedTuple):
    position: int
    item: Item
    digest: str
    known: RowOutcome | None = None


class _Done(NamedTuple):
    outcome: RowOutcome
    error: Exception | None = None


class Matching:
    """Writes items one by one.

    Args:
        kind: contacts or companies.
        journal: of the import; None keeps none.
    """

    def __init__(self, kind: EntityKind, journal: Journal | None) -> None:
        self._kind = kind
        self._journal = journal

    def run(self, items: Iterable[Item]) -> Iterator[RowOutcome]:
        """Write the items, and yield what became of each, in their order.

        Raises:
            AmoCRMError: nothing more can be written; the outcomes before it were yielded.
        """
        with opened(self._journal):
            yield from self._run(items)

    def _run(self, items: Iterable[Item]) -> Iterator[RowOutcome]:
        busy: deque[_Task] = deque()
        with OrderedPool(self._write, patient=True) as pool:

            def take() -> RowOutcome:
                done, _ = pool.take(), busy.popleft()
                if done.error is not None:
                    raise done.error
                return done.outcome

            for position, item in enumerate(items):
                task = self._task(position, item)
                # Two rows of one person are written in their order.
                while busy and (len(busy) >= DEPTH or any(_is_same(task, one) for one in busy)):
                    yield take()
                busy.append(task)
                pool.ask(task)
            while busy:
                yield take()

    def _task(self, position: int, item: Item) -> _Task:
        if self._journal is None or item.error is not None:
            return _Task(position, item, "")
        digest, known = self._journal.recall(position, item.data)
        if known is None or not known.is_done:
            return _Task(position, item, digest)
        what, _, number = str(known.id).partition(" ")
        return _Task(position, item, digest, RowOutcome(item.row, cast("What", what), int(number)))

    def _write(self, task: _Task) -> _Done:
        row = task.item.row
        if task.known is not None:
            return _Done(task.known)
        if task.item.error is not None:
            return _Done(RowOutcome(row, "refused", error=task.item.error))
        if self._journal is not None:
            self._journal.sent([(task.position, task.digest)])
        try:
            outcome = self._find_and_write(task.item)
        except OutcomeUnknownError as error:
            return _Done(RowOutcome(row, "unknown", error=error))
        except (ValidationError, NotFoundError, ConfigurationError) as error:
            if self._journal is not None:
                self._journal.back([task.position])
            return _Done(RowOutcome(row, "refused", error=error))
        except AmoCRMError as error:
            return _Done(RowOutcome(row, "refused", error=error), error)
        if self._journal is not None:
            self._journal.done([(task.position, f"{outcome.what} {outcome.id}")])
        return _Done(outcome)

    def _find_and_write(self, item: Item) -> RowOutcome:
        resource = cast("Contacts | Companies", self._kind.resource)
        keys = item.keys
        assert keys is not None
        found = resource.find_or_create(
            cast("Json", _new(item.data)), phone=keys.phones, email=keys.emails
        )
        if isinstance(found, Created):
            return RowOutcome(item.row, "created", found.id)
        if isinstance(found, Ambiguous):
            ids = ", ".join(map(str, found.ids[:_SHOWN]))
            raise ConfigurationError(
                f"{len(found.ids)} {self._kind.name} have it: {ids}",
                hint="merge them, or match by id",
            )
        after = self._changed(found.entity, item.data)
        saved = resource.save(found.entity, after)
        return RowOutcome(item.row, "unchanged" if saved is None else "updated", found.id)

    def _changed(self, entity: dict[str, Json], data: dict[str, Json]) -> dict[str, Json]:
        """Return an entity as a row wants it."""
        after = copy.deepcopy(entity)
        new = self._kind.fields({**data})
        fields = self._kind.fields(after)
        for number in _cleared(data):
            fields[number] = CLEAR
        for key in new:
            value = new[key]
            field = self._kind.schema.find(key)
            if field.type == "multitext":
                kept = fields.get(key) or []
                texts = {_compared(one.value) for one in kept}
                value = [*kept, *(one for one in value if _compared(one.value) not in texts)]
            fields[key] = value
        for name, value in data.items():
            if name == "tags_to_add":
                _add_tags(after, value)
            elif name != "custom_fields_values":
                after[name] = value
        return after


def _new(data: dict[str, Json]) -> dict[str, Json]:
    """Return a new entity whose fields are named by id alone, or by code; it clears nothing."""
    items = [
        {"field_code": one["field_code"], "values": one["values"]}
        if one.get("field_code")
        else {"field_id": one["field_id"], "values": one["values"]}
        for one in data.get("custom_fields_values") or ()
        if one["values"] is not None
    ]
    plain = {name: value for name, value in data.items() if value is not None}
    plain.pop("custom_fields_values", None)
    return {**plain, "custom_fields_values": items} if items else plain


def _cleared(data: dict[str, Json]) -> list[int]:
    """Return the ids of the custom fields that a row clears."""
    listed = data.get("custom_fields_values") or ()
    return [one["field_id"] for one in listed if one["values"] is None]


def _add_tags(entity: dict[str, Json], tags: list[dict[str, Json]]) -> None:
    parts = entity.setdefault("_embedded", {})
    own = parts.get("tags") or []
    names = {str(one.get("name")).casefold() for one in own}
    parts["tags"] = [*own, *(one for one in tags if one["name"].casefold() not in names)]


def _compared(text: str) -> str:
    """Return a phone or an e-mail as it is compared: phones without letters in any spelling."""
    folded = "".join(text.casefold().split())
    return folded if any(map(str.isalpha, folded)) else normalize_phone(text) or folded


def _is_same(one: _Task, other: _Task) -> bool:
    """Tell whether two rows look for the same phone or e-mail."""
    if one.item.keys is None or other.item.keys is None:
        return False
    return not set(one.item.keys.texts).isdisjoint(other.item.keys.texts)
