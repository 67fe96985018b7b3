"""One run of the mirror: what was never copied is copied, then everything that has changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from amocrm._support.arguments import check_function
from amocrm._support.clock import Clock
from amocrm.bulk.workers import OrderedPool
from amocrm.client import AmoCRM
from amocrm.errors import MirrorError
from amocrm.mirror.changed_items import read_changes, read_touched
from amocrm.mirror.context import RunContext, running
from amocrm.mirror.event_stream import EventStream
from amocrm.mirror.families import SOURCES, MirroredListing, choose_families
from amocrm.mirror.first_copy import FirstCopy
from amocrm.mirror.report import MirrorReport, ReportProgress
from amocrm.mirror.whole_listings import WholeListings

if TYPE_CHECKING:
    import sqlalchemy as sa

_NO_FILTERS: Final = (
    "the account's plan has no filters (is_api_filter_enabled), so each run reads all of it"
)


def mirror(
    crm: AmoCRM,
    engine: sa.Engine | str,
    *,
    families: Iterable[str] | None = None,
    prefix: str = "",
    refresh: bool = False,
    progress: ReportProgress | None = None,
    clock: Clock | None = None,
) -> MirrorReport:
    """Bring the mirror of an account up to date; the first time, copy the account.

    Several accounts may share a database; one run at a time mirrors each. A run that is stopped
    has written whole pages, and the next one goes on after them.

    Args:
        crm: the client of the account.
        engine: an engine of SQLAlchemy, or a URL such as `postgresql+psycopg://user@host/database`.
        families: what to mirror, of `leads`, `contacts`, `companies`, `customers`, `tasks`,
            `notes`, `events`, `catalogs`, `transactions`; None for all of them. Fields, users,
            groups, pipelines and loss reasons are always mirrored.
        prefix: of the names of the tables, which are created when they are missing.
        refresh: read fields, users, pipelines, lists and purchases even if they were read less
            than ten minutes ago.
        progress: is called with a `MirrorProgress` after each page.
        clock: for tests.

    Returns:
        What was read and written, and what the plan or the user's rights did not allow to read.

    Raises:
        ConfigurationError: an argument is wrong, SQLAlchemy is missing, or a table of another
            program has the name of one of the mirror's.
        MirrorError: the database cannot be read or written, or another run is mirroring the
            account.
        AmoCRMError: a call failed.
    """
    from amocrm.mirror.sql.sink import Sink  # A warehouse needs no SQLAlchemy.
    from amocrm.mirror.sql.viewing import update_views

    chosen = choose_families(families)
    check_function("progress", progress)
    with closing(Sink(engine, prefix)) as sink:
        sink.create_tables()
        with running(crm, sink, progress, clock) as run:
            read_all(run, chosen, refresh)
            try:
                update_views(sink)
            except MirrorError as error:
                run.skip("views", error)
    return run.report


def read_all(run: RunContext, families: Collection[str], refresh: bool) -> None:
    """Read what was never copied, then everything that has changed; at the end all is written.

    Args:
        run: the run.
        families: chosen ones.
        refresh: see `mirror`.
    """
    if not run.account.has_customers:
        families = set(families) - {"customers", "transactions"}
    _together(run, WholeListings(run, families).jobs(refresh))
    sources = [one for one in SOURCES if _is_wanted(one, run, families)]
    if not run.account.has_filters:
        run.skip("changes", _NO_FILTERS)
    # What must be copied now, even if the copy of an account without filters was whole before.
    fresh = [one for one in sources if "since" not in run.state(one.name)
             or not run.account.has_filters]  # fmt: skip
    for source in fresh:
        run.attempt(source.name, FirstCopy(run, source).copy)
    events = EventStream(run, families)
    jobs: dict[str, Callable[[], object]] = {events.name: events.read}
    for source in sources:
        if "since" in run.state(source.name) and run.account.has_filters:
            jobs[source.name] = partial(_follow, run, source)
    _together(run, jobs)
    run.flush()
    read_touched(run, events.touched, families)
    if events.name not in run.report.skipped:
        events.finish()
    run.flush()


def _follow(run: RunContext, source: MirroredListing) -> None:
    if run.state(source.name).get("gaps"):
        FirstCopy(run, source).close_gaps()
    read_changes(run, source)


def _is_wanted(source: MirroredListing, run: RunContext, families: Collection[str]) -> bool:
    is_off = source.of == "customers" and not run.account.has_customers
    return source.family in families and not is_off


def _together(run: RunContext, jobs: Mapping[str, Callable[[], object]]) -> None:
    """Do several jobs at the same time; the first error is raised when all have ended."""
    errors: list[BaseException] = []
    with OrderedPool[tuple[str, Callable[[], object]], bool](
        lambda job: run.attempt(*job), patient=True
    ) as pool:
        for job in jobs.items():
            pool.ask(job)
        for _ in jobs:
            try:
                pool.take()
            except BaseException as error:  # Ctrl-C as well: the others end at their next page.
                run.stop(error)
                errors.append(error)
    if errors:
        raise errors[0]
