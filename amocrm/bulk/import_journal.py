"""A journal of writes and their results, with which a killed import can be resumed.

Records are only added, one JSON object each. The record of a call is on the disk before the call is
sent. So an item without a record was never sent; an item without a result may have been written,
and is sent again only with `retry="always"`.

    {"journal": 1, "account": "example.amocrm.ru", "method": "POST", "path": "/api/v4/leads"}
    {"sent": [[0, "9f86d081884c7d65"], [1, "60303ae22b998861"]]}
    {"done": [[0, 7001], [1, 7003]]}       the id of each position, from the response
    {"back": [2, 3]}                       refused: definitely not written
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from typing import Final, NamedTuple, cast

from amocrm.bulk.journals.storage import JournalStorage, OpenJournal
from amocrm.errors import ConfigurationError, JournalError
from amocrm.http.messages import Json
from amocrm.http.request_body import encode_body

_VERSION: Final = 1


class Known(NamedTuple):
    """A position in the journal.

    Attributes:
        digest: of the item that was sent.
        is_done: whether the response came.
        id: of the entity, from the response.
    """

    digest: str
    is_done: bool = False
    id: int | str | None = None


class Journal:
    """The journal of one import. Thread-safe; for one process at a time.

    Args:
        place: its storage, or the path of a file.
        account: host of the account; a journal belongs to one account and one kind of calls.
        method: of the calls.
        address: path of the calls.

    Raises:
        ConfigurationError: the place is neither a path nor a storage.
    """

    def __init__(
        self,
        place: str | os.PathLike[str] | JournalStorage,
        account: str,
        method: str,
        address: str,
    ) -> None:
        self._place = _read_place(place)
        self._head = {
            "journal": _VERSION, "account": account, "method": method, "path": address,
        }  # fmt: skip
        self._known: dict[int, Known] = {}
        self._log: OpenJournal | None = None
        self._is_whole = True
        self._lock = threading.RLock()  # The garbage collector may close it while it writes.

    def open(self) -> None:
        """Open the journal and read its records.

        Raises:
            JournalError: it is in use, or cannot be read or written.
            ConfigurationError: it belongs to another import, or is damaged.
        """
        log = self._log = self._place.open()
        try:
            self._read(log.read())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the journal."""
        if sys.is_finalizing():
            return  # A thread that has ended may have left the lock locked; the system closes all.
        with self._lock:
            log, self._log = self._log, None
            if log is not None:
                log.close()

    def recall(self, position: int, item: Json) -> tuple[str, Known | None]:
        """Return an item's digest and its entry; None as the entry if it was not sent.

        Raises:
            ConfigurationError: another item was sent at this position.
        """
        digest = hashlib.sha256(encode_body(item)).hexdigest()[:16]
        known = self._known.get(position)
        if known is not None and known.digest != digest:
            raise ConfigurationError(
                f"item {position} differs from the one in the journal {self._place!r}",
                hint="resume with the same items in the same order, or use another journal",
            )
        return digest, known

    def sent(self, items: Iterable[tuple[int, str]]) -> None:
        """Record that a call with these positions and digests is about to be sent."""
        self._write({"sent": [list(one) for one in items]})

    def done(self, items: Iterable[tuple[int, int | str | None]]) -> None:
        """Record positions that were written, and their ids."""
        self._write({"done": [list(one) for one in items]})

    def back(self, positions: Sequence[int]) -> None:
        """Record positions whose call was refused."""
        self._write({"back": list(positions)})

    def _write(self, record: Json) -> None:
        line = json.dumps(record, separators=(",", ":"))
        with self._lock:
            if self._log is None or not self._is_whole:
                raise JournalError(f"the journal {self._place!r} is closed")
            # Until the record is on the disk it may be cut, and then nothing may follow it.
            self._is_whole = False
            self._log.append(line)
            self._is_whole = True

    def _read(self, lines: list[str]) -> None:
        if not lines:
            self._write(self._head)
            return
        try:
            head, *records = [json.loads(line) for line in lines]
            for record in records:
                self._learn(record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ConfigurationError(f"the journal {self._place!r} is damaged") from error
        if head != self._head:
            raise ConfigurationError(
                f"the journal {self._place!r} belongs to another import: {head}"
            )

    def _learn(self, record: dict[str, Json]) -> None:
        for position, digest in record.get("sent", ()):
            self._known[position] = Known(digest)
        for position, number in record.get("done", ()):
            self._known[position] = self._known[position]._replace(is_done=True, id=number)
        for position in record.get("back", ()):
            del self._known[position]


@contextmanager
def opened(journal: Journal | None) -> Generator[None]:
    """Keep a journal open while the block runs, if there is one."""
    if journal is None:
        yield
        return
    journal.open()
    with closing(journal):
        yield


def _read_place(place: object) -> JournalStorage:
    """Read a path or a storage."""
    if isinstance(place, (str, os.PathLike)):
        from amocrm.bulk.journals.file import FileJournal

        return FileJournal(place)
    if not hasattr(place, "open"):
        raise ConfigurationError(
            "journal must be the path of a file or a JournalStorage", hint="such as SQLJournal"
        )
    return cast("JournalStorage", place)
