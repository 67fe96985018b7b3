"""Periods that have a name in `filter[date][date_preset]` (reference 7)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_ZONE = timezone(timedelta(hours=3))
"""Zone of every account of the sandbox. Assumed (reference 7): days are those of the account."""

_DAYS = {
    # name: first day and end, counted from today.
    "day": (0, 1),
    "tomorrow": (1, 2),
    "yesterday": (-1, 0),
    "last_3_days": (-2, 1),
    "next_3_days": (0, 3),
}
_MONTHS = {
    # name: months in the period, and how many such periods it lies from now.
    "month": (1, 0),
    "next_month": (1, 1),
    "previous_month": (1, -1),
    "quarter": (3, 0),
    "next_quarter": (3, 1),
    "previous_quarter": (3, -1),
    "year": (12, 0),
}
_WEEKS = {"week": 0, "previous_week": -1, "next_week": 1}


def bounds(name: str, now: int) -> tuple[float, float]:
    """Return the first and the last second of a period.

    Raises:
        ValueError: there is no period of this name.

    >>> bounds("day", 1700000000)
    (1699995600.0, 1700081999.0)
    """
    today = datetime.fromtimestamp(now, _ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    if name in _DAYS:
        first, end = (today + timedelta(days=one) for one in _DAYS[name])
    elif name in _WEEKS:
        first = today + timedelta(days=7 * _WEEKS[name] - today.weekday())
        end = first + timedelta(days=7)
    elif name in _MONTHS:
        length, steps = _MONTHS[name]
        month = today.year * 12 + today.month - 1
        start = (month // length + steps) * length
        first, end = _month(start), _month(start + length)
    elif name == "last_6_month":
        month = today.year * 12 + today.month - 1
        first, end = _month(month - 5), _month(month + 1)  # Assumed: this month is one of the six.
    else:
        raise ValueError(f"no period {name!r}")
    return first.timestamp(), end.timestamp() - 1


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=_ZONE)
