"""Tokens in a folder: a file for each integration and account, shared by processes of one machine.

A file is written beside its place, readable by its owner alone from the first byte, brought to the
disk, and put in place in one step: a reader sees the old token or the new one, never half of one,
and needs no lock. Use a local disk: on a network one neither the step nor the lock is sure.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from amocrm.errors import TokenStoreError
from amocrm.filelock import FileLock
from amocrm.replacing import insist, replace
from amocrm.stores import Key
from amocrm.stores.adopt import adopt

SAVING_PATIENCE: Final = 20.0
"""Seconds to wait for others who are in the middle of a save."""

_PRIVATE_FOLDER: Final = 0o700


class FileStore:
    """Keeps tokens in a folder. Safe for threads and for processes of one machine.

    Args:
        folder: where; it is made, for its owner alone, when the first token is saved.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._locks: dict[Key, FileLock] = {}
        # One for all: it is held for the milliseconds of a save, whoever holds a token's lock.
        self._saving = FileLock(os.path.join(self._folder, "saving.lock"))

    def __repr__(self) -> str:
        return f"FileStore({self._folder!r})"

    def path(self, key: Key) -> str:
        """Return the path of a token's file, whether it is there or not."""
        # The digest tells keys apart; the account's host is there for people.
        shown = re.sub(r"[^a-z0-9.-]", "_", key.account.lower())[:100]
        return os.path.join(self._folder, f"{shown}-{key.digest[:16]}.json")

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none.

        Raises:
            TokenStoreError: the file cannot be read, or others can read it.
        """
        path = self.path(key)
        with _told(path):
            try:
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
                handle = insist(lambda: os.open(path, flags))
            except FileNotFoundError:
                return None
            with open(handle, "rb") as file:
                _check_private(path, os.fstat(file.fileno()))
                # What is no text is no token either, and whoever reads it will say so.
                return file.read().decode("utf-8", "replace")

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there.

        Raises:
            TokenStoreError: it could not be written; the old one is untouched.
        """
        path = self.path(key)
        self._make_folder()
        with self._saving.hold(SAVING_PATIENCE):
            if self.load(key) != replaces:
                return False
            with _told(path):
                _sweep(path)
                replace(path, text.encode())
            return True

    def forget(self, key: Key) -> None:
        """Remove a file; its lock file stays, for a removed lock has two holders."""
        path = self.path(key)
        if not os.path.lexists(path):
            return
        gone = contextlib.suppress(FileNotFoundError)
        with self._saving.hold(SAVING_PATIENCE), _told(path), gone:
            insist(lambda: os.unlink(path))

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration, by the names of their files."""
        with _told(self._folder):
            try:
                names = os.listdir(self._folder)
            except FileNotFoundError:
                return []
        # A name ends in a digest of its key, which tells whether it is this integration's.
        keys = [Key(client_id, name.rpartition("-")[0]) for name in names if name.endswith(".json")]
        return [key.account for key in keys if os.path.basename(self.path(key)) in names]

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[None]:
        """Keep other threads and processes from asking for a grant meanwhile."""
        if key not in self._locks:
            self._make_folder()
            self._locks.setdefault(key, FileLock(f"{self.path(key)}.lock"))
        return self._locks[key].hold(timeout)

    def adopt(
        self,
        path: str | os.PathLike[str],
        *,
        account: str | None = None,
        client_id: str | None = None,
    ) -> Key:
        """Take over the token of another library's file: `amocrm.stores.adopt` for this store."""
        return adopt(self, path, account=account, client_id=client_id)

    def _make_folder(self) -> None:
        with _told(self._folder):
            os.makedirs(self._folder, mode=_PRIVATE_FOLDER, exist_ok=True)


def _sweep(path: str) -> None:
    """Remove what killed writers left: whoever holds the lock of saving is the only one alive."""
    for left in glob.glob(f"{glob.escape(path)}.*.new"):
        os.unlink(left)


def _check_private(path: str, status: os.stat_result) -> None:
    """Refuse a token that others can read, or may have written."""
    if sys.platform == "win32":  # It has no such modes: a folder inherits who may read it.
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
