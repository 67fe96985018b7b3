"""What can go wrong, sorted by what the caller does next.

::

    AmoCRMError                      .retryable  .hint
    ├── ConfigurationError           (ValueError) settings or arguments are wrong; before any I/O
    ├── AuthorizationError           a person has to act
    │   ├── NotAuthorizedError       no usable token, and nobody to ask
    │   ├── AccessDeniedError        the person said no on the consent page
    │   ├── StateMismatchError       a redirect that does not answer our question
    │   └── GrantError               the token endpoint refused a code or a refresh token
    ├── TransportError               no reply at all                       .sent
    │   ├── UnreachableError         nothing left this machine: always safe to repeat
    │   └── LostReplyError           sent, outcome unknown: repeat only what may be repeated
    ├── ReplyError                   a reply that means no   .method .path .status .title .detail
    │   ├── ValidationError          400 with a reason for each field      .fields
    │   ├── UnauthorizedError        401 that renewing the token did not cure
    │   ├── PaymentRequiredError     402
    │   ├── ForbiddenError           403
    │   ├── NotFoundError            (LookupError) 404
    │   ├── RateLimitedError         429 after patience ran out            .retry_after
    │   ├── ServerError              5xx
    │   └── UnexpectedReplyError     not the documented shape
    ├── TokenStoreError              the token could not be loaded, saved or locked
    └── WebhookError                 (ValueError) a delivery that cannot be trusted or read

`str(error)` is one line a person can act on. No secret, header or request body is ever part of a
message. Every class survives pickling, so a worker pool can hand an error back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = [
    "AccessDeniedError",
    "AmoCRMError",
    "AuthorizationError",
    "ConfigurationError",
    "ForbiddenError",
    "GrantError",
    "InvalidField",
    "LostReplyError",
    "NotAuthorizedError",
    "NotFoundError",
    "PaymentRequiredError",
    "RateLimitedError",
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


class AmoCRMError(Exception):
    """The root of everything this library raises.

    Attributes:
        hint: what to do about it, in one sentence; None when the message says it all.
        retryable: the same call may succeed later without anybody changing anything.
    """

    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint: str | None = hint

    def __str__(self) -> str:
        message = str(self.args[0]) if self.args else type(self).__name__
        return f"{message} ({self.hint})" if self.hint else message

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


class AuthorizationError(AmoCRMError):
    """A person has to act before calls can go on."""


class NotAuthorizedError(AuthorizationError):
    """There is no usable token, and nothing to get one with."""


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
        return f"{text} [request {self.request_id}]" if self.request_id else text


@dataclass(frozen=True)
class InvalidField:
    """One field of the sent data that the server refused.

    Attributes:
        index: which item of the sent list; None when one object was sent.
        request_id: the item's `request_id` as the server names it.
        path: where in the item, dotted, such as `custom_fields_values.0.field_id`.
        code: the server's name of the reason, such as `InvalidType`.
        detail: the reason in words.
        value: what was sent there; None if nothing was. Left out of `repr`: it may be a
            person's data.
    """

    index: int | None
    request_id: str | None
    path: str
    code: str
    detail: str
    value: object = None

    def __repr__(self) -> str:
        return f"InvalidField(index={self.index}, path={self.path!r}, code={self.code!r})"


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
    """403: rights or a scope are missing, or this address is blocked."""


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


class TokenStoreError(AmoCRMError):
    """The token could not be loaded, saved or locked. A token just granted stays in memory."""

    retryable = True


class WebhookError(AmoCRMError, ValueError):
    """A delivery that cannot be trusted or read."""


BY_STATUS: Final[dict[int, type[ReplyError]]] = {
    401: UnauthorizedError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitedError,
}
"""The class of a refusal, where its status alone decides. Source: reference 3.3."""
