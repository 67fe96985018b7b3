"""A reply that means no → the error that says what to do. Source: reference 3.3."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from http.client import responses
from typing import Final

from amocrm._support.numbers import finite
from amocrm.errors import (
    BY_STATUS,
    SHORT,
    AmoCRMError,
    BlockedError,
    InvalidField,
    LostReplyError,
    OutcomeUnknownError,
    RateLimitedError,
    ReplyError,
    ServerError,
    TransportError,
    UnexpectedReplyError,
    UnreachableError,
    ValidationError,
    printable,
)
from amocrm.http.messages import Call, Json, NoReply, Reply
from amocrm.http.reply_body import excerpt, read_problem, words
from amocrm.http.validation_errors import describe, read_validation_errors

_HINTS: Final[Mapping[int, str]] = {
    401: "the token was withdrawn or belongs to another account: get consent again",
    402: "pay for the account, or check that its plan has this function",
    403: "check the rights of the user who gave consent and the scopes of the integration",
    405: "this path does not take this method",
    413: "send fewer entities in one call",
    422: "a page and a batch hold at most 250 entities",
    504: "the request was too heavy: ask for fewer entities at once",
}
CONTEXT_USER: Final = "X-Context-User-ID"
"""Acts as another user; the token must be an administrator's. Source: reference 2.11."""

_NO_SUCH_USER: Final = (
    "the call was made as another user: is that user active, and was consent given by an "
    "administrator?"
)
_UNKNOWN: Final = "it may have been done: look before you repeat it"
_BLOCKED: Final = (
    "amoCRM's edge refused this address, as it does after too many requests: wait, and slow down"
)


def error_of(call: Call, reply: Reply) -> ReplyError:
    """Turn a refusal into the error of its kind; `call` tells what was sent."""
    data, problem = read_problem(reply)
    fields = tuple(read_validation_errors(problem, call.data)) if reply.status == 400 else ()
    kind = ValidationError if fields else _kind(reply.status, data)
    title = words(problem.get("title")) or responses.get(reply.status, "unknown status")
    detail = words(problem.get("detail"))
    if call.masked and "/" in (detail or ""):
        detail = None  # It may repeat the address, which is a secret.
    error = kind(
        _message(call, reply, title, detail, fields),
        method=call.method,
        path=call.path,
        status=reply.status,
        title=title,
        detail=detail,
        request_id=request_id(reply),
        data=data,
        hint=_hint(call, reply, data, problem),
    )
    if isinstance(error, ValidationError):
        error.fields = fields
    if isinstance(error, RateLimitedError):
        error.retry_after = retry_after(reply, problem)
    return error


def unexpected(call: Call, reply: Reply, what: str, hint: str | None = None) -> ReplyError:
    """Name an answer that has not the documented shape."""
    return UnexpectedReplyError(
        f"{call.method} {call.path} was answered {reply.status} with {what}",
        method=call.method,
        path=call.path,
        status=reply.status,
        title=responses.get(reply.status),
        request_id=request_id(reply),
        hint=hint,
    )


def narrow(error: ReplyError, index: int) -> ReplyError:
    """Return the part of a batch's refusal that is about one item; it stands for itself then."""
    if not isinstance(error, ValidationError):
        return error
    fields = [one for one in error.fields if one.index in (index, None)]
    own = copy.copy(error)
    own.fields = tuple(replace(one, index=None) for one in fields)
    return tell(own)


def tell(error: ValidationError) -> ValidationError:
    """Put into the message of an error what its fields say."""
    head = f"{error.method} {error.path} was answered 400 {printable(error.title, SHORT)}"
    error.args = (f"{head}: {describe(error.fields)}",)
    return error


def loss(call: Call, lost: NoReply, hint: str | None) -> TransportError:
    """Name an answer that did not come, with what the transport had to say as its cause."""
    kind: type[TransportError] = LostReplyError if lost.sent else UnreachableError
    error = kind(f"{call.method} {call.path}: {lost.reason}", hint=hint)
    # The transport's own words may hold the address.
    error.__cause__ = None if call.masked else lost.cause
    return error


def unknown(call: Call, why: AmoCRMError, reply: Reply | None = None) -> OutcomeUnknownError:
    """Say of a write that nobody knows whether it was done; `why` becomes the cause."""
    error = OutcomeUnknownError(
        str(why.args[0]),
        method=call.method,
        path=call.path,
        data=call.data,
        status=None if reply is None else reply.status,
        request_id=None if reply is None else request_id(reply),
        hint=_UNKNOWN if why.hint is None else f"{_UNKNOWN}; {why.hint}",
    )
    error.__cause__ = why.__cause__ if reply is None else why
    return error


def request_id(reply: Reply) -> str | None:
    """Return the id that amoCRM's support asks for. Source: reference 3.2."""
    return reply.headers.get("X-Request-Id") or None


def is_block(reply: Reply) -> bool:
    """Tell a block of this address (403 that is not JSON) from missing rights (403 that is)."""
    return reply.status == 403 and read_problem(reply)[0] is None


def retry_after(reply: Reply, problem: Mapping[str, Json]) -> float | None:
    """Read how long to wait: from the body, as documented, or from the usual header."""
    for value in (problem.get("retry_after"), reply.headers.get("Retry-After")):
        seconds = finite(value)
        if seconds is not None and 0 <= seconds < 1e7:
            return float(seconds)
    return None


def _kind(status: int, data: Json) -> type[ReplyError]:
    if status == 403 and data is None:
        return BlockedError
    return BY_STATUS.get(status) or (ServerError if status >= 500 else ReplyError)


def _hint(call: Call, reply: Reply, data: Json, problem: Mapping[str, Json]) -> str | None:
    """Prefer the server's own advice to ours."""
    if reply.status == 403 and data is None:
        return _BLOCKED
    if reply.status == 401 and CONTEXT_USER in call.headers:
        return _NO_SUCH_USER
    return words(problem.get("hint")) or _HINTS.get(reply.status)


def _message(
    call: Call, reply: Reply, title: str, detail: str | None, fields: tuple[InvalidField, ...]
) -> str:
    head = f"{call.method} {call.path} was answered {reply.status} {printable(title, SHORT)}"
    if fields:
        return f"{head}: {describe(fields)}"
    if detail and detail != title:
        return f"{head}: {printable(detail, SHORT)}"
    media = reply.headers.get("Content-Type", "")
    readable = reply.body and not reply.oversize and not call.masked
    if readable and media.startswith("text/"):
        return f"{head}: {excerpt(reply.body)}"
    return head
