"""Stores tokens in Redis, for all hosts that can reach it.

The accounts of an integration are the fields of one hash, and a save is one script on it, which
compares and sets in one step. The lock of a token is a key that expires after ten seconds unless
its owner extends it. A lock may be lost all the same, after a long pause or a failover: then two
processes may request a token, but no token is lost, because a save is conditional.

Configure Redis to keep its data: `appendonly yes` (with `appendfsync always`, a power failure loses
nothing; with `everysec`, the last second) and `maxmemory-policy noeviction`.

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
"""Seconds after which a lock expires; a running process extends it in time."""

POLL: Final = 0.02
"""Seconds between two attempts to acquire a lock."""

SOCKET_TIMEOUT: Final = 5.0
"""Seconds to wait for Redis, if the client is made from a URL."""

SWAP: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= (ARGV[3] or false) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
"""Compare and set: KEYS the hash; ARGV the field, its new value, and its old one, if any."""

_POINTERS: Final = "see:"
"""The beginning of the client ids of pointers."""
_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
_Result = TypeVar("_Result")
_log: Final = logging.getLogger("amocrm.stores")
_clock: Final = SystemClock()


class RedisStore:
    """Stores tokens in Redis. Safe for threads, processes and hosts that share it.

    Args:
        client: a client of yours, or a URL; no connection is opened yet. If a client of yours
            repeats lost calls by itself, `save` may return False although it has saved; the next
            `load` then returns the saved text.
        prefix: beginning of the names of all keys.
        lock_seconds: seconds after which a lock expires; a running process extends it in time.

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
        with _token_store_errors("load"):
            return _again_if_lost(lambda: self._read(key))

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Replace the loaded text; return False if Redis contains another one."""
        with _token_store_errors("save"):
            try:
                return self._swap(key, text, replaces)
            except _LOST:
                # Repeat it: if the first attempt succeeded, this one changes nothing.
                self._swap(key, text, replaces)
                return self._read(key) == text

    def forget(self, key: Key) -> None:
        """Remove a text; it is no error if there is none."""
        name = self._hash(key.client_id)
        with _token_store_errors("forget"):
            _again_if_lost(lambda: self._redis.hdel(name, key.account))

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        with _token_store_errors("list"):
            names: object = _again_if_lost(lambda: self._redis.hkeys(self._hash(client_id)))
        return [_text(name) for name in names] if isinstance(names, list) else []

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Lock a key for all that share Redis."""
        deadline, owner = _clock.monotonic() + timeout, os.getpid()
        with self._threads.hold(key, timeout):
            lock = Lock(
                self._redis, self.lock_name(key), timeout=self._lock_seconds, sleep=POLL,
                thread_local=False,
            )  # fmt: skip
            with _token_store_errors("lock"):
                if not lock.acquire(blocking_timeout=max(0.0, deadline - _clock.monotonic())):
                    raise held_too_long(f"the token's lock in {self!r}", timeout)
            try:
                with _extended(lock, self._lock_seconds / 3):
                    yield
            finally:
                # A forked child must not release the parent's lock.
                if os.getpid() == owner:
                    _release(lock)

    def lock_name(self, key: Key) -> str:
        """Return the name of the key that is a token's lock."""
        return f"{self._prefix}:lock:{key.digest}"

    def _swap(self, key: Key, text: str, replaces: str | None) -> bool:
        expected = [] if replaces is None else [replaces]
        arguments = [self._hash(key.client_id), key.account, text, *expected]
        done: object = self._redis.eval(SWAP, 1, *arguments)
        return done == 1

    def _read(self, key: Key) -> str | None:
        value: object = self._redis.hget(self._hash(key.client_id), key.account)
        return None if value is None else _text(value)

    def _hash(self, client_id: str) -> str:
        return f"{self._prefix}:tokens:{_escaped(client_id)}"


def _escaped(client_id: str) -> str:
    """Return a client id without colons, for the name of a key: a colon separates its parts.

    UUIDs, which integrations have as ids, and the beginning of pointers remain unchanged.
    """
    lead = _POINTERS if client_id.startswith(_POINTERS) else ""
    return lead + client_id[len(lead) :].replace("%", "%25").replace(":", "%3A")


@contextmanager
def _extended(lock: Lock, pause: float) -> Generator[None, None, None]:
    """Extend a lock repeatedly while the block runs."""
    over = threading.Event()

    def extend() -> None:
        while not over.wait(pause):
            try:
                lock.reacquire()
            except exceptions.LockError:
                if not over.is_set():
                    _log.debug("the lock %s expired before it was released", lock.name)
                return
            except exceptions.RedisError as error:
                _log.debug("the lock %s was not extended: %s", lock.name, type(error).__name__)

    extender = threading.Thread(target=extend, name="amocrm-redis-lock", daemon=True)
    extender.start()
    try:
        yield
    finally:
        # Wait for a call of the thread, because the client may be closed next; but not forever: a
        # late call is refused, because the lock has been released.
        over.set()
        extender.join(SOCKET_TIMEOUT)


def _release(lock: Lock) -> None:
    """Release a lock, if it has not expired; after a failure, it expires by itself."""
    try:
        lock.release()
    except exceptions.RedisError as error:
        _log.debug("the lock %s was not released: %s", lock.name, type(error).__name__)


def _client(url: str) -> redis.Redis:
    try:
        # If redis-py repeated a save that has succeeded, the save would return False.
        return redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=SOCKET_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        pass
    # The URL may contain a password: neither it nor the error that shows it may be raised.
    raise ConfigurationError(
        "the URL of Redis cannot be read", hint="write it like redis://user:password@host:6379"
    )


def _text(value: object) -> str:
    """Return a value of a client, which may decode replies or not."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _again_if_lost(step: Callable[[], _Result]) -> _Result:
    """Do an idempotent step; repeat it once if the connection was lost."""
    try:
        return step()
    except _LOST:
        return step()


@contextmanager
def _token_store_errors(what: str) -> Generator[None, None, None]:
    try:
        yield
    except exceptions.RedisError as error:
        raise TokenStoreError(
            f"Redis could not {what} the token: {type(error).__name__}: {error}"
        ) from error
