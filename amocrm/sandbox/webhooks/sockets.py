"""One HTTP request to a port of this machine, with a time limit for all of it."""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import time
from collections.abc import Mapping
from typing import cast
from urllib.parse import SplitResult, quote, urlsplit

from amocrm.sandbox.http.answer import Json

_MOST = 65536
"""Bytes of an answer that are read."""


def is_local(url: str) -> bool:
    """Tell whether an address is plain HTTP of this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    if _is_localhost(host):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, limit: float
) -> tuple[int, bytes]:
    """Send one request; return the status and the beginning of the body of a complete answer.

    Raises:
        TimeoutError: there was no complete answer within `limit` seconds.
        OSError: nobody listens there, or the connection was cut.
        HTTPException: the answer is no HTTP.
    """
    deadline = time.monotonic() + limit
    parts = urlsplit(url)
    host = parts.hostname or ""
    where = ("localhost" if _is_localhost(host) else host, parts.port or 80)
    with socket.create_connection(where, limit) as connection:
        connection.settimeout(_left(deadline))
        connection.sendall(_head(method, parts, headers, len(body)) + body)
        received = http.client.HTTPResponse(
            cast("socket.socket", _Receiving(connection, deadline)), method=method
        )
        try:
            received.begin()
            return received.status, received.read(_MOST)
        finally:
            received.close()


def _head(method: str, parts: SplitResult, headers: Mapping[str, str], size: int) -> bytes:
    # An address may hold what HTTP does not allow.
    target = quote(parts.path or "/", safe="%/:=&?~#+!$,;'@()*[]")
    target += f"?{quote(parts.query, safe='%/:=&?~#+!$,;@()*[]')}" if parts.query else ""
    whole = {"Host": parts.netloc.rpartition("@")[2], **headers}
    whole |= {"Content-Length": str(size), "Connection": "close"}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {one}" for name, one in whole.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Receiving(io.RawIOBase):
    """A connection to read from until the deadline, in the place of a socket."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Json, /) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)
