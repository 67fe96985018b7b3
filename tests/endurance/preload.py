"""A server that makes its client, calls, and then forks its workers, as `gunicorn --preload` does.

    python -m tests.endurance.preload '{"kind": "file", "place": ..., "url": ..., "auth": ..., ...}'

Parent and workers call at the same time, each for another lead, after the token has expired.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from amocrm import AmoCRM
from amocrm.sandbox import SystemClock
from tests.endurance.conftest import open_as_users_do

CALLS = 20
THREADS = 4


def work(crm: AmoCRM, lead: int) -> bool:
    """Read one lead repeatedly; each response must belong to this process."""
    wrong: list[object] = []

    def call() -> None:
        for _ in range(CALLS):
            try:
                answer = crm.request.get(f"/api/v4/leads/{lead}").data["id"]
            except Exception as error:
                answer = repr(error)
            if answer != lead:
                wrong.append(answer)

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        sys.stderr.write(f"{wrong[:3]}\n")
    return not wrong


def main() -> None:
    """Preload, fork, let the token expire, work."""
    task: Any = json.loads(sys.argv[1])
    clock = SystemClock()
    crm = AmoCRM(
        "example", task["auth"], base_url=task["url"], clock=clock, rate_limiter=None,
        store=open_as_users_do(task["kind"], task["place"]),
    )  # fmt: skip
    crm.request.get("/api/v4/account")
    sys.stdout.write("preloaded\n")
    sys.stdout.flush()
    sys.stdin.readline()
    clock.advance(86_401)
    own_lead, *leads = task["leads"]
    children = []
    for lead in leads:
        child = os.fork()
        if child == 0:
            os._exit(0 if work(crm, lead) else 1)
        children.append(child)
    good = work(crm, own_lead)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(0 if good and not any(statuses) else 1)


if __name__ == "__main__":
    main()
