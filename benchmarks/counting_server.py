"""A quick server of many accounts that counts as amocrm.ru does, in a process of its own.

Each response comes after the latency; a token names its account. What the sandbox would do for a
response takes longer than what the client does for the call, so this answers with fixed bytes, and
takes only the counting from the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
from collections.abc import Generator
from multiprocessing.connection import Connection as Pipe
from typing import NamedTuple

from served import ANSWER

from amocrm.sandbox.http.rate_limit import RateLimiter, Verdict
from amocrm.sandbox.http.rate_limit import RateLimits as Counted

AMOCRM = Counted(7, 50)


class Seen(NamedTuple):
    """What the server saw since the last time it was asked.

    Attributes:
        calls: requests.
        too_many: responses 429 and 403.
        busiest: most requests of one integration in one account in any second.
        span: seconds from the first request to the last.
    """

    calls: int
    too_many: int
    busiest: int
    span: float


class CountingServer(NamedTuple):
    """A server that runs."""

    origin: str
    pipe: Pipe

    def seen(self) -> Seen:
        """Return what it has seen, and let it begin anew."""
        self.pipe.send("seen")
        return Seen(*self.pipe.recv())


@contextlib.contextmanager
def counting_server(
    latency: float, counted: Counted = AMOCRM, body: bytes = ANSWER
) -> Generator[CountingServer, None, None]:
    """Run a server while the block runs; the latency is seconds."""
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(theirs, latency, counted, body), daemon=True)
    process.start()
    theirs.close()
    try:
        yield CountingServer(f"http://127.0.0.1:{ours.recv()}", ours)
    finally:
        process.kill()
        process.join()


def _response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/hal+json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


class _Counter:
    """Counts requests until it is asked."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self.begin()

    def begin(self) -> None:
        self.limiter = RateLimiter(7, self._counted)
        self.calls = self.too_many = 0
        self.first = self.last = 0.0

    def admit(self, now: float, account: str) -> bool:
        self.first, self.last = self.first or now, now
        self.calls += 1
        passed = self.limiter.admit(now, "amocrm.ru", account, "one") is Verdict.PASS
        self.too_many += not passed
        return passed

    def seen(self) -> Seen:
        scopes = self.limiter.scopes.items()
        busiest = [one.busiest for name, one in scopes if name.startswith("integration:")]
        seen = Seen(self.calls, self.too_many, max(busiest, default=0), self.last - self.first)
        self.begin()
        return seen


def _serve(pipe: Pipe, latency: float, counted: Counted, body: bytes) -> None:
    """Be the server's process: tell the port, then what was seen, until killed."""
    counter = _Counter(counted)
    good, refused = _response("200 OK", body), _response("429 Too Many Requests", b"{}")

    class Answers(asyncio.Protocol):
        """One connection; requests have no body."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport, self.buffer = transport, b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while b"\r\n\r\n" in self.buffer:
                head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
                _, _, rest = head.partition(b"Authorization: Bearer ")
                account = rest.partition(b"\r\n")[0].decode()
                loop = asyncio.get_running_loop()
                passed = counter.admit(loop.time(), account)
                loop.call_later(latency, self.transport.write, good if passed else refused)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Answers, "127.0.0.1", 0, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])

        def tell() -> None:
            pipe.recv()
            pipe.send(counter.seen())

        loop.add_reader(pipe.fileno(), tell)
        await server.serve_forever()

    gc.freeze()
    asyncio.run(main())
