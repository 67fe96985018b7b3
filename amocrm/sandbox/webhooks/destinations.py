"""Where webhooks go: to apps in this process, and to ports of this machine."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from amocrm.sandbox.clock import Clock
from amocrm.sandbox.http.exchange import Body
from amocrm.sandbox.webhooks.apps import App, call_app
from amocrm.sandbox.webhooks.delivery import Attempt, Delivery
from amocrm.sandbox.webhooks.schedule import NO_ANSWER
from amocrm.sandbox.webhooks.sockets import is_local, request

_MOST_SHOWN = 2000
"""Bytes of an answer that are kept."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Destinations:
    """Mounted apps by their origin, and the rule for every other address."""

    def __init__(self, clock: Clock) -> None:
        """Begin without apps."""
        self._clock = clock
        self._apps: dict[str, App] = {}

    def mount(self, origin: str, app: App) -> None:
        """Let an app receive all that is sent to an origin.

        Raises:
            ValueError: it is no origin.
        """
        self._apps[_origin(origin)] = app

    def unmount(self, origin: str) -> None:
        """Forget the app of an origin.

        Raises:
            KeyError: there is none.
        """
        del self._apps[_origin(origin)]

    def reaches(self, url: str) -> bool:
        """Tell whether webhooks may be sent to an address."""
        try:
            return _origin_of(url) in self._apps or is_local(url)
        except ValueError:  # It is no address, as `http://a:port`.
            return False

    def attempt(self, delivery: Delivery) -> Attempt:
        """Send a webhook once. The caller holds no lock: who receives it may call the API."""
        at, started = self._clock.time(), self._clock.monotonic()
        app = self._apps.get(_origin_of(delivery.url))
        headers = dict(delivery.headers)
        wanted = (delivery.method, delivery.url, headers, delivery.body)
        try:
            if app is None:
                status, body = request(*wanted, delivery.limit)
                return Attempt(at, status, body=_text(body))
            status, body = call_app(app, *wanted)
        except TimeoutError:
            return Attempt(at, NO_ANSWER, "timed out")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Attempt(at, NO_ANSWER, type(error).__name__)
        # An app cannot be stopped in the middle; how long it took is known afterwards.
        if self._clock.monotonic() - started > delivery.limit:
            return Attempt(at, NO_ANSWER, "timed out")
        return Attempt(at, status, body=_text(body))


def _text(body: bytes) -> str:
    return Body(body[:_MOST_SHOWN], len(body)).text


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if not parts.hostname or parts.scheme not in _DEFAULT_PORTS or parts.path.strip("/"):
        raise ValueError(f"expected an origin such as https://hooks.example.com, not {text!r}")
    return _origin_of(text)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"
