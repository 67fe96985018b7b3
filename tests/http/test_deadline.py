"""The time of a call is up whatever trickles in: a byte now and then keeps nobody waiting."""

from __future__ import annotations

import gc
import gzip
import select
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from typing import Any, NamedTuple

import pytest
import requests

from amocrm import Timeout
from amocrm._support.clock import SystemClock
from amocrm.http.messages import Call, NoReply
from amocrm.http.transport.transport import ReceivedReply, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = OK + b"Content-Encoding: gzip\r\n\r\n"
GZIP_HEAD = gzip.compress(b"")[:10]
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
PATIENCE = 30.0
"""Seconds a call is waited for, on however slow a machine."""
TOTALS = (0.3, 1.0, 3.0, 10.0)
"""Seconds of a call; where a machine is too busy to connect within the first, the next is tried."""


class Trickle(NamedTuple):
    """What a server sends at once, and then piece by piece, without an end."""

    first: bytes
    piece: bytes


IN_THE_HEAD = {
    "status line": Trickle(b"HTTP/1.1 200 ", b"O"),
    "header": Trickle(OK + b"X-Long: ", b"a"),
    "100 Continue": Trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
AFTER_THE_HEAD = {
    "body of known length": Trickle(OK + b"Content-Length: 100000\r\n\r\n", b"1"),
    "body without a length": Trickle(OK + b"\r\n", b"1"),
    "chunk size": Trickle(CHUNKED, b"0"),
    "chunk extension": Trickle(CHUNKED + b"2;", b"a"),
    "end of a chunk": Trickle(CHUNKED + b"2\r\n{}\r\n", b"0"),
    "trailer": Trickle(CHUNKED + b"2\r\n{}\r\n0\r\nX-Long: ", b"a"),
    "empty blocks of gzip": Trickle(ZIPPED + GZIP_HEAD, EMPTY_BLOCK),
    "empty members of gzip": Trickle(ZIPPED, gzip.compress(b"")),
}


@contextmanager
def trickling(trickle: Trickle, answers: int = 1_000_000) -> Iterator[int]:
    """Serve one connection after another, and send until it is hung up on; gives the port."""
    stop = threading.Event()

    def serve(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.recv(65_536)
            peer.sendall(trickle.first)
            for _ in repeat(None, answers):
                if stop.wait(0.01):
                    return
                peer.sendall(trickle.piece)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept, args=(listener,))]
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(PATIENCE)


def lose(transport: Transport, url: str, method: str = "GET", body: bytes | None = None) -> NoReply:
    """Make a call that must end by itself, and without an answer."""
    for total in TOTALS:
        limits = Timeout(connect=PATIENCE, read=PATIENCE, total=total)
        outcome = finish(transport, Call(method, url, "/x", {}, body, None, limits))
        assert isinstance(outcome, NoReply)
        if outcome.sent:
            return outcome
    raise AssertionError("it could never be sent")


def finish(transport: Transport, call: Call) -> ReceivedReply | NoReply:
    """Make a call that must end; a thread that does not is left behind."""
    outcomes: list[ReceivedReply | NoReply] = []
    thread = threading.Thread(target=lambda: outcomes.append(transport.send(call)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it is still waiting"
    return outcomes[0]


@pytest.mark.parametrize("kind", [*IN_THE_HEAD, *AFTER_THE_HEAD])
def test_nothing_that_trickles_outlasts_the_time_of_a_call(kind: str) -> None:
    with trickling({**IN_THE_HEAD, **AFTER_THE_HEAD}[kind]) as port:
        transport = Transport(SystemClock())
        outcome = lose(transport, f"http://127.0.0.1:{port}/x")
        transport.close()
    assert outcome.sent
    assert "timed out" in outcome.reason


@pytest.mark.parametrize("kind", AFTER_THE_HEAD)
def test_over_a_given_session_that_holds_when_the_headers_have_come(kind: str) -> None:
    with trickling(AFTER_THE_HEAD[kind]) as port, requests.Session() as session:
        transport = Transport(SystemClock(), session)
        outcome = lose(transport, f"http://127.0.0.1:{port}/x")
    assert "timed out" in outcome.reason


def test_over_a_given_session_a_connection_that_is_to_be_closed_is_no_exception() -> None:
    trickle = Trickle(CHUNKED.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), b"0")
    with trickling(trickle) as port, requests.Session() as session:
        transport = Transport(SystemClock(), session)
        outcome = lose(transport, f"http://127.0.0.1:{port}/x")
    assert outcome.sent


def test_a_handshake_of_tls_is_held_to_it() -> None:
    hello = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"
    with trickling(Trickle(hello, b"\x00")) as port:
        transport = Transport(SystemClock())
        outcome = lose(transport, f"https://127.0.0.1:{port}/x")
        transport.close()
    assert outcome.sent


def test_a_proxy_is_held_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with trickling(Trickle(b"HTTP/1.1 200 Connection established\r\nX-Long: ", b"a")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        transport = Transport(SystemClock())
        outcome = lose(transport, "https://a.amocrm.test/x")
        transport.close()
    assert outcome.sent


class LateOnceConnected(SystemClock):
    """Shows that the time is up as soon as somebody has come to a listener."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def monotonic(self) -> float:
        came, _, _ = select.select([self._listener], [], [], 0)
        return 1_000.0 if came else 0.0


def test_a_connection_that_stands_too_late_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        call = Call("GET", f"http://127.0.0.1:{port}/x", "/x", {})
        transport = Transport(LateOnceConnected(listener))
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always", ResourceWarning)
            outcome = transport.send(call)
            gc.collect()
        transport.close()
    assert isinstance(outcome, NoReply)
    assert not outcome.sent
    assert [one.message for one in found if str(port) in str(one.message)] == []


def test_a_server_that_takes_nothing_is_not_waited_for() -> None:
    """A body larger than what the buffers of both ends hold."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        transport = Transport(SystemClock())
        outcome = lose(transport, url, "POST", bytes(64_000_000))
        transport.close()
    assert outcome.sent


def test_a_connection_is_kept_after_a_response_in_chunks() -> None:
    """Held to its time, an answer is read to its end and no further, and the next one comes."""
    answer = CHUNKED + b"2;a=b\r\n{}\r\n0\r\nX-Trailer: a\r\n\r\n"
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            while request := peer.recv(65_536):
                asked.append(request)
                peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        transport = Transport(SystemClock())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        outcomes: list[Any] = [
            transport.send(Call("GET", url, "/x", {}, timeout=Timeout(10, 10, 10)))
            for _ in range(3)
        ]
        transport.close()
        thread.join(PATIENCE)
    assert [one.body for one in outcomes] == [b"{}"] * 3
    assert len(asked) == 3
