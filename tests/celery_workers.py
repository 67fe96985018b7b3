"""What tests of Celery share: the address of a broker, the end of a worker, and patience."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from tests.servers import missing, need

_RABBIT = os.environ.get("AMOCRM_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")


def broker(kind: str) -> str:
    """Return the address of a broker that responds; skip the test if it does not."""
    if kind == "redis":
        return need("redis")
    try:
        socket.create_connection(("127.0.0.1", 5672), timeout=5).close()
    except OSError:
        missing("RabbitMQ")
    return _RABBIT


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and all its processes at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is true: other processes do it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
