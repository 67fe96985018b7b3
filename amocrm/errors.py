"""What can go wrong, sorted by what the caller does next.

::

    AmoCRMError                      .retryable  .hint
    ├── ConfigurationError           (ValueError) settings or arguments are wrong; before any I/O
    │   └── NotOfferedError          (AttributeError) the API has no such thing
    ├── AuthorizationError           a person has to act
    │   ├── NotAuthorizedError       no usable token, and nobody to ask
    │   │   └── BusyError            it is still being got: try again
    │   ├── AccessDeniedError        the person said no on the consent page
    │   ├── StateMismatchError       a redirect that does not answer our question
    │   └── GrantError               the token endpoint refused a code or a refresh token
    ├── TransportError               no reply at all                       .sent
    │   ├── UnreachableError         nothing left this machine: always safe to repeat
    │   └── LostReplyError           sent, and no answer came
    │       └── OutcomeUnknownError  a write that may have been done: look before you repeat it
    │                                .method .path .data .status .request_id
    ├── ReplyError                   a reply that means no   .method .path .status .title .detail
    │   ├── ValidationError          400 with a reason for each field      .fields
    │   ├── UnauthorizedError        401 that renewing the token did not cure
    │   ├── PaymentRequiredError     402
    │   ├── ForbiddenError           403
    │   │   └── BlockedError         403 of the edge: this address is blocked    .retry_after
    │   ├── NotFoundError            (LookupError) 404
    │   ├── RateLimitedError         429 after patience ran out            .retry_after
    │   ├── ServerError              5xx
    │   └── UnexpectedReplyError     not the documented shape
    ├── ConflictError                somebody else changed the entity meanwhile; nothing was sent
    ├── TokenStoreError              the token could not be loaded, saved or locked
    ├── RateLimiterError             a shared rate limiter cannot be reached; nothing was sent
    ├── JournalError                 the journal of an import is in use, or cannot be written
    └── WebhookError                 (ValueError) a delivery that cannot be trusted or read

`str(error)` is one line a person can act on. No secret, header or request body is ever part of a
message. Every class survives pickling, so a worker pool can hand an error back.

A write ends in OutcomeUnknownError whenever nobody can say whether it was done: no answer came, a
5xx came (its `__cause__` is the ServerError), or one that cannot be read (UnexpectedReplyError). So
one `except` finds them all, and what was sent is in the error, to be looked for or kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = [
    "BY_STATUS",
    "AccessDeniedError",
    "AmoCRMError",
    "AuthorizationError",
    "BlockedError",
    "BusyError",
    "ConfigurationError",
    "ConflictError",
    "ForbiddenError",
    "GrantError",
    "InvalidField",
    "JournalError",
    "LostReplyError",
    "NotAuthorizedError",
    "NotFoundError",
    "NotOfferedError",
    "OutcomeUnknownError",
    "PaymentRequiredError",
    "RateLimitedError",
    "RateLimiterError",
    "ReplyError",
    "ServerError",
    "StateMismatchError",
    "TokenStoreError",
    "TransportError",
    "UnauthorizedError",
    "UnexpectedReplyError",
    "UnreachableError",
    "ValidationError",
    "WebhookError",
]

LONGEST: Final = 2_000
"""Characters of a message, and of a hint, that are shown."""

SHORT: Final = 300
"""Characters of a word of the server's in the middle of a message."""

_HIDDEN: Final = re.compile(
    # What moves a cursor, ends a line, turns the direction of writing, or is half a character.
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: object, most: int = LONGEST) -> str:
    r"""Return a text without line breaks and terminal commands, cut where it is too long.

    What cannot be printed is shown as Python escapes it; letters of all scripts stay.

    >>> print(printable("made\nup \x1b[31mred"))
    made\nup \x1b[31mred
    """
    whole = str(text)
    shown = whole[: most + 1]
    if not shown.isprintable():
        shown = _HIDDEN.sub(_escaped, shown)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class AmoCRMError(Exception):
    """The root of everything this library raises.

    Attributes:
        hint: what to do about it, in one sentence; None when the message says it all.
        retryable: the same call may succeed later without anybody changing anything.
    """

    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        # A message may repeat words of the server's, of a file or of a stranger.
        super().__init__(printable(message))
        self.hint: str | None = hint

    def __str__(self) -> str:
        message = printable(self.args[0]) if self.args else type(self).__name__
        return f"{message} ({printable(self.hint)})" if self.hint else message

    def __reduce__(self) -> tuple[Callable[..., AmoCRMError], tuple[object, ...]]:
        return _revive, (type(self), self.args, dict(self.__dict__))


def _revive(
    kind: type[AmoCRMError], args: tuple[object, ...], state: dict[str, object]
) -> AmoCRMError:
    """Rebuild an error in another process; keyword-only constructors defeat the default way."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(AmoCRMError, ValueError):
    """Settings, or the arguments of a call, are wrong. Raised before any I/O."""


class NotOfferedError(ConfigurationError, AttributeError):
    """The API offers no such thing. Raised before any I/O."""


class AuthorizationError(AmoCRMError):
    """A person has to act before calls can go on."""


class NotAuthorizedError(AuthorizationError):
    """There is no usable token, and nothing to get one with."""


class BusyError(NotAuthorizedError):
    """The token is being got: by another thread, for too long, or by this one, whose handler calls.

    Nobody has to act, but for the author of that handler.
    """

    retryable = True


class AccessDeniedError(AuthorizationError):
    """The person refused access on the consent page."""


class StateMismatchError(AuthorizationError):
    """A redirect arrived that does not answer the question this client asked."""


class GrantError(AuthorizationError):
    """The token endpoint refused a code or a refresh token, for good.

    Attributes:
        status: HTTP status of the refusal, 400 or 401.
        title: short name of the problem, in the account's language.
        detail: its explanation, in the account's language.
        reason: the endpoint's own `hint`, such as `Token has been revoked`; None if it gave none.
        data: the whole answer, decoded.
        finding: why a refresh token was revoked, where it could be found out: `withdrawn` (the
            integration was switched off), `used` (by others) or `lost` (with an earlier answer).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        reason: str | None = None,
        data: object = None,
        finding: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.finding: str | None = finding
        self.status: int = status
        self.title: str | None = title
        self.detail: str | None = detail
        self.reason: str | None = reason
        self.data: object = data


class TransportError(AmoCRMError):
    """No reply came.

    Attributes:
        sent: whether the server may have received, and done, what was asked.
    """

    retryable = True
    sent: bool = True


class UnreachableError(TransportError):
    """Nothing left this machine: DNS, connection or TLS failed. Always safe to repeat."""

    sent = False


class LostReplyError(TransportError):
    """The call was sent and no answer came: its outcome is unknown."""

    sent = True


class OutcomeUnknownError(LostReplyError):
    """A write was sent, and nobody knows whether it was done. It is never repeated unasked.

    Attributes:
        method: HTTP method of the call.
        path: its path, without host and query.
        data: what was sent, before it was encoded. In no message: it may be a person's data.
        status: HTTP status of the answer; None if none came.
        request_id: the answer's `X-Request-Id`; None if there was none.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        data: object = None,
        status: int | None = None,
        request_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.method: str = method
        self.path: str = path
        self.data: object = data
        self.status: int | None = status
        self.request_id: str | None = request_id

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} [request {printable(self.request_id, 100)}]" if self.request_id else text


class ConflictError(AmoCRMError):
    """Somebody else has changed the entity since it was read. Nothing was sent."""


class TokenStoreError(AmoCRMError):
    """The token could not be loaded, saved or locked. A token just granted stays in memory."""

    retryable = True


class RateLimiterError(AmoCRMError):
    """A shared rate limiter (a file, Redis) cannot be reached. Nothing was sent."""

    retryable = True


class JournalError(AmoCRMError):
    """The journal of an import is in use, or cannot be read or written. Nothing more is sent."""


class WebhookError(AmoCRMError, ValueError):
    """A delivery that cannot be trusted or read."""


class ReplyError(AmoCRMError):
    """The server answered, and the answer means no.

    Attributes:
        method: HTTP method of the call.
        path: its path, without host and query.
        status: HTTP status of the answer.
        title: short name of the problem; the status line's words if the body names none.
        detail: its explanation; None if the body gives none.
        request_id: the answer's `X-Request-Id`, for amoCRM's support; None if there was none.
        data: the decoded body of the answer; None if it was not JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        data: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.method: str = method
        self.path: str = path
        self.status: int = status
        self.title: str | None = title
        self.detail: str | None = detail
        self.request_id: str | None = request_id
        self.data: object = data

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} [request {printable(self.request_id, 100)}]" if self.request_id else text


@dataclass(frozen=True)
class InvalidField:
    """One field of the sent data that the server refused.

    Attributes:
        index: which item of the sent list; None when one object was sent.
        request_id: the item's `request_id` as the server names it.
        path: where in the item, dotted, such as `custom_fields_values.0.field_id`.
        code: the server's name of the reason, such as `InvalidType`.
        detail: the reason in words.
        value: the value that was sent at `path`; None also if nothing was sent there, see
            `is_sent`. Left out of `repr`, because it may be a person's data.
        field_id: the id of the custom field, or its code if the code was sent; None if the field is
            not a custom field.
        field_name: the custom field's name; None unless its definition is known.
        choices: the allowed values of the custom field; empty unless they are known.
        is_sent: whether the sent data has a value at `path`; it may be null.
    """

    index: int | None
    request_id: str | None
    path: str
    code: str
    detail: str
    value: object = None
    field_id: int | str | None = None
    field_name: str | None = None
    choices: tuple[str, ...] = ()
    is_sent: bool = False

    def __repr__(self) -> str:
        path, code = printable(self.path, SHORT), printable(self.code, SHORT)
        return f"InvalidField(index={self.index}, path={path!r}, code={code!r})"


class ValidationError(ReplyError):
    """400: fields were refused, and nothing of the batch was written.

    Attributes:
        fields: every refused field, in the server's order.
    """

    fields: tuple[InvalidField, ...] = ()


class UnauthorizedError(ReplyError):
    """401 that renewing the token did not cure: access was withdrawn or the host is unknown."""


class PaymentRequiredError(ReplyError):
    """402: the account is not paid, or the function is not in its plan."""


class ForbiddenError(ReplyError):
    """403: rights or a scope are missing."""


class BlockedError(ForbiddenError):
    """403 of the edge: it blocks this address, as it does after too many calls.

    Calls of all who share the rate limiter are refused unsent until one tries again.

    Attributes:
        retry_after: seconds until calls may be tried again; how long a block lasts is not
            documented.
    """

    retryable = True
    retry_after: float | None = None


class NotFoundError(ReplyError, LookupError):
    """404: no such path or entity."""


class RateLimitedError(ReplyError):
    """429, and waiting it out would take longer than this call may wait.

    Attributes:
        retry_after: seconds until calls may go on; None if the server did not say.
    """

    retryable = True
    retry_after: float | None = None


class ServerError(ReplyError):
    """5xx: amoCRM is in trouble. A write that got it may have been done."""

    retryable = True


class UnexpectedReplyError(ReplyError):
    """The answer has not the documented shape: not JSON, cut, too large, a redirect."""


BY_STATUS: Final[dict[int, type[ReplyError]]] = {
    401: UnauthorizedError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitedError,
}
"""The class of a refusal, where its status alone decides. Source: reference 3.3."""
