"""A journal of writes: what was sent and what became of it, so that a killed import goes on.

A text file that only grows, one JSON object a line. A line is on the disk before the call it
announces is sent, so a write that the journal does not know was never sent; one whose end it does
not know may have been carried out, and is never sent again.

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
from contextlib import ExitStack
from typing import Final, NamedTuple

from amocrm.core.body import encode_body
from amocrm.core.wire import Json
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.filelock import FileLock

_VERSION: Final = 1
_PRIVATE: Final = 0o600  # Ids and digests only, yet whose they are is nobody's business.


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
        path: of the file; it is made when it is not there. A lock file stands beside it.
        account: host of the account; a journal is of use for one account and one kind of calls.
        method: of the calls.
        address: path of the calls.
    """

    def __init__(
        self, path: str | os.PathLike[str], account: str, method: str, address: str
    ) -> None:
        self._path = os.path.abspath(os.fspath(path))
        self._head = {
            "journal": _VERSION, "account": account, "method": method, "path": address,
        }  # fmt: skip
        self._known: dict[int, Known] = {}
        self._handle = -1
        self._lock = threading.RLock()  # The garbage collector may close it while it writes.
        self._held = ExitStack()

    def open(self) -> None:
        """Read what is there and begin to write.

        Raises:
            ConfigurationError: the file is another import's, is damaged, in use or unreadable.
        """
        try:
            self._held.enter_context(FileLock(f"{self._path}.lock").hold(0))
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _PRIVATE)
            self._held.callback(os.close, self._handle)
            self._read()
        except TokenStoreError:
            self.close()
            raise ConfigurationError(
                f"the journal {self._path} cannot be locked", hint="is the same import running?"
            ) from None
        except OSError as error:
            self.close()
            raise ConfigurationError(f"the journal {self._path}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        if sys.is_finalizing():
            return  # A thread that is gone may hold the lock for ever; the system closes the file.
        with self._lock:
            self._handle = -1
            self._held.close()

    def recall(self, position: int, item: Json) -> tuple[str, Known | None]:
        """Return an item's digest, and what is known of it; None if it was not written.

        Raises:
            ConfigurationError: another item was sent at this position.
        """
        digest = hashlib.sha256(encode_body(item)).hexdigest()[:16]
        known = self._known.get(position)
        if known is not None and known.digest != digest:
            raise ConfigurationError(
                f"item {position} is not the one that the journal {self._path} knows",
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
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if self._handle < 0:
                raise ConfigurationError(f"the journal {self._path} is closed")
            handle, self._handle = self._handle, -1
            # One write: a line is whole, or it is cut and the last one, and nothing more is sent.
            if os.write(handle, line) < len(line):
                raise OSError(f"the journal {self._path} was cut: is the disk full?")
            os.fsync(handle)
            self._handle = handle

    def _read(self) -> None:
        with open(self._path, "rb") as file:
            content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            # Killed in the middle of a line: what it announces was not sent, or is not known.
            os.ftruncate(self._handle, whole)
        lines = content[:whole].splitlines()
        if not lines:
            self._write(self._head)
            return
        try:
            head, *records = [json.loads(line) for line in lines]
            for record in records:
                self._learn(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"the journal {self._path} is damaged") from error
        if head != self._head:
            raise ConfigurationError(f"the journal {self._path} is that of another import: {head}")

    def _learn(self, record: dict[str, Json]) -> None:
        for position, digest in record.get("sent", ()):
            self._known[position] = Known(digest)
        for position, number in record.get("done", ()):
            self._known[position] = self._known[position]._replace(is_done=True, id=number)
        for position in record.get("back", ()):
            del self._known[position]
