from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm import AmoCRM, AuthSettings, MirrorError
from amocrm.mirror import create_mybi_views, mirror
from amocrm.mirror.views.dialect import Dialect
from amocrm.mirror.views.mybi import mybi_views
from amocrm.mirror.views.wide import MOST, WideField, wide_columns
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.types import FieldValues
from tests.mirror.conftest import Runs
from tests.mirror.places import Place, new_place
from tests.servers import DATABASES


def view(place: Place, name: str, *, prefix: str | None = None) -> list[dict[str, Any]]:
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    quote = engine.dialect.identifier_preparer.quote
    with engine.connect() as connection:
        full = quote(f"{place.prefix if prefix is None else prefix}{name}")
        return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {full}").mappings()]


def test_views_of_a_shop(everywhere: Place, run: Runs, crm: AmoCRM, clock: ManualClock) -> None:
    place = everywhere
    lead = next(one for one in crm.leads.list() if one["status_id"] not in (142, 143))
    fields = crm.leads.custom_fields
    names = ['50% "скидка" `x`', "Name", "UTM_SOURCE", "А" * 80]
    ids = [fields.create({"name": name, "type": "text"})["id"] for name in names]
    several = fields.create({"name": "Цвета", "type": "multiselect", "enums": [
        {"value": "белый"}, {"value": "алый"}]})  # fmt: skip
    source = next(one for one in fields.list() if one.get("code") == "UTM_SOURCE")
    given: list[FieldValues] = [{"field_id": one, "values": [{"value": str(one)}]} for one in ids]
    crm.leads.update(lead["id"], {"custom_fields_values": [
        *given,
        {"field_id": several["id"], "values": [{"value": "белый"}, {"value": "алый"}]},
        {"field_id": source["id"], "values": [{"value": "yandex"}]},
    ]})  # fmt: skip
    begun = clock.time()
    clock.advance(1000)
    crm.leads.update(lead["id"], {"status_id": 142, "pipeline_id": lead["pipeline_id"]})
    assert run(place).skipped == {}

    (row,) = (one for one in view(place, "leads_wide") if one["id"] == lead["id"])
    assert row['50% "скидка" `x`'] == str(ids[0])
    assert (row["name"], row[f"Name ({ids[1]})"]) == (lead["name"], str(ids[1]))
    assert [value for name, value in row.items() if name.startswith("А")] == [str(ids[3])]
    assert row["Цвета"] == "белый, алый"
    assert row["pipeline"] == "Воронка"

    assert [one["utm_source"] for one in view(place, "utm") if one["lead_id"] == lead["id"]] == [
        "yandex"
    ]

    stays = sorted(
        (one for one in view(place, "time_in_stage") if one["lead_id"] == lead["id"]),
        key=lambda one: str(one["entered_at"]),
    )
    assert [one["status_id"] for one in stays] == [lead["status_id"], 142]
    assert stays[0]["seconds"] == int(begun) + 1000 - lead["created_at"]
    assert stays[1]["left_at"] is None

    stage = next(one for one in view(place, "funnel") if one["status_id"] == 142)
    assert stage["leads_now"] >= 1
    leads = list(crm.leads.list())
    assert sum(one["leads_now"] for one in view(place, "funnel")) == len(leads)
    assert sum(one["price_now"] for one in view(place, "funnel")) == sum(
        one["price"] for one in leads
    )


def test_the_wide_view_follows_the_fields(
    file: Place, run: Runs, crm: AmoCRM, clock: ManualClock
) -> None:
    run(file)
    made = crm.leads.custom_fields.create({"name": "Новое поле", "type": "numeric"})
    lead = next(iter(crm.leads.list()))
    values: list[FieldValues] = [{"field_id": made["id"], "values": [{"value": "1.5"}]}]
    crm.leads.update(lead["id"], {"custom_fields_values": values})
    clock.advance(1000)
    run(file)
    wide = {one["id"]: one["Новое поле"] for one in view(file, "leads_wide")}
    assert wide[lead["id"]] == 1.5
    crm.leads.custom_fields.update(made["id"], {"name": "Вес"})
    clock.advance(1000)
    run(file)
    wide = {one["id"]: one["Вес"] for one in view(file, "leads_wide")}
    assert wide[lead["id"]] == 1.5


def test_views_in_the_names_of_the_paid_connector(place: Place, run: Runs, crm: AmoCRM) -> None:
    run(place)
    create_mybi_views(place.url, prefix=place.prefix)
    try:
        contacts = {one["contact_id"]: one for one in view(place, "amocrm_contacts", prefix="")}
        some = next(iter(crm.contacts.list()))
        phones = [
            value["value"] for field in some["custom_fields_values"] or ()
            if field["field_code"] == "PHONE" for value in field["values"] or ()
        ]  # fmt: skip
        assert contacts[some["id"]]["phone"] == ", ".join(phones)
        dates = {one["id"]: one for one in view(place, "general_dates", prefix="")}
        for fact in view(place, "amocrm_leads_facts", prefix=""):
            date = dates[fact["created_id"]]
            assert (date["year"], date["quarter"]) == (2023, 4)
        for name in mybi_views(Dialect("sqlite", str)):
            rows = view(place, name, prefix="")
            assert rows or name.endswith(("notes", "attributes", "events", "tags", "customers"))
    finally:
        drop(place, list(mybi_views(Dialect("sqlite", str))))


def test_views_of_others_are_left_alone(
    everywhere: Place, run: Runs, clock: ManualClock, crm: AmoCRM
) -> None:
    place = everywhere
    mine = f"{place.prefix}funnel"
    execute(place, f"CREATE VIEW {mine} AS SELECT 1 AS mine")
    for _ in range(2):
        assert run(place).skipped == {
            "views": f"there is a table or a view {mine!r} already, which is not the mirror's "
            "(rename it, or mirror into tables with another prefix)"
        }
        assert view(place, "funnel") == [{"mine": 1}]
    execute(place, f"DROP VIEW {mine}")
    crm.leads.custom_fields.create({"name": "new", "type": "text"})
    clock.advance(1000)
    assert run(place).is_whole
    assert "new" in view(place, "leads_wide")[0]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_what_has_a_name_of_the_paid_connector_is_left_alone(
    file: Place, run: Runs, kind: str
) -> None:
    run(file)
    execute(file, f"CREATE {kind} general_dates AS SELECT 1 AS mine")
    for _ in range(2):
        with pytest.raises(MirrorError, match="a table or a view 'general_dates' already"):
            create_mybi_views(file.url)
        assert view(file, "general_dates") == [{"mine": 1}]
    execute(file, f"DROP {kind} general_dates")
    for _ in range(2):
        create_mybi_views(file.url)
    assert "year" in view(file, "general_dates")[0]


def test_the_views_of_the_paid_connector_need_a_mirror(file: Place) -> None:
    with pytest.raises(MirrorError, match="has no mirror"):
        create_mybi_views(file.url)


def execute(place: Place, statement: str) -> None:
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def drop(place: Place, names: list[str]) -> None:
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for name in reversed(names):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


@pytest.mark.parametrize(
    ("kind", "names", "columns"),
    [
        ("sqlite", ["a", "A", "a (3)"], ["a", "A (2)", "a (3)"]),
        ("sqlite", ["price", "", " \n", "x\ty"], ["price (1)", "field 2", "field 3", "x y"]),
        ("postgresql", ["я" * 40, "я" * 40], ["я" * 31, f"{'я' * 29} (2)"]),
        ("mysql", ["я" * 70, "я" * 70], ["я" * 64, f"{'я' * 60} (2)"]),
        ("mysql", ["Счёт", "Счет", "🔥", "🔥 x"], ["Счёт", "Счет (2)", "field 3", "x"]),
        ("postgresql", ["Счёт", "Счет", "🔥"], ["Счёт", "Счет", "🔥"]),
    ],
)
def test_names_of_columns(kind: str, names: list[str], columns: list[str]) -> None:
    fields = [WideField(1, number, name, "text") for number, name in enumerate(names, 1)]
    assert list(wide_columns(kind, fields)) == columns


def test_names_that_databases_do_not_take_as_they_are(place: Place, run: Runs, crm: AmoCRM) -> None:
    names = [
        "🔥 Счёт",
        "Счет",
        "Счёт",
        "йод",
        "иод",
        "100% :x %s",
        'a"b`c',
        "\\",
        "Name",
        "я" * 200,
    ]
    for name in names:
        crm.leads.custom_fields.create({"name": name, "type": "text"})
    assert run(place).is_whole
    assert len({*view(place, "leads_wide")[0]}) >= len(names)


def test_two_accounts_change_their_fields_at_the_same_time(
    place: Place, clock: ManualClock
) -> None:
    names = ("example", "other")
    portal = Sandbox(names, clock=clock, rps=None, seed=0)
    skipped: list[dict[str, str]] = []

    def run(domain: str) -> None:
        auth: AuthSettings = {"access_token": portal.issue_long_lived(account=domain)}
        with AmoCRM(
            domain, auth, session=portal.session(), clock=clock, rate_limiter=None
        ) as crm:  # fmt: skip
            for number in range(3):
                crm.leads.custom_fields.create({"name": f"{domain} {number}", "type": "text"})
                report = mirror(
                    crm, place.url, prefix=place.prefix, families=["leads"], refresh=True,
                    clock=clock,
                )  # fmt: skip
                skipped.append(report.skipped)

    with ThreadPoolExecutor() as pool:
        list(pool.map(run, names))
    assert skipped == [{}] * 6
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        columns = sa.inspect(connection).get_columns(f"{place.prefix}leads_wide")
    wanted = {f"{name} {number}" for name in names for number in range(3)}
    assert wanted <= {str(one["name"]) for one in columns}


def test_texts_that_mysql_would_cut_are_told(run: Runs, tmp_path: Path) -> None:
    with new_place("mysql", tmp_path) as place:
        assert run(place).is_whole, "MariaDB joins a million bytes"
        setting = "init_command=SET SESSION group_concat_max_len = 1024"
        url = f"{place.url}{'&' if '?' in place.url else '?'}{setting}"
        assert run(place._replace(url=url)).skipped == {
            "views": "MySQL cuts a field's values in leads_wide at group_concat_max_len, "
            "1024 bytes (SET GLOBAL group_concat_max_len = 1048576)"
        }


def test_who_may_read_views_may_read_them_after_a_change(
    run: Runs, crm: AmoCRM, clock: ManualClock, tmp_path: Path
) -> None:
    with new_place("postgres", tmp_path) as place:
        run(place)
        engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
        role, names = f'{place.prefix}"role', ("funnel", "leads_wide")
        quoted = engine.dialect.identifier_preparer.quote_identifier(role)
        views = ", ".join(f"{place.prefix}{name}" for name in names)
        may = sa.text("SELECT has_table_privilege(:role, :view, 'SELECT')")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE ROLE {quoted}"))
            connection.execute(sa.text(f"GRANT SELECT ON {views} TO {quoted}, PUBLIC"))
            connection.commit()
            try:
                crm.leads.custom_fields.create({"name": "new", "type": "text"})
                clock.advance(1000)
                assert run(place).is_whole
                for name in names:
                    asked = {"role": role, "view": f"{place.prefix}{name}"}
                    assert connection.execute(may, asked).scalar() is True
            finally:
                connection.rollback()
                connection.execute(sa.text(f"DROP OWNED BY {quoted}"))
                connection.execute(sa.text(f"DROP ROLE {quoted}"))
                connection.commit()


def test_there_are_not_more_columns_than_databases_have() -> None:
    fields = [WideField(1, number, f"field {number}", "text") for number in range(3000)]
    assert len(wide_columns("sqlite", fields)) == MOST


def test_where_leads_are_needs_no_events(
    everywhere: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    place, (first, second) = everywhere, [one["id"] for one in crm.leads.list()][:2]
    for status in (142, 143):  # 1000 s where they were, 500 s in the won stage.
        clock.advance(1000 if status == 142 else 500)
        for number in (first, second):
            crm.leads.update(number, {"status_id": status, "price": 1000})
    run(place)
    shop.inject("server_error", path="/api/v4/events", status=402, times=100)
    clock.advance(1000)
    crm.leads.update(first, {"status_id": 142})
    assert not run(place).is_whole
    leads = list(crm.leads.list())
    for stage in view(place, "funnel"):
        there = [one for one in leads if one["status_id"] == stage["status_id"]]
        assert (stage["leads_now"], stage["price_now"]) == (
            len(there), sum(one["price"] for one in there),
        )  # fmt: skip
        assert stage["leads_entered"] >= len(there)
    won = next(one for one in view(place, "funnel") if one["status_id"] == 142)
    assert (won["leads_entered"], won["average_seconds"]) == (
        sum(one["status_id"] == 142 for one in leads) + 1, 500,
    )  # fmt: skip


def test_parts_of_times(everywhere: Place, run: Runs, shop: Sandbox) -> None:
    moments = [
        datetime(year, month, day, 23, 59, 30, tzinfo=timezone.utc)
        for year in (2020, 2021, 2022, 2023)
        for month, day in ((1, 1), (1, 2), (1, 3), (1, 4), (3, 31), (10, 1), (12, 30), (12, 31))
    ]
    for moment in moments:
        shop.add("leads", {"name": "old", "created_at": int(moment.timestamp())})
    run(everywhere)
    create_mybi_views(everywhere.url, prefix=everywhere.prefix)
    try:
        dates = {one["id"]: one for one in view(everywhere, "general_dates", prefix="")}
    finally:
        drop(everywhere, list(mybi_views(Dialect("sqlite", str))))
    for moment in moments:
        date = dates[int(moment.timestamp()) // 60]
        assert str(date["simple_date"]) == moment.date().isoformat()
        names = ("year", "quarter", "month", "week", "day", "hour", "minute")
        assert [int(date[name]) for name in names] == [
            moment.year, (moment.month + 2) // 3, moment.month, moment.isocalendar()[1],
            moment.day, 23, 59,
        ]  # fmt: skip


@pytest.mark.parametrize("kind", DATABASES)
def test_who_reads_a_view_for_long_does_not_stop_the_others(
    run: Runs, crm: AmoCRM, clock: ManualClock, tmp_path: Path, kind: str
) -> None:
    with new_place(kind, tmp_path) as place:
        run(place)
        crm.leads.custom_fields.create({"name": "new", "type": "text"})
        clock.advance(1000)
        engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
        with engine.connect() as dashboard:
            dashboard.exec_driver_sql(f"SELECT * FROM {place.prefix}leads_wide").all()
            assert "imeout" in run(place).skipped["views"]
        assert run(place).is_whole
        assert "new" in view(place, "leads_wide")[0]


def test_a_view_that_somebody_has_dropped_is_created_again(everywhere: Place, run: Runs) -> None:
    run(everywhere)
    execute(everywhere, f"DROP VIEW {everywhere.prefix}utm")
    run(everywhere)
    assert view(everywhere, "utm") == []
