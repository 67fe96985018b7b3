"""All tables of the mirror."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.mirror.tables.activities import ACTIVITIES
from amocrm.mirror.tables.columns import Table
from amocrm.mirror.tables.entities import ENTITIES
from amocrm.mirror.tables.reference import REFERENCE

TABLES: Final[Mapping[str, Table]] = {
    table.name: table for table in (*ENTITIES, *ACTIVITIES, *REFERENCE)
}
"""The tables by name, in the order of the documentation."""
