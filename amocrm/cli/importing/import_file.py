"""Imports the rows of a file."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from amocrm._support.clock import SystemClock
from amocrm.bulk.import_journal import Journal
from amocrm.bulk.outcomes import Refused, chunks
from amocrm.cli.entity_kinds import EntityKind, open_kind
from amocrm.cli.importing.items import Item, ItemMaker, links_at_once
from amocrm.cli.importing.link_lookup import LinkLookup
from amocrm.cli.importing.link_writer import LinkWriter
from amocrm.cli.importing.mapping import Empty, MappedColumn, Match, map_columns
from amocrm.cli.importing.matching import Matching
from amocrm.cli.importing.outcomes import FAILED, OutcomeLog, RowOutcome, What, of_bulk
from amocrm.cli.importing.rows import RowFile, open_rows
from amocrm.cli.names import Names
from amocrm.cli.resources import find_resource
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.progress import ProgressMeter, Report
from amocrm.resources.verbs import Creates, UpdatesMany

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.http.request import Request

_LOOKED_UP: Final = 250
"""Rows whose contacts and companies are looked up together."""


class Import(NamedTuple):
    """What is imported.

    Attributes:
        kind: such as `contacts`.
        path: of the file.
        match: what entities are found by; None creates all.
        mapping: what columns become, by their names; the rest is found by the columns' names.
        empty: whether an empty cell clears the field of an entity that is changed.
        journal: a file with which the import is resumed; None keeps none.
        outcomes: a file that gets what became of each row; `-` is standard output.
        encoding: of a text file; None finds it out.
        delimiter: of a CSV; None finds it out.
    """

    kind: str
    path: str
    match: Match | None = None
    mapping: Mapping[str, str] = {}
    empty: Empty = "keep"
    journal: str | None = None
    outcomes: str = os.devnull
    encoding: str | None = None
    delimiter: str | None = None


class Plan(NamedTuple):
    """An import that is ready to run.

    Attributes:
        job: what is imported.
        kind: of the entities.
        file: the rows.
        targets: what the columns become.
        maker: makes items of rows.
        request: sends calls.
    """

    job: Import
    kind: EntityKind
    file: RowFile
    targets: list[MappedColumn]
    maker: ItemMaker
    request: Request

    def items(self) -> Iterator[Item]:
        """Yield the rows' items, from the beginning."""
        for rows in chunks(self.file.rows(), lambda: _LOOKED_UP):
            yield from self.maker.make_all(rows)


class Checked(NamedTuple):
    """What a look at all rows has found.

    Attributes:
        rows: of the file.
        refused: rows that the account's definitions do not take.
        first: the first of them.
    """

    rows: int
    refused: int
    first: RowOutcome | None


def prepare(crm: AmoCRM, job: Import) -> Plan:
    """Read the columns of a file and the definitions of the account. Nothing is written.

    Raises:
        ConfigurationError: the file cannot be read, or a column means nothing.
    """
    if job.match in ("phone", "email") and job.kind not in ("contacts", "companies"):
        raise ConfigurationError(
            f"{job.kind} have no phones and e-mails", hint="contacts and companies have: --match id"
        )
    resource, verb = find_resource(crm, job.kind), UpdatesMany if job.match == "id" else Creates
    if not isinstance(resource, verb):
        raise ConfigurationError(f"{job.kind} cannot be imported through amoCRM's API")
    _check_written(job)
    file = open_rows(job.path, job.encoding, job.delimiter)
    kind = open_kind(crm, job.kind)
    targets = map_columns(kind, file.columns, job.match, job.mapping, job.empty)
    maker = ItemMaker(kind, targets, job.match, Names(crm), LinkLookup(crm))
    return Plan(job, kind, file, targets, maker, crm.request)


def check(plan: Plan, outcomes: str | None = None) -> Checked:
    """Look at all rows, and send nothing.

    Args:
        plan: of the import.
        outcomes: a file that gets what was found of each row.

    Raises:
        ConfigurationError: a row of the file cannot be read.
    """
    with _opened(outcomes or os.devnull) as file:
        log = OutcomeLog(file)
        _empty(file, outcomes)
        for item in plan.items():
            what: What = "valid" if item.error is None else "refused"
            log.add(RowOutcome(item.row, what, error=item.error))
    return Checked(log.counts.total(), log.counts["refused"], log.first_error)


def run(plan: Plan, total: int | None = None, progress: Report | None = None) -> OutcomeLog:
    """Write the rows; the same run again goes on where a killed one was.

    Args:
        plan: of the import.
        total: rows, for the progress.
        progress: is told how far it has come.

    Raises:
        ConfigurationError: the journal is of another import, or the file has changed since.
        AmoCRMError: nothing more can be written.
        OSError: nothing more can be written to the file of outcomes, or nobody reads them.
    """
    job = plan.job
    with _opened(job.outcomes) as file, _with_a_reader():
        log, meter = OutcomeLog(file), ProgressMeter(progress, SystemClock(), total)
        outcomes = _linked(plan)
        first = next(outcomes, None)
        # The journal is open, so no other run writes the file, and none was refused.
        _empty(file, job.outcomes)
        for outcome in chain(() if first is None else [first], outcomes):
            log.add(outcome)
            meter.add(1)
        file.flush()
    return log


def _check_written(job: Import) -> None:
    """Check that nothing is written to the file that is read."""
    links = f"{job.journal}.links" if job.journal else None
    for option, path in (
        ("--outcomes", job.outcomes), ("--journal", job.journal), ("--journal", links),
    ):  # fmt: skip
        if path and path != "-" and os.path.realpath(path) == os.path.realpath(job.path):
            raise ConfigurationError(f"{option} would overwrite {job.path}, which is imported")
    if job.journal and os.path.realpath(job.outcomes) == os.path.realpath(job.journal):
        raise ConfigurationError("--outcomes and --journal are the same file")


@contextmanager
def _opened(path: str) -> Generator[TextIO]:
    """Open the file of outcomes, as it is; `-` is standard output."""
    if path == "-":
        yield sys.stdout
        return
    with open(path, "a", encoding="utf-8") as file:
        yield file


def _empty(file: TextIO, path: str | None) -> None:
    """Remove the outcomes of an earlier run."""
    if path is not None and path != "-" and os.path.isfile(path):
        file.truncate(0)


@contextmanager
def _with_a_reader() -> Generator[None]:
    """Fail where nobody reads the outcomes any more: other commands are done then, not an import.

    Raises:
        OSError: nobody does.
    """
    try:
        yield
    except BrokenPipeError:
        # The interpreter must not try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(
            tr("nobody reads the outcomes any more", "итоги больше никто не читает")
        ) from None


def _linked(plan: Plan) -> Iterator[RowOutcome]:
    """Write the rows, and link what was written."""
    written = _written(plan)
    if links_at_once(plan.kind, plan.job.match):
        for item, outcome in written:
            yield outcome if outcome.what in FAILED else outcome._replace(links=item.links)
    elif any(one.purpose == "link" for one in plan.targets):
        journal = _journal(plan, ".links", "LINK")
        yield from LinkWriter(plan.request, plan.job.kind, journal).run(written)
    else:
        yield from (outcome for _, outcome in written)


def _written(plan: Plan) -> Iterator[tuple[Item, RowOutcome]]:
    """Write the rows, and yield each with what became of it."""
    job, waiting = plan.job, deque[Item]()

    def items() -> Iterator[Item]:
        for item in plan.items():
            waiting.append(item)
            yield item

    if job.match in ("phone", "email"):
        for outcome in Matching(plan.kind, _journal(plan, "", f"MATCH {job.match}")).run(items()):
            yield waiting.popleft(), outcome
        return
    write = plan.kind.many.update_many if job.match == "id" else plan.kind.many.create_many
    for one in write(map(_sent, items()), journal=job.journal, progress=None):
        item = waiting.popleft()
        yield item, of_bulk(item.row, one)


def _journal(plan: Plan, end: str, method: str) -> Journal | None:
    job = plan.job
    path = job.journal and f"{job.journal}{end}"
    return Journal(path, plan.kind.account, method, job.kind) if path else None


def _sent(item: Item) -> Json:
    """Return what is sent; a row that cannot be sent has its outcome already."""
    return item.data if item.error is None else Refused(item.data, item.error)


def journal_files(job: Import) -> list[str]:
    """Return the paths of the journals of an import, and of their locks."""
    journals = [f"{job.journal}{end}" for end in ("", ".links")] if job.journal else []
    return [f"{path}{end}" for path in journals for end in ("", ".lock")]
