"""Writes batches in a thread, so that the database works while the next page is awaited."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final

from amocrm.mirror.batch import Batch, Written

WAITING: Final = 8
"""Batches that may wait to be written: what the memory holds, however slow the database is."""


class WriterThread:
    """Writes batches one after the other, in the order in which they are put.

    Args:
        write: writes one; its error is raised by the next `put`, or by the end of the block.
        done: is told of what was written, in this thread.
    """

    def __init__(
        self, write: Callable[[Batch], Written], done: Callable[[Written], object]
    ) -> None:
        self._write = write
        self._done = done
        self._queue: queue.Queue[Batch | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="amocrm-mirror", daemon=True)

    def put(self, batch: Batch) -> None:
        """Hand over a batch; wait while too many are waiting.

        Raises:
            MirrorError: an earlier one could not be written.
        """
        self._queue.put(batch)
        if self._error is not None:
            raise self._error

    def flush(self) -> None:
        """Wait until everything is written.

        Raises:
            MirrorError: something could not be written.
        """
        self._queue.join()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> WriterThread:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        while True:
            batch = self._queue.get()
            try:
                if batch is None:
                    return
                # After an error nothing more is written: the state of a later batch would claim
                # what an earlier one has not written.
                if self._error is None:
                    self._done(self._write(batch))
            except BaseException as error:
                self._error = error
            finally:
                self._queue.task_done()
