"""The kinds of values that filters take, and how each is written as amoCRM reads it.

A filter is declared in a resource's TypedDict, and the name of its type is its kind: `Times` is a
range of times, `Id | Iterable[Id]` one id or several. What amoCRM would answer with a wrong list
and without a word (a boolean as `true`, a date as text, a stage without its pipeline, an empty
value) is converted or refused here. Source: reference 3.1, 4.1-4.22, 4.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from typing import Final, Literal, NamedTuple, TypeAlias, TypedDict, get_args

from amocrm.http.messages import Json
from amocrm.resources.custom_fields.dates import seconds_of
from amocrm.resources.endpoint import near
from amocrm.schema import enums

Id: TypeAlias = int
"""The id of an entity."""
UserId: TypeAlias = int
"""The id of a user; 0 is a robot."""
FileAuthor: TypeAlias = int
"""The id of a user; 0 is a robot, -1 a client. Source: reference 7."""
Uid: TypeAlias = str
"""An id that is a text."""
Uuids: TypeAlias = str | Iterable[str]
"""Uuids of files."""
Text: TypeAlias = str
Flag: TypeAlias = bool | Literal[0, 1]
"""Sent as 1 or 0. Source: reference 4.2.1, 4.13."""
Present: TypeAlias = Literal[True]
"""Sent or left out: the API reads whether it is there, not its value."""
Moment: TypeAlias = int | float | date
"""Unix seconds; a datetime, which is the account's time if it has no zone; or a date."""
TimeRange = TypedDict("TimeRange", {"from": Moment, "to": Moment}, total=False)
"""From one time to another one, both included; a date is its whole day in the account's zone."""
Times: TypeAlias = TimeRange | date
"""A range of times, or one whole day."""
Since: TypeAlias = TimeRange | Moment
"""A range of times, or the time since which something changed."""
Number: TypeAlias = int | float | Decimal
NumberRange = TypedDict("NumberRange", {"from": Number, "to": Number}, total=False)
Numbers: TypeAlias = Number | NumberRange
FieldFilters: TypeAlias = Mapping[int | str, Json] | Mapping[int, Json] | Mapping[str, Json]
"""Values of custom fields, by id, code or name. Source: reference 4.2.1."""


class StageFilter(TypedDict):
    """A stage of a pipeline."""

    pipeline_id: int
    status_id: int


Stages: TypeAlias = Iterable[StageFilter | int]
"""Stages by pipeline and stage; by stage alone where the filter names one pipeline."""
EventName: TypeAlias = enums.EventName | str
"""A type of event; also `custom_field_900_value_changed`, for one field. Source: reference 4.16."""
EventEntityType: TypeAlias = enums.EventEntityType | str
"""What an event is about; elements of a list are `catalog_7`. Source: reference 4.16."""


class CustomerStageFilter(TypedDict):
    """A stage of customers."""

    status_id: int


class EventValues(TypedDict, total=False):
    """What an event changed, before or after. Source: reference 4.16."""

    leads_statuses: list[StageFilter]
    customers_statuses: list[CustomerStageFilter]
    responsible_user_id: int | Iterable[int]
    custom_field_values: int | Iterable[int]
    value: str | int


SizeRange = TypedDict("SizeRange", {"unit": int | str, "from": int, "to": int}, total=False)
"""Sizes in some unit; in bytes without one. Source: reference 7."""

DateRange = TypedDict(
    "DateRange",
    {
        "type": Literal["created_at", "updated_at"],
        "date_preset": enums.DatePreset,
        "from": Moment,
        "to": Moment,
    },
    total=False,
)
"""A period by its name, or from one time to another one. Source: reference 7."""


class Facts(NamedTuple):
    """What values of filters need of an account; each is asked for only if a value needs it.

    Attributes:
        zone: the account's time zone.
        fields: turns custom fields by name, code or id into what the API reads.
    """

    zone: Callable[[], tzinfo] = lambda: timezone.utc
    fields: Callable[[Json, Facts], Json] = lambda value, _: value


NO_FACTS: Final = Facts()


class FilterValueError(ValueError):
    """A value that a kind does not take; the message says what it takes."""


_LARGEST: Final = 10**11
"""Unix seconds of the year 5138; what is beyond are milliseconds."""
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_MANY: Final = re.compile(r"(\w+) \| Iterable\[\1\]")
_FIELD_EVENT: Final = re.compile(r"custom_field_[1-9][0-9]*_value_changed")
_CATALOG: Final = re.compile(r"catalog_[1-9][0-9]*")


def read_value(kind: str, value: Json, facts: Facts) -> Json:
    """Return a value of a kind as amoCRM reads it.

    Raises:
        FilterValueError: it means nothing to amoCRM, or another thing than it seems to.
    """
    if value is None:
        raise FilterValueError("it is None: leave it out, or give a value")
    read, is_several = _reader_of(kind)
    if is_several and (type(value) is list or _is_iterable(value)):
        return [read(one, facts) for one in value] or _nothing()
    return read(value, facts)


def _is_iterable(value: Json) -> bool:
    """Tell whether a value is several ones: no number, text or dict."""
    return not isinstance(value, (int, str, bytes, Mapping)) and isinstance(value, Iterable)


@cache
def _reader_of(kind: str) -> tuple[Callable[[Json, Facts], Json], bool]:
    """Return what reads one value of a kind, and whether there may be several."""
    several = _MANY.fullmatch(kind)
    base = several[1] if several else kind
    return _READERS.get(base) or _enumeration(base), several is not None


def is_id(value: Json, least: int = 1) -> bool:
    """Tell whether a value is an id: a whole number, which may be written in digits."""
    if type(value) is int:
        return value >= least
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, (str, int, float)) else type(value).__name__


def _reads_id(least: int, takes: str) -> Callable[[Json, Facts], Json]:
    def read(value: Json, _facts: Facts) -> int:
        if not is_id(value, least):
            raise FilterValueError(f"it takes {takes}, or a list of them, not {_shown(value)}")
        return int(value)

    return read


def read_text(value: Json, _facts: Facts) -> str:
    """Return a text that is not empty."""
    # Not the text itself in the message: it may be a person's data.
    if not isinstance(value, str):
        raise FilterValueError(f"it takes a text, not {type(value).__name__}")
    if not value:
        raise FilterValueError("the text is empty: leave the filter out")
    return value


def _read_uuids(value: Json, facts: Facts) -> str:
    """Read files' uuids, which the Files service takes with commas between."""
    uuids = read_value("Uid | Iterable[Uid]", value, facts)
    return uuids if isinstance(uuids, str) else ",".join(uuids)


def read_flag(value: Json, _facts: Facts) -> int:
    """Return 1 or 0."""
    if isinstance(value, (bool, int)) and value in (0, 1):
        return int(value)
    raise FilterValueError(f"it takes True or False, not {_shown(value)}")


def _read_present(value: Json, _facts: Facts) -> Json:
    if value is not True:
        raise FilterValueError("it takes True alone: amoCRM reads only whether it is there")
    return value


def read_number(value: Json) -> int | float | str:
    """Return a number as a query has it."""
    if type(value) is int:
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FilterValueError(f'it takes a number or {{"from": 1, "to": 5}}, not {_shown(value)}')
    if value != value or value in (float("inf"), float("-inf")):
        raise FilterValueError(f"it takes a number, not {value}")
    return value


def read_numbers(value: Json, _facts: Facts) -> Json:
    """Return a number, or a range of numbers."""
    if not isinstance(value, (dict, Mapping)):
        return read_number(value)
    ends = {name: read_number(one) for name, one in _ends(value).items()}
    return _in_order(ends)


def _ends(value: Mapping[str, Json]) -> dict[str, Json]:
    for name in value:
        if name not in ("from", "to"):
            raise FilterValueError(f"a range takes 'from' and 'to', not {name!r}")
    given = {name: one for name, one in value.items() if one is not None}
    if not given:
        raise FilterValueError("the range is empty: give 'from', 'to' or both")
    return given


def _in_order(ends: dict[str, Json]) -> dict[str, Json]:
    if len(ends) == 2:
        begin, end = ends["from"], ends["to"]
        if isinstance(begin, str) or isinstance(end, str):  # of a Decimal
            begin, end = Decimal(str(begin)), Decimal(str(end))
        if begin > end:
            raise FilterValueError("'from' is after 'to', so nothing would be found")
    return ends


_TIME_FORM: Final = '{"from": datetime(2026, 1, 31, 12), "to": 1769900400} or date(2026, 1, 31)'


def _moment(value: Json, facts: Facts, *, end: bool = False) -> int:
    """Return Unix seconds; of a date its first second, or at the end of a range its last one."""
    if type(value) is int and abs(value) <= _LARGEST:
        return value
    if isinstance(value, datetime):
        return seconds_of(value if value.tzinfo else value.replace(tzinfo=facts.zone()))
    if isinstance(value, date):
        day = datetime.combine(value + _DAY if end else value, datetime.min.time(), facts.zone())
        return seconds_of(day) - end
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise FilterValueError(
            f"times are Unix seconds, datetimes or dates, not {_shown(value)}; such as {_TIME_FORM}"
        )
    if abs(value) > _LARGEST:
        raise FilterValueError(f"{value} is no time in seconds; is it in milliseconds?")
    return int(value)


def read_times(value: Json, facts: Facts) -> Json:
    """Return a range of times; of a date, its whole day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"from": _moment(value, facts), "to": _moment(value, facts, end=True)}
    if not isinstance(value, (dict, Mapping)):
        raise FilterValueError(
            f"it takes a range of times, not {_shown(value)}; such as {_TIME_FORM}"
        )
    given = _ends(value)
    return _in_order({name: _moment(one, facts, end=name == "to") for name, one in given.items()})


def _read_since(value: Json, facts: Facts) -> Json:
    return read_times(value, facts) if isinstance(value, Mapping) else _moment(value, facts)


_STAGE_FORM: Final = '[{"pipeline_id": 10, "status_id": 142}]'


def _read_stages(value: Json, _facts: Facts) -> Json:
    stages = [value] if isinstance(value, Mapping) else value
    if type(stages) is not list and not _is_iterable(stages):
        raise FilterValueError(f"stages are {_STAGE_FORM}, not {_shown(value)}")
    return [_pair(one, ("pipeline_id", "status_id"), _STAGE_FORM) for one in stages] or _nothing()


def _pair(stage: Json, names: tuple[str, ...], form: str) -> dict[str, Json]:
    if not isinstance(stage, (dict, Mapping)) or stage.keys() != set(names):
        given = list(stage) if isinstance(stage, Mapping) else _shown(stage)
        raise FilterValueError(
            f"a stage is a pair, because stages of several pipelines share ids: {form}, not {given}"
            if len(names) > 1
            else f"stages are {form}, not {given}"
        )
    if not all(is_id(one) for one in stage.values()):
        raise FilterValueError(f"ids are positive whole numbers: {form}")
    return {name: int(stage[name]) for name in names}


def _nothing() -> Json:
    raise FilterValueError("the list is empty, and amoCRM would return everything")


def _read_fields(value: Json, facts: Facts) -> Json:
    if not isinstance(value, Mapping) or not value:
        raise FilterValueError('it takes values by field, such as {"Region": "north"}')
    return facts.fields(value, facts)


def _read_event_values(value: Json, facts: Facts) -> Json:
    if not isinstance(value, Mapping) or not value:
        raise FilterValueError(f"it takes a dict of {', '.join(EventValues.__annotations__)}")
    read: dict[str, Json] = {}
    for name, one in value.items():
        if name == "leads_statuses":
            read[name] = _read_stages(one, facts)
        elif name == "customers_statuses":
            stages = [one] if isinstance(one, Mapping) else one
            if not isinstance(stages, (list, tuple)) or not stages:
                raise FilterValueError('customers_statuses are [{"status_id": 301}]')
            read[name] = [_pair(stage, ("status_id",), '[{"status_id": 301}]') for stage in stages]
        elif name in ("responsible_user_id", "custom_field_values"):
            ids = read_value("Id | Iterable[Id]", one, facts)
            read[name] = ",".join(map(str, ids)) if isinstance(ids, list) else str(ids)
        elif name == "value":
            if isinstance(one, bool) or not isinstance(one, (str, int)) or one == "":
                raise FilterValueError("value is a text or a whole number")
            read[name] = one
        else:
            raise FilterValueError(
                f"it has no {name!r} ({near(name, EventValues.__annotations__)})"
            )
    return read


def _read_event_type(value: Json, facts: Facts) -> Json:
    if isinstance(value, str) and _FIELD_EVENT.fullmatch(value):
        return value
    return _enumeration("EventName")(value, facts)


def _read_event_entity(value: Json, facts: Facts) -> Json:
    if isinstance(value, str) and _CATALOG.fullmatch(value):
        return value
    return _enumeration("EventEntityType")(value, facts)


def _read_size(value: Json, facts: Facts) -> Json:
    if not isinstance(value, Mapping):
        raise FilterValueError('it takes {"from": 1, "to": 1000}, in bytes')
    ends = {name: one for name, one in value.items() if name != "unit"}
    unit = {"unit": value["unit"]} if value.get("unit") is not None else {}
    return {**unit, **read_numbers(ends, facts)}


def _read_period(value: Json, facts: Facts) -> Json:
    """Read a period of the Files service: by its name, or from one time to another one."""
    if isinstance(value, date):
        return read_times(value, facts)
    if not isinstance(value, Mapping):
        raise FilterValueError(f'it takes {{"date_preset": "week"}} or {_TIME_FORM}')
    read: dict[str, Json] = {}
    if value.get("type") is not None:
        if value["type"] not in ("created_at", "updated_at"):
            raise FilterValueError(
                f"type is 'created_at' or 'updated_at', not {_shown(value['type'])}"
            )
        read["type"] = value["type"]
    if value.get("date_preset") is not None:
        read["date_preset"] = _enumeration("DatePreset")(value["date_preset"], facts)
    rest = {name: one for name, one in value.items() if name not in ("type", "date_preset")}
    if rest or "date_preset" not in read:
        read |= read_times(rest, facts)
    return read


def _enumeration(kind: str) -> Callable[[Json, Facts], Json]:
    def read(value: Json, _facts: Facts) -> Json:
        known = get_args(getattr(enums, kind))
        if value not in known:
            raise FilterValueError(f"it does not take {_shown(value)} ({near(str(value), known)})")
        return value

    return read


_READERS: Final[Mapping[str, Callable[[Json, Facts], Json]]] = {
    "Id": _reads_id(1, "an id, a positive whole number"),
    "UserId": _reads_id(0, "a user's id (0 is a robot)"),
    "FileAuthor": _reads_id(-1, "a user's id (0 is a robot, -1 a client)"),
    "Uid": read_text,
    "Text": read_text,
    "Flag": read_flag,
    "Present": _read_present,
    "Uuids": _read_uuids,
    "Numbers": read_numbers,
    "Times": read_times,
    "Since": _read_since,
    "Stages": _read_stages,
    "FieldFilters": _read_fields,
    "EventValues": _read_event_values,
    "EventName": _read_event_type,
    "EventEntityType": _read_event_entity,
    "SizeRange": _read_size,
    "DateRange": _read_period,
}
"""Kinds of values that are no closed set, by the names of their types."""


def is_known_kind(kind: str) -> bool:
    """Tell whether a filter of a type can be read."""
    several = _MANY.fullmatch(kind)
    base = several[1] if several else kind
    return base in _READERS or hasattr(enums, base)
