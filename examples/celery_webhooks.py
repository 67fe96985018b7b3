"""Webhooks on several hosts: web servers store them, and Celery workers handle them.

The web servers, the workers, and one beat, which hands over again what was lost or has failed:

    export AMOCRM_DOMAIN=... AMOCRM_TOKEN=... AMOCRM_WEBHOOK_KEY=... \
        AMOCRM_WEBHOOK_URL=https://example.com/amocrm \
        DATABASE_URL=postgresql+psycopg://... BROKER_URL=amqp://...
    gunicorn --chdir examples --workers 4 celery_webhooks:application
    celery --workdir examples --app celery_webhooks worker
    celery --workdir examples --app celery_webhooks beat

`python examples/celery_webhooks.py` creates the tables and subscribes.
"""

# Celery has no types.
# mypy: disable-error-code="untyped-decorator"
# pyright: reportUntypedFunctionDecorator=false, reportFunctionMemberAccess=false

from __future__ import annotations

import os

from celery import Celery

from amocrm import AmoCRM
from amocrm.webhooks import Event, Hooks, Worker
from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.receiver.receiver import Receiver
from amocrm.webhooks.subscriptions import ensure

crm = AmoCRM(
    os.environ["AMOCRM_DOMAIN"],
    {"access_token": os.environ["AMOCRM_TOKEN"]},
    base_url=os.environ.get("AMOCRM_BASE_URL"),
)
inbox = SQLInbox(os.environ["DATABASE_URL"])
hooks = Hooks(ignore_own=True)
worker = Worker(inbox, hooks, crm, lease=float(os.environ.get("LEASE", "60")))


@hooks.on("status_lead", stage="Paid")
def prepare_delivery(event: Event, crm: AmoCRM) -> None:
    """Add a task for whoever is responsible for a lead that was paid."""
    lead = event.fetch()
    crm.tasks.create(
        {
            "text": f"Prepare the delivery of {lead['name']}",
            "complete_till": lead["updated_at"] + 86_400,
            "entity_id": lead["id"],
            "entity_type": "leads",
            "responsible_user_id": lead["responsible_user_id"],
        }
    )


SWEEP = 30.0
"""Seconds between two sweeps."""

app = Celery("webhooks", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_acks_late=True,  # A task is forgotten when it has ended, not when it begins;
    task_reject_on_worker_lost=True,  # also if its process is killed.
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    task_default_queue=os.environ.get("QUEUE", "webhooks"),
    # amoCRM waits two seconds: a broker that is down must not hold up the answer.
    task_publish_retry=False,
    broker_connection_timeout=1,
    broker_connection_retry_on_startup=True,
    beat_schedule={"sweep": {"task": "sweep", "schedule": SWEEP, "options": {"expires": SWEEP}}},
)


@app.task(name="handle")
def handle(delivery_id: int) -> None:
    """Handle the events of one delivery."""
    worker.handle(delivery_id)


@app.task(name="sweep")
def sweep() -> None:
    """Hand over again what the broker has lost, and what has failed and is due."""
    # While no worker runs, each sweep finds the same: the tasks of the last one are enough.
    worker.sweep(lambda delivery_id: handle.apply_async((delivery_id,), expires=SWEEP))


inbox.hand_over(handle.delay)
receiver = Receiver(
    inbox, key=os.environ["AMOCRM_WEBHOOK_KEY"], url=os.environ["AMOCRM_WEBHOOK_URL"]
)
application = receiver.wsgi_app


def main() -> None:
    """Create the tables, and subscribe to what the handlers need."""
    inbox.create_table()
    account_id = crm.account.get()["id"]
    ensured = ensure(crm, receiver.address(account_id), hooks.codes)
    print(f"{ensured.action}: {', '.join(ensured.codes)}")


if __name__ == "__main__":
    main()
