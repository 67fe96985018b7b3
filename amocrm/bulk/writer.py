"""Bulk writes: sends items in chunks, and returns one outcome per item, in the items' order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack
from os import PathLike
from typing import Final, NamedTuple

from amocrm._support.arguments import check_dict, check_function, check_several
from amocrm.bulk.batch_size import SLOW, after_answer, after_timeout
from amocrm.bulk.context import ApiContext, path_alone, read_count
from amocrm.bulk.import_journal import Journal, Known
from amocrm.bulk.journals.storage import JournalStorage
from amocrm.bulk.outcomes import (
    Created,
    Kind,
    Outcome,
    Refused,
    Unknown,
    Updated,
    chunks,
    correlate,
    is_too_heavy,
    is_unwritten,
    settle,
)
from amocrm.bulk.pages import batch_limit
from amocrm.bulk.workers import DEEPEST, Concurrency, OrderedPool
from amocrm.errors import ConfigurationError, OutcomeUnknownError
from amocrm.http.call_options import read_retry
from amocrm.http.messages import Json, Retry
from amocrm.http.request import send, usual_retry
from amocrm.progress import ProgressMeter, Report

UNKNOWN_IN_A_ROW: Final = 5
"""The number of consecutive chunks with unknown outcomes after which the run ends: the server is
down, and a person would have to check every further chunk."""


class PendingWrite(NamedTuple):
    """An item that is being written."""

    position: int
    item: Json
    digest: str = ""
    known: Outcome | None = None


class Settled(NamedTuple):
    """The result of a chunk.

    Attributes:
        outcomes: one per item.
        lost: the error, if the outcomes of all sent items are unknown.
        error: the error that ends the run.
    """

    outcomes: list[Outcome]
    lost: Exception | None
    error: Exception | None


class Outcomes(Iterator[Outcome]):
    """One outcome per item, in the items' order. Items are read and sent during the iteration.

    A refused item does not stop the others. One that is not sent because it is wrong itself is
    `Refused`, too, with a ConfigurationError that says which item it is. An error that ends the run
    (no rights, no network, a server that is down, an error of the items' source) is raised after
    the outcomes of all sent items. If the iteration ends early, some chunks are still being
    written; only a journal stores their outcomes.
    """

    def __init__(
        self,
        writer: Writer,
        items: Iterable[Json],
        explain: Callable[[Exception], Exception] | None = None,
        prepare: Callable[[Json], Json] | None = None,
    ) -> None:
        check_several("items", items, 'such as [{"name": "A"}]')
        self._writer = writer
        self._outcomes = writer.run(items, prepare)
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
        """The number of calls so far, including those of divided chunks."""
        return self._writer.calls

    def close(self) -> None:
        """Send no more items. Calls in progress continue; with a journal, wait for them."""
        self._outcomes.close()


class Writer:
    """Writes items in chunks, several at the same time."""

    def __init__(
        self,
        api: ApiContext,
        kind: Kind,
        path: str,
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry | None = None,
        progress: Report | None = None,
    ) -> None:
        check_function("progress", progress)
        path = path_alone(path)
        self.calls = 0
        self._api, self._kind, self._path = api, kind, path
        self._method = "POST" if kind is Created else "PATCH"
        limit = batch_limit(path)
        self._size = read_count("size", size, 1, limit)
        self._learned = api.batch_sizes.of(self._method, path, limit)
        self._ahead = read_count("ahead", ahead, 0, DEEPEST)
        self._journal = (
            None if journal is None else Journal(journal, api.account, self._method, path)
        )
        self._retry: Retry = usual_retry(api.request) if retry is None else read_retry(retry)
        self._report = progress
        self._broken: Exception | None = None
        self._doubtful: set[int] = set()
        self._concurrency = Concurrency(api.rate)
        self._counting = threading.Lock()
        self._changing: deque[frozenset[str]] = deque()
        self._held: list[PendingWrite] | None = None

    def __repr__(self) -> str:
        return f"{self._method} {self._path}"

    def run(
        self, items: Iterable[Json], prepare: Callable[[Json], Json] | None = None
    ) -> Generator[Outcome, None, None]:
        """Write the items, each as `prepare` returns it, and yield their outcomes."""
        total = len(items) if isinstance(items, Sized) else None
        meter, unknown = ProgressMeter(self._report, self._api.clock, total), 0
        with ExitStack() as stack:
            if self._journal is not None:
                self._journal.open()
                stack.callback(self._journal.close)
            # With a journal, wait for calls in progress, to store their outcomes.
            pool = stack.enter_context(OrderedPool(self._settle, patient=self._journal is not None))
            source = chunks(
                self._tasks(items, prepare), lambda: self._size or self._learned.known.size
            )
            error = self._feed(pool, source)
            while len(pool):
                if not pool.ready:
                    meter.wait(f"items from {meter.done} on")
                settled = pool.take()
                self._changing.popleft()
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
        """Add chunks to the pool up to its concurrency; return an error of the items' source.

        A chunk that changes an entity again waits until the change before it was written.
        """
        try:
            while len(pool) < self._depth():
                chunk, self._held = self._held or next(source), None
                changed = self._changed(chunk)
                if any(not changed.isdisjoint(others) for others in self._changing):
                    self._held = chunk
                    return None
                pool.ask(chunk)
                self._changing.append(changed)
        except StopIteration:
            return None
        except Exception as error:
            return error
        return None

    def _changed(self, chunk: list[PendingWrite]) -> frozenset[str]:
        """Return the ids of the entities that a chunk changes."""
        if self._kind is not Updated:
            return frozenset()
        items = (one.item for one in chunk if one.known is None)
        return frozenset(str(item.get("id")) for item in items if isinstance(item, Mapping))

    def _depth(self) -> int:
        """Return the number of calls that should be in flight.

        While the size grows these are few, so that not many are sent with a small one.
        """
        if self._ahead is not None:
            return max(1, self._ahead)
        is_growing = self._size is None and self._learned.known.is_growing
        return self._concurrency.fewest if is_growing else self._concurrency.calls

    def _tasks(
        self, items: Iterable[Json], prepare: Callable[[Json], Json] | None
    ) -> Iterator[PendingWrite]:
        for position, given in enumerate(items):
            if isinstance(given, Refused):
                # The caller has refused it: it keeps its place, so that the journal of a run with
                # this item mended knows the others.
                yield PendingWrite(position, given.item, known=given)
                continue
            try:
                check_dict("an item", given)
                item = given if prepare is None else prepare(given)
            except ConfigurationError as error:
                yield PendingWrite(position, given, known=_refused(position, given, error))
                continue
            if self._journal is None:
                yield PendingWrite(position, item)
            else:
                digest, known = self._journal.recall(position, item)
                again = known is None or (self._retry == "always" and not known.is_done)
                outcome = None if again or known is None else self._recalled(item, known)
                yield PendingWrite(position, item, digest, outcome)

    def _recalled(self, item: Json, known: Known) -> Outcome:
        if known.is_done:
            return self._kind(known.id, item)
        why = OutcomeUnknownError(
            f"{self._method} {self._path}: an earlier run sent this item and got no response",
            method=self._method, path=self._path, data=item,
            hint="it may have been written: check before you send it again",
        )  # fmt: skip
        return Unknown(item, why)

    def _settle(self, chunk: list[PendingWrite]) -> Settled:
        fresh = [task for task in chunk if task.known is None]
        outcomes, error = settle(
            [task.item for task in fresh], self._sender(fresh), repeats=self._retry == "always"
        )
        written = iter(outcomes)
        all_outcomes = [task.known or next(written) for task in chunk]
        error = error or self._broken
        last = outcomes[-1] if outcomes else None
        all_lost = all(isinstance(one, Unknown) for one in outcomes)
        return Settled(
            all_outcomes, last.why if all_lost and isinstance(last, Unknown) else None, error
        )

    def _sender(self, tasks: list[PendingWrite]) -> Callable[[list[int]], list[Outcome]]:
        def send_some(indexes: list[int]) -> list[Outcome]:
            return self._send([tasks[index] for index in indexes])

        return send_some

    def _send(self, tasks: list[PendingWrite]) -> list[Outcome]:
        """Make one call; write it to the journal before it is sent, and when it is over."""
        items, journal, announced = [task.item for task in tasks], self._journal, False
        clock, started = self._api.clock, 0.0

        def announce() -> None:
            # As late as possible: a call that still waits for its slot at a crash was not sent.
            nonlocal announced, started
            started = clock.monotonic()
            if journal is not None and not announced:
                journal.sent((task.position, task.digest) for task in tasks)
                announced = True

        with self._counting:
            self.calls += 1
        try:
            response = send(
                self._api.request, self._method, self._path, items,
                retry=self._retry, before_send=announce, divisible=len(items) > 1,
            )  # fmt: skip
        except Exception as error:
            positions = {task.position for task in tasks}
            if is_too_heavy(error):
                self._doubtful |= positions
            self._learn_from(error, len(items), clock.monotonic() - started)
            if announced and is_unwritten(error):
                self._note(lambda log: log.back(sorted(positions - self._doubtful)))
            raise
        self._concurrency.note(response.info.elapsed.total_seconds())
        now = clock.monotonic()
        took = now - started
        self._learned.learn(lambda known: after_answer(known, len(items), took, now))
        outcomes = correlate(items, response.data, self._path, self._kind)
        pairs = zip(tasks, outcomes, strict=True)
        done = [(task.position, one.id) for task, one in pairs if isinstance(one, self._kind)]
        self._note(lambda log: log.done(done))
        return outcomes

    def _learn_from(self, error: Exception, items: int, took: float) -> None:
        """Learn the size from a call of so many items that failed after some seconds."""
        now = self._api.clock.monotonic()
        if is_too_heavy(error):
            self._learned.learn(lambda known: after_timeout(known, items, now))
        elif isinstance(error, OutcomeUnknownError) and took > SLOW:
            self._learned.learn(lambda known: after_answer(known, items, took, now))

    def _note(self, write: Callable[[Journal], None]) -> None:
        """Write the result of a call to the journal; if that fails, only the run ends."""
        try:
            if self._journal is not None:
                write(self._journal)
        except Exception as error:
            self._broken = error


def _refused(position: int, item: Json, error: ConfigurationError) -> Refused:
    """Return the outcome of an item that cannot be sent; the others are."""
    told = ConfigurationError(f"item {position}: {error.args[0]}", hint=error.hint)
    return Refused(item, told)
