"""The mirror through dlt: DuckDB, files of Parquet, PostgreSQL."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from amocrm import AmoCRM, ConfigurationError, MirrorError, ServerError
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.places import new_place
from tests.mirror.warehouses import KINDS, WarehousePlace, dlt, in_warehouse, new_warehouse

# After those, which skip the module where dlt is not installed.
from amocrm.mirror.dlt import load, source  # isort: skip

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(params=KINDS)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WarehousePlace]:
    with new_warehouse(request.param, tmp_path) as place:
        yield place


@pytest.fixture
def duckdb(tmp_path: Path) -> WarehousePlace:
    return WarehousePlace("duckdb", tmp_path)


def check(run: Runs, warehouse: WarehousePlace, folder: Path) -> None:
    """Check that a warehouse is what a first copy in SQL would be now, row by row."""
    with new_place("sqlite", folder) as fresh:
        run(fresh)
        expected = fresh.alive()
        for name, rows in warehouse.alive().items():
            assert rows == in_warehouse(name, expected[name]), name


def first(crm: AmoCRM) -> dict[str, Any]:
    lead = crm.leads.list().first()
    assert lead is not None
    return dict(lead)


def test_what_changes_in_an_account_changes_in_a_warehouse(
    warehouse: WarehousePlace, run: Runs, shop: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    crm = run.crm
    tagged = crm.leads.create({"name": "Tagged", "_embedded": {"tags": [{"name": "vip"}]}})["id"]
    crm.contacts.create({"name": "Ann", "first_name": "", "last_name": ""})
    gone, back = (crm.leads.create({"name": name})["id"] for name in ("Gone", "Back"))
    load(warehouse.pipeline(), crm, clock=clock)
    check(run, warehouse, tmp_path)

    clock.advance(100)
    crm.leads.update(tagged, {"_embedded": {"tags": None}})
    crm.leads(tagged).notes.create({"note_type": "common", "params": {"text": "called"}})
    for number in (gone, back):
        shop.trash("leads", number)
    clock.advance(100)
    load(warehouse.pipeline("another host"), crm, clock=clock)
    check(run, warehouse, tmp_path)
    assert not [row for row in warehouse.rows("entity_tags") if row["entity_id"] == tagged]
    assert {row["id"] for row in warehouse.rows("deletions")} == {gone, back}

    clock.advance(100)
    shop.restore("leads", back)
    clock.advance(100)
    load(warehouse.pipeline(), crm, refresh=True, clock=clock)
    check(run, warehouse, tmp_path)
    assert [row["id"] for row in warehouse.rows("deletions")] == [gone]
    embedded: Any = ["contacts", "catalog_elements", "source_id"]
    assert warehouse.raw("leads") == list(crm.leads.list(with_=embedded, order={"id": "asc"}))


def test_a_run_that_finds_nothing_loads_nothing(
    duckdb: WarehousePlace, run: Runs, clock: ManualClock
) -> None:
    for _ in range(3):
        load(duckdb.pipeline(), run.crm, clock=clock)
        clock.advance(100)
    before = duckdb.pipeline().state
    assert load(duckdb.pipeline(), run.crm, clock=clock).written == {}
    assert duckdb.pipeline().state["_state_version"] == before["_state_version"]


def test_a_run_loads_what_an_earlier_one_has_left(
    duckdb: WarehousePlace, run: Runs, clock: ManualClock, tmp_path: Path
) -> None:
    load(duckdb.pipeline(), run.crm, clock=clock)
    clock.advance(100)
    number = first(run.crm)["id"]
    run.crm.leads.update(number, {"name": "before"})
    # As a process leaves it that is killed after it has read, and before it has loaded.
    pipeline = duckdb.pipeline()
    pipeline.extract(source(run.crm, clock=clock))
    clock.advance(100)
    run.crm.leads.update(number, {"price": 4321})
    load(duckdb.pipeline(), run.crm, clock=clock)
    (row,) = (one for one in duckdb.rows("leads") if one["id"] == number)
    assert (row["name"], row["price"]) == ("before", 4321)
    check(run, duckdb, tmp_path)


def test_a_remainder_of_a_package_that_was_normalized_stops_nothing(
    duckdb: WarehousePlace, run: Runs, clock: ManualClock, tmp_path: Path
) -> None:
    load(duckdb.pipeline(), run.crm, clock=clock)
    # As a process leaves it that is killed while dlt deletes the package, file by file.
    extracted = Path(duckdb.pipeline().working_dir, "normalize", "extracted", "1795779109.99")
    (extracted / "new_jobs").mkdir(parents=True)
    clock.advance(100)
    load(duckdb.pipeline(), run.crm, clock=clock)
    assert not extracted.exists()
    check(run, duckdb, tmp_path)


def test_a_package_that_could_not_be_loaded_is_loaded_the_next_time(
    run: Runs, clock: ManualClock, tmp_path: Path
) -> None:
    lake = WarehousePlace("parquet", tmp_path)
    obstacle = tmp_path / "lake" / lake.dataset / "leads"
    load(lake.pipeline(), run.crm, families=["tasks"], clock=clock)
    obstacle.with_name("leads").rename(obstacle.with_name("moved"))
    obstacle.touch()  # Nothing can be written below a file.
    with pytest.raises(MirrorError, match="the pipeline 'amocrm' has failed to load") as caught:
        load(lake.pipeline(), run.crm, clock=clock)
    assert "\n" not in str(caught.value)
    obstacle.unlink()
    obstacle.with_name("moved").rename(obstacle)
    clock.advance(100)
    run.crm.leads.update(first(run.crm)["id"], {"name": "later"})
    load(lake.pipeline(), run.crm, clock=clock)
    check(run, lake, tmp_path)


def test_a_call_that_fails_loses_no_page_before_it(
    duckdb: WarehousePlace, run: Runs, shop: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    shop.inject("server_error", path="/api/v4/events", times=100)
    with pytest.raises(ServerError):
        load(duckdb.pipeline(), run.crm, clock=clock)
    shop.clear_faults()
    assert len(duckdb.rows("leads")) == len(shop.leads())
    before = len(shop.log)
    load(duckdb.pipeline(), run.crm, clock=clock)
    queries = [one.query for one in list(shop.log)[before:] if one.path == "/api/v4/leads"]
    pages = [asked["page"] for asked in map(dict, map(parse_qsl, queries)) if "order[id]" in asked]
    assert pages
    assert "1" not in pages, "it goes on after the first page"
    check(run, duckdb, tmp_path)


@pytest.mark.parametrize("before", ["", "import dlt; dlt.pipeline('before', pipelines_dir='.')"])
def test_telemetry_is_off(before: str, tmp_path: Path) -> None:
    program = f"""
{before}
import amocrm.mirror.dlt, dlt
from dlt.common.runtime import anon_tracker
dlt.pipeline("amocrm", pipelines_dir=".").activate()
print(anon_tracker._ANON_TRACKER_ENDPOINT)
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": "http://[::1]:9"},
    )  # fmt: skip
    assert found.stdout == "None\n", found.stderr


def test_a_database_of_the_dataset_s_name_is_refused(crm: AmoCRM, tmp_path: Path) -> None:
    pipeline = dlt.pipeline(
        "amocrm", destination=dlt.destinations.duckdb(str(tmp_path / "crm.duckdb")),
        dataset_name="crm", pipelines_dir=str(tmp_path),
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="one name, 'crm'"):
        load(pipeline, crm)


def test_one_run_at_a_time(duckdb: WarehousePlace, run: Runs) -> None:
    pipeline = duckdb.pipeline()
    with pytest.raises(MirrorError, match="another run uses the pipeline 'amocrm'"):
        load(pipeline, run.crm, progress=lambda _: load(pipeline, run.crm))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, hint in (("dlt", "amocrm.mirror.dlt"), ("pyarrow", "amocrm.mirror.warehouse.arrow")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            patch.delitem(sys.modules, hint)
            with pytest.raises(ConfigurationError, match=r"amocrm-python\[warehouse\]"):
                importlib.import_module(hint)


def test_a_pipeline_without_a_destination_is_refused(crm: AmoCRM, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no destination"):
        load(dlt.pipeline("amocrm", pipelines_dir=str(tmp_path)), crm)
