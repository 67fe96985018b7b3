"""Erases a person from a mirror, and keeps later runs from writing what they have read before.

What is erased: the contact with its values, tags and links; its notes, calls and tasks; the events
of the contact, which hold old values; and calls and SMS with one of its phone numbers, whatever
entity they belong to. What stays is an id that leads nowhere, and the instant: a row that was
changed after it is of a person who exists anew in the account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Final

import sqlalchemy as sa

from amocrm._support.clock import Clock, SystemClock
from amocrm.errors import ConfigurationError, MirrorError
from amocrm.http.messages import Json
from amocrm.mirror.flatten.reading import at as value_at
from amocrm.mirror.sql.merging import CHUNK, Merger
from amocrm.mirror.sql.sink import Sink

_DIGITS: Final = 10
"""Last digits of a number that are compared: a country's code is written in several ways."""
_FEWEST: Final = 5
"""Digits of a number: what is shorter is an extension, which many persons have."""
_SMS: Final = ("sms_in", "sms_out")
_PATIENCE: Final = 2.0
"""Seconds to wait for programs that are reading an SQLite database."""
_NOT_DIGITS: Final = re.compile(r"\D+")


def forget(
    engine: sa.Engine | str,
    account_id: int,
    contact_id: int,
    *,
    prefix: str = "",
    clock: Clock | None = None,
) -> Mapping[str, int]:
    """Erase a person from a mirror. Delete the contact in amoCRM first.

    A contact that is still in the account, and is changed there, comes back with the next run.
    Names in the texts of leads, and copies of the database, are not looked for.

    Args:
        engine: an engine of SQLAlchemy, or a URL.
        account_id: of the account.
        contact_id: of the contact.
        prefix: of the names of the mirror's tables.
        clock: for tests.

    Returns:
        Numbers of erased rows, by table; empty if the mirror knew nothing of the person.

    Raises:
        ConfigurationError: an id is no positive whole number.
        MirrorError: the database cannot be used, or has no mirror: nothing was erased. Or a program
            is reading an SQLite database, so that its log cannot be emptied: call it again.
    """
    for name, value in (("account_id", account_id), ("contact_id", contact_id)):
        if type(value) is not int or value <= 0:
            raise ConfigurationError(f"{name} must be a positive whole number")
    now = int((clock or SystemClock()).time())
    with closing(Sink(engine, prefix)) as sink:
        if not sink.exists():
            raise MirrorError(f"{sink!r} has no mirror")
        sink.create_tables()
        counts = sink.alter(
            "forget a contact", account_id, lambda one: _Eraser(one, contact_id, now).erase()
        )
        if not sink.database.empty_log(_PATIENCE):
            raise MirrorError(
                "the contact is erased, but SQLite's log still has it: another program is reading",
                hint="call forget again when it has ended",
            )
        return counts


class _Eraser:
    """Erases one person within the transaction of a merger."""

    def __init__(self, merger: Merger, contact_id: int, now: int) -> None:
        self._merger = merger
        self._connection = merger.connection
        self._tables = merger.tables.of
        self._contact_id = contact_id
        self._now = now
        self._counts: dict[str, int] = {}

    def erase(self) -> dict[str, int]:
        """Erase the rows, and remember that they were."""
        contacts = self._tables["contacts"].c
        changed_at = self._connection.scalar(
            sa.select(contacts.updated_at).where(self._mine("contacts", id=self._contact_id))
        )
        calls = self._notes_by_number()
        self._remember("contacts", [self._contact_id], max(self._now, changed_at or 0))
        for of, numbers in calls.items():
            self._remember(f"{of}/notes", numbers, self._now)
            for begin in range(0, len(numbers), CHUNK):
                some = numbers[begin : begin + CHUNK]
                self._delete("calls", entity_type=of, note_id=some)
                self._delete("notes", entity_type=of, id=some)
        for name in ("calls", "notes", "tasks", "field_values", "entity_tags", "links"):
            self._delete(name, entity_type="contacts", entity_id=self._contact_id)
        self._delete("links", to_entity_type="contacts", to_entity_id=self._contact_id)
        self._delete("events", entity_type="contact", entity_id=self._contact_id)
        self._delete("contacts", id=self._contact_id)
        leads = self._tables["leads"]
        self._connection.execute(
            sa.update(leads)
            .where(self._mine("leads", main_contact_id=self._contact_id))
            .values(main_contact_id=None)
        )
        return self._counts

    def _notes_by_number(self) -> dict[str, list[int]]:
        """Return the notes of calls and SMS with one of the person's numbers, by kind of entity."""
        values, fields = self._tables["field_values"].c, self._tables["fields"].c
        phones = sa.select(fields.id).where(self._mine("fields", code="PHONE"))
        query = sa.select(values.value_text).where(
            self._mine("field_values", entity_type="contacts", entity_id=self._contact_id),
            values.field_id.in_(phones),
        )
        numbers = {_last_digits(text) for text in self._connection.scalars(query)} - {""}
        found: dict[str, list[int]] = {}
        if not numbers:
            return found
        calls, notes = self._tables["calls"].c, self._tables["notes"].c
        called = sa.select(calls.entity_type, calls.note_id, calls.phone).where(
            self._mine("calls"), calls.phone.is_not(None)
        )
        texted = sa.select(notes.entity_type, notes.id, notes.raw).where(
            self._mine("notes", note_type=[*_SMS])
        )
        for of, note_id, phone in self._connection.execute(called):
            if _last_digits(phone) in numbers:
                found.setdefault(of, []).append(note_id)
        for of, note_id, raw in self._connection.execute(texted):
            if _last_digits(value_at(raw, ("params", "phone"))) in numbers:
                found.setdefault(of, []).append(note_id)
        return found

    def _delete(self, name: str, **values: Json) -> None:
        done = self._connection.execute(
            sa.delete(self._tables[name]).where(self._mine(name, **values))
        )
        if done.rowcount > 0:
            self._counts[name] = self._counts.get(name, 0) + done.rowcount

    def _mine(self, name: str, **values: Json) -> sa.ColumnElement[bool]:
        columns = self._tables[name].c
        conditions = [columns.account_id == self._merger.account_id]
        for column, value in values.items():
            one = columns[column]
            conditions.append(one.in_(value) if isinstance(value, list) else one == value)
        return sa.and_(*conditions)

    def _remember(self, kind: str, ids: Iterable[int], at: int) -> None:
        table = self._merger.tables.forgotten
        for number in ids:
            key = {"account_id": self._merger.account_id, "kind": kind, "id": number}
            there = sa.and_(*(table.c[name] == value for name, value in key.items()))
            changed = self._connection.execute(sa.update(table).where(there).values(at=at))
            if changed.rowcount == 0:
                self._connection.execute(sa.insert(table).values(**key, at=at))


def _last_digits(number: Json) -> str:
    digits = _NOT_DIGITS.sub("", str(number or ""))
    return digits[-_DIGITS:] if len(digits) >= _FEWEST else ""
