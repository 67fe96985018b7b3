"""Stores tokens in a folder: a file per integration and account, for processes of one machine.

The folder must belong to the user that runs the program, and no other user may write to it:
otherwise that user could put an old file back, or a link or a FIFO in its place.

A new file is written beside the old one, readable by its owner only from the first byte, flushed to
the disk, and replaces the old one in one step. So a reader sees the old token or the new one, never
a part of one, and needs no lock. Use a local disk: network disks guarantee neither the replacement
nor the lock.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final
from urllib.parse import unquote

from amocrm._support.atomic_file import replace, retry_on_windows
from amocrm._support.file_lock import FileLock
from amocrm._support.private_files import check_folder, check_private, make_folder, open_private
from amocrm.errors import TokenStoreError
from amocrm.stores.locks import hold_file
from amocrm.stores.store import Key

SAVING_PATIENCE: Final = 20.0
"""Seconds to wait for a save of another process."""

_LARGEST: Final = 16 * 1024 * 1024
"""The largest size of a token's file in bytes."""
_SHOWN: Final = 100
"""The largest number of an account's characters in the name of its file."""
_UNUSUAL: Final = re.compile(r"[^a-z0-9.-]")
_NEW: Final = re.compile(r"[a-z0-9._%-]*-[0-9a-f]{16,64}\.json\.[0-9]+\.[0-9a-f]+\.new")
"""The name of a new file until it replaces the old one."""


class FileStore:
    """Stores tokens in a folder. Safe for threads and for processes of one machine.

    Args:
        folder: path of the folder; it is created for this user only when the first token is saved.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._locks: dict[Key, FileLock] = {}
        # One lock for all tokens, for the milliseconds of a save, independent of their locks.
        self._saving = FileLock(os.path.join(self._folder, "saving.lock"))

    def __repr__(self) -> str:
        return f"FileStore({self._folder!r})"

    def path(self, key: Key) -> str:
        """Return the path of a token's file, whether it exists or not."""
        # The digest makes the name unique; the account is for people. A host is shown unchanged;
        # for other texts, the name contains the complete digest.
        shown = _shown(key.account)
        digits = 16 if shown == key.account else 64
        return os.path.join(self._folder, f"{shown}-{key.digest[:digits]}.json")

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none.

        Raises:
            TokenStoreError: the file cannot be read, or others can read it.
        """
        path = self.path(key)
        with _token_store_errors(path):
            try:
                check_folder(self._folder)
                handle = retry_on_windows(lambda: open_private(path, os.O_RDONLY))
            except FileNotFoundError:
                return None
            with open(handle, "rb") as file:
                check_private(path, os.fstat(file.fileno()), "; then get a new token")
                content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise TokenStoreError(f"{path} is too large to be a token")
        # If it is not text, it is not a token either, and its reader will report that.
        return content.decode("utf-8", "replace")

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Replace the loaded text; return False if the file contains another one.

        Raises:
            TokenStoreError: it could not be written; the old file is unchanged.
        """
        path = self.path(key)
        self._make_folder()
        with hold_file(self._saving, SAVING_PATIENCE):
            if self.load(key) != replaces:
                return False
            with _token_store_errors(path):
                self._sweep()
                replace(path, text.encode())
            return True

    def forget(self, key: Key) -> None:
        """Remove a file, but not its lock file: otherwise two processes could hold the lock."""
        path = self.path(key)
        if not self._folder_exists():
            return
        with hold_file(self._saving, SAVING_PATIENCE), _token_store_errors(path):
            with contextlib.suppress(FileNotFoundError):
                retry_on_windows(lambda: os.unlink(path))
            self._sweep()

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration, by the names of their files.

        An account with a longer name than a host can have is stored, but not listed.
        """
        if not self._folder_exists():
            return []
        with _token_store_errors(self._folder):
            names = set(os.listdir(self._folder))
        # A name ends in the digest of its key, which depends on the integration.
        shown = [name.rpartition("-")[0] for name in names if name.endswith(".json")]
        keys = {Key(client_id, unquote(one)) for one in shown}
        return [key.account for key in keys if os.path.basename(self.path(key)) in names]

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[None]:
        """Lock a key for all threads and processes of this machine."""
        if key not in self._locks:
            self._make_folder()
            self._locks.setdefault(key, FileLock(f"{self.path(key)}.lock"))
        return hold_file(self._locks[key], timeout)

    def _make_folder(self) -> None:
        with _token_store_errors(self._folder):
            make_folder(self._folder)
            check_folder(self._folder)

    def _folder_exists(self) -> bool:
        """Whether the folder exists; refuse one that other users can write to."""
        with _token_store_errors(self._folder):
            try:
                check_folder(self._folder)
            except FileNotFoundError:
                return False
        return True

    def _sweep(self) -> None:
        """Remove the files of killed writers; under the lock for saving, there is no other one."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if _NEW.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)


def _shown(account: str) -> str:
    """Return an account as part of a file name: a host unchanged, other characters escaped."""

    def escape(found: re.Match[str]) -> str:
        return "".join(f"%{byte:02x}" for byte in found[0].encode("utf-8", "surrogatepass"))

    return _UNUSUAL.sub(escape, account)[:_SHOWN]


@contextmanager
def _token_store_errors(path: str) -> Generator[None, None, None]:
    """Raise a TokenStoreError with the path and the system's reason for an OSError."""
    try:
        yield
    except OSError as error:
        raise TokenStoreError(
            f"{path}: {error.strerror or error}", hint=getattr(error, "hint", None)
        ) from error
