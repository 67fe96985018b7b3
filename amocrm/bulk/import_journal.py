"""A journal of writes: what was sent and what became of it, so that a killed import goes on.

Records that are only added, one JSON object each. One is kept safe before the call it announces is
sent, so a write that the journal does not know was never sent; one whose end it does not know may
have been carried out, and is never sent again unasked.

    {"journal": 1, "account": "example.amocrm.ru", "method": "POST", "path": "/api/v4/leads"}
    {"sent": [[0, "9f86d081884c7d65"], [1, "60303ae22b998861"]]}
    {"done": [[0, 7001], [1, 7003]]}       what the server gave each position as its id
    {"back": [2, 3]}                       refused: surely not written
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

from amocrm.bulk.journals.storage import JournalStorage, OpenJournal
from amocrm.errors import ConfigurationError, JournalError
from amocrm.http.messages import Json
from amocrm.http.request_body import encode_body

_VERSION: Final = 1


class Known(NamedTuple):
    """What the journal knows of a position.

    Attributes:
        digest: of the item that was sent.
        is_done: whether the server's answer came.
        id: what it gave the item.
    """

    digest: str
    is_done: bool = False
    id: int | str | None = None


class Journal:
    """The journal of one import. Safe for threads; one process at a time.

    Args:
        place: where it is kept, or the path of a file.
        account: host of the account; a journal is of use for one account and one kind of calls.
        method: of the calls.
        address: path of the calls.

    Raises:
        ConfigurationError: the place is none.
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
        """Read what is there and begin to write.

        Raises:
            JournalError: it is in use, or cannot be read or written.
            ConfigurationError: it is another import's, or damaged.
        """
        log = self._log = self._place.open()
        try:
            self._read(log.read())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        if sys.is_finalizing():
            return  # A thread that is gone may hold the lock for ever; the system closes all.
        with self._lock:
            log, self._log = self._log, None
            if log is not None:
                log.close()

    def recall(self, position: int, item: Json) -> tuple[str, Known | None]:
        """Return an item's digest, and what is known of it; None if it was not written.

        Raises:
            ConfigurationError: another item was sent at this position.
        """
        digest = hashlib.sha256(encode_body(item)).hexdigest()[:16]
        known = self._known.get(position)
        if known is not None and known.digest != digest:
            raise ConfigurationError(
                f"item {position} is not the one that the journal {self._place!r} knows",
                hint="resume with the same items in the same order, or begin another journal",
            )
        return digest, known

    def sent(self, items: Iterable[tuple[int, str]]) -> None:
        """Announce a call with these positions and digests."""
        self._write({"sent": [list(one) for one in items]})

    def done(self, items: Iterable[tuple[int, int | str | None]]) -> None:
        """Note positions that were written, and their ids."""
        self._write({"done": [list(one) for one in items]})

    def back(self, positions: Sequence[int]) -> None:
        """Note positions whose call was refused."""
        self._write({"back": list(positions)})

    def _write(self, record: Json) -> None:
        line = json.dumps(record, separators=(",", ":"))
        with self._lock:
            if self._log is None or not self._is_whole:
                raise JournalError(f"the journal {self._place!r} is closed")
            # Until it is surely there it may be half there, and then nothing may come after it.
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
                f"the journal {self._place!r} is that of another import: {head}"
            )

    def _learn(self, record: dict[str, Json]) -> None:
        for position, digest in record.get("sent", ()):
            self._known[position] = Known(digest)
        for position, number in record.get("done", ()):
            self._known[position] = self._known[position]._replace(is_done=True, id=number)
        for position in record.get("back", ()):
            del self._known[position]


def _read_place(place: object) -> JournalStorage:
    """Read a path, or anything that can be opened as a journal."""
    if isinstance(place, (str, os.PathLike)):
        from amocrm.bulk.journals.file import FileJournal

        return FileJournal(place)
    if not hasattr(place, "open"):
        raise ConfigurationError(
            "a journal is the path of a file, or a place for it", hint="such as SQLJournal"
        )
    return cast("JournalStorage", place)
