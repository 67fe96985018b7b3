"""What stops a run, or keeps it from reading something, is told; nothing is lost or resurrected."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm import AmoCRM, ConfigurationError, MirrorError, PaymentRequiredError
from amocrm.mirror import MirrorProgress, mirror, verify
from amocrm.mirror.sql.schema import describe_all
from amocrm.mirror.sql.sink import Sink
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.places import Place, new_place
from tests.servers import COMMIT, DATABASES, door


def test_a_deletion_during_the_first_copy_hides_no_lead(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    for number in range(800):
        shop.add("leads", {"name": str(number)})
    clock.advance(600)
    ids = sorted(one["id"] for one in shop.leads())
    gone: list[int] = []

    def delete(progress: MirrorProgress) -> None:
        # The first page was read; the items of the next ones move up to it.
        if progress.family == "leads" and not gone:
            for number in ids[:3]:
                shop.trash("leads", number)
                gone.append(number)

    run(file, families=["leads"], progress=delete)
    alive = {one["id"] for one in file.rows("leads") if one["deleted_at"] is None}
    assert alive == set(ids[3:])
    run.check(file, families=["leads"])


def test_progress_is_told_with_an_estimate(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    for number in range(1000):
        shop.add("leads", {"name": str(number), "created_at": int(clock.time()) + number})
    clock.advance(1000)
    seen: list[MirrorProgress] = []
    run(file, families=["leads"], progress=seen.append)
    leads = [one for one in seen if one.family == "leads"]
    assert [one.done for one in leads][:4] == [250, 500, 750, 1000]
    assert leads[0].total is not None
    assert 400 < leads[0].total < 2500
    assert leads[3].total is not None
    assert abs(leads[3].total - 1016) < 30


def test_a_plan_without_filters_is_told_and_read_as_a_whole(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    shop.set_plan("basic")
    first, second = sorted(one["id"] for one in shop.leads())[:2]
    assert "is_api_filter_enabled" in run(file).skipped["changes"]
    clock.advance(1000)
    crm.leads.update(first, {"name": "new"})
    shop.trash("leads", second)
    run(file)
    assert file.one("leads", id=first)["name"] == "new"
    assert file.one("leads", id=second)["deleted_at"] == int(clock.time())
    run.check(file)


def test_a_plan_without_filters_is_read_once_in_a_run(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    shop.set_plan("basic")
    run(file, families=["leads"])
    clock.advance(1000)
    shop.trash("leads", shop.leads()[0]["id"])
    run(file, families=["leads"])
    clock.advance(1000)
    paths = paths_of(run, file, shop, families=["leads"])
    assert paths.count("/api/v4/leads") == 1, "an earlier deletion moves nothing now"


def test_an_unpaid_account_is_told_and_nothing_is_lost(
    file: Place, run: Runs, shop: Sandbox
) -> None:
    run(file)
    before = file.alive()
    shop.account().is_paid = False
    with pytest.raises(PaymentRequiredError):
        run(file)
    assert file.alive() == before


@pytest.mark.parametrize("path", ["/api/v4/events", "/api/v4/leads/notes", "/api/v4/users"])
def test_what_the_plan_does_not_have_is_left_out(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, path: str
) -> None:
    shop.inject("server_error", path=path, status=402, times=100)
    report = run(file)
    assert not report.is_whole
    assert all("402" in reason for reason in report.skipped.values())
    assert len(file.rows("leads")) == 16
    shop.clear_faults()
    clock.advance(1000)
    assert run(file).is_whole
    run.check(file)


@pytest.mark.parametrize("part", ["/elements", "/custom_fields", ""])
def test_a_listing_that_could_not_be_read_is_read_by_the_next_run(
    file: Place, run: Runs, shop: Sandbox, part: str
) -> None:
    catalog = min(shop.account().entities["catalogs"])
    path = f"/api/v4/catalogs/{catalog}{part}" if part else "/api/v4/users"
    shop.inject("server_error", path=path, status=402, times=100)
    for _ in range(2):
        assert len(run(file).skipped) == 1
    shop.clear_faults()
    assert run(file).is_whole
    assert not set(paths_of(run, file, shop)) & {path, "/api/v4/users", "/api/v4/catalogs"}
    run.check(file)


def test_runs_of_other_families_read_only_listings_that_are_due(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    run(file, families=["leads"])
    paths = paths_of(run, file, shop, families=["contacts"])
    assert "/api/v4/contacts/custom_fields" in paths
    assert not {"/api/v4/users", "/api/v4/leads/custom_fields"} & set(paths)
    clock.advance(600)
    assert "/api/v4/users" in paths_of(run, file, shop, families=["contacts"])


def paths_of(run: Runs, file: Place, shop: Sandbox, **settings: object) -> list[str]:
    """Run, and return what was requested."""
    before = len(shop.log)
    run(file, **settings)
    return [one.path for one in list(shop.log)[before:]]


def test_what_a_user_may_not_see_any_more_is_kept(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    run(file)
    clock.advance(1000)
    number = shop.leads()[0]["id"]
    hidden = shop.account().entities["leads"].pop(number)
    run(file, refresh=True)
    assert file.one("leads", id=number)["deleted_at"] is None
    shop.account().entities["leads"][number] = hidden
    crm.leads.update(number, {"name": "seen again"})
    run(file)
    assert file.one("leads", id=number)["name"] == "seen again"
    run.check(file)


def test_a_user_who_is_no_administrator_mirrors_the_rest(
    file: Place, shop: Sandbox, clock: ManualClock
) -> None:
    token = shop.issue_long_lived(admin=False)
    with AmoCRM("example", {"access_token": token}, session=shop.session(), clock=clock) as crm:
        report = mirror(crm, file.url, clock=clock)
    assert set(report.skipped) == {"users"}
    assert len(file.rows("leads")) == 16


def test_a_list_that_loses_an_element(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    run(file)
    number = file.rows("catalog_elements")[0]["id"]
    shop.trash("elements", number)
    clock.advance(1000)
    assert run(file).deleted == 1
    assert file.one("catalog_elements", id=number)["deleted_at"] == int(clock.time())
    run.check(file)


@pytest.mark.parametrize("kind", DATABASES)
def test_a_commit_whose_answer_is_lost_is_done_once(
    kind: str, run: Runs, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with door(kind) as (forwarder, url):
        place = Place(url, f"t{uuid.uuid4().hex[:10]}_")
        try:
            with closing(Sink(place.url, place.prefix)) as sink:
                sink.create_tables()
            forwarder.doom(b"leads", COMMIT[kind])
            run(place)
            assert forwarder.deaths == 1
            run.check(place)
        finally:
            drop(place)


@pytest.mark.endurance
@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_stops_is_told_and_gone_on_with(
    kind: str, run: Runs, tmp_path: Path
) -> None:
    with door(kind) as (forwarder, url):
        place = Place(url, f"t{uuid.uuid4().hex[:10]}_")

        def stop(progress: MirrorProgress) -> None:
            if progress.family == "contacts":
                forwarder.shut()

        try:
            with pytest.raises(MirrorError):
                run(place, progress=stop)
            forwarder.reopen()
            run(place)
            run.check(place)
        finally:
            forwarder.reopen()
            drop(place)


def drop(place: Place) -> None:
    from tests.mirror.places import VIEWS

    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for name in VIEWS:
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {place.prefix}{name}")
        for table in describe_all(place.prefix).all:
            table.drop(connection, checkfirst=True)


def test_a_full_disk_is_told_and_gone_on_with(file: Place, run: Runs, clock: ManualClock) -> None:
    with closing(Sink(file.url)) as sink:
        sink.create_tables()
    engine = sa.create_engine(file.url)

    @sa.event.listens_for(engine, "connect")
    def limit(connection: Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 90")

    with pytest.raises(MirrorError, match="full"):
        mirror(run.crm, engine, clock=clock)
    engine.dispose()
    run(file)
    run.check(file)


def test_one_run_at_a_time(place: Place, run: Runs, shop: Sandbox) -> None:
    sink = Sink(place.url, place.prefix)
    sink.create_tables()
    with sink.running(shop.account().id):
        with pytest.raises(MirrorError, match="another run is mirroring the account 30000001"):
            run(place)
        with sink.running(7):
            pass  # Another account.
    sink.close()
    run(place)


def test_a_long_run_does_not_keep_postgresql_from_vacuuming(tmp_path: Path) -> None:
    with new_place("postgres", tmp_path) as place:
        name = f"mirror-{uuid.uuid4().hex}"
        engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
        others = sa.text(
            "SELECT state, backend_xid, backend_xmin FROM pg_stat_activity"
            " WHERE application_name = :name AND state <> 'idle'"
        ).bindparams(name=name)
        with closing(Sink(f"{place.url}?application_name={name}", place.prefix)) as sink:
            sink.create_tables()
            with sink.running(7), engine.connect() as connection:
                (row,) = connection.execute(others)
                assert tuple(row) == ("idle in transaction", None, None)


@pytest.mark.parametrize("prefix", ["a%b_", "O'B_", 'q"_', "Ünï_", "a:b_"])
def test_names_of_tables_in_postgresql(tmp_path: Path, prefix: str) -> None:
    with new_place("postgres", tmp_path) as place:
        with closing(Sink(place.url, place.prefix + prefix)) as sink:
            sink.create_tables()
            with sink.running(7), pytest.raises(MirrorError, match="another run"):
                with sink.running(7):
                    pytest.fail("it was not locked")
            for table in sink.tables.all:
                sink.database.run("drop", table.drop)


def test_a_table_of_another_program_is_not_touched(file: Place, run: Runs) -> None:
    engine = sa.create_engine(file.url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE users (name TEXT)")
    with pytest.raises(ConfigurationError, match="'users' is not the mirror's"):
        run(file)
    assert sa.inspect(engine).get_table_names() == ["users"]
    assert run(Place(file.url, "crm_")).is_whole


@pytest.mark.parametrize(
    ("families", "told"),
    [(["lead"], "did you mean 'leads'"), ([], "at least one"), ("leads", "several names")],
)
def test_families_are_checked(file: Place, run: Runs, families: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        run(file, families=families)


def test_times_that_are_in_another_year_in_the_session_s_time_zone(
    run: Runs, shop: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    last = 253_402_300_799
    lead = next(iter(shop.account().entities["leads"].values()))
    lead |= {"closed_at": last, "updated_at": last, "created_at": 32_503_680_000}
    with new_place("postgres", tmp_path) as place:
        there = place._replace(url=f"{place.url}?options=-c%20timezone%3DEurope/Moscow")
        for _ in range(2):
            assert run(there).is_whole
            clock.advance(1000)
        row = place.one("leads", id=lead["id"])
        assert (row["closed_at"], row["created_at"]) == (None, 32_503_680_000)


def test_a_mirror_of_a_newer_version_is_not_touched(file: Place, run: Runs) -> None:
    run(file)
    sink = Sink(file.url)
    sink.save(0, {"version": 99})
    with pytest.raises(ConfigurationError, match=r"another version .* \(99, not 1\)"):
        run(file)
    assert sink.load(0)["version"] == 99
    sink.close()


@pytest.mark.parametrize("ahead", [86_400, -86_400])
def test_a_host_whose_clock_is_wrong(
    file: Place, shop: Sandbox, clock: ManualClock, ahead: int
) -> None:
    own, token = ManualClock(clock.time() + ahead), shop.issue_long_lived()
    with AmoCRM(
        "example", {"access_token": token}, session=shop.session(), clock=own, rate_limiter=None
    ) as crm:  # fmt: skip
        mirror(crm, file.url, clock=own)
        for number in [one["id"] for one in shop.leads()][:3]:
            clock.advance(1000)
            own.advance(1000)
            made = crm.leads.create({"name": "new"})["id"]
            shop.trash("leads", number)
            mirror(crm, file.url, clock=own)
            assert file.one("leads", id=made)["deleted_at"] is None
            assert file.one("leads", id=number)["deleted_at"] == int(clock.time())
        assert verify(crm, file.url, clock=own).is_same


def test_a_database_that_cannot_be_written(run: Runs, tmp_path: Path) -> None:
    Path(tmp_path, "crm.db").touch(0o600)
    with pytest.raises(MirrorError, match=r"could not create the tables: .*readonly") as caught:
        run(Place(f"sqlite:///file:{tmp_path}/crm.db?mode=ro&uri=true"))
    assert caught.value.hint is None, "it is not to be told to create the tables"
