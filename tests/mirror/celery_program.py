"""The example of Celery and the mirror, for accounts of a sandbox that is served over TCP.

celery --app tests.mirror.celery_program worker
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from amocrm import Integration
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.stores.redis import RedisStore

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import celery_mirror
from celery_mirror import app


class ToSandbox(HTTPAdapter):
    """Sends what is meant for an account to the sandbox, where it is the beginning of the path."""

    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        parts = urlsplit(request.url)
        account = f"/{parts.netloc.partition('.')[0]}"
        path = parts.path.removeprefix(account)  # It is there in the URL of a next page.
        request.url = f"{os.environ['SANDBOX']}{account}{path}?{parts.query}"
        return super().send(request, *args, **settings)


def connect(store: RedisStore) -> Integration:
    """Return the integration of the sandbox."""
    session = requests.Session()
    session.mount("https://", ToSandbox())
    settings = (os.environ[f"AMOCRM_{name}"] for name in
                ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI"))  # fmt: skip
    return Integration(
        *settings, store=store, session=session,
        rate_limiter=RedisRateLimiter(os.environ["REDIS_URL"], os.environ["TOKENS"]),
    )  # fmt: skip


celery_mirror.integration.close()
celery_mirror.integration = connect(RedisStore(os.environ["REDIS_URL"], os.environ["TOKENS"]))

__all__ = ["app"]
