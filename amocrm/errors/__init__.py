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
    ├── TokenStoreError              the token could not be loaded, saved or locked
    ├── PaceError                    the pace shared with others cannot be reached; nothing was sent
    ├── JournalError                 the journal of an import is in use, or cannot be written
    └── WebhookError                 (ValueError) a delivery that cannot be trusted or read

`str(error)` is one line a person can act on. No secret, header or request body is ever part of a
message. Every class survives pickling, so a worker pool can hand an error back.

A write ends in OutcomeUnknownError whenever nobody can say whether it was done: no answer came, a
5xx came (its `__cause__` is the ServerError), or one that cannot be read (UnexpectedReplyError). So
one `except` finds them all, and what was sent is in the error, to be looked for or kept.
"""

from __future__ import annotations

from amocrm.errors.replies import (
    BY_STATUS,
    BlockedError,
    ForbiddenError,
    InvalidField,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    ReplyError,
    ServerError,
    UnauthorizedError,
    UnexpectedReplyError,
    ValidationError,
)
from amocrm.errors.root import (
    AccessDeniedError,
    AmoCRMError,
    AuthorizationError,
    BusyError,
    ConfigurationError,
    GrantError,
    JournalError,
    LostReplyError,
    NotAuthorizedError,
    NotOfferedError,
    OutcomeUnknownError,
    PaceError,
    StateMismatchError,
    TokenStoreError,
    TransportError,
    UnreachableError,
    WebhookError,
)

__all__ = [
    "BY_STATUS",
    "AccessDeniedError",
    "AmoCRMError",
    "AuthorizationError",
    "BlockedError",
    "BusyError",
    "ConfigurationError",
    "ForbiddenError",
    "GrantError",
    "InvalidField",
    "JournalError",
    "LostReplyError",
    "NotAuthorizedError",
    "NotFoundError",
    "NotOfferedError",
    "OutcomeUnknownError",
    "PaceError",
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
