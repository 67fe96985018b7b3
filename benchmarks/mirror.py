"""The mirror: a first copy at the API's limit, a run that finds nothing new, memory, flattening.

    python benchmarks/mirror.py [--latency 0.25] [--leads 10000] [--million 1000000]
        [--only limit|million|flatten] [--databases sqlite postgres mysql duckdb]

The first table copies leads with as many contacts, tasks and notes, twice as many events, and a
fifth as many companies, from ready pages of another process, at seven calls a second. The limit is
the number of calls / 7. Then it runs again, when nothing is new. PostgreSQL and MariaDB are those
of the tests (AMOCRM_TEST_POSTGRES, AMOCRM_TEST_MYSQL); DuckDB is loaded by dlt. The second table
copies a million leads without a limit of calls, and tells how much the process has grown from the
first 10,000 to the end. The third one compares flattening a page with decoding it.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import tempfile
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

import sqlalchemy as sa
from export import LEAD, PAGE, RATE
from served import neutral_environment, served
from table import show

from amocrm import AmoCRM
from amocrm.http.messages import Json
from amocrm.mirror import MirrorProgress, MirrorReport, mirror
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.sql.schema import describe_all

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DATABASES = ("sqlite", "postgres", "mysql", "duckdb")
URLS = {
    "postgres": os.environ.get(
        "AMOCRM_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
    ),
    "mysql": os.environ.get(
        "AMOCRM_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true"
    ),
}

ACCOUNT = {"id": 1, "created_at": 1600000000, "customers_mode": "disabled"}
CONTACT = {
    "name": "Ann Example", "first_name": "Ann", "last_name": "Example", "responsible_user_id": 5,
    "group_id": 0, "created_by": 5, "updated_by": 5, "created_at": 1700000000,
    "updated_at": 1700000000, "is_deleted": False, "account_id": 1,
    "custom_fields_values": [
        {"field_id": 800, "field_name": "Phone", "field_code": "PHONE", "field_type": "multitext",
         "values": [{"value": "+79990000000", "enum_id": 1, "enum_code": "WORK"}]},
    ],
    "_embedded": {"tags": [], "companies": [{"id": 1}]},
}  # fmt: skip
STAMPS = {"created_by": 5, "updated_by": 5, "created_at": 1700000000, "updated_at": 1700000000}
ENTITY = {"entity_id": 7, "entity_type": "leads", "responsible_user_id": 5, "group_id": 0}
ITEMS = {
    name: json.dumps(item, separators=(",", ":"))[1:]
    for name, item in {
        "leads": LEAD, "contacts": CONTACT, "companies": CONTACT,
        "tasks": {**STAMPS, **ENTITY, "text": "Call back", "complete_till": 1700000000},
        "notes": {**STAMPS, **ENTITY, "note_type": "common", "params": {"text": "Called back"}},
        "events": {
            "type": "lead_status_changed", "entity_id": 7, "entity_type": "lead", "created_by": 5,
            "created_at": 1700000000,
            "value_before": [{"lead_status": {"id": 1, "pipeline_id": 1}}],
            "value_after": [{"lead_status": {"id": 2, "pipeline_id": 1}}],
        },
    }.items()
}  # fmt: skip
"""The rest of each item after its id."""

Tell = Callable[[MirrorProgress], object]
Run = Callable[[AmoCRM, "Tell | None"], MirrorReport]


@contextmanager
def database(kind: str) -> Generator[Run, None, None]:
    """Make a database of a kind, give what mirrors into it, and remove it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "duckdb":
            yield partial(into_duckdb, folder)
            return
        prefix = f"b{uuid.uuid4().hex[:8]}_"
        url = URLS.get(kind, f"sqlite:///{folder}/mirror.db")
        try:
            yield lambda crm, tell: mirror(crm, url, prefix=prefix, progress=tell)
        finally:
            if kind in URLS:
                engine = sa.create_engine(url)
                with engine.begin() as connection:
                    quote = connection.dialect.identifier_preparer.quote
                    for name in sa.inspect(connection).get_view_names():
                        if name.startswith(prefix):
                            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {quote(name)} CASCADE")
                    for one in describe_all(prefix).all:
                        one.drop(connection, checkfirst=True)
                engine.dispose()


def into_duckdb(folder: str, crm: AmoCRM, tell: Tell | None) -> MirrorReport:
    """Mirror into DuckDB through dlt."""
    from amocrm.mirror.dlt import dlt, load

    pipeline = dlt.pipeline(
        "amocrm", destination=dlt.destinations.duckdb(f"{folder}/warehouse.duckdb"),
        dataset_name="crm", pipelines_dir=folder,
    )  # fmt: skip
    return load(pipeline, crm, progress=tell)


def at_the_limit(options: argparse.Namespace) -> None:
    """Measure a first copy, and a run that finds nothing new."""
    copies, nothing = [], []
    leads = options.leads
    sizes = {
        "leads": leads, "contacts": leads, "companies": leads // 5, "tasks": leads,
        "leads/notes": leads, "events": 2 * leads,
    }  # fmt: skip
    with served(app=partial(answer, sizes, options.latency)) as origin:
        for kind in options.databases:
            if kind == "duckdb":
                import_module("dlt")  # Which takes a second that is not the copy's.
            crm = AmoCRM("example", {"access_token": "t"}, base_url=origin, rate_limiter=RATE)
            with database(kind) as run, crm:
                report, took, calls = timed(crm, run)
                rows = sum(report.written.values())
                copies.append([
                    kind, f"{rows:,}", str(calls), f"{took:.1f}", f"{calls / RATE:.1f}",
                    f"{took * RATE / calls:.3f}",
                ])  # fmt: skip
                report, took, calls = timed(crm, run)
                rows = sum(report.written.values())
                nothing.append([kind, f"{took:.2f}", str(calls), str(rows)])
    title = f"A first copy of {leads:,} leads with everything, {options.latency:g} s latency"
    head = ["database", "rows, children apart", "calls", "seconds", "limit", "× limit"]
    show(f"{title} (target: 1.10 × the limit)", head, copies)
    print()
    head = ["database", "seconds", "calls", "rows written"]
    show("A run that finds nothing new (target: 1 s)", head, nothing)


def timed(crm: AmoCRM, run: Run) -> tuple[MirrorReport, float, int]:
    """Run, and count seconds and calls."""
    before, started = crm.stats.calls, time.monotonic()
    report = run(crm, None)
    return report, time.monotonic() - started, crm.stats.calls - before


def answer(
    sizes: dict[str, int], latency: float, environ: WSGIEnvironment, start_response: StartResponse
) -> list[bytes]:
    """Answer the first copy of so many items of each path; nothing has changed since."""
    time.sleep(latency)
    path, query = environ["PATH_INFO"].removeprefix("/api/v4/"), parse_qs(environ["QUERY_STRING"])
    page, size = int(query.get("page", ["1"])[0]), int(query.get("limit", ["0"])[0])
    is_copied = "filter[created_at][to]" in query or (
        "order[id]" in query and "filter" not in environ["QUERY_STRING"]
    )
    if path == "account":
        body = json.dumps(ACCOUNT)
    elif is_copied and size and (page - 1) * size < sizes.get(path, 0):
        ids = range((page - 1) * size + 1, min(page * size, sizes[path]) + 1)
        rest = ITEMS[path.rpartition("/")[2]]
        quote = '"' if path == "events" else ""
        items = ",".join(f'{{"id":{quote}{number}{quote},{rest}' for number in ids)
        query["page"] = [str(page + 1)]
        href = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}?{urlencode(query, doseq=True)}"
        links = json.dumps({"next": {"href": href}} if page * size < sizes[path] else {})
        name = path.rpartition("/")[2]
        body = f'{{"_page":{page},"_links":{links},"_embedded":{{"{name}":[{items}]}}}}'
    else:
        start_response("204 No Content", [])
        return []
    content = body.encode()
    size = len(content)
    headers = [("Content-Type", "application/hal+json"), ("Content-Length", str(size))]
    start_response("200 OK", headers)
    return [content]


def peak() -> float:
    """Return the most MB that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def copy_all(origin: str, kind: str, results: multiprocessing.Queue[object]) -> None:
    """Copy in a process of its own; put what it took into a queue."""
    marks: list[float] = []

    def tell(progress: MirrorProgress) -> None:
        if progress.family == "leads" and not marks and progress.done >= 40 * PAGE:
            marks.append(peak())

    crm = AmoCRM("example", {"access_token": "t"}, base_url=origin, rate_limiter=None)
    with database(kind) as run:
        wall, started = time.monotonic(), time.process_time()
        report = run(crm, tell)
        took, wall = time.process_time() - started, time.monotonic() - wall
    results.put((report.written["leads"], took, wall, peak(), peak() - marks[0]))


def a_million(options: argparse.Namespace) -> None:
    """Measure memory without a limit of calls."""
    rows = []
    spawn = multiprocessing.get_context("spawn")
    with served(app=partial(answer, {"leads": options.million}, 0.0)) as origin:
        for kind in options.databases:
            results = spawn.Queue()
            process = spawn.Process(target=copy_all, args=(origin, kind, results))
            process.start()
            count, took, wall, most, grown = results.get()
            process.join()
            rows.append([
                kind, f"{count:,}", f"{took:.0f}", f"{wall:.0f}", f"{most:.0f}", f"{grown:.1f}",
            ])  # fmt: skip
    head = ["database", "leads", "CPU seconds", "seconds", "peak MB", "MB grown after 10,000"]
    show("Many leads, without a limit of calls", head, rows)


def flattening(rounds: int = 60) -> None:
    """Compare flattening a page with decoding it."""
    rows = []
    usual: dict[str, Json] = dict(LEAD)
    many = {**usual, "custom_fields_values": usual["custom_fields_values"] * 4}
    bare = {**usual, "custom_fields_values": None}
    for title, lead in (("7 fields", usual), ("28 fields", many), ("no field", bare)):
        leads = [{**lead, "id": number} for number in range(PAGE)]
        text = json.dumps({"_embedded": {"leads": leads}})
        items = json.loads(text)["_embedded"]["leads"]
        decoding = least(partial(json.loads, text), rounds)
        ours = least(partial(flatten, "leads", items, 1), rounds)
        rows.append([
            title, f"{len(text) / PAGE:,.0f}", f"{decoding * 1e3:.2f}", f"{ours * 1e3:.2f}",
            f"{ours / decoding:.2f}",
        ])  # fmt: skip
    head = ["250 leads with", "bytes each", "decoding, ms", "flattening, ms", "×"]
    show("Flattening a page (target: 1.5 × decoding it)", head, rows)


def least(work: Callable[[], object], rounds: int) -> float:
    """Return the least processor seconds of some rounds."""
    found = math.inf
    for _ in range(rounds):
        started = time.process_time()
        work()
        found = min(found, time.process_time() - started)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=0.25)
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--million", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("limit", "million", "flatten"))
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    options = parser.parse_args()
    neutral_environment()
    if options.only in (None, "limit"):
        at_the_limit(options)
    if options.only in (None, "million"):
        a_million(options)
    if options.only in (None, "flatten"):
        flattening()


if __name__ == "__main__":
    main()
