"""How far a walk through changes has come, kept in a file that is replaced in one step."""

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
    """The instant before which all is done, and what was seen from shortly before it on.

    Args:
        file: it is kept in; None for the life of one walk.
        walk: what is walked: the account and the path.
        params: more of the query; a walk with others would have seen other items before.
        since: Unix seconds where to begin, if the file knows no better.
        overlap: seconds before that instant that are read once more.

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
    ) -> None:
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
        """Tell whether an item was passed in this very state."""
        return self._seen.get(str(item["id"])) == _state(item)

    def passed(self, item: Mapping[str, Json]) -> None:
        """Remember an item that was dealt with."""
        self._seen[str(item["id"])] = _state(item)

    def reached(self, instant: int) -> None:
        """Note that everything before an instant was dealt with."""
        self._at = max(self._at, instant)

    def save(self) -> None:
        """Forget what is older than the overlap, and put the rest into the file.

        Raises:
            ConfigurationError: it cannot be written; the old one is untouched.
        """
        begin = self.begin
        self._seen = {number: state for number, state in self._seen.items() if state[0] >= begin}
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
                f"the checkpoint {file} cannot be read", hint="move it away and begin anew"
            ) from error
        if whose != (_VERSION, self._walk):
            raise ConfigurationError(f"the checkpoint {file} is that of a walk through {whose[1]}")
        if changed := {name for name, _ in params.items() ^ self._params.items()}:
            raise ConfigurationError(
                f"the checkpoint {file} was saved with another {' and '.join(sorted(changed))}",
                hint="walk on with what it was saved with, or begin another checkpoint",
            )


def _state(item: Mapping[str, Json]) -> tuple[int, str]:
    """Tell the states of an item apart: it may be edited twice in a second."""
    return int(item["updated_at"]), hashlib.sha256(encode_body(item)).hexdigest()[:16]


def _digest(value: Json) -> str:
    """Tell values of a query apart, whatever the order of their parts."""
    parts = sorted(encode({"": value}).split("&"))
    return hashlib.sha256("&".join(parts).encode()).hexdigest()[:16]
