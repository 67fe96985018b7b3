"""Serves the receiver as a WSGI app."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import IO, TYPE_CHECKING

from amocrm.webhooks.receiver.answer import BAD_REQUEST, TOO_LARGE, Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from amocrm.webhooks.receiver.receiver import Receiver


def wsgi_call(
    receiver: Receiver, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Serve one request."""
    answer = _receive(receiver, environ)
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
    return [answer.body]


def _receive(receiver: Receiver, environ: WSGIEnvironment) -> Answer:
    # PEP 3333: the bytes of the path come as Latin-1.
    path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace")
    place = receiver.admit(environ["REQUEST_METHOD"], path)
    if isinstance(place, Answer):
        return place
    body = read_request_body(environ, receiver.max_body)
    if isinstance(body, Answer):
        return receiver.refuse(place, body, "its body is cut off, malformed or too large")
    headers = {
        "Content-Type": environ.get("CONTENT_TYPE", ""),
        "X-Signature": environ.get("HTTP_X_SIGNATURE", ""),
    }
    return receiver.store(place, environ.get("QUERY_STRING", ""), headers, body)


def read_request_body(environ: WSGIEnvironment, limit: int) -> bytes | Answer:
    """Read the whole body; of a body that is too large, only what shows that.

    Returns:
        The body; or what to answer if it is cut off, malformed or longer than `limit` bytes.
    """
    stated = environ.get("CONTENT_LENGTH") or ""
    stream: IO[bytes] = environ["wsgi.input"]
    is_chunked = bool(environ.get("HTTP_TRANSFER_ENCODING"))
    is_terminated = bool(environ.get("wsgi.input_terminated"))
    if stated:
        if not (stated.isascii() and stated.isdigit()):
            return BAD_REQUEST
        length = int(stated) if len(stated) < 20 else limit + 1
        if length > limit:
            return TOO_LARGE
    elif is_terminated or is_chunked:
        length = limit + 1  # The server ends the stream where the chunked body ends.
    else:
        length = 0
    try:
        body = _read_up_to(stream, length)
    except (OSError, ValueError):
        return BAD_REQUEST
    if stated and len(body) < length:
        return BAD_REQUEST
    if not stated and is_chunked and not is_terminated and not body:
        return BAD_REQUEST  # The server hands over no chunks, so there may have been a body.
    return TOO_LARGE if len(body) > limit else body


def _read_up_to(stream: IO[bytes], length: int) -> bytes:
    parts: list[bytes] = []
    while length > 0 and (part := stream.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
