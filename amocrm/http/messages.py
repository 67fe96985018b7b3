"""The values that the transport exchanges: a Call is sent; a Reply or a NoReply comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from amocrm.http.authorizer import Credential

Json: TypeAlias = Any
"""Any JSON value. The only use of `Any` in this library."""


Retry: TypeAlias = Literal["auto", "always", "never"]
"""When a call is repeated: `auto`: when that is safe; `always`: also a write that may have been
carried out; `never`: not even if nothing was sent."""


RETRY: Final[tuple[Retry, ...]] = ("auto", "always", "never")


class Timeout(NamedTuple):
    """Time limits of one attempt of a call, in seconds.

    Attributes:
        connect: to open a connection, including TLS.
        read: between two parts of the response.
        total: from the start to the last byte of the response. It covers every byte that is sent
            or read: the TLS handshake, a proxy's responses, status line, headers, `100 Continue`,
            chunk sizes, trailers, and a body that decompresses to nothing.

    Two things are not covered by `total`: DNS, which the operating system limits, and each further
    IP address of a host, which is limited by `connect`. With your own `session`, or a SOCKS proxy,
    `total` is enforced after the headers have arrived; before that, each read is limited by `read`
    and each write by `connect`.
    """

    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0


Sink: TypeAlias = Callable[[], Callable[[bytes], object]]
"""Receives the body of a 200 response in pieces instead of as a whole. It is called once for each
attempt, after the headers have arrived, and returns the function that receives the pieces."""


class Call:
    """One request that is ready to be sent; immutable by convention.

    It is not a tuple, because error trackers show the items of tuples, among them the token.

    Attributes:
        method: HTTP method in capitals.
        url: the URL with its query, percent-encoded.
        path: the path that messages show: without host, query and download keys.
        headers: of this library; they replace the session's.
        body: the encoded body, or None.
        data: the value that `body` encodes, used to show which value was refused; the body itself
            if bytes were given.
        timeout: limits of one attempt.
        replayable: whether repeating it is safe although an earlier attempt may have been carried
            out; true for reads.
        private: whether it contains a secret of the integration; then the session's hooks, query
            and authorization are not used.
        retry: when it may be repeated.
        divisible: whether the caller divides it after a 504, which is not repeated then.
        undecoded: whether the response's body is returned as bytes, to be decoded later.
        sink: receives the response's body; None collects it.
    """

    __slots__ = (
        "body", "data", "divisible", "headers", "method", "path", "private", "replayable", "retry",
        "sink", "timeout", "undecoded", "url",
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
        divisible: bool = False,
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
        self.divisible = divisible

    def with_token(self, origin: str, token: Credential) -> Call:
        """Return the call of one attempt: with the host and the token, which may change."""
        return Call(
            self.method, origin + self.url, self.path,
            {**self.headers, "Authorization": f"Bearer {token.access_token}"},
            self.body, self.data, self.timeout, self.replayable, self.private, self.retry,
            self.undecoded, self.sink, self.divisible,
        )  # fmt: skip

    def replace(self, **changes: Json) -> Call:
        """Return a copy with some attributes changed."""
        parts: dict[str, Json] = {name: getattr(self, name) for name in self.__slots__}
        return Call(**{**parts, **changes})

    def __repr__(self) -> str:
        # Headers contain the token, and a body may.
        return f"Call({self.method} {self.path})"

    @property
    def masked(self) -> bool:
        """Whether the URL is a secret, of which messages show only a part."""
        return self.path not in self.url


class Reply:
    """A complete response.

    Attributes:
        status: HTTP status.
        headers: case-insensitive.
        body: bytes, after transfer and content decoding.
        oversize: whether the body was larger than the transport accepts; then `body` is empty.
    """

    __slots__ = ("body", "headers", "oversize", "status")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        oversize: bool = False,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.oversize = oversize

    def __repr__(self) -> str:
        # Headers and body may hold a token or a person's data.
        return f"{type(self).__name__}({self.status})"


class NoReply(NamedTuple):
    """An attempt without a complete response.

    Attributes:
        sent: whether the server may have received the request.
        reason: what happened, for the message.
        hint: what to do about it, or None.
        cause: the exception of `requests` or urllib3.
        final: whether a retry is useless, as with a certificate that is not trusted.
    """

    sent: bool
    reason: str
    hint: str | None = None
    cause: BaseException | None = None
    final: bool = False

    def __repr__(self) -> str:
        # The message of the cause may contain a URL.
        return f"NoReply(sent={self.sent}, {self.reason!r})"
