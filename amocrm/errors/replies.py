"""What goes wrong with an answer that means no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from amocrm.errors.printable import SHORT, printable
from amocrm.errors.root import AmoCRMError


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
        value: what was sent there; None if nothing was. Left out of `repr`: it may be a
            person's data.
        field_id: of the custom field it is about; its code, if it was sent by that; None where it
            is about no custom field.
        field_name: the custom field's name; None unless its definition is known.
        choices: what the custom field takes; empty unless it is known and has choices.
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

    Calls of all who share the pace are refused unsent until one tries again.

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
