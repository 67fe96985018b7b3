"""One request as the portal reads it, with parsers of its own.

The sandbox decodes queries and bodies by itself: if both sides of the wire used one encoder, both
could be wrong together.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Request
from werkzeug.wsgi import get_content_length

from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.problem import ProblemError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_MOST_VARIABLES = 1000
_DEEPEST = 64
"""What PHP reads of a query with its usual settings: so many variables, nested so deep."""

_MOST_DISCARDED = 32 * 1024 * 1024
"""Bytes of a refused body; behind them the connection is closed."""

_SLASHES = re.compile("/{2,}")

EMPTY_DATA = "Request data can not be empty"


@dataclass(frozen=True)
class IncomingRequest:
    """A request that has arrived in full.

    Attributes:
        base: what stands before the path in an address that names an account by its path.
    """

    method: str
    scheme: str
    netloc: str
    path: str
    query: str
    headers: EnvironHeaders
    body: bytes
    base: str = ""

    @classmethod
    def read(cls, environ: WSGIEnvironment, most: int | None = None) -> IncomingRequest:
        """Read a request, its body included.

        Args:
            environ: of WSGI.
            most: bytes of the body; None: any number.

        Raises:
            ProblemError: it cannot be read, or the client went away in the middle of its body;
                413: the body is larger, and was not kept.
        """
        try:
            request = Request(environ)
            request.max_content_length = most
            host, path, scheme = request.host, request.path, request.scheme
        except (HTTPException, UnicodeError, ValueError):
            raise ProblemError(400, "Bad Request") from None
        try:
            body = request.get_data()
        except ClientDisconnected:
            body = b""
        except RequestEntityTooLarge:
            discard_body(environ)
            raise ProblemError(413, f"The body is larger than {most} bytes") from None
        except (HTTPException, UnicodeError, ValueError):
            raise ProblemError(400, "Bad Request") from None
        # Not every server reports it.
        if len(body) < (request.content_length or 0):
            raise ProblemError(400, "The body ended too early")
        path = _SLASHES.sub("/", path)
        query = request.query_string.decode("latin-1")
        headers = EnvironHeaders(environ)
        return cls(request.method, scheme, host, path, query, headers, body)

    @classmethod
    def of_json(
        cls, method: str, host: str, path: str, body: Json, query: str = ""
    ) -> IncomingRequest:
        """Return a request that the sandbox sends to itself."""
        headers = EnvironHeaders({"CONTENT_TYPE": "application/json"})
        return cls(method, "https", host, path, query, headers, json.dumps(body).encode())

    @property
    def host(self) -> str:
        """The host without its port, in lower case."""
        name, _, port = self.netloc.lower().rpartition(":")
        return name if name and port.isdigit() else self.netloc.lower()

    @property
    def origin(self) -> str:
        """Scheme and host, as links of the answer begin; with the account that a path names."""
        return f"{self.scheme}://{self.netloc}{self.base}"

    @property
    def url(self) -> str:
        """The address as it was asked for, without the query."""
        return self.origin + quote(self.path)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the query as decoded pairs, in order."""
        return parse_qsl(self.query, keep_blank_values=True)

    def cookie(self, name: str) -> str:
        """Return a cookie, "" if there is none.

        Every program on a port of this machine sets cookies that all its ports get: what they hold,
        JSON for instance, must not hide ours.
        """
        return parse_cookie(self.headers.get("Cookie", "")).get(name, "")

    def bearer(self) -> str | None:
        """Return the token of a Bearer authorization, or None."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" and token.strip() else None

    def json(self) -> Json:
        """Decode the body of an API write.

        Raises:
            ProblemError: no body, not declared as JSON, or not JSON.
        """
        # Assumed (reference 2.14: Content-Type is required on bodies): a body that is not declared
        # as JSON counts as none.
        if "json" not in self.headers.get("Content-Type", "").lower() or not self.body.strip():
            raise ProblemError(400, EMPTY_DATA)
        return parse_json(self.body)


def parse_json(body: bytes) -> Json:
    """Decode strictly: UTF-8, no NaN, no lone surrogates, no bottomless nesting.

    Raises:
        ProblemError: the text is not JSON.
    """
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise ProblemError(400, "Malformed JSON") from None  # Assumed (reference 3.3): the wording.
    return data


def brackets(pairs: list[tuple[str, str]]) -> dict[str, Json]:
    """Nest bracketed pairs; every level is a dictionary (reference 3.1).

    An empty bracket takes the next free number.

    >>> brackets([("filter[id][]", "1"), ("filter[id][]", "2"), ("page", "3")])
    {'filter': {'id': {'0': '1', '1': '2'}}, 'page': '3'}
    """
    tree: dict[str, Json] = {}
    for name, value in pairs[:_MOST_VARIABLES]:
        *path, last = name.replace("]", "").split("[", _DEEPEST)
        node = tree
        for key in path:
            node = _child(node, key)
        node[_free(node, last)] = value
    return tree


def _child(node: dict[str, Json], key: str) -> dict[str, Json]:
    key = _free(node, key)
    child = node.get(key)
    if not is_object(child):
        child = node[key] = {}
    return child


def _free(node: dict[str, Json], key: str) -> str:
    if key:
        return key
    number = len(node)
    while str(number) in node:
        number += 1
    return str(number)


def discard_body(environ: WSGIEnvironment) -> None:
    """Read a refused body to its end, for clients read no answer before they have sent it all."""
    left = min(get_content_length(environ) or 0, _MOST_DISCARDED)
    while left > 0:
        chunk = environ["wsgi.input"].read(min(left, 65536))
        if not chunk:
            return
        left -= len(chunk)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
