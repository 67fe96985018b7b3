"""Dates and times of fields ↔ unix seconds, by the account's time zone.

A `date` or `birthday` is kept as a moment of its day. Which moment is not documented (reference
3.6): what the interface keeps is the day's beginning in the account's zone, and the published
examples are its beginning in UTC. Both are read as the day they mean; what is written is the
account's. Source: reference 3.6, 5.13.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final

from amocrm.http.messages import Json

UTC: Final = timezone.utc
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = 86_400


def read_moment(value: Json) -> int:
    """Return the unix seconds of a value: such seconds, or RFC 3339.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError("no moment")
    moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return seconds_of(moment)


def seconds_of(moment: datetime) -> int:
    """Return the unix seconds of a moment that has a zone; fractions are cut off."""
    return (moment - _EPOCH) // _SECOND


def time_at(seconds: int, zone: tzinfo) -> datetime:
    """Return the moment of unix seconds, in a zone.

    Raises:
        OverflowError: it is beyond what Python counts.
    """
    # Not `fromtimestamp`, which on some systems refuses what was before 1970.
    return (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)


def date_at(seconds: int, zone: tzinfo) -> date:
    """Return the day that a kept moment means."""
    moment = time_at(seconds, zone)
    if seconds % _DAY == 0 and moment.time() != time():
        return time_at(seconds, UTC).date()
    return moment.date()


def write_time(value: Json, zone: tzinfo) -> int:
    """Return the unix seconds of a time; one without a zone is meant in the account's.

    Raises:
        ValueError: it is no time.
    """
    if isinstance(value, datetime):
        return seconds_of(value if value.tzinfo is not None else value.replace(tzinfo=zone))
    if isinstance(value, date):
        return _beginning(value, zone)
    return read_moment(value)


def write_date(value: Json, zone: tzinfo) -> int:
    """Return the unix seconds of a day's beginning in the account's zone.

    Raises:
        ValueError: it is no day.
    """
    if isinstance(value, datetime):
        here = value if value.tzinfo is None else value.astimezone(zone)
        return _beginning(here.date(), zone)
    if isinstance(value, date):
        return _beginning(value, zone)
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        return _beginning(date.fromisoformat(value), zone)
    return read_moment(value)


def _beginning(day: date, zone: tzinfo) -> int:
    return seconds_of(datetime.combine(day, time(), zone))
