"""What an account knows of its custom fields, and its time zone: fetched once, kept for a while."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, MutableMapping
from datetime import timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from amocrm._support.cache import CachedValue, LRUCache
from amocrm.bulk.context import ApiContext
from amocrm.bulk.listing import Listing
from amocrm.errors import ConfigurationError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.http.paths import ACCOUNT_PATH
from amocrm.resources.custom_fields.definitions import FieldDefinition, Schema
from amocrm.resources.custom_fields.values import CustomFields

AGE: Final = 600.0
"""Seconds for which definitions, and the zone, are taken for true."""

AGE_IN_DOUBT: Final = 60.0
"""Seconds for which they are, when a field is not among them: somebody may just have made it."""

ROOM: Final = 64
"""Kinds of entities whose definitions are kept; each list, of up to ten, is one (reference 3.5)."""

_KIND: Final = re.compile(r"leads|contacts|companies|customers(?:/segments)?|catalogs/[1-9][0-9]*")
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")


class DefinitionsCache:
    """The custom fields of an account, by kind of entity. Thread-safe.

    A kind is named as its path begins: `leads`, `customers/segments`, `catalogs/7`.

    Args:
        api: what it asks through.
        age: seconds for which an answer is kept.

    Source: reference 4.1, 4.14.
    """

    def __init__(self, api: ApiContext, *, age: float = AGE) -> None:
        self._api = api
        self._age = age
        self._cells = LRUCache[CachedValue[Schema]](ROOM)
        self._zone = CachedValue(self._api.clock, self._ask_zone)
        self._outdated: set[str] = set()

    def __repr__(self) -> str:
        return f"<Schemas of {len(self._cells)} kinds>"

    def through(self, api: ApiContext) -> DefinitionsCache:
        """Return the same cache, which asks through another context what it does not know."""
        twin = copy.copy(self)
        twin._api = api
        return twin

    def of(self, kind: str) -> Schema:
        """Return the definitions of a kind, from the cache unless they are outdated.

        Raises:
            ConfigurationError: there is no such kind.
        """
        if kind in self._outdated:
            schema = self.in_doubt(kind)
            self._outdated.discard(kind)
            return schema
        return self._cell(kind).get(self._age, lambda: self._list(kind))

    def held(self, kind: str) -> Schema | None:
        """Return what is kept of a kind, however old; None if nothing is. Asks nobody."""
        cell = self._cells.held(kind)
        return None if cell is None else cell.held

    def in_doubt(self, kind: str) -> Schema:
        """Return the definitions of a kind, asked for anew if that was a minute ago."""
        return self._cell(kind).get(min(self._age, AGE_IN_DOUBT), lambda: self._list(kind))

    def forget(self, kind: str) -> None:
        """Take what is kept of a kind for old."""
        cell = self._cells.held(kind)
        if cell is not None:
            cell.forget()

    def refresh(self, kind: str) -> Schema:
        """Fetch the definitions of a kind anew."""
        return self._cell(kind).renew()

    def find(self, kind: str, key: int | str) -> FieldDefinition:
        """Return the field of an id, a code or a name.

        One that is not known is looked for in a newer list, once in a minute at most.

        Raises:
            ConfigurationError: there is none, or more than one; the message lists what is like it.
        """
        schema = self.of(kind)
        if not schema.matches(key):
            schema = self.in_doubt(kind)
        return schema.find(key)

    def fields(self, kind: str, entity: MutableMapping[str, Json]) -> CustomFields:
        """Return a view of an entity's custom fields, in the account's time zone.

        The definitions are those of now. What they lack is looked for by the next view, once in a
        minute at most.
        """
        schema, zone = self.of(kind), self.zone()
        return CustomFields(entity, schema, zone, lambda: self._outdated.add(kind))

    def zone(self) -> tzinfo:
        """Return the account's time zone.

        Raises:
            UnexpectedReplyError: the account does not tell it.
        """
        return self._zone.get(self._age, self._ask_zone)

    def _cell(self, kind: str) -> CachedValue[Schema]:
        if not isinstance(kind, str) or not _KIND.fullmatch(kind):
            raise ConfigurationError(
                f"there are no custom fields of {kind!r}",
                hint="leads, contacts, companies, customers, customers/segments, catalogs/7 ...",
            )
        return self._cells.get(kind, lambda: CachedValue(self._api.clock, lambda: self._list(kind)))

    def _list(self, kind: str) -> Schema:
        return Schema(Listing[Json](self._api, f"/api/v4/{kind}/custom_fields", ahead=0))

    def _ask_zone(self) -> tzinfo:
        data = self._api.request.get(ACCOUNT_PATH, {"with": "datetime_settings"}).data
        embedded = data.get("_embedded") if isinstance(data, Mapping) else None
        settings = embedded.get("datetime_settings") if isinstance(embedded, Mapping) else None
        zone = read_zone(settings if isinstance(settings, Mapping) else {})
        if zone is None:
            raise unexpected_response("GET", ACCOUNT_PATH, "no time zone")
        return zone


def read_zone(settings: Mapping[str, Json]) -> tzinfo | None:
    """Read the zone of `datetime_settings`: by its name, else by what it is ahead of UTC now.

    A machine may not know the name: Windows brings no zones (the package `tzdata` does).
    """
    name, offset = settings.get("timezone"), settings.get("timezone_offset")
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else _read_offset(offset)
    except (ValueError, LookupError, OSError):
        return _read_offset(offset)


def _read_offset(offset: Json) -> tzinfo | None:
    parts = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    if parts is None:
        return None
    ahead = timedelta(hours=int(parts[2]), minutes=int(parts[3]))
    return timezone(-ahead if parts[1] == "-" else ahead)
