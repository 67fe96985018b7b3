"""A receiver that is mounted in the sandbox, and ways to subscribe it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ORIGIN = "https://hooks.example.com"

Call = Callable[..., requests.Response]
Subscribe = Callable[..., str]


@dataclass
class Receiver:
    """A WSGI app that keeps what it gets, and answers with the next of `statuses`, else 200."""

    statuses: list[int] = field(default_factory=list[int])
    paths: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])
    environs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    then: Callable[[], Any] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.environs.append(environ)
        self.paths.append(environ["PATH_INFO"])
        self.bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
        if self.then is not None:
            self.then()
        status = self.statuses.pop(0) if self.statuses else 200
        start_response(f"{status} Status", [("Content-Type", "text/plain")])
        return [b"ok"]


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
