"""amoCRM / Kommo API v4 for Python: OAuth that is never lost, at the API's own pace."""

from __future__ import annotations

__version__ = "0.1.0"

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from amocrm.client import AmoCRM
from amocrm.connection import Connection
from amocrm.core.callback import FROM_AMOCRM
from amocrm.core.settings import AuthSettings, ServerSettings
from amocrm.core.token import Token
from amocrm.core.wire import Timeout
from amocrm.errors import (
    AccessDeniedError,
    AmoCRMError,
    AuthorizationError,
    BlockedError,
    BusyError,
    ConfigurationError,
    ForbiddenError,
    GrantError,
    InvalidField,
    JournalError,
    LostReplyError,
    NotAuthorizedError,
    NotFoundError,
    NotOfferedError,
    OutcomeUnknownError,
    PaceError,
    PaymentRequiredError,
    RateLimitedError,
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
from amocrm.paces import Pace
from amocrm.paces.threads import ThreadPace
from amocrm.request import Request
from amocrm.stats import Done, Stats
from amocrm.stores import TokenStore
from amocrm.stores.memory import MemoryStore
from amocrm.transport import Response

if TYPE_CHECKING:
    from amocrm.batches import Outcomes
    from amocrm.core.batch import Created, Refused, Unknown, Updated
    from amocrm.core.custom.values import CLEAR, CustomFields
    from amocrm.core.difference import changes
    from amocrm.core.match import Ambiguous, Found
    from amocrm.follow import Changes
    from amocrm.integration import Integration
    from amocrm.listing import Listing
    from amocrm.progress import Progress

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
    "Connection",
    "Created",
    "CustomFields",
    "Done",
    "ForbiddenError",
    "Found",
    "GrantError",
    "Integration",
    "InvalidField",
    "JournalError",
    "Listing",
    "LostReplyError",
    "MemoryStore",
    "NotAuthorizedError",
    "NotFoundError",
    "NotOfferedError",
    "OutcomeUnknownError",
    "Outcomes",
    "Pace",
    "PaceError",
    "PaymentRequiredError",
    "Progress",
    "RateLimitedError",
    "Refused",
    "ReplyError",
    "Request",
    "Response",
    "ServerError",
    "ServerSettings",
    "StateMismatchError",
    "Stats",
    "ThreadPace",
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
]

logging.getLogger("amocrm").addHandler(logging.NullHandler())

_LATER = {
    "Integration": "amocrm.integration",
    "CLEAR": "amocrm.core.custom.values",
    "Ambiguous": "amocrm.core.match",
    "Changes": "amocrm.follow",
    "Created": "amocrm.core.batch",
    "CustomFields": "amocrm.core.custom.values",
    "Found": "amocrm.core.match",
    "Listing": "amocrm.listing",
    "Outcomes": "amocrm.batches",
    "Progress": "amocrm.progress",
    "Refused": "amocrm.core.batch",
    "Unknown": "amocrm.core.batch",
    "Updated": "amocrm.core.batch",
    "changes": "amocrm.core.difference",
}


def __getattr__(name: str) -> object:
    """Import what works in bulk when it is asked for: a program of one call does without."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
