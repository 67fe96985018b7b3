"""Downloading: a content of known size, passed on as it comes, and counted.

When the answer breaks off, the call is repeated like any read: it begins anew, and what was
written already is passed over, if it is the same. Source: reference 7.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from amocrm._support.atomic_file import replacement
from amocrm.bulk.context import ApiContext
from amocrm.errors import ConfigurationError, UnexpectedReplyError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json, Timeout
from amocrm.http.request import Request, read_into
from amocrm.progress import ProgressMeter, Report
from amocrm.resources.files.host import keys, time_for

_PATH: Final = "/download/..."
_RIGHTS: Final = 0o777
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


class Writable(Protocol):
    """A binary file, or anything that is written like one."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""
        ...


class Content(NamedTuple):
    """What is downloaded.

    Attributes:
        address: where it is.
        size: bytes of it.
        sha256: what they must add up to; None if nobody knows.
    """

    address: Json
    size: int
    sha256: str | None = None


def read_hash(sha256: str | None) -> str | None:
    """Check a hash that is to be compared with.

    Raises:
        ConfigurationError: it is none.
    """
    if sha256 is None or (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        return sha256 and sha256.lower()
    raise ConfigurationError("sha256 must be 64 hexadecimal digits")


def download_to(
    api: ApiContext,
    content: Content,
    target: str | os.PathLike[str],
    report: Report | None,
    timeout: float | Timeout | None,
) -> Path:
    """Download to a file, which is there when all of it is, and else is as it was before."""
    path = Path(target)
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder", hint="give the path of the file to write")
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is no file to replace", hint="give it opened")
    # Through a link, to what it leads to; and who may read that stays as it was. A right to run as
    # its owner (setuid, setgid) was given to the old content, not to the new one.
    mode = {"mode": path.stat().st_mode & _RIGHTS} if path.exists() else {}
    with replacement(os.path.realpath(path), **mode) as file:
        if mode and os.chmod in os.supports_fd:
            os.chmod(file.fileno(), mode["mode"])  # The user's mask has narrowed it.
        download_into(api, content, file, report, timeout)
    return path


def download_into(
    api: ApiContext,
    content: Content,
    file: Writable,
    report: Report | None,
    timeout: float | Timeout | None,
) -> None:
    """Download into a file that is open."""
    if type(content.size) is not int or content.size < 0:
        raise _odd("a file without a size")
    request = _at(api.request, content)
    limits = time_for(request, content.size) if timeout is None else timeout
    pouring = _Pouring(file, content, ProgressMeter(report, api.clock, content.size))
    response = read_into(request, pouring.begin, content.address, timeout=limits)
    if response.info.status_code != 200:
        raise _odd("no content", response.info.status_code)
    pouring.end()


def _at(request: Request, content: Content) -> Request:
    found = keys(request, content.address, _PATH)
    if isinstance(found, Request):
        return found
    raise _odd(f"a file whose download link {found}")


class _Pouring:
    """Takes the pieces of one attempt after the other, and writes what is new of them."""

    def __init__(self, file: Writable, content: Content, meter: ProgressMeter) -> None:
        self._file = file
        self._content = content
        self._meter = meter
        self._hash = hashlib.sha256()
        self._passed = hashlib.sha256()
        self._read = 0

    def begin(self) -> Callable[[bytes], None]:
        """Begin an attempt."""
        self._read = 0
        self._passed = hashlib.sha256()
        return self._take

    def end(self) -> None:
        """Check that it is whole.

        Raises:
            UnexpectedReplyError: it is not of its size, or not what it should be.
        """
        if self._read != self._content.size:
            raise _odd(f"{self._read} bytes instead of {self._content.size}")
        expected, came = self._content.sha256, self._hash.hexdigest()
        if expected is not None and came != expected:
            raise _odd(f"a content of another sha256: {came}")

    def _take(self, piece: bytes) -> None:
        before, self._read = self._read, self._read + len(piece)
        if self._read > self._content.size:
            raise _odd(f"more than the {self._content.size} bytes of the file")
        known = self._meter.done - before
        if known > 0:
            self._pass_over(piece[:known], known)
        fresh = piece[max(known, 0) :]
        if not fresh:
            return
        written = self._file.write(fresh)
        if isinstance(written, int) and written != len(fresh):
            raise OSError(f"{written} of {len(fresh)} bytes were written")
        self._hash.update(fresh)
        self._meter.add(len(fresh))

    def _pass_over(self, piece: bytes, known: int) -> None:
        """Compare what is written already, when the last of it has come again."""
        self._passed.update(piece)
        if len(piece) == known and self._passed.digest() != self._hash.digest():
            raise _odd("another content than before it broke off")


def _odd(what: str, status: int = 200) -> UnexpectedReplyError:
    return unexpected_response("GET", _PATH, what, status=status)
