"""`amocrm export`: 10,000 leads at the API's limit, and memory while a million go to a file.

    python benchmarks/export.py [--latency 0.25] [--leads 10000] [--rounds 3]
        [--million 1000000] [--only limit|million] [--formats jsonl csv xlsx parquet]

The first table runs the export as the command does, by the sandbox with seven calls a second. The
limit is its calls / 7: the pages, and two calls for the custom fields and the time zone. The second
one reads pages of a ready text from another process, without a limit of calls, and tells how much
the process has grown from the first page to the end; each format in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from portal import portal
from served import neutral_environment, served
from table import show

from amocrm import AmoCRM
from amocrm.cli.exporting.export import FORMATS, Export, run
from amocrm.progress import Progress

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RATE, PAGE = 7, 250
FIELDS = [{"id": number, "name": f"Field {number}", "type": "text"} for number in range(900, 907)]
LEAD = {
    "name": "=Order 17", "price": 1500, "responsible_user_id": 5, "group_id": 0,
    "status_id": 101, "pipeline_id": 10, "loss_reason_id": None, "created_by": 5, "updated_by": 5,
    "created_at": 1700000000, "updated_at": 1700000000, "closed_at": None, "closest_task_at": None,
    "is_deleted": False, "score": None, "account_id": 1, "labor_cost": None,
    "custom_fields_values": [
        {"field_id": one["id"], "field_name": one["name"], "values": [{"value": "north"}]}
        for one in FIELDS
    ],
    "_links": {"self": {"href": "https://example.amocrm.ru/api/v4/leads/7001"}},
    "_embedded": {"tags": [{"id": 1, "name": "site"}], "companies": []},
}  # fmt: skip
REST = json.dumps(LEAD, separators=(",", ":"))[1:]
ACCOUNT = {"_embedded": {"datetime_settings": {"timezone": "Europe/Moscow"}}}


def pages(leads: int, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer the pages of so many leads, their fields, and the account."""
    path, last = environ["PATH_INFO"], math.ceil(leads / PAGE)
    if path.endswith("/leads"):
        page = int(parse_qs(environ["QUERY_STRING"])["page"][0])
        ids = range((page - 1) * PAGE + 1, page * PAGE + 1)
        items = ",".join(f'{{"id":{number},{REST}' for number in ids)
        query = f"order%5Bid%5D=asc&limit={PAGE}&page={page + 1}"
        href = f"http://{environ['HTTP_HOST']}/api/v4/leads?{query}"
        links = json.dumps({"next": {"href": href}} if page < last else {})
        body = f'{{"_page":{page},"_links":{links},"_embedded":{{"leads":[{items}]}}}}'
    elif path.endswith("/custom_fields"):
        body = json.dumps({"_embedded": {"custom_fields": FIELDS}})
    else:
        body = json.dumps(ACCOUNT)
    content = body.encode()
    size = str(len(content))
    start_response("200 OK", [("Content-Type", "application/hal+json"), ("Content-Length", size)])
    return [content]


def at_the_limit(options: argparse.Namespace) -> None:
    """Measure against seven calls a second."""
    rows = []
    for form in options.formats:
        took = []
        calls = refused = 0
        for _ in range(options.rounds):
            with (
                portal(options.leads, options.latency) as where,
                tempfile.TemporaryDirectory() as folder,
            ):
                started = time.monotonic()
                crm = AmoCRM("example", {"access_token": where.token}, base_url=where.origin)
                run(crm, Export("leads", f"{folder}/leads.{form}"))
                took.append(time.monotonic() - started)
                seen = where.seen()
                calls, refused = max(calls, seen.calls), max(refused, seen.too_many)
        pages_alone = math.ceil(options.leads / PAGE)
        limit = (pages_alone + 2) / RATE
        rows.append([
            form, f"{median(took):.2f}", f"{limit:.2f}", f"{median(took) / limit:.3f}",
            f"{median(took) / (pages_alone / RATE):.3f}", str(calls), str(refused),
        ])  # fmt: skip
    title = f"{options.leads:,} leads at {options.latency * 1000:.0f} ms (target: 1.05 × the limit)"
    show(title, ["format", "seconds", "limit", "× limit", "× pages / 7", "calls", "429"], rows)


def peak() -> float:
    """Return the most MB that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def streamed(origin: str, form: str, folder: str, results: multiprocessing.Queue[object]) -> None:
    """Export in a process of its own; put what it took into a queue."""
    crm = AmoCRM("example", {"access_token": "t"}, base_url=origin, rate_limiter=None)
    marks: list[float] = []

    def report(progress: Progress) -> None:
        if not marks and progress.done >= 40 * PAGE:
            marks.append(peak())

    started = time.process_time()
    path = Path(folder, f"leads.{form}")
    run(crm, Export("leads", str(path)), report)
    took = time.process_time() - started
    results.put((took, peak(), peak() - marks[0], path.stat().st_size / 1e6))


def a_million(options: argparse.Namespace) -> None:
    """Measure memory and time without a limit of calls."""
    rows = []
    with (
        served(app=partial(pages, options.million)) as origin,
        tempfile.TemporaryDirectory() as folder,
    ):
        spawn = multiprocessing.get_context("spawn")
        for form in options.formats:
            results = spawn.Queue()
            process = spawn.Process(target=streamed, args=(origin, form, folder, results))
            process.start()
            took, most, grown, size = results.get()
            process.join()
            per_lead = took / options.million * 1e6
            rows.append([
                form, f"{took:.0f}", f"{per_lead:.0f}", f"{most:.0f}", f"{grown:.1f}",
                f"{size:.0f}",
            ])  # fmt: skip
    head = [
        "format",
        "CPU seconds",
        "µs per lead",
        "peak MB",
        "MB grown after 10,000",
        "MB of file",
    ]
    show(f"{options.million:,} leads without a limit of calls", head, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=0.25)
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("limit", "million"))
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS)
    options = parser.parse_args()
    neutral_environment()
    if options.only != "million":
        at_the_limit(options)
    if options.only != "limit":
        a_million(options)


if __name__ == "__main__":
    main()
