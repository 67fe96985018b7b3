"""A slow way to a server: it delays the handshakes of new connections, each by another time.

A relay in a process of its own holds back the server's first bytes. Over TLS these are its part of
the handshake, so a connection stands as much later, as over a long way through the network.
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
def relay(port: int, handshake: float) -> Generator[int, None, None]:
    """Run a relay to a local port while the block runs; give its own.

    Args:
        port: of the server.
        handshake: seconds by which a connection is held back at most, evenly drawn.
    """
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(theirs, port, handshake), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(pipe: Pipe, port: int, handshake: float) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    pipe.send(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", port))
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        late = random.uniform(0, handshake)
        for source, sink, pause in ((client, server, 0.0), (server, client, late)):
            threading.Thread(target=_pump, args=(source, sink, pause), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, pause: float) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            time.sleep(pause)
            pause = 0.0
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
