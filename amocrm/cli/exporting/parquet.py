"""Rows → a Parquet file, in groups of rows; memory does not grow with them.

Needs the extra `parquet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timezone
from itertools import islice
from typing import BinaryIO, Final

from amocrm.cli.cell_types import CellType
from amocrm.cli.exporting.columns import ExportColumn
from amocrm.cli.exporting.lines import shown_text
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

GROUP_ROWS: Final = 10_000
"""Rows that are in memory together."""

_LARGEST: Final = 2**63 - 1


def load_pyarrow() -> tuple[Json, Json]:
    """Return the library that writes Parquet, and its part that does.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigurationError(
            "parquet needs pyarrow, which is not installed",
            hint="pip install 'amocrm-python[parquet]'",
        ) from None
    return pyarrow, parquet


def write_parquet(
    rows: Iterable[Sequence[Json]], columns: Sequence[ExportColumn], target: BinaryIO
) -> None:
    """Write rows as Parquet: times in UTC, several values as a list of texts, objects as JSON."""
    arrow, parquet = load_pyarrow()
    types = {
        "text": arrow.string(), "integer": arrow.int64(), "number": arrow.float64(),
        "flag": arrow.bool_(), "date": arrow.date32(), "time": arrow.timestamp("s", tz="UTC"),
        "list": arrow.list_(arrow.string()), "json": arrow.string(),
    }  # fmt: skip
    schema = arrow.schema([(column.name, types[column.type]) for column in columns])
    source = iter(rows)
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        while group := list(islice(source, GROUP_ROWS)):
            arrays = [
                arrow.array([_cell(column.type, row[at]) for row in group], types[column.type])
                for at, column in enumerate(columns)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _cell(kind: CellType, cell: Json) -> Json:
    if cell is None or kind in ("text", "flag", "list"):
        return cell
    if kind == "number":
        return float(cell)
    if kind == "integer":
        return cell if abs(cell) <= _LARGEST else None
    if kind == "json":
        return shown_text(cell)
    try:
        if kind == "date":
            return date.fromisoformat(cell)
        return datetime.fromisoformat(cell).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
