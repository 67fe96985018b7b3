"""A slow way to a server: new connections take a while to stand, each another time.

It is a proxy in a process of its own that lets CONNECT wait. To hold back the TLS handshake itself
would be nearer to a long way through the network, but cheroot shakes hands in the one thread that
also hands out the requests of the connections it has, and these would be late.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import socket
import threading
import time
from collections.abc import Generator
from multiprocessing.connection import Connection as Pipe


@contextlib.contextmanager
def slow_proxy(opening: float) -> Generator[str, None, None]:
    """Run a proxy while the block runs; give its address.

    Args:
        opening: seconds that a connection takes at most, evenly drawn.
    """
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(theirs, opening), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(pipe: Pipe, opening: float) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    pipe.send(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_open, args=(client, opening), daemon=True).start()


def _open(client: socket.socket, opening: float) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65_536)
    host, _, port = head.split()[1].decode().rpartition(":")
    time.sleep(random.uniform(0, opening))
    server = socket.create_connection((host, int(port)))
    for one in (client, server):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=_pump, args=(server, client), daemon=True).start()
    _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
