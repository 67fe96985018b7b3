"""An app that keeps the webhooks it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ORIGIN = "https://hooks.example.com"


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
        self.bodies.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        if self.then is not None:
            self.then()
        status = self.statuses.pop(0) if self.statuses else 200
        start_response(f"{status} Status", [("Content-Type", "text/plain")])
        return [b"ok"]
