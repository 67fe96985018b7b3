"""What the parts of a run share: the client, the account, the writer, and what was read so far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from amocrm._support.arguments import check_function
from amocrm._support.clock import Clock, SystemClock
from amocrm.bulk.pages import ShapeError
from amocrm.client import AmoCRM
from amocrm.errors import AmoCRMError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.mirror.account import MirroredAccount, read_account
from amocrm.mirror.batch import Batch, Written
from amocrm.mirror.destination import Destination
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.refusal import refusal_of
from amocrm.mirror.report import MirrorProgress, MirrorReport, ReportProgress
from amocrm.mirror.tables.columns import Rows
from amocrm.mirror.writer_thread import WriterThread

State = Mapping[str, Json]


class RunContext:
    """One run. Its methods may be called by several threads.

    Attributes:
        crm: the client.
        account: as it was at the beginning.
        sink: the database or warehouse, to read from; what is written goes through `put`.
        report: of the run.
        begun: Unix seconds of the server at which the run began.
    """

    def __init__(
        self,
        crm: AmoCRM,
        account: MirroredAccount,
        sink: Destination,
        writer: WriterThread,
        report: MirrorReport,
        progress: ReportProgress | None,
        clock: Clock,
    ) -> None:
        self.crm = crm
        self.account = account
        self.sink = sink
        self.report = report
        self._writer = writer
        self._progress = progress
        self._clock = clock
        self._lock = threading.Lock()
        self._stopped_by: BaseException | None = None
        self._states: dict[str, Json] = sink.load(account.id)
        self.begun = int(self.now())

    def now(self) -> float:
        """Return the time of the server, Unix seconds."""
        return self._clock.time() + self.account.ahead

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic()

    def state(self, name: str) -> State:
        """Return how far a listing was read; an empty one if it never was."""
        found = self._states.get(name)
        return found if isinstance(found, Mapping) else {}

    def put(self, batch: Batch) -> None:
        """Hand over a batch to be written.

        Raises:
            BaseException: of `stop`, or of an earlier batch that could not be written.
        """
        if self._stopped_by is not None:
            raise self._stopped_by
        self._states.update(batch.state)
        batch.at = self.now()
        self._writer.put(batch)

    def stop(self, error: BaseException) -> None:
        """Let all that reads end at its next page with an error."""
        self._stopped_by = error

    def flush(self) -> None:
        """Wait until everything that was handed over is written."""
        self._writer.flush()

    def rows(self, path: str, kind: str, items: Sequence[Json], of: str = "") -> Rows:
        """Return the rows of a page, and count its items.

        Raises:
            UnexpectedReplyError: an item has no id.
        """
        try:
            rows = flatten(kind, items, self.account.id, of=of)
        except ShapeError as error:
            raise unexpected_response("GET", path, str(error)) from None
        with self._lock:
            self.report.add_read(path, len(items))
        return rows

    def pages(
        self, path: str, params: Mapping[str, Json] | None = None, *, limit: int | None = None
    ) -> Iterator[list[Json]]:
        """Yield the pages of a listing, read ahead."""
        return self.crm.listing(f"/api/v4/{path}", params, limit=limit).pages()

    def tell(self, progress: MirrorProgress) -> None:
        """Tell how far it has come."""
        if self._progress is not None:
            # One thread at a time.
            with self._lock:
                self._progress(progress)

    def attempt(self, name: str, read: Callable[[], object]) -> bool:
        """Read something that the plan, or the rights of the user, may not include.

        What they do not is told in the report, and everything else goes on.

        Returns:
            Whether it could be read.
        """
        refusal = refusal_of(read)
        if refusal is not None:
            self.skip(name, refusal)
        return refusal is None

    def skip(self, name: str, reason: AmoCRMError | str) -> None:
        """Report something that cannot be read."""
        with self._lock:
            self.report.skipped[name] = str(reason)


@contextmanager
def running(
    crm: AmoCRM, sink: Destination, progress: ReportProgress | None, clock: Clock | None
) -> Generator[RunContext, None, None]:
    """Keep other runs out, and write in a thread while the block reads.

    Raises:
        ConfigurationError: an argument is wrong.
        MirrorError: the database cannot be used, or another run is mirroring the account.
    """
    check_function("progress", progress)
    clock = clock or SystemClock()
    began, account = clock.monotonic(), read_account(crm, clock)
    report = MirrorReport(account.id)

    def write(batch: Batch) -> Written:
        return sink.write(account.id, batch)

    def count(written: Written) -> None:
        report.add_written(written.rows)
        report.deleted += written.deleted
        report.restored += written.restored

    with sink.running(account.id), WriterThread(write, count) as writer:
        yield RunContext(crm, account, sink, writer, report, progress, clock)
    report.seconds = clock.monotonic() - began
