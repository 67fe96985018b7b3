"""One account's place in a store.

An account is its id: its record is kept under the id, and names are pointers that lead there. A
name can pass to another account, an id cannot (reference 1), so a pair of one account never takes
the place of another's. A record whose pair does not say its account, and the records of older
versions, are kept under a name; the latter are carried over when they are found.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Final, TypeVar

from amocrm._support.secret import Secret
from amocrm.auth.token import Token
from amocrm.auth.token_record import Alias, Record, read_account_id, read_record, write_record
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.stores.guarded import GuardedStore
from amocrm.stores.store import Key, TokenStore, pointer_key, striped

LOCK_PATIENCE: Final = 240.0
"""Seconds to wait for others who share the store: longer than the patience of one grant."""

SAVE_TRIES: Final = 20
"""How often a save is tried again because somebody else saved in between."""

_Content = TypeVar("_Content", Record, Alias)


class TokenRepository:
    """Loads, saves and locks the record of one account.

    Args:
        client_id: of the integration.
        name: the account's host, or one that it had.
        store: where the record is.
        account_id: whose record it is, whatever account bears the name by now; None takes the
            account that the name leads to.
    """

    def __init__(
        self, client_id: str, name: str, store: TokenStore, account_id: int | None = None
    ) -> None:
        self._client_id = client_id
        self._name = name
        self._store = GuardedStore(store)
        self._is_pinned = account_id is not None
        self._account_id = account_id
        self._pointed: tuple[str, ...] = ()

    @property
    def client_id(self) -> str:
        """Of the integration."""
        return self._client_id

    @property
    def name(self) -> str:
        """The host that the account was asked for by."""
        return self._name

    @property
    def account_id(self) -> int | None:
        """Whose record it is; None while nobody knows."""
        return self._account_id

    @property
    def key(self) -> Key:
        """Where the record is, or would be as far as is known."""
        return self._at(self._name if self._account_id is None else str(self._account_id))

    def load(self) -> Record | None:
        """Return the saved record; None if there is none.

        Raises:
            TokenStoreError: the store failed, or what it keeps is damaged.
        """
        key, text = self._find()
        return None if text is None else self._read(key, text)

    def peek(self) -> Record | None:
        """Return the saved record; None if there is none, or if what is there is no token."""
        key, text = self._find()
        content = _readable(text, key)
        return content if isinstance(content, Record) else None

    def check(self, account_id: int | None, *, is_renewal: bool) -> None:
        """Make sure that a token just granted is of the account that this is for.

        A renewal never leads to another account; a new consent may, where only a name was given.

        Raises:
            ConfigurationError: it is another account's.
        """
        if account_id is None or self._account_id in (None, account_id):
            return
        if is_renewal or self._is_pinned:
            raise _another(account_id, self._account_id, self._name)

    def put(self, record: Record, account_id: int | None, *, late: bool = False) -> Record:
        """Save the record of a new consent in the place of the account's last one.

        Args:
            record: what is kept from now on.
            account_id: whose it is; None if nobody could say.
            late: consent was given a while ago: what was saved since, and is newer, stays.

        Returns:
            What is kept now.

        Raises:
            ConfigurationError: it is another account's than this client is for.
            TokenStoreError: it could not be saved, or it cannot be told whether it is another's.
        """
        found, _ = self._find()
        if account_id is None and self._account_id is not None:
            raise TokenStoreError(
                f"amoCRM did not say whose the new token is, and that of account "
                f"{self._account_id} is kept under {self._name}"
            )
        self.check(account_id, is_renewal=False)
        self._become(account_id)
        # First the names: a record that no name leads to would be as good as lost.
        self._lead_here(found)
        self.point(record.host, late=late)

        def newer(other: Record) -> bool:
            return late and record.token.is_older_than(other.token)

        return self._write(self._ours(found), record, newer)

    def put_elsewhere(self, record: Record, account_id: int | None) -> None:
        """Save what another account has consented to than this is for: its code is spent."""
        with suppress(TokenStoreError):
            TokenRepository(self._client_id, record.host, self._store.inner).put(record, account_id)

    def swap(
        self,
        record: Record,
        spent: Token | None,
        granted_to: int | None = None,
        *,
        expected: Record | None = None,
    ) -> Record:
        """Save a record in the place of the one whose token was spent for it, None if none was.

        Args:
            record: what is stored from now on.
            spent: the token.
            granted_to: the account that amoCRM has just granted the record's pair to; None if the
                pair was given from outside, or does not say its account.
            expected: what the caller read or wrote last. It saves a read: the store compares, and
                only if something else is there it is read again. None reads first.

        Returns:
            What is kept now: another record, if somebody else has saved a newer token meanwhile,
            because the lock was lost or a token was given from outside.

        Raises:
            ConfigurationError: its pair is another account's.
            TokenStoreError: it could not be saved.
        """
        found, text = self._find() if expected is None else self._expect(expected)
        owner = record.account_id if granted_to is None else granted_to
        self.check(owner, is_renewal=granted_to is None)

        def newer(other: Record) -> bool:
            is_spent = spent is not None and other.token.refresh_token == spent.refresh_token
            return not is_spent and record.token.is_older_than(other.token)

        if owner is not None and owner != self._account_id:
            self._become(owner)
            self._lead_here(found)
            kept = self._write(self.key, record, newer)
            self._drop(found, text, spent, owner)
            return kept
        return self._write(self._ours(found), record, newer, text)

    def _expect(self, record: Record) -> tuple[Key, Secret | None]:
        """Return what `_find` returns while a record is stored, if the account's id is known."""
        if self._account_id is None:
            return self._find()
        return self.key, _written(self.key, record)

    def update(self, record: Record, *, drop: bool = False) -> None:
        """Save what is to stand beside a pair, or drop both, if that pair is still there."""
        key, text = self._find()
        there = _readable(text, key)
        if not isinstance(there, Record) or there.token.refresh_token is None:
            return
        if there.token.refresh_token != record.token.refresh_token:
            return
        if drop:
            self._store.forget(key)
        else:
            self._store.save(key, _written(key, record), text)

    def point(self, name: str, *, late: bool = False) -> None:
        """Let a name lead to the account, because amoCRM has granted a token there.

        The next grant does it again if it fails now.

        Args:
            name: the host.
            late: it was granted a while ago: the name may have passed to another account since, so
                it is left alone if it leads to one.
        """
        if self._account_id is not None and name not in self._pointed:
            key, ours = pointer_key(self._client_id, name), Alias(str(self._account_id))
            with suppress(TokenStoreError):
                if (
                    self._write(key, ours, lambda there: late and there.account_id is not None)
                    == ours
                ):
                    self._pointed += (name,)

    def forget(self) -> None:
        """Remove the record."""
        self._store.forget(self._find()[0])

    @contextmanager
    def lock(self, patience: float = LOCK_PATIENCE) -> Generator[None, None, None]:
        """Keep others who share the store from asking for a grant meanwhile.

        Args:
            patience: seconds to wait for them.
        """
        with ExitStack() as stack:
            while not self._lock(self._place(), patience, stack):
                pass
            yield

    def _become(self, account_id: int | None) -> None:
        """Be for an account from now on."""
        if account_id != self._account_id:
            self._account_id, self._pointed = account_id, ()

    def _lock(self, key: Key, patience: float, stack: ExitStack) -> bool:
        """Take a lock, unless it turns out that the record is elsewhere: then that one counts."""
        with ExitStack() as attempt:
            attempt.enter_context(self._store.lock(key, patience))
            if self._place(held=key) != key:
                return False
            stack.push(attempt.pop_all())
        return True

    @contextmanager
    def lock_text(self, text: str, patience: float) -> Generator[None, None, None]:
        """Keep others from doing meanwhile what is about a text from outside, such as a code.

        There are only a few such locks: a lock stays in its store for good, and strangers may bring
        as many texts as they like.
        """
        with self._store.lock(striped(Key(self._client_id, ""), text), patience):
            yield

    # Where the record is -------------------------------------------------------------------------

    def _place(self, held: Key | None = None) -> Key:
        """Return where the record is; an id's place is known without a look at the store."""
        return self._find(held)[0] if self._account_id is None else self.key

    def _find(self, held: Key | None = None) -> tuple[Key, Secret | None]:
        """Find the record, by the account's id if that is known, else by the name.

        Args:
            held: whose lock this thread holds.

        Returns:
            Where it is, or would be, and what is there.
        """
        if self._account_id is not None:
            key = self.key
            text = self._store.load(key)
            if text is None and self._carry_over(self._led(key.account), self._account_id, held):
                text = self._store.load(key)
            return key, text
        for key in self._named():
            text = self._store.load(key)
            if text is None:
                continue
            owner = read_account_id(key.account)
            if owner is None and (owner := _owner(text, key)) is not None:
                key, text = self._brought(key, text, owner, held)
                owner = read_account_id(key.account)
            if owner is not None:
                self._account_id = owner
            return key, text
        return self._at(self._name), None

    def _named(self) -> Generator[Key, None, None]:
        """Yield where the record of our name may be: where it leads, or under it.

        In an older store a name may lead to another name, whose record was carried over since; and
        somebody else may carry it over between two looks.
        """
        led = self._led(self._name)
        if led is not None:
            yield led
        yield self._at(self._name)
        further = self._led(self._name if led is None else led.account)
        if further is not None:
            yield further

    def _brought(self, key: Key, text: Secret, owner: int, held: Key | None) -> tuple[Key, Secret]:
        """Return where a record is that says its account: there from now on, if that works.

        What is there already counts, whoever has brought it: under the name is an older copy.
        """
        there = self._at(str(owner))
        self._carry_over(key, owner, held)
        moved = self._store.load(there)
        return (key, text) if moved is None else (there, moved)

    def _carry_over(self, key: Key | None, account_id: int, held: Key | None) -> bool:
        """Bring a record of an older store from a name to its account's id.

        It stays where it is, and serves from there, while somebody renews it, or while the store
        cannot save.
        """
        if key is None or read_account_id(key.account) is not None:
            return False
        with suppress(Exception):
            with nullcontext() if key == held else self._store.lock(key, 0.0):
                content, there = _readable(self._store.load(key), key), self._at(str(account_id))
                if not isinstance(content, Record) or content.account_id not in (None, account_id):
                    return False
                if self._store.load(there) is None:
                    self._store.save(there, _written(there, content), None)
                names = {key.account, content.host}
                for name in names if self._is_pinned else names | {self._name}:
                    self._lead_from_nowhere(name, account_id)
                self._store.forget(key)
            return True
        return False

    def _lead_from_nowhere(self, name: str, account_id: int) -> None:
        """Let a name lead to an account, unless it leads to one already."""
        key = pointer_key(self._client_id, name)
        text = self._store.load(key)
        there = _readable(text, key)
        if not isinstance(there, Alias) or there.account_id is None:
            self._store.save(key, _written(key, Alias(str(account_id))), text)

    def _lead_here(self, found: Key) -> None:
        """Let our own name lead to the record, if it led to none before."""
        if not self._is_pinned and found == self._at(self._name):
            self.point(self._name)

    def _led(self, name: str) -> Key | None:
        """Follow the pointer of a name, or of an id in an older store; None if there is none."""
        key = pointer_key(self._client_id, name)
        pointer = _readable(self._store.load(key), key)
        return self._at(pointer.account) if isinstance(pointer, Alias) else None

    def _drop(self, key: Key, text: Secret | None, spent: Token | None, owner: int) -> None:
        """Remove a record that is kept under a name, whose pair was spent for one with an id."""
        there = _readable(text, key)
        if isinstance(there, Record) and spent is not None and there.token == spent:
            with suppress(TokenStoreError):
                # Others whose names lead to this one look here further.
                self._lead_from_nowhere(key.account, owner)
                self._store.forget(key)

    def _at(self, account: str) -> Key:
        return Key(self._client_id, account)

    def _ours(self, found: Key) -> Key:
        """Return where to save: under the id; while nobody knows it, where the last one is."""
        return found if self._account_id is None else self.key

    # What is there -------------------------------------------------------------------------------

    def _read(self, key: Key, text: Secret) -> Record:
        try:
            content = read_record(text.reveal(), *key)
            if isinstance(content, Alias):
                raise ConfigurationError("it is a pointer")
            if content.account_id not in (None, read_account_id(key.account) or content.account_id):
                raise ConfigurationError("it opens another account")
        except ConfigurationError as error:
            what = str(error)
        else:
            return content
        raise TokenStoreError(
            f"what {self._store!r} keeps of {key.account} is no token: {what}",
            hint="restore it from a backup, or get consent again",
        )

    def _write(
        self,
        key: Key,
        content: _Content,
        yields: Callable[[_Content], bool],
        there: Secret | None = None,
    ) -> _Content:
        """Save over whatever is there, unless that is to be kept; return what is there then.

        Args:
            key: where.
            content: what.
            yields: whether what is there is to be kept.
            there: what was there a moment ago; None for nothing, or if nobody has looked. The store
                compares it with what is there.
        """
        text = _written(key, content)
        for turn in range(SAVE_TRIES):
            there = self._store.load(key) if turn or there is None else there
            other = _readable(there, key)
            if isinstance(other, type(content)) and yields(other):
                return other
            if (turn and there == text) or self._store.save(key, text, there):
                return content
        raise TokenStoreError(f"others kept saving the token of {key.account} at the same time")


def list_accounts(client_id: str, store: TokenStore) -> list[str]:
    """Return what the records of an integration are kept under, sorted: ids, or older names."""
    return GuardedStore(store).accounts(client_id)


def _owner(text: Secret, key: Key) -> int | None:
    """Tell whose a record is, if its pair says it."""
    content = _readable(text, key)
    return content.account_id if isinstance(content, Record) else None


def _written(key: Key, content: Record | Alias) -> Secret:
    return Secret(write_record(*key, content))


def _readable(text: Secret | None, key: Key) -> Record | Alias | None:
    """Read what is there; what is damaged is nothing worth keeping."""
    try:
        return None if text is None else read_record(text.reveal(), *key)
    except ConfigurationError:
        return None


def _another(given: int | None, kept: int | None, name: str) -> ConfigurationError:
    return ConfigurationError(
        f"the token opens account {given}, but this client is for account {kept} ({name})",
        hint="an account is its id, whatever name it bears: make a client for the other one",
    )
