"""What the databases write differently in views."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Dialect(NamedTuple):
    """The SQL of one database.

    Attributes:
        name: `postgresql`, `mysql` or `sqlite`.
        quote: writes a name of a table or a column.
        prefix: of the names of the tables.
    """

    name: str
    quote: Callable[[str], str]
    prefix: str = ""

    def table(self, name: str) -> str:
        """Return the name of a table of the mirror, or of a view."""
        return self.quote(f"{self.prefix}{name}")

    def seconds(self, begin: str, end: str) -> str:
        """Return the seconds between two times."""
        if self.name == "postgresql":
            return f"CAST(EXTRACT(EPOCH FROM ({end}) - ({begin})) AS BIGINT)"
        if self.name == "mysql":
            return f"TIMESTAMPDIFF(SECOND, {begin}, {end})"
        return f"(strftime('%s', {end}) - strftime('%s', {begin}))"

    @property
    def now(self) -> str:
        """Return the present time, in UTC."""
        names = {"postgresql": "CURRENT_TIMESTAMP", "mysql": "UTC_TIMESTAMP()"}
        return names.get(self.name, "datetime('now')")

    def joined(self, value: str, order: str) -> str:
        """Return several values as one text, with commas, in an order."""
        if self.name == "postgresql":
            return f"STRING_AGG({value}, ', ' ORDER BY {order})"
        if self.name == "mysql":
            return f"GROUP_CONCAT({value} ORDER BY {order} SEPARATOR ', ')"
        return f"GROUP_CONCAT({value}, ', ')"  # In the order of the rows.

    def part(self, time: str, name: str) -> str:
        """Return a part of a time as a number: year, quarter, ISO week, and so on."""
        if self.name == "mysql" and name == "week":
            return f"WEEK({time}, 3)"  # EXTRACT counts weeks that begin with Sundays, from 0.
        if self.name != "sqlite":
            return f"EXTRACT({name.upper()} FROM {self.utc(time)})"
        if name == "quarter":
            return f"((CAST(strftime('%m', {time}) AS INTEGER) + 2) / 3)"
        if name == "week":  # The ISO week: of the Thursday of the week.
            thursday = f"date({time}, '-3 days', 'weekday 4')"
            return f"((CAST(strftime('%j', {thursday}) AS INTEGER) - 1) / 7 + 1)"
        letter = {"year": "Y", "month": "m", "day": "d", "hour": "H", "minute": "M"}[name]
        return f"CAST(strftime('%{letter}', {time}) AS INTEGER)"

    def minutes(self, time: str) -> str:
        """Return the number of the minute of a time, since 1970."""
        if self.name == "postgresql":
            return f"CAST(FLOOR(EXTRACT(EPOCH FROM {time}) / 60) AS BIGINT)"
        if self.name == "mysql":
            return f"TIMESTAMPDIFF(MINUTE, '1970-01-01', {time})"
        return f"(strftime('%s', {time}) / 60)"

    def utc(self, time: str) -> str:
        """Return a time in UTC without its zone."""
        return f"({time} AT TIME ZONE 'UTC')" if self.name == "postgresql" else time

    def member(self, raw: str, name: str) -> str:
        """Return a member of a JSON column as a text."""
        if self.name == "postgresql":
            return f"CAST({raw} -> '{name}' AS TEXT)"
        if self.name == "mysql":
            return f"JSON_EXTRACT({raw}, '$.{name}')"
        return f"json_extract({raw}, '$.{name}')"
