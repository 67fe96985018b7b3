"""The three values that cross the edge: a Call goes out, a Reply or a NoReply comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Json: TypeAlias = Any
"""Anything JSON can carry. The one place where `Any` stands."""


Retry: TypeAlias = Literal["auto", "always", "never"]
"""When a call is repeated: `auto`, if that does no harm; `always`, writes of unknown outcome too;
`never`, not even if nothing was sent."""


RETRY: Final[tuple[Retry, ...]] = ("auto", "always", "never")


class Timeout(NamedTuple):
    """How long one attempt of a call may take, in seconds.

    Attributes:
        connect: until the connection stands, TLS included.
        read: the longest silence of the server.
        total: from the start until the last byte of the answer, for sending and for reading. It
            holds for every byte, whatever trickles in: status line, headers, `100 Continue`, sizes
            of chunks, trailers, a body that unpacks to nothing, the handshake of TLS, a proxy.

    Beyond it may take: the look-up of a name, which the system bounds; each further address of a
    host, `connect`. Over a `session` of yours, or a SOCKS proxy, whose connections are not ours,
    `total` holds from the moment when the headers have come; before it, each read is bounded by
    `read`, and each write by `connect`.
    """

    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0


Sink: TypeAlias = Callable[[], Callable[[bytes], object]]
"""Takes the body of an answer 200 piece by piece, instead of it being collected. It is called for
each attempt, when its headers have come, and gives what takes the pieces of that attempt."""


class Call:
    """One request, ready to be sent; a value that nobody changes.

    No tuple: error trackers take those apart, and show a token among the headers.

    Attributes:
        method: HTTP method in capitals.
        url: whole address, query included, percent-encoded.
        path: the part of it that messages show: no host, no query, nothing that opens a file.
        headers: ours; they win over the session's.
        body: encoded body, or None.
        data: what the body was made of, to show which value was refused; the body itself, where
            bytes are sent as they are.
        timeout: limits of one attempt.
        replayable: a read: repeating it after an unknown outcome does no harm.
        private: it carries a secret of the integration: the session's own hooks, query and
            authorization stay out of it.
        retry: when it may be repeated.
        undecoded: the answer's body is wanted as it came, to be decoded later.
        sink: takes the body of the answer; None collects it.
    """

    __slots__ = (
        "body", "data", "headers", "method", "path", "private", "replayable", "retry", "sink",
        "timeout", "undecoded", "url",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        url: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        data: Json = None,
        timeout: Timeout = Timeout(),  # noqa: B008 (a tuple)
        replayable: bool = False,
        private: bool = False,
        retry: Retry = "auto",
        undecoded: bool = False,
        sink: Sink | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.path = path
        self.headers = headers
        self.body = body
        self.data = data
        self.timeout = timeout
        self.replayable = replayable
        self.private = private
        self.retry: Retry = retry
        self.undecoded = undecoded
        self.sink = sink

    def replace(self, **changes: Json) -> Call:
        """Return a call that differs in some attributes."""
        parts: dict[str, Json] = {name: getattr(self, name) for name in self.__slots__}
        return Call(**{**parts, **changes})

    def __repr__(self) -> str:
        # Headers hold the token, and so may a body.
        return f"Call({self.method} {self.path})"

    @property
    def masked(self) -> bool:
        """Whether the address is a secret: messages show less of it than there is."""
        return self.path not in self.url


@dataclass(frozen=True)
class Reply:
    """An answer, whole.

    Attributes:
        status: HTTP status.
        headers: case-insensitive.
        body: decoded from any transfer and content encoding; not read as text.
        oversize: the body was larger than the transport takes, and is left out.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    oversize: bool = False


class NoReply(NamedTuple):
    """No answer came.

    Attributes:
        sent: whether the server may have received the call.
        reason: what happened, for a person.
        hint: what to do about it, or None.
        cause: the transport's own exception.
        final: trying again cannot help (a certificate that is not trusted).
    """

    sent: bool
    reason: str
    hint: str | None = None
    cause: BaseException | None = None
    final: bool = False

    def __repr__(self) -> str:
        # The words of the cause may hold an address.
        return f"NoReply(sent={self.sent}, {self.reason!r})"
