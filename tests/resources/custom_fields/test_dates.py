from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amocrm.resources.custom_fields import dates
from amocrm.resources.custom_fields.dates import UTC

ZONES = sorted(available_timezones() - {"localtime"})
MOSCOW, NEW_YORK = ZoneInfo("Europe/Moscow"), ZoneInfo("America/New_York")
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(st.dates(date(1, 1, 3), date(9999, 12, 29)), zones)
@example(date(1918, 5, 1), MOSCOW)
@example(date(1969, 12, 31), NEW_YORK)
@example(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))  # It has no midnight.
@example(date(2011, 12, 31), ZoneInfo("Pacific/Apia"))  # After a day that never was.
def test_a_day_is_the_same_after_it_was_written_and_read(day: date, zone: tzinfo) -> None:
    assert dates.date_at(dates.write_date(day, zone), zone) == day


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), zones)
def test_a_day_s_beginning_in_utc_means_that_day_everywhere(day: date, zone: tzinfo) -> None:
    seconds = (day - date(1970, 1, 1)).days * 86_400
    read = dates.date_at(seconds, zone)
    assert read == day or dates.time_at(seconds, zone).hour == 0


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones).map(
        lambda one: one.replace(microsecond=0)
    ),
    zones,
)
def test_a_time_is_the_same_moment_after_it_was_written_and_read(
    moment: datetime, zone: tzinfo
) -> None:
    seconds = dates.write_time(moment, zone)
    read = dates.time_at(seconds, zone)
    assert read.tzinfo is zone
    assert dates.seconds_of(read) == seconds
    assert read.astimezone(UTC) == moment.astimezone(UTC)


@pytest.mark.parametrize(
    ("given", "zone", "seconds"),
    [
        (date(2020, 1, 1), UTC, 1_577_836_800),
        (date(2020, 1, 1), MOSCOW, 1_577_826_000),
        (date(2020, 1, 1), NEW_YORK, 1_577_854_800),
        ("2020-01-01", MOSCOW, 1_577_826_000),
        ("2020-01-01T00:00:00+00:00", MOSCOW, 1_577_836_800),
        ("2020-01-01T00:00:00Z", MOSCOW, 1_577_836_800),
        (1_577_836_800, MOSCOW, 1_577_836_800),
        # It is the second of January already in Moscow.
        (datetime(2020, 1, 1, 22, tzinfo=UTC), MOSCOW, 1_577_912_400),
        (datetime(2020, 1, 1, 22), MOSCOW, 1_577_826_000),
    ],
)
def test_what_may_be_a_day(given: Any, zone: tzinfo, seconds: int) -> None:
    assert dates.write_date(given, zone) == seconds


@pytest.mark.parametrize(
    ("given", "zone", "seconds"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), MOSCOW, 1_577_836_800),
        (datetime(2020, 1, 1), MOSCOW, 1_577_826_000),
        (date(2020, 1, 1), MOSCOW, 1_577_826_000),
        ("2020-01-01T00:00:00+03:00", UTC, 1_577_826_000),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), UTC, -1),
    ],
)
def test_what_may_be_a_time(given: Any, zone: tzinfo, seconds: int) -> None:
    assert dates.write_time(given, zone) == seconds


@pytest.mark.parametrize(
    "given", [True, None, 1.5, "2020", "soon", "2020-01-01T00:00:00", "2020-13-01", [], {}]
)
def test_what_is_no_moment_is_refused(given: Any) -> None:
    for write in (dates.write_date, dates.write_time):
        with pytest.raises(ValueError, match=r"."):
            write(given, UTC)


@pytest.mark.parametrize(
    ("seconds", "zone", "day"),
    [
        (1_577_836_800, NEW_YORK, date(2020, 1, 1)),  # UTC's beginning, still December there.
        (1_577_854_800, NEW_YORK, date(2020, 1, 1)),  # New York's beginning.
        (1_577_836_801, NEW_YORK, date(2019, 12, 31)),
        (1_577_836_800, MOSCOW, date(2020, 1, 1)),
        (1_577_826_000, MOSCOW, date(2020, 1, 1)),
        (1_577_825_999, MOSCOW, date(2019, 12, 31)),
        (0, timezone(timedelta(hours=24) - timedelta(minutes=1)), date(1970, 1, 1)),
    ],
)
def test_which_day_a_moment_means(seconds: int, zone: tzinfo, day: date) -> None:
    assert dates.date_at(seconds, zone) == day
