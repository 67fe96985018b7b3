"""Imports the rows of a file."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO

from amocrm._support.clock import SystemClock
from amocrm.bulk.import_journal import Journal
from amocrm.bulk.outcomes import Refused
from amocrm.cli.entity_kinds import EntityKind, open_kind
from amocrm.cli.importing.items import Item, ItemMaker
from amocrm.cli.importing.mapping import Match, Target, map_columns
from amocrm.cli.importing.matching import Matching
from amocrm.cli.importing.outcomes import OutcomeLog, RowOutcome, What, of_bulk
from amocrm.cli.importing.rows import RowFile, open_rows
from amocrm.cli.names import Names
from amocrm.cli.resources import find_resource
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.progress import ProgressMeter, Report
from amocrm.resources.verbs import Creates, UpdatesMany

if TYPE_CHECKING:
    from amocrm.client import AmoCRM


class Import(NamedTuple):
    """What is imported.

    Attributes:
        kind: such as `contacts`.
        path: of the file.
        match: what entities are found by; None creates all.
        mapping: what columns become, by their names; the rest is found by the columns' names.
        journal: a file with which the import is resumed; None keeps none.
        outcomes: a file that gets what became of each row; `-` is standard output.
        encoding: of a text file; None finds it out.
        delimiter: of a CSV; None finds it out.
    """

    kind: str
    path: str
    match: Match | None = None
    mapping: Mapping[str, str] = {}
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
    """

    job: Import
    kind: EntityKind
    file: RowFile
    targets: list[Target]
    maker: ItemMaker

    def items(self) -> Iterator[Item]:
        """Yield the rows' items, from the beginning."""
        return map(self.maker.make, self.file.rows())


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
    file = open_rows(job.path, job.encoding, job.delimiter)
    kind = open_kind(crm, job.kind)
    targets = map_columns(kind, file.columns, job.match, job.mapping)
    return Plan(job, kind, file, targets, ItemMaker(kind, targets, job.match, Names(crm)))


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
    """
    job = plan.job
    with _opened(job.outcomes) as file:
        log, meter = OutcomeLog(file), ProgressMeter(progress, SystemClock(), total)
        for outcome in _written(plan):
            log.add(outcome)
            meter.add(1)
    return log


@contextmanager
def _opened(path: str) -> Generator[TextIO]:
    """Open the file of outcomes; `-` is standard output."""
    if path == "-":
        yield sys.stdout
        return
    with open(path, "w", encoding="utf-8") as file:
        yield file


def _written(plan: Plan) -> Iterator[RowOutcome]:
    job = plan.job
    if job.match in ("phone", "email"):
        account = plan.kind.account
        journal = job.journal and Journal(job.journal, account, f"MATCH {job.match}", job.kind)
        yield from Matching(plan.kind, journal or None).run(plan.items())
        return
    write = plan.kind.many.update_many if job.match == "id" else plan.kind.many.create_many
    numbers: deque[int] = deque()
    for outcome in write(_sent(plan.items(), numbers), journal=job.journal, progress=None):
        yield of_bulk(numbers.popleft(), outcome)


def _sent(items: Iterable[Item], numbers: deque[int]) -> Iterator[Json]:
    """Yield what is sent; a row that cannot be sent has its outcome already."""
    for item in items:
        numbers.append(item.row)
        yield item.data if item.error is None else Refused(item.data, item.error)
