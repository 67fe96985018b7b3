"""Loads, saves and locks the record of one account in a store.

The key of a record is the account's id; hosts are pointers (`Alias`) to it. A host can pass to
another account and an id cannot (reference 1), so a pair of one account never replaces another's.
If the access token has no account id, the key is the host. Older versions used hosts as keys; such
a record moves to its id when it is found.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Final, NamedTuple, TypeVar

from amocrm._support.secret import Secret
from amocrm.auth.token import Token
from amocrm.auth.token_record import Alias, Record, read_account_id, read_record, write_record
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.stores.guarded import GuardedStore
from amocrm.stores.store import Key, TokenStore, pointer_key, striped

LOCK_PATIENCE: Final = 240.0
"""Seconds to wait for the store's lock: longer than the retries of one grant last."""

SAVE_TRIES: Final = 20
"""How often a save is repeated because another process saved between the read and the save."""

_Content = TypeVar("_Content", Record, Alias)


class _Stored(NamedTuple):
    """A text in the store.

    Attributes:
        key: of the record, whether it is there or not.
        text: the record's text; None if it is not there.
        record: the decoded text, if the caller knows it already.
    """

    key: Key
    text: Secret | None
    record: Record | None = None


class TokenRepository:
    """Loads, saves and locks the record of one account.

    Args:
        client_id: of the integration.
        name: the account's host, or an earlier one.
        store: where the record is.
        account_id: id of the account, even if its host has changed; None for the account that the
            name leads to.
    """

    def __init__(
        self, client_id: str, name: str, store: TokenStore, account_id: int | None = None
    ) -> None:
        self._client_id = client_id
        self._name = name
        self._store = GuardedStore(store)
        self._is_pinned = account_id is not None
        self._account_id = account_id
        self._key = self._key_of(name if account_id is None else str(account_id))
        self._pointers: tuple[str, ...] = ()

    @property
    def client_id(self) -> str:
        """The integration's id."""
        return self._client_id

    @property
    def name(self) -> str:
        """The host that the constructor was given."""
        return self._name

    @property
    def account_id(self) -> int | None:
        """The id of the account; None while it is unknown."""
        return self._account_id

    @property
    def key(self) -> Key:
        """The key of the record, as far as known."""
        return self._key

    # Loading and saving --------------------------------------------------------------------------

    def load(self) -> Record | None:
        """Return the stored record; None if there is none.

        Raises:
            TokenStoreError: the store failed, or the record is damaged.
        """
        key, text, _ = self._find()
        return None if text is None else self._read(key, text)

    def peek(self) -> Record | None:
        """Return the stored record; None if there is none, or if it is damaged."""
        key, text, _ = self._find()
        content = _decode(text, key)
        return content if isinstance(content, Record) else None

    def check(self, account_id: int | None, *, is_refresh: bool) -> None:
        """Refuse a token of another account than this client's.

        A refresh never leads to another account. A new consent may, if only a host was configured.

        Raises:
            ConfigurationError: the token is another account's.
        """
        if account_id is None or self._account_id in (None, account_id):
            return
        if is_refresh or self._is_pinned:
            raise _other_account(account_id, self._account_id, self._name)

    def put(self, record: Record, account_id: int | None, *, late: bool = False) -> Record:
        """Save the record of a new consent; it replaces the account's last record.

        Args:
            record: the new record.
            account_id: id of its account; None if amoCRM did not say it.
            late: the pair was granted a while ago: a newer record stays.

        Returns:
            The record that is stored now.

        Raises:
            ConfigurationError: it is another account's than this client is for.
            TokenStoreError: it could not be saved, or its account is unknown and the stored one's
                is known.
        """
        key, _, _ = self._find()
        if account_id is None and self._account_id is not None:
            raise TokenStoreError(
                f"amoCRM did not say which account the new token is for, and the store has the "
                f"token of account {self._account_id} under {self._name}"
            )
        self.check(account_id, is_refresh=False)
        self._become(account_id)
        # The pointers first: a record without a pointer could not be found.
        self._point_own_name(key)
        self.point(record.host, late=late)

        def is_newer(other: Record) -> bool:
            return late and record.token.is_older_than(other.token)

        return self._write(self._key_to_save(key), record, is_newer)

    def put_elsewhere(self, record: Record, account_id: int | None) -> None:
        """Save a pair of another account under that account, because its code is used up."""
        with suppress(TokenStoreError):
            TokenRepository(self._client_id, record.host, self._store.inner).put(record, account_id)

    def swap(
        self,
        record: Record,
        used: Token | None,
        granted_to: int | None = None,
        *,
        expected: Record | None = None,
    ) -> Record:
        """Save a record; it replaces the record of the pair that was refreshed for it.

        Args:
            record: the new record.
            used: the pair that was refreshed; None if none was.
            granted_to: id of the account that amoCRM has granted the pair to; None if the user of
                the library set the pair, or amoCRM did not say the id.
            expected: the record that the caller has read or written last; it saves one read. The
                store compares it, and if another one is there, that one is read. None reads first.

        Returns:
            The record that is stored now: another one, if another process has saved a newer token
            meanwhile, because the lock was lost or the token was set by a user.

        Raises:
            ConfigurationError: its pair is another account's.
            TokenStoreError: it could not be saved.
        """
        stored = self._find() if expected is None else self._expect(expected)
        account_id = record.token.account_id if granted_to is None else granted_to
        self.check(account_id, is_refresh=granted_to is None)

        def is_newer(other: Record) -> bool:
            is_used = used is not None and other.token.refresh_token == used.refresh_token
            return not is_used and record.token.is_older_than(other.token)

        if account_id is not None and account_id != self._account_id:
            self._become(account_id)
            self._point_own_name(stored.key)
            result = self._write(self.key, record, is_newer)
            self._remove_used(stored, used, account_id)
            return result
        return self._write(self._key_to_save(stored.key), record, is_newer, stored)

    def update(self, record: Record, *, drop: bool = False) -> None:
        """Replace the record of a pair, or remove it, if the same pair is still stored."""
        key, text, _ = self._find()
        current = _decode(text, key)
        if not isinstance(current, Record) or current.token.refresh_token is None:
            return
        if current.token.refresh_token != record.token.refresh_token:
            return
        if drop:
            self._store.forget(key)
        else:
            self._store.save(key, _encode(key, record), text)

    def forget(self) -> None:
        """Remove the record."""
        self._store.forget(self._find().key)

    def _expect(self, record: Record) -> _Stored:
        """Return the result of `_find` if a record is stored, without a read where possible."""
        if self._account_id is None:
            return self._find()
        return _Stored(self.key, _encode(self.key, record), record)

    def _become(self, account_id: int | None) -> None:
        """Set the account that this repository is for from now on."""
        if account_id != self._account_id:
            # The key first: a thread that reads a new id reads its key too.
            self._key = self._key_of(self._name if account_id is None else str(account_id))
            self._account_id, self._pointers = account_id, ()

    # Locks ---------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, patience: float = LOCK_PATIENCE) -> Generator[None, None, None]:
        """Keep other processes that share the store from requesting a grant meanwhile.

        Args:
            patience: seconds to wait for the lock.
        """
        with ExitStack() as stack:
            while not self._lock(self._locate(), patience, stack):
                pass
            yield

    def _lock(self, key: Key, patience: float, stack: ExitStack) -> bool:
        """Acquire a lock; False if the record has moved to another key meanwhile."""
        with ExitStack() as attempt:
            attempt.enter_context(self._store.lock(key, patience))
            if self._locate(locked=key) != key:
                return False
            stack.push(attempt.pop_all())
        return True

    @contextmanager
    def lock_text(self, text: str, patience: float) -> Generator[None, None, None]:
        """Lock a text that comes from outside, such as the digest of a code.

        There is a small, fixed number of such locks, because a lock stays in its store forever and
        strangers may send any number of texts.
        """
        with self._store.lock(striped(Key(self._client_id, ""), text), patience):
            yield

    def _locate(self, locked: Key | None = None) -> Key:
        """Return the key of the record; an id needs no read."""
        return self._find(locked).key if self._account_id is None else self._key

    # Pointers: hosts that lead to the record -----------------------------------------------------

    def point(self, name: str, *, late: bool = False) -> None:
        """Let a host lead to the account, because amoCRM has granted a token there.

        The next grant repeats it if the store fails now.

        Args:
            name: the host.
            late: the token was granted a while ago: the host may have passed to another account
                since, so a pointer to an account stays.
        """
        if self._account_id is not None and name not in self._pointers:
            key, pointer = pointer_key(self._client_id, name), Alias(str(self._account_id))

            def stays(other: Alias) -> bool:
                return late and other.account_id is not None

            with suppress(TokenStoreError):
                if self._write(key, pointer, stays) == pointer:
                    self._pointers += (name,)

    def _point_own_name(self, key: Key) -> None:
        """Let the configured host lead to the record, if it has no pointer yet."""
        if not self._is_pinned and key == self._key_of(self._name):
            self.point(self._name)

    def _point_if_free(self, name: str, account_id: int) -> None:
        """Let a host lead to an account, unless it leads to one already."""
        key = pointer_key(self._client_id, name)
        text = self._store.load(key)
        current = _decode(text, key)
        if not isinstance(current, Alias) or current.account_id is None:
            self._store.save(key, _encode(key, Alias(str(account_id))), text)

    def _follow(self, name: str) -> Key | None:
        """Return the key that a host (or, in an older store, an id) leads to; None if to none."""
        key = pointer_key(self._client_id, name)
        pointer = _decode(self._store.load(key), key)
        return self._key_of(pointer.account) if isinstance(pointer, Alias) else None

    # Finding the record --------------------------------------------------------------------------

    def _find(self, locked: Key | None = None) -> _Stored:
        """Find the record by the account's id if it is known, otherwise by the host.

        Args:
            locked: the key that this thread has locked.
        """
        if self._account_id is not None:
            key = self._key
            text = self._store.load(key)
            if text is None and self._move(self._follow(key.account), self._account_id, locked):
                text = self._store.load(key)
            return _Stored(key, text)
        for key in self._candidates():
            text = self._store.load(key)
            if text is None:
                continue
            account_id = read_account_id(key.account)
            if account_id is None and (account_id := _account_of(text, key)) is not None:
                key, text = self._moved(key, text, account_id, locked)
                account_id = read_account_id(key.account)
            if account_id is not None:
                self._become(account_id)
            return _Stored(key, text)
        return _Stored(self._key_of(self._name), None)

    def _candidates(self) -> Generator[Key, None, None]:
        """Yield the keys where the record of the configured host may be, in order.

        In an older store a host may lead to another host, whose record has moved since; and another
        process may move it between two reads.
        """
        pointed = self._follow(self._name)
        if pointed is not None:
            yield pointed
        yield self._key_of(self._name)
        further = self._follow(self._name if pointed is None else pointed.account)
        if further is not None:
            yield further

    def _moved(
        self, key: Key, text: Secret, account_id: int, locked: Key | None
    ) -> tuple[Key, Secret]:
        """Move a record from a host to the account's id; return its key and text.

        A record that is under the id already is the current one, and the record under the host is
        an older copy.
        """
        new_key = self._key_of(str(account_id))
        self._move(key, account_id, locked)
        moved = self._store.load(new_key)
        return (key, text) if moved is None else (new_key, moved)

    def _move(self, key: Key | None, account_id: int, locked: Key | None) -> bool:
        """Move a record of an older store from a host to the account's id; return whether it moved.

        It stays, and is used there, while another process refreshes it or the store cannot save.
        """
        if key is None or read_account_id(key.account) is not None:
            return False
        with suppress(Exception):
            with nullcontext() if key == locked else self._store.lock(key, 0.0):
                content = _decode(self._store.load(key), key)
                if not isinstance(content, Record):
                    return False
                if content.token.account_id not in (None, account_id):
                    return False
                new_key = self._key_of(str(account_id))
                if self._store.load(new_key) is None:
                    self._store.save(new_key, _encode(new_key, content), None)
                names = {key.account, content.host}
                for name in names if self._is_pinned else names | {self._name}:
                    self._point_if_free(name, account_id)
                self._store.forget(key)
            return True
        return False

    def _remove_used(self, stored: _Stored, used: Token | None, account_id: int) -> None:
        """Remove a record under a host whose pair was refreshed for a pair with an account id."""
        record = _decode(stored.text, stored.key)
        if isinstance(record, Record) and used is not None and record.token == used:
            with suppress(TokenStoreError):
                # Other hosts may lead to this key, and the search goes on from here.
                self._point_if_free(stored.key.account, account_id)
                self._store.forget(stored.key)

    def _key_of(self, account: str) -> Key:
        return Key(self._client_id, account)

    def _key_to_save(self, current: Key) -> Key:
        """Return the id's key; while the id is unknown, the key of the current record."""
        return current if self._account_id is None else self._key

    # Text of a record ----------------------------------------------------------------------------

    def _read(self, key: Key, text: Secret) -> Record:
        try:
            content = read_record(text.reveal(), *key)
            if isinstance(content, Alias):
                raise ConfigurationError("it is a pointer")
            claimed = content.token.account_id
            if claimed not in (None, read_account_id(key.account) or claimed):
                raise ConfigurationError("it opens another account")
        except ConfigurationError as error:
            reason = str(error)
        else:
            return content
        raise TokenStoreError(
            f"the record of {key.account} in {self._store!r} cannot be read: {reason}",
            hint="restore it from a backup, or get consent again",
        )

    def _write(
        self,
        key: Key,
        content: _Content,
        stays: Callable[[_Content], bool],
        stored: _Stored | None = None,
    ) -> _Content:
        """Save a record or a pointer, unless the stored one stays; return the stored one.

        Args:
            key: where to save.
            content: the new record or pointer.
            stays: returns whether the stored one stays.
            stored: the last known text under the key. The store compares it; if it is not there any
                more, the stored text is read.
        """
        text = _encode(key, content)
        current = None if stored is None else stored.text
        known = None if stored is None else stored.record
        for attempt in range(SAVE_TRIES):
            if attempt or current is None:
                current, known = self._store.load(key), None
            other = _decode(current, key) if known is None else known
            if isinstance(other, type(content)) and stays(other):
                return other
            if (attempt and current == text) or self._store.save(key, text, current):
                return content
        raise TokenStoreError(
            f"other processes saved the token of {key.account} {SAVE_TRIES} times in between"
        )


def _account_of(text: Secret, key: Key) -> int | None:
    """Return the account id in the access token of a record; None if it has none."""
    content = _decode(text, key)
    return content.token.account_id if isinstance(content, Record) else None


def _encode(key: Key, content: Record | Alias) -> Secret:
    return Secret(write_record(*key, content))


def _decode(text: Secret | None, key: Key) -> Record | Alias | None:
    """Read a text; None if it is missing or damaged, so that it may be replaced."""
    try:
        return None if text is None else read_record(text.reveal(), *key)
    except ConfigurationError:
        return None


def _other_account(given: int | None, known: int | None, name: str) -> ConfigurationError:
    return ConfigurationError(
        f"the token opens account {given}, but this client is for account {known} ({name})",
        hint="make another client for the other account: hosts can pass to other accounts, ids "
        "cannot",
    )
