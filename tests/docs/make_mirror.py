"""Writes the tables of docs/mirror.md and docs/mirror.ru.md from the mirror's definitions.

Run `python -m tests.docs.make_mirror`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from amocrm.mirror.tables.columns import Column, Table
from amocrm.mirror.tables.definitions import TABLES

DOCS: Final = Path(__file__).parents[2] / "docs"
BEGIN: Final = "<!-- tables -->"
END: Final = "<!-- end of tables -->"

_HEADS: Final = {
    False: "| column | type | what it is | in the API |",
    True: "| столбец | тип | что это | в API |",
}
_UNITS: Final = {
    "currency of the account": "валюта аккаунта", "s": "секунды", "days": "дни", "": "",
}  # fmt: skip


def render(*, russian: bool) -> str:
    """All tables, in the order of their definitions."""
    return "\n\n".join(_table(table, russian) for table in TABLES.values())


def _table(table: Table, russian: bool) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    lines = [
        f"### {table.name}", "", table.ru if russian else table.en, "",
        f"{'Ключ' if russian else 'Key'}: {key}.", "",
        _HEADS[russian], "| --- | --- | --- | --- |",
    ]  # fmt: skip
    return "\n".join([*lines, *(_row(one, russian) for one in table.columns)])


def _row(column: Column, russian: bool) -> str:
    unit = _UNITS[column.unit] if russian else column.unit
    told = column.ru if russian else column.en
    whole = f"{told} ({unit})" if unit else told
    source = f"`{column.source}`" if column.source else ""
    return f"| `{column.name}` | {column.type} | {whole} | {source} |".replace("|  |", "| |")


def replaced(text: str, *, russian: bool) -> str:
    """A page with its tables as they are now."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{render(russian=russian)}\n\n{END}{after}"


def main() -> None:
    """Write both pages."""
    for name, russian in [("mirror.md", False), ("mirror.ru.md", True)]:
        path = DOCS / name
        path.write_text(replaced(path.read_text("utf-8"), russian=russian), encoding="utf-8")


if __name__ == "__main__":
    main()
