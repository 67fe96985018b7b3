"""Tokens in a folder: a file for each integration and account, shared by processes of one machine.

A file is written beside its place, readable by its owner alone from the first byte, brought to the
disk, and put in place in one step: a reader sees the old token or the new one, never half of one,
and needs no lock. Use a local disk: on a network one neither the step nor the lock is sure.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from amocrm.core.token import Token, read_token
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.filelock import FileLock
from amocrm.replacing import replace
from amocrm.stores import Key

_PRIVATE_FOLDER: Final = 0o700
_POSIX: Final = os.name == "posix"


class FileStore:
    """Keeps tokens in a folder. Safe for threads and for processes of one machine.

    Args:
        folder: where; it is made, for its owner alone, when the first token is saved.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._locks: dict[Key, FileLock] = {}

    def __repr__(self) -> str:
        return f"FileStore({self._folder!r})"

    def path(self, key: Key) -> str:
        """Return the path of a token's file, whether it is there or not."""
        # The digest tells keys apart; the account's host is there for people.
        digest = hashlib.sha256(f"{key.client_id}|{key.account}".encode()).hexdigest()[:16]
        shown = re.sub(r"[^a-z0-9.-]", "_", key.account.lower())
        return os.path.join(self._folder, f"{shown}-{digest}.json")

    def load(self, key: Key) -> Token | None:
        """Return the token of a key; None if there is none.

        Raises:
            TokenStoreError: the file is not a token, cannot be read, or others can read it.
        """
        path = self.path(key)
        with _told(path):
            try:
                handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            except FileNotFoundError:
                return None
            with open(handle, "rb") as file:
                _check_private(path, os.fstat(file.fileno()))
                text = file.read()
        try:
            return read_token(json.loads(text)["token"])
        except (ConfigurationError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise TokenStoreError(
                f"{path} does not hold a token",
                hint="restore it from a backup, or move it away and get consent again",
            ) from error

    def save(self, key: Key, token: Token) -> None:
        """Put a token in the place of the old one, in one step.

        Raises:
            TokenStoreError: it could not be written; the old one is untouched.
        """
        path, plain = self.path(key), token.as_dict()
        record = {"client_id": key.client_id, "account": key.account, "token": plain}
        with _told(path):
            os.makedirs(self._folder, mode=_PRIVATE_FOLDER, exist_ok=True)
            replace(path, json.dumps(record, ensure_ascii=False, indent=1).encode())

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[None]:
        """Keep other threads and processes from asking for a grant meanwhile."""
        if key not in self._locks:
            with _told(self._folder):
                os.makedirs(self._folder, mode=_PRIVATE_FOLDER, exist_ok=True)
            self._locks.setdefault(key, FileLock(f"{self.path(key)}.lock"))
        return self._locks[key].hold(timeout)


def _check_private(path: str, status: os.stat_result) -> None:
    """Refuse a token that others can read, or may have written."""
    if not _POSIX:
        return
    if status.st_uid != os.geteuid():
        raise TokenStoreError(
            f"{path} belongs to another user", hint=f"run: chown $(id -u) {path!r}"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise TokenStoreError(
            f"{path} can be read by others", hint=f"run: chmod 600 {path!r}; then get a new token"
        )


@contextmanager
def _told(path: str) -> Generator[None, None, None]:
    """Say which file it was, and what the system had against it."""
    try:
        yield
    except OSError as error:
        raise TokenStoreError(f"{path}: {error.strerror or error}") from error
