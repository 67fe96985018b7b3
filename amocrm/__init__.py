"""Client of the amoCRM / Kommo API v4: keeps OAuth tokens safe and observes the rate limit."""

from __future__ import annotations

import logging as _logging
import typing as _typing
from importlib import import_module as _import_module

from amocrm._version import __version__
from amocrm.auth.connection import Connection
from amocrm.auth.redirect.query import FROM_AMOCRM
from amocrm.auth.settings import AuthSettings, ServerSettings
from amocrm.auth.token import Token
from amocrm.client import AmoCRM
from amocrm.errors import (
    AccessDeniedError,
    AmoCRMError,
    AuthorizationError,
    BlockedError,
    BusyError,
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    GrantError,
    InboxError,
    InvalidField,
    JournalError,
    LostReplyError,
    NotAuthorizedError,
    NotFoundError,
    NotOfferedError,
    OutcomeUnknownError,
    PaymentRequiredError,
    RateLimitedError,
    RateLimiterError,
    ReplyError,
    ServerError,
    StateMismatchError,
    TokenStoreError,
    TransportError,
    UnauthorizedError,
    UnexpectedReplyError,
    UnreachableError,
    ValidationError,
    WebhookError,
)
from amocrm.http.messages import Timeout
from amocrm.http.request import Request
from amocrm.http.stats import Done, Stats
from amocrm.http.transport.transport import Response
from amocrm.rate_limit.budget import RateLimits
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.rate_limit.local import LocalRateLimiter
from amocrm.stores.memory import MemoryStore
from amocrm.stores.store import TokenStore

if _typing.TYPE_CHECKING:
    from amocrm.bulk.changes import Changes
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.outcomes import Created, Refused, Unknown, Updated
    from amocrm.bulk.writer import Outcomes
    from amocrm.integration import Integration
    from amocrm.progress import Progress
    from amocrm.resources.custom_fields.values import CLEAR, CustomFields
    from amocrm.resources.patch import changes
    from amocrm.resources.people.contact_keys import Ambiguous, Found
    from amocrm.resources.people.duplicates import DuplicateGroup
    from amocrm.resources.people.normalize import normalize_email, normalize_phone

__all__ = [
    "CLEAR",
    "FROM_AMOCRM",
    "AccessDeniedError",
    "Ambiguous",
    "AmoCRM",
    "AmoCRMError",
    "AuthSettings",
    "AuthorizationError",
    "BlockedError",
    "BusyError",
    "Changes",
    "ConfigurationError",
    "ConflictError",
    "Connection",
    "Created",
    "CustomFields",
    "Done",
    "DuplicateGroup",
    "ForbiddenError",
    "Found",
    "GrantError",
    "InboxError",
    "Integration",
    "InvalidField",
    "JournalError",
    "Listing",
    "LocalRateLimiter",
    "LostReplyError",
    "MemoryStore",
    "NotAuthorizedError",
    "NotFoundError",
    "NotOfferedError",
    "OutcomeUnknownError",
    "Outcomes",
    "PaymentRequiredError",
    "Progress",
    "RateLimitedError",
    "RateLimiter",
    "RateLimiterError",
    "RateLimits",
    "Refused",
    "ReplyError",
    "Request",
    "Response",
    "ServerError",
    "ServerSettings",
    "StateMismatchError",
    "Stats",
    "Timeout",
    "Token",
    "TokenStore",
    "TokenStoreError",
    "TransportError",
    "UnauthorizedError",
    "UnexpectedReplyError",
    "Unknown",
    "UnreachableError",
    "Updated",
    "ValidationError",
    "WebhookError",
    "__version__",
    "changes",
    "normalize_email",
    "normalize_phone",
]

_logging.getLogger("amocrm").addHandler(_logging.NullHandler())

_LATER = {
    "Integration": "amocrm.integration",
    "CLEAR": "amocrm.resources.custom_fields.values",
    "Ambiguous": "amocrm.resources.people.contact_keys",
    "Changes": "amocrm.bulk.changes",
    "Created": "amocrm.bulk.outcomes",
    "DuplicateGroup": "amocrm.resources.people.duplicates",
    "CustomFields": "amocrm.resources.custom_fields.values",
    "Found": "amocrm.resources.people.contact_keys",
    "Listing": "amocrm.bulk.listing",
    "Outcomes": "amocrm.bulk.writer",
    "Progress": "amocrm.progress",
    "Refused": "amocrm.bulk.outcomes",
    "Unknown": "amocrm.bulk.outcomes",
    "Updated": "amocrm.bulk.outcomes",
    "changes": "amocrm.resources.patch",
    "normalize_email": "amocrm.resources.people.normalize",
    "normalize_phone": "amocrm.resources.people.normalize",
}


def __getattr__(name: str) -> object:
    """Import heavy names on first use, so that a program with one call starts fast."""
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names and nothing else."""
    return sorted(__all__)
