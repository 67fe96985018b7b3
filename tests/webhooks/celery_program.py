"""What the tests of Celery run in processes: the example, with handlers that tell what they do.

celery --app tests.webhooks.celery_program worker
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from amocrm import AmoCRM
from amocrm.webhooks import Event

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from celery_webhooks import app, hooks

TOLD = os.environ["TOLD"]
"""A file with a line for each beginning and each end of a handler."""

BUSY = float(os.environ["BUSY"])
"""Seconds that a handler takes."""

GATE = Path(f"{TOLD}.gate")
"""While this exists, handlers go on running."""


def tell(what: str, event: Event) -> None:
    line = f"{what} {event.id} {event.item['name']} {os.getpid()}\n"
    file = os.open(TOLD, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


@hooks.on("update_lead")
def told(event: Event, crm: AmoCRM) -> None:
    tell("begin", event)
    time.sleep(BUSY)
    while GATE.exists():
        time.sleep(0.01)
    tell("end", event)


__all__ = ["app"]
