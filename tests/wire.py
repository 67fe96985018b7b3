"""Records every request that a client sends, as the HTTP stack would send it, with its secrets."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import parse_url

from amocrm.sandbox import Sandbox

_HOME = re.compile(
    r"https://(?!www\.)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.(?:amocrm\.ru|amocrm\.com|kommo\.com)"
)
"""Where secrets may be sent, implemented independently: to a host of amoCRM, over HTTPS."""


class Sent(NamedTuple):
    """A request that was sent.

    Attributes:
        origin: where urllib3 would have connected to.
        text: its address, headers and body.
    """

    origin: str
    text: str


class Reply(NamedTuple):
    """A response instead of the sandbox's."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


Twist = Callable[[requests.PreparedRequest], "Reply | None"]
"""Returns a response instead of the sandbox's; None lets the sandbox respond."""


class Wire(HTTPAdapter):
    """Records each request to any host, and lets the sandbox or a twist respond."""

    def __init__(self, sandbox: Sandbox, twist: Twist = lambda _: None) -> None:
        super().__init__()
        self._portal = sandbox.session().get_adapter("https://example.amocrm.ru/")
        self.twist = twist
        self.sent: list[Sent] = []

    def session(self) -> requests.Session:
        session = requests.Session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, self)
        return session

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        url = parse_url(str(request.url))
        origin = f"{url.scheme}://{url.netloc}"
        headers = "\n".join(f"{name}: {value!s}" for name, value in request.headers.items())
        body = request.body if isinstance(request.body, (str, bytes)) else b""
        text = body.decode("latin-1") if isinstance(body, bytes) else body
        self.sent.append(Sent(origin, f"{request.url}\n{headers}\n\n{text}"))
        reply = self.twist(request)
        if reply is None:
            return self._portal.send(request, *args, **kwargs)
        raw = HTTPResponse(
            body=io.BytesIO(reply.body),
            headers=HTTPHeaderDict(reply.headers),
            status=reply.status,
            preload_content=False,
            request_method=request.method,
            request_url=request.url,
        )
        return self.build_response(request, raw)

    @property
    def strays(self) -> list[Sent]:
        """Requests that were not sent to a host of amoCRM over HTTPS."""
        return [one for one in self.sent if _HOME.fullmatch(one.origin) is None]
