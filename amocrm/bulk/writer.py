"""Many writes: chunks of items, and one outcome for each item, in the order of the items."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack
from os import PathLike
from typing import Final, NamedTuple

from amocrm.bulk.context import ApiContext, path_alone, read_count
from amocrm.bulk.import_journal import Journal, Known
from amocrm.bulk.journals.storage import JournalStorage
from amocrm.bulk.outcomes import (
    Created,
    Kind,
    Outcome,
    Refused,
    Unknown,
    chunks,
    correlate,
    is_unwritten,
    settle,
)
from amocrm.bulk.pages import batch_limit
from amocrm.bulk.workers import DEEPEST, Concurrency, OrderedPool
from amocrm.errors import ConfigurationError, OutcomeUnknownError
from amocrm.http.call_options import read_retry
from amocrm.http.messages import Json, Retry
from amocrm.http.request import send
from amocrm.progress import ProgressMeter, Report

UNKNOWN_IN_A_ROW: Final = 5
"""Chunks whose outcome is unknown, one after another, after which it is pointless to go on: the
server is down, and every further chunk would be one more to look after by hand."""


class PendingWrite(NamedTuple):
    """An item on its way."""

    position: int
    item: Json
    digest: str = ""
    known: Outcome | None = None


class Settled(NamedTuple):
    """What became of a chunk.

    Attributes:
        outcomes: one per item.
        lost: what happened, if it is unknown of all that was sent.
        error: what makes it pointless to go on.
    """

    outcomes: list[Outcome]
    lost: Exception | None
    error: Exception | None


class Outcomes(Iterator[Outcome]):
    """One outcome per item, in the items' order. Items are read and sent as it is iterated.

    A refused item does not stop the others. What makes it pointless to go on (no rights, no
    network, a server that is down, an error of the items' source) is raised after the outcomes of
    all that was sent. Whoever leaves early leaves some chunks under way, whose outcomes only a
    journal keeps.
    """

    def __init__(
        self,
        writer: Writer,
        items: Iterable[Json],
        explain: Callable[[Exception], Exception] | None = None,
    ) -> None:
        if isinstance(items, (Mapping, str, bytes)) or not isinstance(items, Iterable):
            raise ConfigurationError("items must be many models", hint='such as [{"name": "A"}]')
        self._writer = writer
        self._outcomes = writer.run(items)
        self._explain = explain

    def __repr__(self) -> str:
        return f"<Outcomes of {self._writer}>"

    def __next__(self) -> Outcome:
        outcome = next(self._outcomes)
        if self._explain is not None and isinstance(outcome, Refused):
            return outcome._replace(error=self._explain(outcome.error))
        return outcome

    @property
    def calls(self) -> int:
        """How many calls were made so far, those of divided chunks included."""
        return self._writer.calls

    def close(self) -> None:
        """Send no more. What is under way goes on; a journal waits for it."""
        self._outcomes.close()


class Writer:
    """Writes items in chunks, several at once."""

    def __init__(
        self,
        api: ApiContext,
        kind: Kind,
        path: str,
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry = "auto",
        progress: Report | None = None,
    ) -> None:
        path = path_alone(path)
        self.calls = 0
        self._api, self._kind, self._path = api, kind, path
        self._method = "POST" if kind is Created else "PATCH"
        self._size = read_count("size", size, 1, batch_limit(path)) or batch_limit(path)
        self._ahead = read_count("ahead", ahead, 0, DEEPEST)
        self._journal = (
            None if journal is None else Journal(journal, api.account, self._method, path)
        )
        self._retry: Retry = read_retry(retry)
        self._report = progress
        self._broken: Exception | None = None
        self._concurrency = Concurrency(api.rate)
        self._counting = threading.Lock()

    def __repr__(self) -> str:
        return f"{self._method} {self._path}"

    def run(self, items: Iterable[Json]) -> Generator[Outcome, None, None]:
        """Write the items and yield what became of each."""
        total = len(items) if isinstance(items, Sized) else None
        meter, unknown = ProgressMeter(self._report, self._api.clock, total), 0
        with ExitStack() as held:
            if self._journal is not None:
                self._journal.open()
                held.callback(self._journal.close)
            # A journal waits for what is under way, to know what became of it.
            pool = held.enter_context(OrderedPool(self._settle, patient=self._journal is not None))
            source = chunks(self._tasks(items), self._size)
            error = self._feed(pool, source)
            while len(pool):
                if not pool.ready:
                    meter.wait(f"items from {meter.done} on")
                settled = pool.take()
                meter.add(len(settled.outcomes))
                unknown = unknown + 1 if settled.lost else 0
                late = settled.lost if unknown >= UNKNOWN_IN_A_ROW else None
                error = error or settled.error or late or self._feed(pool, source)
                yield from settled.outcomes
        if error is not None:
            raise error

    def _feed(
        self, pool: OrderedPool[list[PendingWrite], Settled], source: Iterator[list[PendingWrite]]
    ) -> Exception | None:
        """Give out as many chunks as should be under way; return an error of their source."""
        try:
            while len(pool) < max(
                1, self._concurrency.calls if self._ahead is None else self._ahead
            ):
                pool.ask(next(source))
        except StopIteration:
            return None
        except Exception as error:
            return error
        return None

    def _tasks(self, items: Iterable[Json]) -> Iterator[PendingWrite]:
        for position, item in enumerate(items):
            if self._journal is None:
                yield PendingWrite(position, item)
            else:
                digest, known = self._journal.recall(position, item)
                again = known is None or (self._retry == "always" and not known.is_done)
                outcome = None if again or known is None else self._remembered(item, known)
                yield PendingWrite(position, item, digest, outcome)

    def _remembered(self, item: Json, known: Known) -> Outcome:
        if known.is_done:
            return self._kind(known.id, item)
        why = OutcomeUnknownError(
            f"{self._method} {self._path}: an earlier run sent this and did not see the answer",
            method=self._method, path=self._path, data=item,
            hint="it may have been written: look before you send it again",
        )  # fmt: skip
        return Unknown(item, why)

    def _settle(self, chunk: list[PendingWrite]) -> Settled:
        fresh = [task for task in chunk if task.known is None]
        outcomes, error = settle([task.item for task in fresh], self._sender(fresh))
        written = iter(outcomes)
        whole = [task.known or next(written) for task in chunk]
        error = error or self._broken
        last = outcomes[-1] if outcomes else None
        all_lost = all(isinstance(one, Unknown) for one in outcomes)
        return Settled(whole, last.why if all_lost and isinstance(last, Unknown) else None, error)

    def _sender(self, tasks: list[PendingWrite]) -> Callable[[list[int]], list[Outcome]]:
        def send_some(indexes: list[int]) -> list[Outcome]:
            return self._send([tasks[index] for index in indexes])

        return send_some

    def _send(self, tasks: list[PendingWrite]) -> list[Outcome]:
        """Make one call; the journal knows of it before it leaves, and when it is over."""
        items, journal, announced = [task.item for task in tasks], self._journal, False

        def announce() -> None:
            # As late as can be: whatever still waits for its turn when we are killed was not sent.
            nonlocal announced
            if journal is not None and not announced:
                journal.sent((task.position, task.digest) for task in tasks)
                announced = True

        with self._counting:
            self.calls += 1
        try:
            response = send(
                self._api.request, self._method, self._path, items,
                retry=self._retry, before_send=announce,
            )  # fmt: skip
        except Exception as error:
            if announced and is_unwritten(error):
                self._note(lambda kept: kept.back([task.position for task in tasks]))
            raise
        self._concurrency.note(response.info.elapsed.total_seconds())
        outcomes = correlate(items, response.data, self._path, self._kind)
        pairs = zip(tasks, outcomes, strict=True)
        done = [(task.position, one.id) for task, one in pairs if isinstance(one, self._kind)]
        self._note(lambda kept: kept.done(done))
        return outcomes

    def _note(self, write: Callable[[Journal], None]) -> None:
        """Note what became of a call. It stays what it is if that fails, and the run ends."""
        try:
            if self._journal is not None:
                write(self._journal)
        except Exception as error:
            self._broken = error
