"""Tokens in Redis, shared by whoever reaches it.

The accounts of an integration are the fields of one hash, and a save is one script on it: it
compares and sets in one step. The lock of a token is a key that dies after ten seconds unless its
holder lives and prolongs it. A lock may be lost all the same, to a long pause or a failover:
that costs a grant that two ask for, and no token, because the save is conditional.

Redis has to be told to keep what it is given: `appendonly yes` (with `appendfsync always` a power
failure loses nothing; with `everysec`, the last second), and `maxmemory-policy noeviction`.

Needs the extra `redis`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TypeVar

from amocrm._support.clock import SystemClock
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.stores.locks import ThreadLocks, held_too_long
from amocrm.stores.store import Key

try:
    import redis
    from redis import exceptions
    from redis.backoff import NoBackoff
    from redis.lock import Lock
    from redis.retry import Retry
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "RedisStore needs redis-py", hint="run: pip install 'amocrm-python[redis]'"
    ) from missing

LOCK_SECONDS: Final = 10.0
"""Seconds after which the lock of a dead holder is free; a living one prolongs it in time."""

POLL: Final = 0.02
"""Seconds between two looks at a lock that somebody else holds."""

SOCKET_TIMEOUT: Final = 5.0
"""Seconds to wait for Redis, when the client is made from an address."""

SWAP: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= (ARGV[3] or false) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
"""Compare and set: KEYS the hash; ARGV the field, its new value, and the old one unless none is."""

_POINTERS: Final = "see:"
"""How the ids begin under which other names of accounts are kept."""
_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
_Result = TypeVar("_Result")
_log: Final = logging.getLogger("amocrm.stores")
_clock: Final = SystemClock()


class RedisStore:
    """Keeps tokens in Redis. Safe for threads, processes and hosts that share it.

    Args:
        client: a client of yours, or the address to make one of; no connection is opened yet. One
            that repeats lost calls by itself may have a save told as refused that was done: whoever
            loads then finds it.
        prefix: what the names of all keys begin with.
        lock_seconds: after this long the lock of a dead holder is free; a living one prolongs it.

    Raises:
        ConfigurationError: the address cannot be read.
    """

    def __init__(
        self,
        client: redis.Redis | str,
        prefix: str = "amocrm",
        *,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._lock_seconds = lock_seconds
        self._redis = _client(client) if isinstance(client, str) else client
        self._prefix = prefix
        self._threads = ThreadLocks()

    def __repr__(self) -> str:
        return f"RedisStore({self._prefix!r})"

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none."""
        with _told("load"):
            return _again_if_lost(lambda: self._there(key))

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there."""
        with _told("save"):
            try:
                return self._swap(key, text, replaces)
            except _LOST:
                # If it was done, it is not done again; what is there now tells what became of it.
                self._swap(key, text, replaces)
                return self._there(key) == text

    def forget(self, key: Key) -> None:
        """Remove a text; it is no error if there is none."""
        name = self._hash(key.client_id)
        with _told("forget"):
            _again_if_lost(lambda: self._redis.hdel(name, key.account))

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        with _told("list"):
            names: object = _again_if_lost(lambda: self._redis.hkeys(self._hash(client_id)))
        return [_text(name) for name in names] if isinstance(names, list) else []

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Keep everybody else who shares Redis from asking for a grant meanwhile."""
        deadline, owner = _clock.monotonic() + timeout, os.getpid()
        with self._threads.hold(key, timeout):
            lock = Lock(
                self._redis, self.lock_name(key), timeout=self._lock_seconds, sleep=POLL,
                thread_local=False,
            )  # fmt: skip
            with _told("lock"):
                if not lock.acquire(blocking_timeout=max(0.0, deadline - _clock.monotonic())):
                    raise held_too_long(f"the token's lock in {self!r}", timeout)
            try:
                with _prolonged(lock, self._lock_seconds / 3):
                    yield
            finally:
                # A forked child leaves the parent's lock alone.
                if os.getpid() == owner:
                    _release(lock)

    def lock_name(self, key: Key) -> str:
        """Return the name of the key that is a token's lock."""
        return f"{self._prefix}:lock:{key.digest}"

    def _swap(self, key: Key, text: str, replaces: str | None) -> bool:
        expected = [] if replaces is None else [replaces]
        words = [self._hash(key.client_id), key.account, text, *expected]
        done: object = self._redis.eval(SWAP, 1, *words)
        return done == 1

    def _there(self, key: Key) -> str | None:
        found: object = self._redis.hget(self._hash(key.client_id), key.account)
        return None if found is None else _text(found)

    def _hash(self, client_id: str) -> str:
        return f"{self._prefix}:tokens:{_escaped(client_id)}"


def _escaped(client_id: str) -> str:
    """Return a client's part of a name: without colons, so that it cannot be part of the prefix.

    The id of an integration is a UUID and stays as it is, and so does what leads to one.
    """
    lead = _POINTERS if client_id.startswith(_POINTERS) else ""
    return lead + client_id[len(lead) :].replace("%", "%25").replace(":", "%3A")


@contextmanager
def _prolonged(lock: Lock, pause: float) -> Generator[None, None, None]:
    """Begin the time of a lock anew, again and again, while the block runs."""
    over = threading.Event()

    def prolong() -> None:
        while not over.wait(pause):
            try:
                lock.reacquire()
            except exceptions.LockError:
                if not over.is_set():
                    _log.debug("the lock %s was lost while it was held", lock.name)
                return
            except exceptions.RedisError as error:
                _log.debug("the lock %s was not prolonged: %s", lock.name, type(error).__name__)

    keeper = threading.Thread(target=prolong, name="amocrm-redis-lock", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        # It may finish what it asks for, because the client may be closed next; but not for ever:
        # what it asks for late is refused, for the lock is not its own any more.
        over.set()
        keeper.join(SOCKET_TIMEOUT)


def _release(lock: Lock) -> None:
    """Give a lock back, if it is still ours; whatever fails, it dies by itself."""
    try:
        lock.release()
    except exceptions.RedisError as error:
        _log.debug("the lock %s was not given back: %s", lock.name, type(error).__name__)


def _client(url: str) -> redis.Redis:
    try:
        # A save that redis-py repeats by itself would be told as refused when it was done before.
        return redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=SOCKET_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        pass
    # The address may hold a password: neither it nor the error that shows it is passed on.
    raise ConfigurationError(
        "the address of Redis cannot be read", hint="write it like redis://user:password@host:6379"
    )


def _text(value: object) -> str:
    """Return what a client gives, which may decode answers or not."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _again_if_lost(step: Callable[[], _Result]) -> _Result:
    """Take a step that may be repeated; once more if the connection was lost."""
    try:
        return step()
    except _LOST:
        return step()


@contextmanager
def _told(what: str) -> Generator[None, None, None]:
    try:
        yield
    except exceptions.RedisError as error:
        raise TokenStoreError(
            f"Redis could not {what} the token: {type(error).__name__}: {error}"
        ) from error
