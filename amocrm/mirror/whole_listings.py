"""Listings without a filter by the time of a change: they are read as a whole, and compared.

Fields, users, groups, pipelines and loss reasons; lists and their elements; purchases. The API has
no record of their deletions. A row that such a listing does not have any more is marked as deleted,
but only after it was looked for a second time: when an item is deleted while a listing is read,
another one may move to a page that was read already. With a list go its fields and elements, with a
field its choices.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch, Gone
from amocrm.mirror.context import RunContext
from amocrm.mirror.families import (
    CATALOGS,
    GROUPS,
    WHOLE,
    MirroredListing,
    elements_of_catalog,
    fields_of_catalog,
)
from amocrm.mirror.report import MirrorProgress
from amocrm.mirror.tables.definitions import TABLES

FRESH: Final = 600.0
"""Seconds for which they are not read again."""

_STATE: Final = "whole:"
"""Under which it is remembered, for each of them, when it was read."""

Keys = dict[str, set[tuple[Json, ...]]]


class WholeListings:
    """Reads the listings of a run.

    Args:
        run: the run.
        families: that are mirrored.
    """

    def __init__(self, run: RunContext, families: Collection[str]) -> None:
        self._run = run
        self._families = families

    def jobs(self, refresh: bool) -> dict[str, Callable[[], object]]:
        """Return what reads each listing, by its name; without those that were read lately.

        Args:
            refresh: all of them.
        """
        jobs: dict[str, Callable[[], object]] = {GROUPS.name: self._groups}
        for source in WHOLE:
            if source.family in ("", *self._families):
                jobs[source.name] = partial(self._read, source)
        if CATALOGS.name in jobs:
            jobs[CATALOGS.name] = self._catalogs
        return {
            name: partial(self._remember, name, read)
            for name, read in jobs.items()
            if refresh or self._is_due(name)
        }

    def _is_due(self, name: str) -> bool:
        read_at = float(self._run.state(_STATE + name).get("at", 0.0))
        return self._run.now() - read_at >= FRESH

    def _remember(self, name: str, read: Callable[[], object]) -> None:
        """Read a listing, and note when; not if a part of it could not be read."""
        if read() is not False:
            self._run.put(Batch(state={_STATE + name: {"at": self._run.begun}}))

    def _groups(self) -> bool:
        """Write the groups of users; return whether the account shows them."""
        groups = self._run.account.groups
        if groups is None:  # There is always one: they are not shown, and not deleted.
            return False
        rows = self._run.rows(GROUPS.path, GROUPS.kind, groups)
        self._run.put(Batch(rows))
        self._bury(
            {"groups": set(TABLES["groups"].keyed(rows["groups"]))}, {"groups": {}}, _nowhere
        )
        return True

    def _catalogs(self) -> bool:
        """Read lists with their fields and elements; return whether all could be read."""
        is_whole = True
        for _, number in sorted(self._read(CATALOGS)):
            for source in (fields_of_catalog(number), elements_of_catalog(number)):
                is_whole &= self._run.attempt(source.name, partial(self._read, source))
        return is_whole

    def _read(self, source: MirroredListing) -> set[tuple[Json, ...]]:
        found = self._read_pages(source)
        scopes: dict[str, Mapping[str, Json]] = dict.fromkeys(found, source.among)
        if "enums" in found:
            scopes["enums"] = {"field_id": [key[1] for key in found["fields"]]}

        def again(gone: Keys) -> Keys:
            if source.kind in _FOUND_BY_ID:
                return self._look_for(source, gone)
            return self._read_pages(source)

        self._bury(found, scopes, again)
        return found[source.kind]

    def _read_pages(self, source: MirroredListing, **params: Json) -> Keys:
        run, done = self._run, 0
        tables = run.rows(source.path, source.kind, [], source.of)
        found: Keys = {name: set() for name in tables if not TABLES[name].owner}
        for items in run.pages(source.path, params):
            done += len(items)
            run.tell(MirrorProgress(source.path, done))
            rows = run.rows(source.path, source.kind, items, source.of)
            for name in found:
                found[name] |= TABLES[name].keyed(rows[name]).keys()
            run.put(Batch(rows))
        return found

    def _look_for(self, source: MirroredListing, gone: Keys) -> Keys:
        """Read some items by their ids."""
        found: Keys = {source.kind: set()}
        ids = sorted(key[-1] for key in gone[source.kind])
        for begin in range(0, len(ids), 100):
            asked = {"id": ids[begin : begin + 100]}
            found[source.kind] |= self._read_pages(source, filter=asked)[source.kind]
        return found

    def _bury(
        self, found: Keys, scopes: Mapping[str, Mapping[str, Json]], again: Callable[[Keys], Keys]
    ) -> None:
        """Mark the rows that listings do not have any more, nor when they are looked for again."""
        run = self._run
        if not (gone := self._absent(found, scopes)):
            return
        second = again(gone)
        gone = {name: keys - second.get(name, set()) for name, keys in gone.items()}
        # Together, so that no run that is stopped leaves what nobody would look for again.
        for name, keys in self._below(gone).items():
            gone[name] = gone.get(name, set()) | keys
        at = int(run.now())
        run.put(Batch(gone=tuple(Gone(name, tuple(keys), at) for name, keys in gone.items())))

    def _below(self, gone: Keys) -> Keys:
        """Return the rows of what belongs to lists and fields: no listing has it, either."""
        account_id, alive = self._run.account.id, self._run.sink.alive
        below: Keys = {}
        if catalogs := [key[-1] for key in gone.get("catalogs", ())]:
            for name in ("catalog_elements", "fields"):
                below[name] = alive(account_id, name, catalog_id=catalogs)
        fields = gone.get("fields", set()) | below.get("fields", set())
        if fields:
            ids = [key[-1] for key in fields]
            below["enums"] = alive(account_id, "enums", field_id=ids)
        return below

    def _absent(self, found: Keys, scopes: Mapping[str, Mapping[str, Json]]) -> Keys:
        self._run.flush()
        absent: Keys = {}
        for name, among in scopes.items():
            alive = self._run.sink.alive(self._run.account.id, name, **among)
            if keys := alive - found[name]:
                absent[name] = keys
        return absent


def last_read(state: Mapping[str, Json], source: MirroredListing) -> int | None:
    """Return when a listing was read last, in Unix seconds; None if it never was.

    Args:
        state: how far listings were read, by name.
        source: the listing.
    """
    found = state.get(_STATE + source.name)
    return int(found["at"]) if isinstance(found, Mapping) else None


def _nowhere(_: Keys) -> Keys:
    """Look for nothing again: one response has them all."""
    return {}


_FOUND_BY_ID: Final = ("catalog_elements", "transactions")
