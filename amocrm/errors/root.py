"""The root of the tree, and what goes wrong without an answer that means no."""

from __future__ import annotations

from collections.abc import Callable

from amocrm.errors.printable import printable


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


class TokenStoreError(AmoCRMError):
    """The token could not be loaded, saved or locked. A token just granted stays in memory."""

    retryable = True


class PaceError(AmoCRMError):
    """The pace that is shared with others (a file, Redis) cannot be reached. Nothing was sent."""

    retryable = True


class JournalError(AmoCRMError):
    """The journal of an import is in use, or cannot be read or written. Nothing more is sent."""


class WebhookError(AmoCRMError, ValueError):
    """A delivery that cannot be trusted or read."""
