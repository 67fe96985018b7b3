"""The accounts of a public integration in one database, mirrored by Celery workers on many hosts.

    export AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... AMOCRM_REDIRECT_URI=https://... \
        REDIS_URL=redis://... MIRROR_URL=postgresql+psycopg://... BROKER_URL=amqp://...
    celery --workdir examples --app celery_mirror worker
    celery --workdir examples --app celery_mirror beat

Redis keeps the tokens, so that an account's token is refreshed once whichever host needs it, and
the rate limit, so that all workers together stay below the API's. One run at a time mirrors an
account: the database keeps a lock for each, which ends with its process.
"""

# Celery has no types.
# mypy: disable-error-code="untyped-decorator"
# pyright: reportUntypedFunctionDecorator=false, reportFunctionMemberAccess=false

from __future__ import annotations

import logging
import os

from celery import Celery

from amocrm import Integration, MirrorError, NotAuthorizedError
from amocrm.mirror import mirror
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.stores.redis import RedisStore

log = logging.getLogger("mirror")

integration = Integration(
    os.environ["AMOCRM_CLIENT_ID"],
    os.environ["AMOCRM_CLIENT_SECRET"],
    os.environ["AMOCRM_REDIRECT_URI"],
    store=RedisStore(os.environ["REDIS_URL"], os.environ.get("TOKENS", "amocrm")),
    rate_limiter=RedisRateLimiter(os.environ["REDIS_URL"]),
)

EVERY = 300.0
"""Seconds between two runs of an account."""

app = Celery("mirror", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_acks_late=True,  # A task is forgotten when it has ended, not when it begins;
    task_reject_on_worker_lost=True,  # also if its process is killed.
    task_ignore_result=True,
    worker_prefetch_multiplier=1,  # A first copy takes long: nothing waits behind it.
    task_default_queue=os.environ.get("QUEUE", "mirror"),
    broker_connection_retry_on_startup=True,
    # RabbitMQ ends a connection whose task takes longer than 30 minutes: let it allow a first copy,
    # with `consumer_timeout` of the server; Redis gives such a task out again.
    broker_transport_options={"visibility_timeout": 86_400} if "redis" in os.environ["BROKER_URL"]
    else {},
    beat_schedule={"all": {"task": "mirror_all", "schedule": EVERY, "options": {"expires": EVERY}}},
)  # fmt: skip


@app.task(name="mirror_all")
def mirror_all() -> None:
    """Hand out a task for each account where the integration is installed."""
    for host in integration.accounts():
        # What has waited until the next round is there twice.
        mirror_account.apply_async((host,), expires=EVERY)


@app.task(name="mirror_account")
def mirror_account(host: str) -> None:
    """Bring the mirror of one account up to date."""
    try:
        report = mirror(integration.account(host), os.environ["MIRROR_URL"])
    except MirrorError as error:
        log.warning("%s: %s", host, error)  # Another worker does it; or the next round does.
    except NotAuthorizedError as error:
        log.warning("%s: %s", host, error)  # The account has removed the integration.
    else:
        log.info("%s: %s", host, report.written)
