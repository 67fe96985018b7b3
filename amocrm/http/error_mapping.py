"""Turns a failed attempt into the error that the caller gets. Source: reference 3.3."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from http.client import responses
from typing import Final
from urllib.parse import urlsplit

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
from amocrm.http.legacy_codes import explain_code, legacy_code
from amocrm.http.messages import Call, Json, NoReply, Reply
from amocrm.http.paths import missing_prefix
from amocrm.http.reply_body import excerpt, read_problem, words
from amocrm.http.validation_errors import code_hint, describe, read_validation_errors

_HINTS: Final[Mapping[int, str]] = {
    401: "the token was revoked or belongs to another account: authorize again",
    402: "pay for the account, or check that its plan includes this function",
    403: "check the rights of the user who gave consent and the scopes of the integration",
    405: "this path does not support this method",
    413: "send fewer entities in one call",
    422: "a page and a batch have at most 250 entities",
    504: "the request was too heavy: request or send fewer entities at once",
}
CONTEXT_USER: Final = "X-Context-User-ID"
"""Acts as another user; the token must be an administrator's. Source: reference 2.11."""

_NO_SUCH_USER: Final = (
    "check that the user given to as_user is active and that an administrator gave consent"
)
_UNKNOWN: Final = "it may have been carried out: check before you repeat it"
_ADDRESS_BLOCKED: Final = (
    "amoCRM blocks this IP address, as it does after too many requests: wait, and send fewer"
)
_ACCOUNT_BLOCKED: Final = (
    "amoCRM blocks this account, as it does after too many requests: ask amoCRM's support to "
    "unblock it, and tell them the account, your IP address and the id of the request"
)


def error_of(call: Call, reply: Reply) -> ReplyError:
    """Return the error for a response that is not a success.

    Args:
        call: the request; its data shows which values were refused.
        reply: the response.
    """
    data, problem = read_problem(reply)
    fields = tuple(read_validation_errors(problem, call.data)) if reply.status == 400 else ()
    kind = ValidationError if fields else _kind(reply.status, data)
    title = words(problem.get("title")) or responses.get(reply.status, "unknown status")
    detail = words(problem.get("detail"))
    if call.masked and "/" in (detail or ""):
        detail = None  # It may repeat the URL, which is a secret.
    error = kind(
        _message(call, reply, title, detail, fields),
        method=call.method,
        path=call.path,
        status=reply.status,
        title=title,
        detail=detail,
        request_id=request_id(reply),
        data=data,
        hint=_hint(call, reply, data, problem, fields),
    )
    if isinstance(error, ValidationError):
        error.fields = fields
    if isinstance(error, RateLimitedError):
        error.retry_after = retry_after(reply, problem)
    return error


def unexpected_response(
    method: str,
    path: str,
    what: str,
    *,
    status: int = 200,
    request_id: str | None = None,
    hint: str | None = None,
) -> UnexpectedReplyError:
    """Return the error for a response that does not have the documented shape.

    Args:
        method: of the call.
        path: of the call, as messages show it.
        what: what the response contains, such as `an item without an id`.
        status: HTTP status of the response.
        request_id: its `X-Request-Id`.
        hint: what to do about it.
    """
    if hint is None and (full_path := missing_prefix(path)) is not None:
        hint = f"use {full_path}"
    return UnexpectedReplyError(
        f"{method} {path} returned {status} with {what}",
        method=method,
        path=path,
        status=status,
        title=responses.get(status),
        request_id=request_id,
        hint=hint,
    )


def unexpected(call: Call, reply: Reply, what: str) -> UnexpectedReplyError:
    """Return the error for a response of `call` that does not have the documented shape."""
    return unexpected_response(
        call.method, call.path, what, status=reply.status, request_id=request_id(reply)
    )


def narrow(error: ReplyError, index: int) -> ReplyError:
    """Return a copy of a batch's error that describes one item, as if it had been sent alone."""
    if not isinstance(error, ValidationError):
        return error
    fields = [copy.copy(field) for field in error.fields if field.index in (index, None)]
    for field in fields:
        field.index = None
    narrowed = copy.copy(error)
    narrowed.fields = tuple(fields)
    return describe_fields(narrowed)


def describe_fields(error: ValidationError) -> ValidationError:
    """Write the message of an error anew, from its fields."""
    head = f"{error.method} {error.path} returned 400 {printable(error.title, SHORT)}"
    error.args = (f"{head}: {describe(error.fields)}",)
    return error


def transport_error(call: Call, lost: NoReply) -> TransportError:
    """Return the error for an attempt without a response; its cause is the transport's own."""
    kind: type[TransportError] = LostReplyError if lost.sent else UnreachableError
    error = kind(f"{call.method} {call.path}: {lost.reason}", hint=lost.hint)
    # The transport's own message may contain the URL.
    error.__cause__ = None if call.masked else lost.cause
    return error


def outcome_unknown(
    call: Call, error: AmoCRMError, reply: Reply | None = None
) -> OutcomeUnknownError:
    """Return the error for a write that may have been carried out; `error` becomes the cause."""
    unknown = OutcomeUnknownError(
        str(error.args[0]),
        method=call.method,
        path=call.path,
        data=call.data,
        status=None if reply is None else reply.status,
        request_id=None if reply is None else request_id(reply),
        hint=_UNKNOWN if error.hint is None else f"{_UNKNOWN}; {error.hint}",
    )
    unknown.__cause__ = error.__cause__ if reply is None else error
    return unknown


def request_id(reply: Reply) -> str | None:
    """Return the id that amoCRM's support asks for. Source: reference 3.2."""
    return reply.headers.get("X-Request-Id") or None


def blocks_account(host: str) -> bool:
    """Tell whether a block is of one account, as on amocrm.ru, or of the IP address.

    Source: reference 3.4.
    """
    return host.endswith(".amocrm.ru") and not host.startswith("amojo.")


def is_block(reply: Reply) -> bool:
    """Tell a block of the account or address (403, no JSON) from missing rights (403 with JSON)."""
    return reply.status == 403 and read_problem(reply)[0] is None


def retry_after(reply: Reply, problem: Mapping[str, Json]) -> float | None:
    """Return the seconds to wait: from the body, as documented, or from the usual header."""
    for value in (problem.get("retry_after"), reply.headers.get("Retry-After")):
        seconds = finite(value)
        if seconds is not None and 0 <= seconds < 1e7:
            return float(seconds)
    return None


def _kind(status: int, data: Json) -> type[ReplyError]:
    if status == 403 and data is None:
        return BlockedError
    return BY_STATUS.get(status) or (ServerError if status >= 500 else ReplyError)


def _hint(
    call: Call,
    reply: Reply,
    data: Json,
    problem: Mapping[str, Json],
    fields: tuple[InvalidField, ...],
) -> str | None:
    """Return what to do about an error; the server's own advice goes before ours."""
    if reply.status == 403 and data is None:
        return _ACCOUNT_BLOCKED if blocks_account(urlsplit(call.url).netloc) else _ADDRESS_BLOCKED
    if reply.status == 401 and CONTEXT_USER in call.headers:
        return _NO_SUCH_USER
    if advice := words(problem.get("hint")):
        return advice
    if reply.status == 404 and (full_path := missing_prefix(call.path)) is not None:
        return f"use {full_path}"
    return (
        code_hint(fields)
        or explain_code(legacy_code(problem, reply.status))
        or _HINTS.get(reply.status)
    )


def _message(
    call: Call, reply: Reply, title: str, detail: str | None, fields: tuple[InvalidField, ...]
) -> str:
    head = f"{call.method} {call.path} returned {reply.status} {printable(title, SHORT)}"
    if fields:
        return f"{head}: {describe(fields)}"
    if detail and detail != title:
        return f"{head}: {printable(detail, SHORT)}"
    media_type = reply.headers.get("Content-Type", "")
    is_readable = reply.body and not reply.oversize and not call.masked
    if is_readable and media_type.startswith("text/"):
        return f"{head}: {excerpt(reply.body)}"
    return head
