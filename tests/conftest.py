"""Fixtures for all tests: a manual clock, a sandbox, and clients of it."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import requests
from hypothesis import HealthCheck, settings

from amocrm import AmoCRM, AuthSettings
from amocrm.bulk.workers import THREAD_NAME
from amocrm.sandbox import ManualClock, Sandbox
from tests.hostile import CASES

# The duration of a case depends on the machine, not on the code.
settings.register_profile(
    "untimed",
    max_examples=min(CASES, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # In the background of a shell; the programs that tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Make(Protocol):
    """Creates clients of the sandbox; `auth` is added to the integration's settings."""

    def __call__(
        self, auth: dict[str, Any] | None = None, domain: str = "example", **settings: Any
    ) -> AmoCRM: ...


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sandbox(clock: ManualClock) -> Sandbox:
    return Sandbox(("example", "other"), clock=clock, seed=0)


@pytest.fixture
def credentials(sandbox: Sandbox) -> AuthSettings:
    one = sandbox.integration
    return {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }


@pytest.fixture
def make(sandbox: Sandbox, clock: ManualClock, credentials: AuthSettings) -> Iterator[Make]:
    clients: list[AmoCRM] = []

    def make(
        auth: dict[str, Any] | None = None, domain: str = "example", **settings: Any
    ) -> AmoCRM:
        whole: Any = {**credentials, **(auth or {})}
        settings = {"session": sandbox.session(), "clock": clock, **settings}
        clients.append(AmoCRM(domain, whole, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def crm(make: Make, sandbox: Sandbox) -> AmoCRM:
    """A client with a fresh code."""
    return make({"code": sandbox.issue_code()})


@pytest.fixture
def connected(crm: AmoCRM) -> AmoCRM:
    """A client with a token."""
    crm.connect()
    return crm


def own_ports() -> Iterator[int]:
    """Ports that no other process of these tests tries, over and over.

    Systems give higher ones to connections, and to whoever asks for any: a port that was free a
    moment ago would be somebody else's now and then.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = range(20_000 + process, 32_000, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    begin = os.getpid() % len(ports)  # Another run of the tests begins elsewhere.
    return itertools.cycle([*ports[begin:], *ports[:begin]])


PORTS = own_ports()


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens, and nobody but the test will."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port := next(PORTS)))
            return port


@pytest.fixture
def asking(sandbox: Sandbox, make: Make, free_port: int) -> AmoCRM:
    """A client without a token and a code, which asks a person for consent."""
    uri = f"http://127.0.0.1:{free_port}/back"
    one = sandbox.add_integration(uri)
    return make(
        {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": uri,
            "server": {"port": free_port, "timeout": 60},
        }
    )


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as a person has it, even where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


Browse = Callable[[str], requests.Response]


@pytest.fixture
def browse() -> Iterator[Browse]:
    """A browser: opens URLs one after another, each over a new connection."""
    with requests.Session() as browser:
        browser.trust_env = False
        yield lambda url: browser.get(url, timeout=60, headers={"Connection": "close"})


class EventNames(list[str]):
    """Names of events in order, without their common prefix."""


@pytest.fixture
def record_events() -> Callable[[AmoCRM], EventNames]:
    def record_events(crm: AmoCRM) -> EventNames:
        names = EventNames()
        for name in (
            "beforeConnect", "beforeFetchToken", "beforeRefreshToken", "checkToken",
            "authError", "connected", "error", "newToken",
        ):  # fmt: skip
            subscribe: Callable[..., None] = crm.on
            subscribe(f"connection:{name}", lambda *_, name=name: names.append(name))
        return names

    return record_events


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    """A sandbox without a rate limit."""
    return Sandbox(clock=clock, rps=None, seed=0)


def workers() -> list[threading.Thread]:
    """The running threads of bulk operations."""
    return [one for one in threading.enumerate() if one.name == THREAD_NAME]


@pytest.fixture
def gone() -> Iterator[None]:
    """Check that a test leaves no worker thread running, and begin it without another's."""
    if workers():
        gc.collect()
    end_workers()
    yield
    gc.collect()
    # Objects that are still alive (modules, tests) are not scanned again after the next test.
    gc.freeze()
    end_workers()
    assert not workers()


def end_workers() -> None:
    """Wait for threads that are about to end."""
    for thread in workers():
        thread.join(30)
