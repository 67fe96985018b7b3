"""What is mirrored: families to choose from, and the listings each of them is read from.

Source: reference 4.2, 4.6-4.10, 4.13, 4.14, 4.16-4.19.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.mirror.deletions import DELETIONS, MERGED, NOTE_DELETED

FAMILIES: Final = (
    "leads", "contacts", "companies", "customers", "tasks", "notes", "events", "catalogs",
    "transactions",
)  # fmt: skip
"""What can be chosen. Fields, users, groups, pipelines and loss reasons are always mirrored; with
leads also `status_history`, with notes also calls."""


class MirroredListing(NamedTuple):
    """A listing.

    Attributes:
        name: under which it is remembered how far it was read, and reported.
        family: that it belongs to; "" if it is always mirrored.
        path: of the listing.
        kind: the name of its table.
        of: whose notes they are, or whose fields: `leads`, `catalogs/1001`.
        params: of the query.
        orders: whether it takes an order by id, which no edit changes.
        removed_by: types of events after which it has fewer items.
        among: values of columns, by name, that set its rows apart from others of the table.
    """

    name: str
    family: str
    path: str
    kind: str
    of: str = ""
    params: Mapping[str, Json] = {}
    orders: bool = True
    removed_by: tuple[str, ...] = DELETIONS
    among: Mapping[str, Json] = {}


_NOTED: Final = ("leads", "contacts", "companies", "customers")

SOURCES: Final = (
    MirroredListing(
        "leads", "leads", "leads", "leads",
        params={"with": "contacts,catalog_elements,source_id"},
        removed_by=("lead_deleted", MERGED),
    ),
    MirroredListing(
        "contacts", "contacts", "contacts", "contacts",
        params={"with": "catalog_elements"},
        removed_by=("contact_deleted", MERGED),
    ),
    MirroredListing(
        "companies", "companies", "companies", "companies",
        params={"with": "catalog_elements"},
        removed_by=("company_deleted", MERGED),
    ),
    MirroredListing(
        "customers", "customers", "customers", "customers",
        params={"with": "contacts,companies,catalog_elements"}, orders=False,
        removed_by=("customer_deleted", MERGED),
    ),
    MirroredListing("tasks", "tasks", "tasks", "tasks"),
    *(
        MirroredListing(
            f"notes/{one}", "notes", f"{one}/notes", "notes", one,
            removed_by=(*DELETIONS, MERGED, NOTE_DELETED), among={"entity_type": one},
        )
        for one in _NOTED
    ),
)  # fmt: skip
"""Listings that tell what has changed since an instant."""


def _whole(
    name: str, family: str, path: str, kind: str, of: str = "", **among: Json
) -> MirroredListing:
    return MirroredListing(name, family, path, kind, of, orders=False, removed_by=(), among=among)


CATALOGS: Final = _whole("catalogs", "catalogs", "catalogs", "catalogs")
TRANSACTIONS: Final = _whole(
    "transactions", "transactions", "customers/transactions", "transactions"
)
GROUPS: Final = _whole("groups", "", "account", "groups")
"""Not a listing of its own: the account has them all."""
WHOLE: Final = (
    _whole("users", "", "users", "users"),
    _whole("pipelines", "", "leads/pipelines", "pipelines"),
    _whole("loss_reasons", "", "leads/loss_reasons", "loss_reasons"),
    *(
        _whole(f"fields of {one}", one, f"{one}/custom_fields", "fields", one, entity_type=one)
        for one in _NOTED
    ),
    CATALOGS,
    TRANSACTIONS,
)
"""Listings that cannot be filtered by the time of a change, so that all of each is read."""


def fields_of_catalog(number: int) -> MirroredListing:
    """Return the listing of the fields of a catalog."""
    return _whole(
        f"fields of catalog {number}", "catalogs", f"catalogs/{number}/custom_fields", "fields",
        f"catalogs/{number}", entity_type="catalogs", catalog_id=number,
    )  # fmt: skip


def elements_of_catalog(number: int) -> MirroredListing:
    """Return the listing of the elements of a catalog."""
    return _whole(
        f"elements of catalog {number}", "catalogs", f"catalogs/{number}/elements",
        "catalog_elements", catalog_id=number,
    )  # fmt: skip


EVENTS: Final = MirroredListing("events", "events", "events", "events", orders=False, removed_by=())
STATUS_HISTORY: Final = EVENTS._replace(
    name="status_history", kind="status_history", params={"filter": {"type": "lead_status_changed"}}
)


def choose_families(families: Iterable[str] | None) -> frozenset[str]:
    """Return the chosen families; all of them, if None are named.

    Raises:
        ConfigurationError: there is no such family, or none is chosen.
    """
    if families is None:
        return frozenset(FAMILIES)
    if isinstance(families, str):
        raise ConfigurationError("families must be several names", hint=f"families=[{families!r}]")
    chosen = frozenset(families)
    for name in sorted(chosen - set(FAMILIES), key=str):
        near = get_close_matches(str(name), FAMILIES, 1)
        raise ConfigurationError(
            f"the mirror has no family {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are {', '.join(FAMILIES)}",
        )
    if not chosen:
        raise ConfigurationError("choose at least one family", hint=", ".join(FAMILIES))
    return chosen
