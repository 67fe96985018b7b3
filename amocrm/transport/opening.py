"""Tells when a call opens a connection, and when it is on its way: the pace counts from there.

A call over a new connection arrives later than one over a warm one; and between a turn and the
sending a busy machine may take its time. Only our own session can tell: the adapters of a given one
stay as they are, and what was new is seen from its answer (see `reading`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection


class Watch(Protocol):
    """Who wants to know of a call."""

    def opening(self) -> None:
        """Hear that a connection has to be opened for it."""
        ...

    def sent(self) -> None:
        """Hear that its head has been sent."""
        ...


class _Here(threading.local):
    """Who watches the call that this thread makes."""

    watch: Watch | None = None


here: Final = _Here()


class _Plain(HTTPConnection):
    def connect(self) -> None:
        if here.watch is not None:
            here.watch.opening()
        super().connect()

    def endheaders(self, message_body: object = None, *, encode_chunked: bool = False) -> None:
        super().endheaders(cast("None", message_body), encode_chunked=encode_chunked)
        if here.watch is not None:
            here.watch.sent()


class _Secure(_Plain, HTTPSConnection):
    """Tells the same; what it does beside that is HTTPSConnection's."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = cast("type[BaseHTTPConnection]", _Plain)


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = cast("type[BaseHTTPSConnection]", _Secure)


_POOLS: Final[dict[str, type[HTTPConnectionPool] | type[HTTPSConnectionPool]]] = {
    "http": _PlainPool,
    "https": _SecurePool,
}


class TellingAdapter(HTTPAdapter):
    """An adapter whose connections tell when they are opened, through a proxy as well."""

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **settings: object
    ) -> None:
        """Make the pools."""
        super().init_poolmanager(connections, maxsize, block, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: object) -> object:
        """Return the pools of a proxy."""
        manager = super().proxy_manager_for(proxy, **settings)
        manager.pool_classes_by_scheme = _POOLS
        return manager
