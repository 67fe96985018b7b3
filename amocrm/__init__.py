"""amoCRM / Kommo API v4 for Python: OAuth that is never lost, at the API's own pace."""

from __future__ import annotations

__version__ = "0.1.0"

import logging

from amocrm.client import AmoCRM
from amocrm.connection import Connection
from amocrm.core.settings import AuthSettings, ServerSettings
from amocrm.core.token import Token
from amocrm.core.wire import Timeout
from amocrm.errors import *  # noqa: F403 - the whole tree is part of the contract
from amocrm.errors import __all__ as _errors
from amocrm.paces import Pace
from amocrm.paces.threads import ThreadPace
from amocrm.request import Request
from amocrm.stores import TokenStore
from amocrm.stores.memory import MemoryStore
from amocrm.transport import Response

__all__ = [
    "AmoCRM",
    "AuthSettings",
    "Connection",
    "MemoryStore",
    "Pace",
    "Request",
    "Response",
    "ServerSettings",
    "ThreadPace",
    "Timeout",
    "Token",
    "TokenStore",
    "__version__",
]
__all__ += _errors

logging.getLogger("amocrm").addHandler(logging.NullHandler())
