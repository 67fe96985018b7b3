"""What every test may ask for: a clock that stands still, a portal, clients of it."""

from __future__ import annotations

import gc
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

# How long a case takes tells of the machine, not of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


class Make(Protocol):
    """Makes clients of the sandbox; `auth` is added to the integration's settings."""

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
    """A client that holds a token."""
    crm.connect()
    return crm


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def asking(sandbox: Sandbox, make: Make, free_port: int) -> AmoCRM:
    """A client that has nothing and asks a person."""
    uri = f"http://127.0.0.1:{free_port}/back"
    one = sandbox.add_integration(uri)
    return make(
        {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": uri,
            "server": {"port": free_port, "timeout": 10},
        }
    )


Browse = Callable[[str], requests.Response]


@pytest.fixture
def browse() -> Iterator[Browse]:
    """A browser: opens one address after another, each over a connection of its own."""
    with requests.Session() as browser:
        browser.trust_env = False
        yield lambda url: browser.get(url, timeout=5, headers={"Connection": "close"})


class EventNames(list[str]):
    """Names of events in the order they happened, without their common prefix."""


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
    """A portal that does not mind how fast it is called."""
    return Sandbox(clock=clock, rps=None, seed=0)


def workers() -> list[threading.Thread]:
    """The threads of bulk work that are alive."""
    return [one for one in threading.enumerate() if one.name == THREAD_NAME]


@pytest.fixture
def gone() -> Iterator[None]:
    """No test leaves a worker thread behind."""
    yield
    gc.collect()
    # What is still there (modules, the tests themselves) is not looked through again next time.
    gc.freeze()
    for thread in workers():
        thread.join(10)
    assert not workers()
