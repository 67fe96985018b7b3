"""What is written to the mirror in one transaction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from amocrm.http.messages import Json
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.tables.columns import Rows


class Gone(NamedTuple):
    """Rows that a listing does not have any more, although every user can see all of its items.

    Attributes:
        table: its name.
        keys: the primary keys of the rows.
        at: Unix seconds at which the listing was read.
    """

    table: str
    keys: tuple[tuple[Json, ...], ...]
    at: int


@dataclass
class Batch:
    """Rows, and how far they bring the listings that they came from.

    Attributes:
        rows: by table; children are those of the owners in it.
        fates: what events tell of deletions and restorations.
        gone: what listings do not have any more.
        state: how far listings were read, by name.
        at: Unix seconds of the server at which it was handed over; versions of rows that are later
            were set by somebody, and say nothing of which row is newer.
    """

    rows: Rows = field(default_factory=dict)
    fates: Mapping[EntityKey, Fate] = field(default_factory=dict[EntityKey, Fate])
    gone: tuple[Gone, ...] = ()
    state: Mapping[str, Json] = field(default_factory=dict[str, Json])
    at: float = math.inf


class Written(NamedTuple):
    """What a batch has changed.

    Attributes:
        rows: numbers of new and changed rows by table, without children.
        deleted: number of entities that are deleted now.
        restored: number of entities that are not any more.
    """

    rows: Mapping[str, int]
    deleted: int = 0
    restored: int = 0
