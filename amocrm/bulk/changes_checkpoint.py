"""How far changes were read: an instant and the items around it, in a file replaced atomically."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Final

from amocrm._support.atomic_file import replace
from amocrm._support.private_files import open_private
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.http.query import encode
from amocrm.http.request_body import encode_body

_VERSION: Final = 1


class Checkpoint:
    """The instant before which everything was read, and the items read from shortly before it on.

    Nothing is written before `save`.

    Args:
        file: where it is stored; None: only in memory.
        walk: what is read: the account and the path.
        params: more of the query; with another query, other items would have been read before.
        since: Unix seconds to begin at, if the file has no later instant.
        overlap: seconds before that instant that are read once more.
        member: the member of an item that has the time of its change.

    Raises:
        ConfigurationError: the file is damaged or unreadable, or another walk's.
    """

    def __init__(
        self,
        file: str | os.PathLike[str] | None,
        walk: str,
        params: Mapping[str, Json],
        since: float,
        overlap: float,
        member: str = "updated_at",
    ) -> None:
        self._member = member
        self._file = None if file is None else os.path.abspath(os.fspath(file))
        self._walk = walk
        # Digests: the values may be a person's data.
        self._params = {name: _digest(value) for name, value in params.items() if value != {}}
        self._since = int(since)
        self._overlap = overlap
        self._at = 0
        self._seen: dict[str, tuple[int, str]] = {}
        if self._file is not None and os.path.lexists(self._file):
            self._load(self._file)

    @property
    def begin(self) -> int:
        """The instant to read from, Unix seconds."""
        return max(self._since, int(self._at - self._overlap))

    def knows(self, item: Mapping[str, Json]) -> bool:
        """Tell whether an item was given out in this very state."""
        return self._seen.get(str(item["id"])) == self._state(item)

    def passed(self, item: Mapping[str, Json]) -> None:
        """Remember an item that was given out."""
        self._seen[str(item["id"])] = self._state(item)

    def reached(self, instant: int) -> None:
        """Note that everything before an instant was given out; forget items before the overlap."""
        self._at = max(self._at, instant)
        begin = self.begin
        self._seen = {number: state for number, state in self._seen.items() if state[0] >= begin}

    def save(self) -> None:
        """Write it to the file, if it has one.

        Raises:
            ConfigurationError: it cannot be written; the old one is untouched.
        """
        if self._file is None:
            return
        content = {
            "checkpoint": _VERSION, "walk": self._walk, "params": self._params,
            "updated_at": self._at, "seen": self._seen,
        }  # fmt: skip
        try:
            replace(self._file, json.dumps(content).encode())
        except OSError as error:
            raise ConfigurationError(
                f"the checkpoint {self._file} cannot be written: {error.strerror}"
            ) from error

    def _state(self, item: Mapping[str, Json]) -> tuple[int, str]:
        """Tell the states of an item apart: it may be edited twice in a second."""
        return int(item[self._member]), hashlib.sha256(encode_body(item)).hexdigest()[:16]

    def _load(self, file: str) -> None:
        try:
            with open(open_private(file, os.O_RDONLY), "rb") as stream:
                content = json.load(stream)
            whose = (content["checkpoint"], content["walk"])
            self._at = int(content["updated_at"])
            params = dict(content["params"])
            self._seen = {key: (int(at), str(mark)) for key, (at, mark) in content["seen"].items()}
        except OSError as error:
            raise ConfigurationError(
                f"the checkpoint {file} cannot be read: {error.strerror}",
                hint=getattr(error, "hint", None),
            ) from error
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise ConfigurationError(
                f"the checkpoint {file} cannot be read",
                hint="move it away to read from the beginning",
            ) from error
        if whose != (_VERSION, self._walk):
            raise ConfigurationError(f"the checkpoint {file} was saved for {whose[1]}")
        if changed := {name for name, _ in params.items() ^ self._params.items()}:
            raise ConfigurationError(
                f"the checkpoint {file} was saved with another {' and '.join(sorted(changed))}",
                hint="use the query it was saved with, or another file",
            )


def _digest(value: Json) -> str:
    """Tell values of a query apart, whatever the order of their parts."""
    parts = sorted(encode({"": value}).split("&"))
    return hashlib.sha256("&".join(parts).encode()).hexdigest()[:16]
