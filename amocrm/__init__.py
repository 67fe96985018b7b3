"""Client of the amoCRM / Kommo API v4: keeps OAuth tokens safe and observes the rate limit."""

from __future__ import annotations

import typing as _typing
from importlib import import_module as _import_module

from amocrm._version import __version__

if _typing.TYPE_CHECKING:
    from amocrm.auth.connection import Connection
    from amocrm.auth.redirect.query import FROM_AMOCRM
    from amocrm.auth.settings import AuthSettings, ServerSettings
    from amocrm.auth.token import Token
    from amocrm.bulk.changes import Changes
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.outcomes import Created, Refused, Unknown, Updated
    from amocrm.bulk.writer import Outcomes
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
        MirrorError,
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
    from amocrm.integration import Integration
    from amocrm.progress import Progress
    from amocrm.rate_limit.budget import RateLimits
    from amocrm.rate_limit.limiter import RateLimiter
    from amocrm.rate_limit.local import LocalRateLimiter
    from amocrm.resources.custom_fields.values import CLEAR, CustomFields
    from amocrm.resources.patch import changes
    from amocrm.resources.people.contact_keys import Ambiguous, Found
    from amocrm.resources.people.duplicates import DuplicateGroup
    from amocrm.resources.people.normalize import normalize_email, normalize_phone
    from amocrm.stores.memory import MemoryStore
    from amocrm.stores.store import TokenStore

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
    "MirrorError",
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

_MODULES = {
    "Connection": "amocrm.auth.connection",
    "FROM_AMOCRM": "amocrm.auth.redirect.query",
    "AuthSettings": "amocrm.auth.settings",
    "ServerSettings": "amocrm.auth.settings",
    "Token": "amocrm.auth.token",
    "Changes": "amocrm.bulk.changes",
    "Listing": "amocrm.bulk.listing",
    "Created": "amocrm.bulk.outcomes",
    "Refused": "amocrm.bulk.outcomes",
    "Unknown": "amocrm.bulk.outcomes",
    "Updated": "amocrm.bulk.outcomes",
    "Outcomes": "amocrm.bulk.writer",
    "AmoCRM": "amocrm.client",
    "AccessDeniedError": "amocrm.errors",
    "AmoCRMError": "amocrm.errors",
    "AuthorizationError": "amocrm.errors",
    "BlockedError": "amocrm.errors",
    "BusyError": "amocrm.errors",
    "ConfigurationError": "amocrm.errors",
    "ConflictError": "amocrm.errors",
    "ForbiddenError": "amocrm.errors",
    "GrantError": "amocrm.errors",
    "InboxError": "amocrm.errors",
    "InvalidField": "amocrm.errors",
    "JournalError": "amocrm.errors",
    "LostReplyError": "amocrm.errors",
    "MirrorError": "amocrm.errors",
    "NotAuthorizedError": "amocrm.errors",
    "NotFoundError": "amocrm.errors",
    "NotOfferedError": "amocrm.errors",
    "OutcomeUnknownError": "amocrm.errors",
    "PaymentRequiredError": "amocrm.errors",
    "RateLimitedError": "amocrm.errors",
    "RateLimiterError": "amocrm.errors",
    "ReplyError": "amocrm.errors",
    "ServerError": "amocrm.errors",
    "StateMismatchError": "amocrm.errors",
    "TokenStoreError": "amocrm.errors",
    "TransportError": "amocrm.errors",
    "UnauthorizedError": "amocrm.errors",
    "UnexpectedReplyError": "amocrm.errors",
    "UnreachableError": "amocrm.errors",
    "ValidationError": "amocrm.errors",
    "WebhookError": "amocrm.errors",
    "Timeout": "amocrm.http.messages",
    "Request": "amocrm.http.request",
    "Done": "amocrm.http.stats",
    "Stats": "amocrm.http.stats",
    "Response": "amocrm.http.transport.transport",
    "Integration": "amocrm.integration",
    "Progress": "amocrm.progress",
    "RateLimits": "amocrm.rate_limit.budget",
    "RateLimiter": "amocrm.rate_limit.limiter",
    "LocalRateLimiter": "amocrm.rate_limit.local",
    "CLEAR": "amocrm.resources.custom_fields.values",
    "CustomFields": "amocrm.resources.custom_fields.values",
    "changes": "amocrm.resources.patch",
    "Ambiguous": "amocrm.resources.people.contact_keys",
    "Found": "amocrm.resources.people.contact_keys",
    "DuplicateGroup": "amocrm.resources.people.duplicates",
    "normalize_email": "amocrm.resources.people.normalize",
    "normalize_phone": "amocrm.resources.people.normalize",
    "MemoryStore": "amocrm.stores.memory",
    "TokenStore": "amocrm.stores.store",
}
"""Where each public name is."""


def __getattr__(name: str) -> object:
    """Import a name on its first use, so that a program loads only what it uses."""
    if name in _MODULES:
        found = globals()[name] = getattr(_import_module(_MODULES[name]), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names and nothing else."""
    return sorted(__all__)
