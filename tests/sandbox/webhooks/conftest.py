"""A receiver that is mounted in the sandbox, and ways to subscribe it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from tests.sandbox.webhooks.receiver import ORIGIN, Receiver

Call = Callable[..., requests.Response]
Subscribe = Callable[..., str]


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(clock=clock, rps=None, seed=1)


@pytest.fixture
def receiver(portal: Sandbox) -> Receiver:
    receiver = Receiver()
    portal.webhooks.mount(ORIGIN, receiver)
    return receiver


@pytest.fixture
def subscribe(call: Call) -> Subscribe:
    """Subscribe an address to codes; return it."""

    def subscribe(*codes: str, url: str = f"{ORIGIN}/secret/in") -> str:
        answer = call("POST", "/webhooks", json={"destination": url, "settings": list(codes)})
        assert answer.status_code == 201, answer.text
        return url

    return subscribe
