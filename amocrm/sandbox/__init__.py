"""A strict local amoCRM / Kommo portal for tests, demos and clients of any language.

In memory, without network: OAuth with one-time codes and rotating refresh tokens, leads, contacts,
companies and their custom fields with validation, paging and limits, the pace of seven requests a
second, moved and uninstalled accounts, and weather on request.

>>> from amocrm.sandbox import ManualClock, Sandbox
>>> portal = Sandbox(clock=ManualClock())
>>> token = portal.issue_long_lived()
>>> session = portal.session()
>>> answer = session.get(
...     "https://example.amocrm.ru/api/v4/account", headers={"Authorization": f"Bearer {token}"}
... )
>>> answer.json()["subdomain"]
'example'
"""

from __future__ import annotations

from amocrm.sandbox.chats.hooks import ChatHook
from amocrm.sandbox.chats.store import Channel
from amocrm.sandbox.clock import Clock, ManualClock, SystemClock
from amocrm.sandbox.log import Seen
from amocrm.sandbox.portal import Sandbox
from amocrm.sandbox.problem import ProblemError
from amocrm.sandbox.state import Account
from amocrm.sandbox.tokens import Integration, UninstallHook
from amocrm.sandbox.weather import Weather

__all__ = [
    "Account",
    "Channel",
    "ChatHook",
    "Clock",
    "Integration",
    "ManualClock",
    "ProblemError",
    "Sandbox",
    "Seen",
    "SystemClock",
    "UninstallHook",
    "Weather",
]
