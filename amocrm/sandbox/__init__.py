"""A strict local amoCRM / Kommo portal for tests, demos and clients of any language.

In memory, without network: OAuth with one-time codes and rotating refresh tokens, the resources
of the API with validation, paging and limits (`table.TABLE` lists them, `UNCERTAIN.md` what the
reference leaves open), the limits of requests per second, moved and uninstalled accounts, and
injected faults on request. Its webhooks are sent by `Sandbox.webhooks`.

Files and chats have hosts of their own, as on the platforms: `drive-b.amocrm.ru`, the account's
`drive_url`, and `amojo.amocrm.ru`. Served over TCP everything is at one origin: that is the
`drive_url`, files are below `/v1.0/`, chats below `/v2/origin/custom/`. There an account is named
by the host (`two.localhost`) or by the path (`/two/api/v4/leads`); without either it is the first.

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

from amocrm.sandbox.amojo.hooks import ChatHook
from amocrm.sandbox.amojo.store import Channel
from amocrm.sandbox.clock import Clock, ManualClock, SystemClock
from amocrm.sandbox.data.state import Account
from amocrm.sandbox.faults.plan import FaultPlan
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.rate_limit import RateLimits
from amocrm.sandbox.http.request_log import Seen
from amocrm.sandbox.oauth.tokens import Integration, UninstallHook
from amocrm.sandbox.portal import Sandbox
from amocrm.sandbox.schema.document import SchemaError, read_schema, write_schema
from amocrm.sandbox.webhooks.delivery import Attempt, Delivery
from amocrm.sandbox.webhooks.faults import HookFaultPlan

__all__ = [
    "Account",
    "Attempt",
    "Channel",
    "ChatHook",
    "Clock",
    "Delivery",
    "FaultPlan",
    "HookFaultPlan",
    "Integration",
    "ManualClock",
    "ProblemError",
    "RateLimits",
    "Sandbox",
    "SchemaError",
    "Seen",
    "SystemClock",
    "UninstallHook",
    "read_schema",
    "write_schema",
]
