"""Values of filters: converted to what amoCRM reads, or refused before anything is sent."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import parse_qsl

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.bulk.split_query import LONGEST, split_query
from amocrm.http.query import encode
from amocrm.resources.filter_values import Facts, is_known_kind
from amocrm.resources.filters import build_query
from amocrm.sandbox import Sandbox
from amocrm.schema import enums
from tests.resources.table import Seat, walk

MSK = datetime.timezone(datetime.timedelta(hours=3))
DAY = datetime.date(2026, 1, 31)
BEGIN, END = 1769806800, 1769893199  # of that day in Moscow
FACTS = Facts(lambda: MSK)
NOON = datetime.datetime(2026, 1, 31, 12)


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(("example",), rps=None)


@pytest.fixture
def crm(portal: Sandbox) -> Iterator[AmoCRM]:
    with client(portal) as crm:
        yield crm


def client(portal: Sandbox, *, lenient: bool = False) -> AmoCRM:
    token = portal.issue_long_lived()
    return AmoCRM(
        "example",
        {"access_token": token},
        session=portal.session(),
        rate_limiter=None,
        lenient=lenient,
    )


FILTERS = [
    (seat, name, kind) for seat in walk() for name, kind in seat.kind.endpoint.filters.items()
]
NAMED = pytest.mark.parametrize(
    ("seat", "name", "kind"),
    FILTERS,
    ids=[f"{seat.expression}-{name}" for seat, name, _ in FILTERS],
)

RANGE = {"from": 1700000000, "to": 1700000060}
TIMES: list[tuple[Any, Any]] = [
    (RANGE, RANGE),
    ({"from": 1700000000.7}, {"from": 1700000000}),
    ({"from": DAY}, {"from": BEGIN}),
    ({"to": DAY}, {"to": END}),
    ({"from": DAY, "to": DAY}, {"from": BEGIN, "to": END}),
    ({"from": DAY, "to": None}, {"from": BEGIN}),
    ({"from": NOON}, {"from": BEGIN + 12 * 3600}),
    ({"to": NOON.replace(tzinfo=datetime.timezone.utc)}, {"to": BEGIN + 15 * 3600}),
]
NUMBERS: list[tuple[Any, Any]] = [
    (5, 5),
    (99.5, 99.5),
    (Decimal("10.50"), "10.50"),
    ({"from": 1, "to": 5}, {"from": 1, "to": 5}),
    ({"from": Decimal(1)}, {"from": "1"}),
]
STAGE = {"pipeline_id": 10, "status_id": 142}

GOOD: dict[str, list[tuple[Any, Any]]] = {
    "Id": [(5, 5), ("5", 5)],
    "UserId": [(0, 0), (5, 5)],
    "FileAuthor": [(-1, -1), (0, 0)],
    "Uid": [("u-1", "u-1")],
    "Uuids": [("u-1", "u-1"), (["u-1", "u-2"], "u-1,u-2")],
    "Text": [("site", "site")],
    "Flag": [(True, 1), (False, 0), (1, 1), (0, 0)],
    "Present": [(True, True)],
    "Numbers": NUMBERS,
    "Times": [*TIMES, (DAY, {"from": BEGIN, "to": END})],
    "Since": [*TIMES, (1700000000, 1700000000), (DAY, BEGIN), (NOON, BEGIN + 12 * 3600)],
    "Stages": [
        ([STAGE], [STAGE]),
        (STAGE, [STAGE]),
        (({"pipeline_id": "10", "status_id": "142"},), [STAGE]),
    ],
    "FieldFilters": [({900: [1]}, {900: [1]})],
    "EventValues": [
        ({"leads_statuses": [STAGE]}, {"leads_statuses": [STAGE]}),
        ({"customers_statuses": [{"status_id": 5}]}, {"customers_statuses": [{"status_id": 5}]}),
        ({"responsible_user_id": [5, 6]}, {"responsible_user_id": "5,6"}),
        ({"responsible_user_id": 5}, {"responsible_user_id": "5"}),
        ({"custom_field_values": [17, 18]}, {"custom_field_values": "17,18"}),
        ({"value": "10"}, {"value": "10"}),
    ],
    "EventName": [("lead_added", "lead_added"), ("custom_field_9_value_changed",) * 2],
    "EventEntityType": [("lead", "lead"), ("catalog_7", "catalog_7")],
    "SizeRange": [({"unit": "mb", "from": 1}, {"unit": "mb", "from": 1}), ({"to": 9}, {"to": 9})],
    "DateRange": [
        ({"date_preset": "week"}, {"date_preset": "week"}),
        ({"type": "updated_at", "from": DAY}, {"type": "updated_at", "from": BEGIN}),
        (DAY, {"from": BEGIN, "to": END}),
    ],
}
"""Values that a kind takes, and what is sent."""

BAD_TIMES: list[tuple[Any, str]] = [
    ({}, "the range is empty"),
    ({"from": None}, "the range is empty"),
    ({"since": 5}, "a range takes 'from' and 'to', not 'since'"),
    ({"from": "2021-11-01"}, "times are Unix seconds, datetimes or dates, not '2021-11-01'"),
    ({"from": "yesterday"}, 'such as {"from": datetime('),
    ({"from": 1700000000000}, "is it in milliseconds?"),
    ({"from": True}, "times are Unix seconds"),
    ({"from": float("nan")}, "times are Unix seconds"),
    ({"from": 10, "to": 5}, "'from' is after 'to'"),
    ("2021-11-01", 'such as {"from": datetime('),
    ("", 'such as {"from": datetime('),
    (True, 'such as {"from": datetime('),
]
BAD: dict[str, list[tuple[Any, str]]] = {
    "Id": [
        (0, "an id, a positive whole number"),
        (True, "not True"),
        ("x", "not 'x'"),
        (1.5, "not 1.5"),
        ({"from": 1}, "not dict"),
        (datetime.date(2026, 1, 1), "not date"),
    ],
    "UserId": [(-1, "a user's id (0 is a robot)"), (True, "not True"), ("anna", "not 'anna'")],
    "FileAuthor": [(-2, "-1 a client"), (False, "not False")],
    "Uid": [("", "the text is empty"), (5, "it takes a text, not int")],
    "Uuids": [
        ("", "the text is empty"),
        (5, "it takes a text, not int"),
        ([], "the list is empty"),
    ],
    "Text": [("", "the text is empty"), (5, "it takes a text, not int"), ({}, "a text, not dict")],
    "Flag": [(2, "it takes True or False, not 2"), ("true", "not 'true'"), ([], "not list")],
    "Present": [(False, "it takes True alone"), (1, "it takes True alone")],
    "Numbers": [
        (True, "it takes a number"),
        ("5", "it takes a number"),
        ({}, "the range is empty"),
        ({"form": 5}, "a range takes 'from' and 'to', not 'form'"),
        (float("nan"), "a number"),
        ({"from": 6, "to": 5}, "'from' is after 'to'"),
        (Decimal("NaN"), "a number"),
        ({"from": "1"}, "a number"),
    ],
    "Times": [*BAD_TIMES, (1700000000, "it takes a range of times")],
    "Since": BAD_TIMES,
    "Stages": [
        ([142], '[{"pipeline_id": 10, "status_id": 142}]'),
        (142, "stages are"),
        ([], "the list is empty"),
        ([{"status_id": 142}], "a stage is a pair"),
        ([{**STAGE, "name": "A"}], "a stage is a pair"),
        ([{"pipeline_id": None, "status_id": 142}], "ids are positive"),
        ("142", "stages are"),
    ],
    "FieldFilters": [
        ({}, "values by field"),
        ([5], "values by field"),
        ("Region", "values by field"),
    ],
    "EventValues": [
        ({}, "it takes a dict of leads_statuses"),
        ([5], "it takes a dict of"),
        (5, "it takes a dict of"),
        ({"lead_statuses": [STAGE]}, "did you mean 'leads_statuses'?"),
        ({"leads_statuses": [142]}, "a stage is a pair"),
        ({"customers_statuses": [5]}, '[{"status_id": 301}]'),
        ({"customers_statuses": []}, '[{"status_id": 301}]'),
        ({"responsible_user_id": "anna"}, "an id"),
        ({"custom_field_values": ["north"]}, "an id"),
        ({"value": ""}, "a text or a whole number"),
    ],
    "EventName": [
        ("lead_add", "did you mean 'lead_added'?"),
        ("custom_field_x_value_changed", "does not take"),
    ],
    "EventEntityType": [
        ("leads", "did you mean 'lead'?"),
        ("catalog", "does not take 'catalog'"),
        (5, "not take 5"),
    ],
    "SizeRange": [
        (5, "it takes"),
        ({}, "the range is empty"),
        ({"unit": "mb"}, "the range is empty"),
        ({"from": "1"}, "a number"),
    ],
    "DateRange": [
        *BAD_TIMES[1:9],
        ({"date_preset": "weekly"}, "did you mean 'week'?"),
        ({"type": "deleted_at", "from": 5}, "type is 'created_at' or"),
        ({"type": "created_at"}, "the range is empty"),
    ],
}
"""Values that a kind refuses, and words of the error."""


def base_of(kind: str) -> tuple[str, bool]:
    """The kind of one value, and whether there may be several."""
    base, _, several = kind.partition(" | ")
    return base, several == f"Iterable[{base}]"


def good_values(kind: str) -> list[tuple[Any, Any]]:
    base, several = base_of(kind)
    values = GOOD.get(base) or [(one, one) for one in get_args(getattr(enums, base))]
    if several:
        values = [*values, ([one for one, _ in values], [one for _, one in values])]
        values.append((iter([values[0][0]]), [values[0][1]]))
    return values


def bad_values(kind: str) -> list[tuple[Any, str]]:
    base, several = base_of(kind)
    values = BAD.get(base)
    if values is None:
        first = get_args(getattr(enums, base))[0]
        values = [
            (f"{first}x", f"did you mean {first!r}?"),
            (5, "it does not take 5"),
            ("", "it does not take ''"),
        ]
    values = [*values, (None, "it is None")]
    if several:
        values += [
            ([good_values(base)[0][0], one], words) for one, words in values if one is not None
        ]
        values += [([], "the list is empty")]
    return values


@NAMED
def test_every_filter_has_a_kind_with_cases(seat: Seat, name: str, kind: str) -> None:
    assert is_known_kind(kind), f"{seat.expression}: what does {name} take?"
    assert good_values(kind)
    assert bad_values(kind)


@NAMED
def test_a_value_goes_as_amocrm_reads_it(seat: Seat, name: str, kind: str) -> None:
    for value, sent in good_values(kind):
        asked = build_query(
            seat.kind.endpoint, "x", lenient=False, filter={name: value}, facts=FACTS
        )
        assert asked == {"filter": {name: sent}}
        assert repr(asked["filter"][name]) == repr(sent), "True is not 1 on the wire"


def reached(crm: AmoCRM, seat: Seat) -> Any:
    """A resource by its expression: `leads(id).notes` is `crm.leads(7).notes`."""
    found: Any = crm
    for part in seat.expression.split("."):
        name = part.removesuffix("(id)")
        found = getattr(found, name)
        if name != part:
            found = found("7")
    return found


@NAMED
def test_a_value_that_means_nothing_is_refused_unsent(
    crm: AmoCRM, portal: Sandbox, seat: Seat, name: str, kind: str
) -> None:
    for value, words in bad_values(kind):
        with pytest.raises(ConfigurationError) as caught:
            reached(crm, seat).list(filter={name: value})
        assert str(caught.value).startswith(f"filter {name!r} of ")
        assert words in str(caught.value), value
    assert portal.log == []


@NAMED
def test_a_lenient_client_sends_every_value(
    portal: Sandbox, seat: Seat, name: str, kind: str
) -> None:
    endpoint = seat.kind.endpoint
    for value, _ in bad_values(kind):
        asked = build_query(endpoint, "x", lenient=True, filter={name: value}, facts=FACTS)
        assert asked["filter"][name] is value
    with client(portal, lenient=True) as crm:
        value, sent = good_values(kind)[0]
        assert build_query(endpoint, "x", lenient=True, filter={name: value}, facts=FACTS) == {
            "filter": {name: sent}
        }
        reached(crm, seat).list(filter={name: None, "tomorrow": 1})


def pairs(portal: Sandbox) -> list[tuple[str, str]]:
    return [one for one in parse_qsl(portal.log[-1].query) if one[0].startswith("filter")]


def test_open_tasks_are_found(crm: AmoCRM, portal: Sandbox) -> None:
    crm.tasks.create({"text": "Call", "complete_till": 1_800_000_000})
    assert len(list(crm.tasks.list(filter={"is_completed": False}))) == 1
    assert pairs(portal) == [("filter[is_completed]", "0")]
    assert list(crm.tasks.list(filter={"is_completed": True})) == []


def test_a_day_is_the_account_s(crm: AmoCRM, portal: Sandbox) -> None:
    list(crm.leads.list(filter={"created_at": DAY}))
    assert pairs(portal) == [
        ("filter[created_at][from]", str(BEGIN)),
        ("filter[created_at][to]", str(END)),
    ]


def test_stages_alone_are_taken_where_one_pipeline_is_named(crm: AmoCRM) -> None:
    pipeline = next(iter(crm.leads.pipelines.list()))
    won = crm.leads.create({"name": "A", "status_id": 142})["id"]
    crm.leads.create({"name": "B"})
    found = crm.leads.list(filter={"pipeline_id": pipeline["id"], "statuses": [142]})
    assert [one["id"] for one in found] == [won]
    with pytest.raises(ConfigurationError, match="a stage is a pair"):
        crm.leads.list(filter={"pipeline_id": [pipeline["id"], 5], "statuses": [142]})


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"entity_id": [1]}, "'entity_id' of events needs one 'entity'"),
        ({"entity_id": [1], "entity": ["lead", "contact"]}, "needs one 'entity'"),
        ({"type": ["custom_field_9_value_changed", "lead_added"]}, "only alone"),
        ({"value_after": {"custom_field_values": [5]}}, "needs the type custom_field_"),
        (
            {"value_before": {"value": "5"}, "type": "lead_added"},
            "value in value_before needs a type",
        ),
    ],
)
def test_filters_that_need_each_other(
    crm: AmoCRM, portal: Sandbox, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        crm.events.list(filter=asked)  # type: ignore[arg-type] # pyright: ignore
    assert portal.log == []
    with client(portal, lenient=True) as lenient:
        lenient.events.list(filter=asked)  # type: ignore[arg-type] # pyright: ignore


def test_links_name_both_parts_of_the_other_end(crm: AmoCRM, portal: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="need each other"):
        crm.leads(1).links.list(filter={"to_entity_id": 5})
    with pytest.raises(ConfigurationError, match="need each other"):
        crm.leads.links.list(filter={"entity_id": 1, "to_entity_id": 5})
    with pytest.raises(ConfigurationError, match="needs 'entity_id'"):
        crm.leads.links.list()
    assert portal.log == []


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "query is empty"), (" ", "query is empty"), (True, "must be a text"), (["a"], "a text")],
)
def test_words_to_look_for_are_words(crm: AmoCRM, query: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        crm.leads.list(query=query)


FIELDS: list[dict[str, Any]] = [
    {
        "name": "Region",
        "type": "select",
        "code": "REGION",
        "enums": [{"value": "north"}, {"value": "south"}],
    },
    {"name": "Paid", "type": "checkbox"},
    {"name": "Sum", "type": "numeric"},
    {"name": "Visit", "type": "date"},
    {"name": "Note", "type": "text"},
    {"name": "Where", "type": "smart_address"},
]


@pytest.fixture
def fields(crm: AmoCRM) -> dict[str, Any]:
    made = [crm.leads.custom_fields.create(one) for one in FIELDS]  # type: ignore[arg-type] # pyright: ignore
    return {one["name"]: one for one in made}


def test_custom_fields_are_filtered_by_name_code_or_id(
    crm: AmoCRM, portal: Sandbox, fields: Any
) -> None:
    lead: Any = {"name": "A"}
    view = crm.leads.cf(lead)
    view.update({"Region": "north", "Paid": True, "Sum": 5, "Visit": DAY, "Note": "x"})
    number = crm.leads.create(lead)["id"]
    crm.leads.create({"name": "B"})
    region, north = fields["Region"]["id"], fields["Region"]["enums"][0]["id"]
    asked: list[Any] = [
        {"Region": "north"},
        {"REGION": ["north", "south"]},
        {region: north},
        {"region": north},
        {"Paid": True},
        {"Sum": 5},
        {"Sum": {"from": Decimal("4.5"), "to": 6}},
        {"Visit": DAY},
        {"Visit": {"from": DAY}},
        {"Note": ["x", "y"]},
        {"Region": "north", "Paid": 1},
    ]
    for one in asked:
        found = list(crm.leads.list(filter={"custom_fields_values": one}))
        assert [lead["id"] for lead in found] == [number], one
    list(crm.leads.list(filter={"custom_fields_values": {"Region": "north", "Paid": False}}))
    assert pairs(portal) == [
        (f"filter[custom_fields_values][{region}][0]", str(north)),
        (f"filter[custom_fields_values][{fields['Paid']['id']}][0]", "0"),
    ]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Regoin": "north"}, "is it 'Region'"),
        ({"Region": "nort"}, "has no choice 'nort'"),
        ({"Region": None}, "it is None"),
        ({"Region": []}, "the list is empty"),
        ({"Region": True}, "takes choices by text"),
        ({"Paid": "yes"}, "it takes True or False"),
        ({"Sum": "5"}, "it takes a number"),
        ({"Visit": "2026-01-31"}, "it takes a range of times"),
        ({"Visit": 1700000000}, "it takes a range of times"),
        ({"Note": 5}, "it takes a text"),
        ({"Where": "Perm"}, "amoCRM cannot filter by fields of the type 'smart_address'"),
    ],
)
@pytest.mark.usefixtures("fields")
def test_a_wrong_value_of_a_custom_field_is_refused(
    crm: AmoCRM, portal: Sandbox, asked: Any, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        crm.leads.list(filter={"custom_fields_values": asked})
    assert not [one for one in portal.log if one.path == "/api/v4/leads"]


def test_many_ids_are_asked_for_in_several_calls_in_their_order(
    crm: AmoCRM, portal: Sandbox
) -> None:
    numbers: list[Any] = [
        one.unwrap() for one in crm.leads.create_many([{"name": str(n)} for n in range(600)])
    ]
    start = len(portal.log)
    wanted = [*reversed(numbers), numbers[0]]
    found = crm.leads.list(filter={"id": wanted}, ahead=0)
    assert [one["id"] for one in found] == sorted(numbers)
    calls = portal.log[start:]
    assert 2 <= len(calls) <= 8
    assert all(len(one.query) <= LONGEST + 30 for one in calls)
    first = found.first()
    assert first is not None
    assert first["id"] == min(numbers)
    for direction, expected in [("asc", sorted(numbers)), ("desc", sorted(numbers, reverse=True))]:
        again = crm.leads.list(filter={"id": wanted}, order={"id": direction}, unique=True)  # type: ignore[arg-type] # pyright: ignore
        assert list(again.ids()) == expected
        first = again.first()
        assert first is not None
        assert first["id"] == expected[0]
    assert sum(len(items) for items in found.pages()) == 600
    assert (
        list(crm.leads.list(filter={"id": wanted}, params={"filter": {"id": numbers[:1]}}).ids())
        == numbers[:1]
    )


def test_events_take_ten_ids_in_a_call(crm: AmoCRM, portal: Sandbox) -> None:
    numbers: list[Any] = [
        one.unwrap() for one in crm.leads.create_many([{"name": str(n)} for n in range(25)])
    ]
    start = len(portal.log)
    found = crm.events.list(
        filter={"entity": "lead", "entity_id": numbers, "type": "lead_added"}, ahead=0
    )
    assert sorted(one["entity_id"] for one in found) == sorted(numbers)
    assert len(portal.log) - start == 3


def test_a_short_query_is_not_split() -> None:
    asked = {"filter": {"id": [3, 1, 2], "name": ["a"]}, "with": "contacts"}
    assert split_query(asked, {"id": 0}) == [asked]
    assert split_query({}, {"id": 0}) == [{}]
    long = {"filter": {"id": list(range(1, 601))}}
    assert split_query(long, {}) == [long]
    both = {"filter": {"id": list(range(1, 301)), "created_by": list(range(1, 301))}}
    parts = split_query(both, {"id": 0, "created_by": 0})
    seen = {
        (one, two)
        for part in parts
        for one in part["filter"]["id"]
        for two in part["filter"]["created_by"]
    }
    assert len(seen) == 300 * 300
    assert (
        sum(len(part["filter"]["id"]) * len(part["filter"]["created_by"]) for part in parts)
        == 300 * 300
    )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"statuses": [{"pipeline_id": 10, "status_id": one} for one in range(100, 130)]},
        {"name": ["имя " * 20, "a&b"], "price": {"from": 1, "to": 5}},
        {"created_by": [12345678] * 49},
    ],
)
def test_each_part_of_a_split_query_is_short(more: dict[str, Any]) -> None:
    ids = list(range(12345678, 12345678 + 700))
    parts = split_query({"filter": {"id": ids, **more}, "with": "contacts"}, {"id": 0})
    lengths = [len(encode(part)) for part in parts]
    assert max(lengths) <= LONGEST
    assert sum(lengths) / len(lengths) > LONGEST * 0.8
    assert [one for part in parts for one in part["filter"]["id"]] == ids
