"""Chooses the listing that tells what was changed, or what was deleted, at a path.

Source: reference 4.2.1, 4.13, 4.16, 4.17.

A listing can be read up to an instant and continued from there, if it filters by the time of the
change. Where it also orders by that time, it is read page after page; where it does not, it is read
in windows of time that fit into one page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

_ROOT: Final = "/api/v4"


class ChangesQuery(NamedTuple):
    """A listing that tells of changes.

    Attributes:
        path: of the listing.
        params: its query, without what the reader of changes sets by itself.
        member: of an item: the time of its change, which the filter has the name of.
        is_ordered: it takes `order` by that member.
        order: where it does not: an order that an item keeps, if it takes one.
    """

    path: str
    params: dict[str, Json]
    member: str = "updated_at"
    is_ordered: bool = True
    order: str | None = None

    def in_windows(self) -> ChangesQuery:
        """Return the listing to read in windows of time, although it may take an order."""
        return self._replace(is_ordered=False, order="id" if self.is_ordered else self.order)


_ORDERED: Final = re.compile(
    r"/api/v4/(leads|contacts|companies|(leads|contacts|companies|customers)(/[0-9]+)?/notes)"
)
_ITEM_ORDERS: Final[Mapping[str, str | None]] = {
    "/api/v4/customers": None,
    "/api/v4/tasks": "id",
}
"""Listings without an order by `updated_at`, each with an order that is not changed by a write."""

_DELETIONS: Final[Mapping[str, tuple[str, list[str]]]] = {
    "/api/v4/contacts": ("contact", ["contact_deleted", "contact_restored", "entity_merged"]),
    "/api/v4/companies": ("company", ["company_deleted", "company_restored", "entity_merged"]),
    "/api/v4/customers": ("customer", ["customer_deleted", "entity_merged"]),
    "/api/v4/tasks": ("task", ["task_deleted"]),
}
"""The events that tell of deletions: their `entity`, and their types."""

_INSTEAD: Final = (
    (re.compile(r".*/notes"), 'of notes only common ones: crm.events.list(filter={"type": '
     '["common_note_deleted"]})'),
    (re.compile(r"/api/v4/events"), 'crm.events.list(filter={"created_at": {"from": ...}})'),
    (re.compile(r"/api/v4/leads/unsorted"),
     'crm.leads.unsorted.list(order={"updated_at": "desc"})'),
    (re.compile(r".*/elements"), "read the whole crm.catalogs(...).elements.list() and compare"),
    (re.compile(r".*"), "read the whole listing and compare"),
)  # fmt: skip
"""What to use where changes or deletions cannot be read, by path."""


def changes_query(path: str, params: Mapping[str, Json], *, lenient: bool) -> ChangesQuery:
    """Return the listing to read changes from.

    Raises:
        ConfigurationError: there is none with the filter it takes; the hint says what to use.
    """
    if path in _ITEM_ORDERS:
        return ChangesQuery(path, dict(params), is_ordered=False, order=_ITEM_ORDERS[path])
    if not _ORDERED.fullmatch(path) and not lenient:
        raise ConfigurationError(
            f"changes of {_short(path)} cannot be read: the API has no filter by updated_at there",
            hint=_instead(path),
        )
    return ChangesQuery(path, dict(params))


def deletions_query(path: str, params: Mapping[str, Json]) -> ChangesQuery:
    """Return the listing to read deletions from: of leads the recycle bin, of others events.

    Raises:
        ConfigurationError: there is none; the hint says what to use.
    """
    if path == f"{_ROOT}/leads":
        if "with" in params:
            raise ConfigurationError("deleted leads take no with: only their ids are left")
        return ChangesQuery(path, {**params, "with": "only_deleted"})
    if path not in _DELETIONS:
        raise ConfigurationError(
            f"deletions of {_short(path)} cannot be read: the API does not tell of them",
            hint=_instead(path),
        )
    if params:
        raise ConfigurationError(
            f"deletions of {_short(path)} take no filter and no with: they are events",
            hint="filter them in the loop",
        )
    entity, types = _DELETIONS[path]
    # One text, as the vendor's client sends them.
    question = {"filter": {"entity": entity, "type": ",".join(types)}}
    return ChangesQuery(f"{_ROOT}/events", question, "created_at", is_ordered=False)


def _short(path: str) -> str:
    return path.removeprefix(f"{_ROOT}/")


def _instead(path: str) -> str:
    return next(hint for pattern, hint in _INSTEAD if pattern.fullmatch(path))
