"""Tokens in a folder: a file for each integration and account, shared by processes of one machine.

The folder belongs to the user who runs the program, and nobody else can write to it: whoever could
would put an old file back, or something that is no file.

A file is written beside its place, readable by its owner alone from the first byte, brought to the
disk, and put in place in one step: a reader sees the old token or the new one, never half of one,
and needs no lock. Use a local disk: on a network one neither the step nor the lock is sure.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final
from urllib.parse import unquote

from amocrm._support.atomic_file import insist, replace
from amocrm._support.file_lock import FileLock
from amocrm._support.private_files import check_folder, check_private, make_folder, open_private
from amocrm.errors import TokenStoreError
from amocrm.stores.locks import hold_file
from amocrm.stores.store import Key

SAVING_PATIENCE: Final = 20.0
"""Seconds to wait for others who are in the middle of a save."""

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file that may be a token."""
_SHOWN: Final = 100
"""Characters of an account that its file's name shows."""
_UNUSUAL: Final = re.compile(r"[^a-z0-9.-]")
_LEFT: Final = re.compile(r"[a-z0-9._%-]*-[0-9a-f]{16,64}\.json\.[0-9]+\.[0-9a-f]+\.new")
"""What a writer of a token writes to, until it is put in place."""


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
        # The digest tells keys apart; the account's host is there for people. A host is shown as it
        # is; of what is none, the name has the whole digest.
        shown = _shown(key.account)
        digits = 16 if shown == key.account else 64
        return os.path.join(self._folder, f"{shown}-{key.digest[:digits]}.json")

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none.

        Raises:
            TokenStoreError: the file cannot be read, or others can read it.
        """
        path = self.path(key)
        with _told(path):
            try:
                check_folder(self._folder)
                handle = insist(lambda: open_private(path, os.O_RDONLY))
            except FileNotFoundError:
                return None
            with open(handle, "rb") as file:
                check_private(path, os.fstat(file.fileno()), "; then get a new token")
                content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise TokenStoreError(f"{path} is too large to be a token")
        # What is no text is no token either, and whoever reads it will say so.
        return content.decode("utf-8", "replace")

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there.

        Raises:
            TokenStoreError: it could not be written; the old one is untouched.
        """
        path = self.path(key)
        self._make_folder()
        with hold_file(self._saving, SAVING_PATIENCE):
            if self.load(key) != replaces:
                return False
            with _told(path):
                self._sweep()
                replace(path, text.encode())
            return True

    def forget(self, key: Key) -> None:
        """Remove a file; its lock file stays, for a removed lock has two holders."""
        path = self.path(key)
        if not self._is_there():
            return
        with hold_file(self._saving, SAVING_PATIENCE), _told(path):
            with contextlib.suppress(FileNotFoundError):
                insist(lambda: os.unlink(path))
            self._sweep()

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration, by the names of their files.

        One that is longer than a host may be is kept, and not listed.
        """
        if not self._is_there():
            return []
        with _told(self._folder):
            names = set(os.listdir(self._folder))
        # A name ends in a digest of its key, which tells whether it is this integration's.
        shown = [name.rpartition("-")[0] for name in names if name.endswith(".json")]
        keys = {Key(client_id, unquote(one)) for one in shown}
        return [key.account for key in keys if os.path.basename(self.path(key)) in names]

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[None]:
        """Keep other threads and processes from asking for a grant meanwhile."""
        if key not in self._locks:
            self._make_folder()
            self._locks.setdefault(key, FileLock(f"{self.path(key)}.lock"))
        return hold_file(self._locks[key], timeout)

    def _make_folder(self) -> None:
        with _told(self._folder):
            make_folder(self._folder)
            check_folder(self._folder)

    def _is_there(self) -> bool:
        """Tell whether there is a folder; refuse one that others can write to."""
        with _told(self._folder):
            try:
                check_folder(self._folder)
            except FileNotFoundError:
                return False
        return True

    def _sweep(self) -> None:
        """Remove what killed writers left: whoever holds the lock of saving is the only one."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if _LEFT.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)


def _shown(account: str) -> str:
    """Return what the name of a file shows of an account: a host as it is, all else escaped."""

    def escape(found: re.Match[str]) -> str:
        return "".join(f"%{byte:02x}" for byte in found[0].encode("utf-8", "surrogatepass"))

    return _UNUSUAL.sub(escape, account)[:_SHOWN]


@contextmanager
def _told(path: str) -> Generator[None, None, None]:
    """Say which file it was, and what the system had against it."""
    try:
        yield
    except OSError as error:
        raise TokenStoreError(
            f"{path}: {error.strerror or error}", hint=getattr(error, "hint", None)
        ) from error
