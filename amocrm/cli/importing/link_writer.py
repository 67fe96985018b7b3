"""Links entities that were written to the contacts and companies that their rows name.

Linking twice changes nothing. So links whose response is lost are sent again, and a journal beside
that of the rows only spares the links that are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from amocrm.bulk.import_journal import Journal, opened
from amocrm.bulk.outcomes import Created, Outcome, Refused, Unknown, chunks, settle
from amocrm.cli.importing.items import Item
from amocrm.cli.importing.outcomes import FAILED, RowOutcome
from amocrm.http.messages import Json

if TYPE_CHECKING:
    from amocrm.http.request import Request

ROWS: Final = 50
"""Rows that are linked by one call."""


class _Task(NamedTuple):
    position: int
    item: Item
    outcome: RowOutcome

    @property
    def is_wanted(self) -> bool:
        """Whether the row was written and names somebody."""
        return bool(self.item.links) and self.outcome.what not in FAILED


class LinkWriter:
    """Links entities of one kind.

    Args:
        request: sends the calls.
        kind: such as `contacts`.
        journal: of the links; None keeps none.
    """

    def __init__(self, request: Request, kind: str, journal: Journal | None) -> None:
        self._request = request
        self._path = f"/api/v4/{kind}/link"
        self._journal = journal

    def run(self, written: Iterable[tuple[Item, RowOutcome]]) -> Iterator[RowOutcome]:
        """Link what was written, and yield what became of each row, in their order.

        Raises:
            AmoCRMError: nothing more can be written; the outcomes before it were yielded.
        """
        with opened(self._journal):
            yield from self._run(written)

    def _run(self, written: Iterable[tuple[Item, RowOutcome]]) -> Iterator[RowOutcome]:
        tasks = (_Task(at, *pair) for at, pair in enumerate(written))
        for batch in chunks(tasks, lambda: ROWS):
            outcomes, error = self._link(batch)
            yield from outcomes
            if error is not None:
                raise error

    def _link(self, batch: Sequence[_Task]) -> tuple[list[RowOutcome], Exception | None]:
        fresh = self._not_done([task for task in batch if task.is_wanted])
        owners = [task for task in fresh for _ in task.item.links]
        links = [link for task in fresh for link in _links(task)]
        results, error = settle(links, lambda some: self._send(links, some), repeats=True)
        failed: dict[int, Exception] = {}
        for task, result in zip(owners, results, strict=True):
            if isinstance(result, (Refused, Unknown)):
                why = result.error if isinstance(result, Refused) else result.why
                failed.setdefault(task.position, why)
        self._note(fresh, failed)
        return [_outcome(task, failed.get(task.position)) for task in batch], error

    def _send(self, links: Sequence[Json], indexes: list[int]) -> list[Outcome]:
        items = [links[index] for index in indexes]
        self._request.post(self._path, items, retry="always")
        return [Created(None, item) for item in items]

    def _not_done(self, tasks: list[_Task]) -> list[_Task]:
        """Return the rows that no earlier run has linked, and note that this one does."""
        if self._journal is None or not tasks:
            return tasks
        fresh: list[_Task] = []
        sent: list[tuple[int, str]] = []
        for task in tasks:
            named = [[one.kind, one.text] for one in task.item.links]
            digest, known = self._journal.recall(task.position, named)
            if known is None or not known.is_done:
                fresh.append(task)
                sent.append((task.position, digest))
        if sent:
            self._journal.sent(sent)
        return fresh

    def _note(self, fresh: Iterable[_Task], failed: dict[int, Exception]) -> None:
        if self._journal is not None:
            positions = [task.position for task in fresh]
            if done := [at for at in positions if at not in failed]:
                self._journal.done((at, None) for at in done)
            if back := [at for at in positions if at in failed]:
                self._journal.back(back)


def _links(task: _Task) -> list[Json]:
    return [
        {"entity_id": task.outcome.id, "to_entity_id": number, "to_entity_type": kind}
        for kind, _, number in task.item.links
    ]


def _outcome(task: _Task, error: Exception | None) -> RowOutcome:
    if error is not None:
        return task.outcome._replace(what="unlinked", error=error)
    return task.outcome._replace(links=task.item.links) if task.is_wanted else task.outcome
