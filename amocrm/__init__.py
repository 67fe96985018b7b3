"""amoCRM / Kommo API v4 for Python: OAuth that is never lost, at the API's own pace."""

from __future__ import annotations

__version__ = "0.1.0"

import logging

from amocrm.client import AmoCRM
from amocrm.connection import Connection
from amocrm.core.settings import AuthSettings, ServerSettings
from amocrm.core.token import Token
from amocrm.core.wire import Timeout
from amocrm.errors import (
    AccessDeniedError,
    AmoCRMError,
    AuthorizationError,
    ConfigurationError,
    ForbiddenError,
    GrantError,
    InvalidField,
    LostReplyError,
    NotAuthorizedError,
    NotFoundError,
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
from amocrm.integration import Integration
from amocrm.paces import Pace
from amocrm.paces.threads import ThreadPace
from amocrm.request import Request
from amocrm.stores import TokenStore
from amocrm.stores.memory import MemoryStore
from amocrm.transport import Response

__all__ = [
    "AccessDeniedError",
    "AmoCRM",
    "AmoCRMError",
    "AuthSettings",
    "AuthorizationError",
    "ConfigurationError",
    "Connection",
    "ForbiddenError",
    "GrantError",
    "Integration",
    "InvalidField",
    "LostReplyError",
    "MemoryStore",
    "NotAuthorizedError",
    "NotFoundError",
    "Pace",
    "PaymentRequiredError",
    "RateLimitedError",
    "ReplyError",
    "Request",
    "Response",
    "ServerError",
    "ServerSettings",
    "StateMismatchError",
    "ThreadPace",
    "Timeout",
    "Token",
    "TokenStore",
    "TokenStoreError",
    "TransportError",
    "UnauthorizedError",
    "UnexpectedReplyError",
    "UnreachableError",
    "ValidationError",
    "WebhookError",
    "__version__",
]

logging.getLogger("amocrm").addHandler(logging.NullHandler())
