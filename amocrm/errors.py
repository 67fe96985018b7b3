"""The errors of this library, grouped by what the caller does next.

::

    AmoCRMError                      .retryable  .hint
    ├── ConfigurationError           (ValueError) settings or arguments are wrong; before any I/O
    │   └── NotOfferedError          (AttributeError) the API has no such thing
    ├── AuthorizationError           a person has to authorize again
    │   ├── NotAuthorizedError       no usable token, and no way to obtain one
    │   │   └── BusyError            a token request is in progress: try again
    │   ├── AccessDeniedError        the person refused on the consent page
    │   ├── StateMismatchError       a redirect with another state than was sent
    │   └── GrantError               the token endpoint refused a code or a refresh token
    ├── TransportError               no response                           .sent
    │   ├── UnreachableError         nothing was sent: always safe to repeat
    │   └── LostReplyError           sent, but no response arrived
    │       └── OutcomeUnknownError  a write that may have been carried out: check before you repeat
    │                                .method .path .data .status .request_id
    ├── ReplyError                   an error response       .method .path .status .title .detail
    │   ├── ValidationError          400 with a reason for each field      .fields
    │   ├── UnauthorizedError        401 also with a refreshed token
    │   ├── PaymentRequiredError     402
    │   ├── ForbiddenError           403
    │   │   └── BlockedError         403 without JSON: IP address blocked        .retry_after
    │   ├── NotFoundError            (LookupError) 404
    │   ├── RateLimitedError         429 and the wait would be too long    .retry_after
    │   ├── ServerError              5xx
    │   └── UnexpectedReplyError     a response without the documented shape
    ├── ConflictError                somebody else changed the entity meanwhile; nothing was sent
    ├── TokenStoreError              the token could not be loaded, stored or locked
    ├── RateLimiterError             a shared rate limiter cannot be reached; nothing was sent
    ├── JournalError                 the journal of an import is in use or cannot be written
    ├── MirrorError                  the mirror's database cannot be read or written
    ├── InboxError                   the inbox of webhooks cannot be read or written; answer 503
    └── WebhookError                 (ValueError) a webhook that cannot be trusted or read

`str(error)` is one line that says what to do. No message contains a secret, a header or a request
body. Every error can be pickled, so worker processes can return it.

A write raises OutcomeUnknownError whenever it may have been carried out: no response arrived, the
response was a 5xx (`__cause__` is the ServerError) or unreadable (UnexpectedReplyError). One
`except` handles all of them; `error.data` is the sent data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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
    "InboxError",
    "InvalidField",
    "JournalError",
    "LostReplyError",
    "MirrorError",
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
"""Maximum characters of a message, and of a hint."""

SHORT: Final = 300
"""Maximum characters of a text of the server within a message."""

_HIDDEN: Final = re.compile(
    # Characters that move the cursor, end a line or change the writing direction; lone surrogates.
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: object, most: int = LONGEST) -> str:
    r"""Return a text without line breaks and terminal commands, and cut it to a maximum length.

    Unprintable characters are replaced by Python's escapes; letters of all scripts are kept.

    >>> print(printable("made\nup \x1b[31mred"))
    made\nup \x1b[31mred
    """
    shown = str(text)[: most + 1]
    if not shown.isprintable():
        shown = _HIDDEN.sub(_escaped, shown)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


class AmoCRMError(Exception):
    """Base class of all errors of this library.

    Attributes:
        hint: what to do about it, in one sentence; None if the message is enough.
        retryable: whether the same call may succeed later without a change.
    """

    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        # A message may contain text of the server, of a file or of an attacker.
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
    """Unpickle an error; the default way fails with keyword-only arguments of `__init__`."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(AmoCRMError, ValueError):
    """A setting or an argument of a call is wrong. Raised before any I/O."""


class NotOfferedError(ConfigurationError, AttributeError):
    """The API does not offer this. Raised before any I/O."""


class AuthorizationError(AmoCRMError):
    """A person has to authorize the client again."""


class NotAuthorizedError(AuthorizationError):
    """There is no usable token and no way to obtain one."""


class BusyError(NotAuthorizedError):
    """A token request is in progress: another thread's takes too long, or a handler made a call.

    Try again later; if a handler of a connection event made the call, change that handler.
    """

    retryable = True


class AccessDeniedError(AuthorizationError):
    """The person refused access on the consent page."""


class StateMismatchError(AuthorizationError):
    """A redirect has another state than this client sent, or cannot be trusted."""


class GrantError(AuthorizationError):
    """The token endpoint refused a code or a refresh token permanently.

    Attributes:
        status: HTTP status of the response, such as 400 or 401.
        title: short name of the problem, in the account's language.
        detail: its explanation, in the account's language.
        reason: the `hint` in the response, such as `Token has been revoked`; None if it has none.
        data: the decoded response.
        finding: why a refresh token was revoked, if that is known: `withdrawn` (the integration was
            turned off), `used` (by another program) or `lost` (with an earlier response).
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
    """No complete response arrived.

    Attributes:
        sent: whether the server may have received and carried out the call.
    """

    retryable = True
    sent: bool = True


class UnreachableError(TransportError):
    """Nothing was sent: DNS, connection or TLS failed. Always safe to repeat."""

    sent = False


class LostReplyError(TransportError):
    """The call was sent but no complete response arrived: its outcome is unknown."""

    sent = True


class OutcomeUnknownError(LostReplyError):
    """A write was sent and may have been carried out. It is not repeated unless `retry="always"`.

    Attributes:
        method: HTTP method of the call.
        path: its path, without host and query.
        data: the sent data before encoding. Not in the message: it may be a person's data.
        status: HTTP status of the response; None if no response arrived.
        request_id: the response's `X-Request-Id`; None if it has none.
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
    """The token could not be loaded, stored or locked. A new token stays usable in memory."""

    retryable = True


class RateLimiterError(AmoCRMError):
    """A shared rate limiter (a file, Redis) cannot be reached. Nothing was sent."""

    retryable = True


class JournalError(AmoCRMError):
    """The journal of an import is in use, or cannot be read or written. Nothing more is sent."""


class MirrorError(AmoCRMError):
    """The mirror's database cannot be read or written, or another run is mirroring the account.

    What was written before is whole; the next run goes on from there.
    """

    retryable = True


class InboxError(AmoCRMError):
    """The inbox of webhooks cannot be read or written; what was stored is kept."""


class WebhookError(AmoCRMError, ValueError):
    """A webhook that cannot be trusted or read."""


class ReplyError(AmoCRMError):
    """The server returned an error response.

    Attributes:
        method: HTTP method of the call.
        path: its path, without host and query.
        status: HTTP status of the response.
        title: short name of the problem; the text of the status if the body has none.
        detail: its explanation; None if the body has none.
        request_id: the response's `X-Request-Id`, for amoCRM's support; None if it has none.
        data: the decoded body; None if it is not JSON.
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


class InvalidField:
    """One field of the sent data that the server refused.

    Attributes:
        index: position of the item in the sent list; None if a single object was sent.
        request_id: the item's `request_id` in the response.
        path: path within the item, such as `custom_fields_values.0.field_id`; may be empty.
        code: amoCRM's code of the reason, such as `InvalidType`.
        detail: amoCRM's explanation.
        value: the value that was sent at `path`; None also if nothing was sent there, see
            `is_sent`. Left out of `repr`, because it may be a person's data.
        field_id: the id of the custom field, or its code if the code was sent; None if the field is
            not a custom field.
        field_name: the custom field's name; None unless its definition is known.
        choices: the allowed values of the custom field; empty unless they are known.
        is_sent: whether the sent data has a value at `path`; it may be null.
    """

    # Not a dataclass: `dataclasses` takes 6 ms to import, and is not needed otherwise.
    __slots__ = (
        "choices", "code", "detail", "field_id", "field_name", "index", "is_sent", "path",
        "request_id", "value",
    )  # fmt: skip

    def __init__(
        self,
        index: int | None,
        request_id: str | None,
        path: str,
        code: str,
        detail: str,
        value: object = None,
        field_id: int | str | None = None,
        field_name: str | None = None,
        choices: tuple[str, ...] = (),
        is_sent: bool = False,
    ) -> None:
        self.index = index
        self.request_id = request_id
        self.path = path
        self.code = code
        self.detail = detail
        self.value = value
        self.field_id = field_id
        self.field_name = field_name
        self.choices = choices
        self.is_sent = is_sent

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InvalidField):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.index, self.path, self.code))

    def __repr__(self) -> str:
        path, code = printable(self.path, SHORT), printable(self.code, SHORT)
        return f"InvalidField(index={self.index}, path={path!r}, code={code!r})"


class ValidationError(ReplyError):
    """400: fields were refused, and no item of the batch was written.

    Attributes:
        fields: all refused fields, in the order of the response.
    """

    fields: tuple[InvalidField, ...] = ()


class UnauthorizedError(ReplyError):
    """401, also after the token was refreshed: access was revoked, or the host is unknown."""


class PaymentRequiredError(ReplyError):
    """402: the account is not paid, or its plan does not include the function."""


class ForbiddenError(ReplyError):
    """403: rights or a scope are missing."""


class BlockedError(ForbiddenError):
    """403 without JSON: amoCRM blocks the account (Kommo: this IP address) after too many calls.

    Further calls of the account (Kommo: all calls) get this error without being sent, until one
    call is tried again. No end of an account's block is documented: amoCRM's support lifts it. Tell
    them the account, your IP address and `request_id`.

    Attributes:
        retry_after: seconds until the next try: 60, then 5 minutes, then 15 while the block lasts.
    """

    retryable = True
    retry_after: float | None = None


class NotFoundError(ReplyError, LookupError):
    """404: no such path or entity."""


class RateLimitedError(ReplyError):
    """429, and the pause is longer than this call may wait.

    Attributes:
        retry_after: seconds until the next call is allowed; None if the server did not say.
    """

    retryable = True
    retry_after: float | None = None


class ServerError(ReplyError):
    """5xx: an error within amoCRM. A write may have been carried out."""

    retryable = True


class UnexpectedReplyError(ReplyError):
    """A response without the documented shape: not JSON, cut, too large, or a redirect."""


BY_STATUS: Final[dict[int, type[ReplyError]]] = {
    401: UnauthorizedError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitedError,
}
"""Error classes by status, where the status alone decides. Source: reference 3.3."""
