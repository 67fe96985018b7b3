"""The mirror in a warehouse, through dlt: BigQuery, ClickHouse, Snowflake, DuckDB, Parquet, ....

`load` is all that most programs need::

    import dlt
    from amocrm.mirror.dlt import load

    pipeline = dlt.pipeline("amocrm", destination="duckdb", dataset_name="crm")
    load(pipeline, crm)

Rows come as tables of Apache Arrow, made by the same code as those of `amocrm.mirror.mirror`; what
dlt makes of nested objects is not used. How far the account was read is a part of dlt's state,
which is in the warehouse, so that the next run may be on another host.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from glob import escape as glob_escape
from glob import glob
from importlib import import_module
from typing import Final

from amocrm._support.arguments import check_function
from amocrm._support.clock import Clock, SystemClock
from amocrm._support.file_lock import FileLock
from amocrm.client import AmoCRM
from amocrm.errors import AmoCRMError, ConfigurationError, MirrorError
from amocrm.http.messages import Json
from amocrm.mirror.context import running
from amocrm.mirror.families import choose_families
from amocrm.mirror.report import MirrorReport, ReportProgress
from amocrm.mirror.run import read_all
from amocrm.mirror.warehouse.arrow import DELETED, VERSION, to_arrow
from amocrm.mirror.warehouse.package import Package
from amocrm.mirror.warehouse.queries import Warehouse, latest
from amocrm.mirror.warehouse.reading import Reading
from amocrm.mirror.warehouse.tables import ALL, merge_key

# dlt reports each run to its makers, unless it is told not to.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
try:
    dlt: Json = import_module("dlt")
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "warehouses need dlt, which is not installed",
        hint="run: pip install 'amocrm-python[warehouse]'",
    ) from missing
if os.environ["RUNTIME__DLTHUB_TELEMETRY"].lower() == "false":
    import_module("dlt.common.runtime.telemetry").stop_telemetry()  # A pipeline has started it.

__all__ = ["latest", "load", "source"]

NAME: Final = "amocrm"
"""Of the source, and so of dlt's schema."""
PACKAGE_ROWS: Final = 50_000
"""Rows of a package that `load` loads at once."""
PATIENCE: Final = 2.0
"""Seconds to wait for another run on this host."""
_KEPT: Final = "what was read is kept, and loaded first the next time"
_STRATEGY: Final = "delete-insert"
_ACCOUNTS: Final = "accounts"
_VERSION: Final = "version"


def source(
    crm: AmoCRM,
    *,
    families: Iterable[str] | None = None,
    refresh: bool = False,
    progress: ReportProgress | None = None,
    clock: Clock | None = None,
) -> Json:
    """Return a source of dlt: what is new in an account, in one package.

    `load` calls `pipeline.run` with it, in smaller packages, after the precautions that dlt needs.
    Use it alone where something else runs the pipeline. Then a run that fails loads nothing, a
    package that an earlier run has left is all that `pipeline.run` loads, and the memory grows by
    some hundred bytes for each entity that is read.

    Args:
        crm: the client of the account.
        families: what to mirror; see `amocrm.mirror.mirror`.
        refresh: see `amocrm.mirror.mirror`.
        progress: see `amocrm.mirror.mirror`.
        clock: for tests.
    """
    _check(families, progress)

    def read() -> Iterator[Json]:
        pipeline = dlt.current.pipeline()
        state = dlt.current.source_state()
        with _reading(pipeline, state, crm, families, refresh, progress, clock) as reading:
            yield from _tables(pipeline, reading, state, clock, None)
            if reading.error is not None:
                raise reading.error

    return _source(read)


def load(
    pipeline: Json,
    crm: AmoCRM,
    *,
    families: Iterable[str] | None = None,
    refresh: bool = False,
    progress: ReportProgress | None = None,
    clock: Clock | None = None,
) -> MirrorReport:
    """Bring a warehouse up to date; the first time, copy the account.

    What an earlier run has left is loaded first. Pages are read while packages are loaded, and each
    package is kept with how far it was read, so a run that is stopped goes on after its last
    package.

    Args:
        pipeline: from `dlt.pipeline(...)`, with a name of its own for each account.
        crm: the client of the account.
        families: what to mirror; see `amocrm.mirror.mirror`.
        refresh: see `amocrm.mirror.mirror`.
        progress: see `amocrm.mirror.mirror`.
        clock: for tests.

    Raises:
        ConfigurationError: an argument is wrong, or the names of database and dataset clash.
        MirrorError: the warehouse cannot be read or written, or another run uses the pipeline.
        AmoCRMError: a call failed; what was read before is loaded.
    """
    _check(families, progress)
    _check_names(pipeline)
    os.makedirs(pipeline.working_dir, exist_ok=True)
    lock = FileLock(os.path.join(pipeline.working_dir, "amocrm.lock"))
    try:
        with lock.hold(PATIENCE):
            return _load(pipeline, crm, families, refresh, progress, clock)
    except TimeoutError:
        raise MirrorError(f"another run uses the pipeline {pipeline.pipeline_name!r}") from None


def _load(
    pipeline: Json,
    crm: AmoCRM,
    families: Iterable[str] | None,
    refresh: bool,
    progress: ReportProgress | None,
    clock: Clock | None,
) -> MirrorReport:
    _run(pipeline, pipeline.sync_destination)
    _remove_remainders(pipeline.working_dir)
    # With something to run as well, dlt would load what is left and say nothing of the rest.
    while pipeline.has_pending_data:
        _run(pipeline, pipeline.run)
    states = pipeline.state.get("sources", {}).get(NAME, {})
    with _reading(pipeline, states, crm, families, refresh, progress, clock) as reading:

        def read() -> Iterator[Json]:
            yield from _tables(pipeline, reading, dlt.current.source_state(), clock, PACKAGE_ROWS)

        is_over = reading.finds_nothing()
        while not is_over:
            _run(pipeline, lambda: pipeline.run(_source(read)))
            is_over = reading.is_over
        if reading.error is not None:
            raise reading.error
    assert reading.report is not None
    return reading.report


def _remove_remainders(working_dir: str) -> None:
    """Remove what is left of packages that dlt had normalized, and was deleting when killed.

    A package that was extracted has its schema from the beginning; what has none is a part of one
    whose rows are in the next folder already, and dlt would fail on it for ever.
    """
    for folder in glob(os.path.join(glob_escape(working_dir), "normalize", "extracted", "*")):
        if os.path.isdir(folder) and not os.path.exists(os.path.join(folder, "schema.json")):
            shutil.rmtree(folder)


def _reading(
    pipeline: Json,
    state: Mapping[str, Json],
    crm: AmoCRM,
    families: Iterable[str] | None,
    refresh: bool,
    progress: ReportProgress | None,
    clock: Clock | None,
) -> Reading:
    def run(destination: Reading) -> MirrorReport:
        with running(crm, destination, progress, clock) as context:
            read_all(context, chosen, refresh)
            destination.read_restored(context)
        return context.report

    chosen = choose_families(families)
    states = {name: dict(one) for name, one in state.get(_ACCOUNTS, {}).items()}
    connect = _Clients(pipeline.destination, pipeline.dataset_name).connect
    return Reading(run, states, Warehouse(connect))


class _Clients:
    """Makes clients for the tables of earlier runs, by the schema that is in the warehouse.

    That of the pipeline changes while this run extracts and loads.
    """

    def __init__(self, destination: Json, dataset_name: str) -> None:
        self._dataset = partial(dlt.dataset, destination, dataset_name)
        self._schema: Json = NAME

    def connect(self) -> Json:
        """Return a client; one thread at a time."""
        if self._schema == NAME:
            self._schema = self._dataset(NAME).schema
        return self._dataset(self._schema).sql_client


def _tables(
    pipeline: Json, reading: Reading, state: dict[str, Json], clock: Clock | None, most: int | None
) -> Iterator[Json]:
    """Yield what batches hold, and note how far they come; stop after a number of rows."""
    clock = clock or SystemClock()
    merges = _STRATEGY in pipeline.destination.capabilities().supported_merge_strategies
    item = partial(_item, hinted=set(), merges=merges)
    package: Package | None = None
    version, count = state.get(_VERSION, 0), 0
    if not version:  # Every table is there from the beginning, for those who query them.
        yield from (item(name, to_arrow(table, [], 0)) for name, table in ALL.items())
    for batch in reading.batches():
        package = package or Package(reading.account_id)
        # The clock is for a state that was lost: later rows still have later versions.
        version = state[_VERSION] = max(version + 2, int(clock.time() * 1e6))
        for name, table in package.take(batch, version):
            count += table.num_rows
            yield item(name, table)
        listings = state.setdefault(_ACCOUNTS, {}).setdefault(str(reading.account_id), {})
        listings.update(batch.state)
        if most is not None and count >= most:
            return


def _item(name: str, table: Json, hinted: set[str], merges: bool) -> Json:
    """Return a table with its name, and the first time with how to load it."""
    if name in hinted:
        return dlt.mark.with_table_name(table, name)
    hinted.add(name)
    if not merges:
        hints = dlt.mark.make_hints(table_name=name, write_disposition="append")
        return dlt.mark.with_hints(table, hints, create_table_variant=True)
    hints = dlt.mark.make_hints(
        table_name=name,
        write_disposition={"disposition": "merge", "strategy": _STRATEGY},
        primary_key=list(ALL[name].key),
        merge_key=list(merge_key(ALL[name])) or None,
        columns={
            VERSION: {"name": VERSION, "dedup_sort": "desc"},
            DELETED: {"name": DELETED, "hard_delete": True},
        },
    )
    return dlt.mark.with_hints(table, hints, create_table_variant=True)


def _source(read: Json) -> Json:
    resource = dlt.resource(read, name="mirror", max_table_nesting=0)
    return dlt.source(lambda: resource, name=NAME, section=NAME)()


def _run(pipeline: Json, step: Json) -> None:
    """Take a step of a pipeline; its errors become ours.

    Raises:
        MirrorError: it failed.
    """
    failed = import_module("dlt.pipeline.exceptions").PipelineStepFailed
    try:
        step()
    except failed as error:
        cause: BaseException = error.exception
        while cause.__cause__ is not None and not isinstance(cause, AmoCRMError):
            cause = cause.__cause__
        if isinstance(cause, AmoCRMError):
            raise cause from None
        raise MirrorError(
            f"the pipeline {pipeline.pipeline_name!r} has failed to {error.step}: "
            f"{type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}",
            hint=_KEPT if error.step in ("normalize", "load") else None,
        ) from error


def _check(families: Iterable[str] | None, progress: ReportProgress | None) -> None:
    choose_families(families)
    check_function("progress", progress)


def _check_names(pipeline: Json) -> None:
    """Refuse what DuckDB calls ambiguous: a database and a dataset of one name."""
    if pipeline.destination is None:
        raise ConfigurationError(
            f"the pipeline {pipeline.pipeline_name!r} has no destination",
            hint="dlt.pipeline(..., destination='duckdb')",
        )
    if pipeline.destination.destination_type != "dlt.destinations.duckdb":
        return
    database = str(pipeline.destination_client().config.credentials.database)
    if os.path.basename(database).partition(".")[0] == pipeline.dataset_name:
        raise ConfigurationError(
            f"the database {database} and the dataset have one name, {pipeline.dataset_name!r}",
            hint="name one of them otherwise: DuckDB cannot tell them apart",
        )
