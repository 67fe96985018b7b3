"""A channel of the Chats API, and its connections to accounts."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Literal

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.emitter import Emitter
from amocrm._support.secret import Secret
from amocrm.chats import payloads
from amocrm.chats.calls import SignedCalls
from amocrm.chats.scope import Chats
from amocrm.errors import ConfigurationError
from amocrm.http.call_options import read_timeout
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.hosts import portal
from amocrm.http.messages import Timeout
from amocrm.http.sender import Sender
from amocrm.http.transport.transport import Session, Transport
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.rate_limit.local import shared_rate_limiter


class Channel:
    """A channel of the Chats API. Thread-safe; a context manager.

    Args:
        channel_id: from amoCRM.
        secret: from amoCRM; it signs calls and is never sent or shown.
        zone: the platform: `amocrm.ru`, `amocrm.com` or `kommo.com`.
        timeout: seconds for each attempt of a call, or a `Timeout`.
        rate_limiter: `shared` for the one rate limiter of this process for the platform's chats; a
            `RateLimiter`; None for no limit.
        session: a `requests.Session` of yours; it is not closed with the channel.
        user_agent: your application's name, added before the library's.
        base_url: origin of a test server.
        clock: for tests.

    Raises:
        ConfigurationError: a setting is missing or malformed.
    """

    def __init__(
        self,
        channel_id: str,
        secret: str,
        *,
        zone: str = "amocrm.ru",
        timeout: float | Timeout | None = None,
        rate_limiter: RateLimiter | Literal["shared"] | None = "shared",
        session: Session | None = None,
        user_agent: str | None = None,
        base_url: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        # As a local variable, it would be in the traceback of every error from here on.
        hidden, secret = Secret(secret), ""
        if not hidden:
            raise ConfigurationError("secret must be a string that is not empty")
        if zone not in tuple(payloads.HOSTS):
            raise ConfigurationError(
                f"zone must be one of {', '.join(payloads.HOSTS)}, not {zone!r}"
            )
        self.id = payloads.named("channel_id", channel_id)
        limits = Timeout() if timeout is None else read_timeout(timeout)
        fixed = None if base_url is None else portal("example", base_url).origin
        origin = fixed or payloads.HOSTS[zone]
        place = fixed or origin.removeprefix("https://")
        limiter = shared_rate_limiter(place, clock) if rate_limiter == "shared" else rate_limiter
        if limiter is not None and not hasattr(limiter, "wait"):
            raise ConfigurationError("rate_limiter must be 'shared', a RateLimiter or None")
        clock = SystemClock() if clock is None else clock
        self._transport = Transport(clock, session, user_agent)
        sender = Sender(self._transport, limiter, clock, Emitter())
        self._calls = SignedCalls(sender, origin, hidden, limits)

    def __repr__(self) -> str:
        if not hasattr(self, "_calls"):
            return "<Channel, not set up>"  # Error trackers call it while they render a traceback.
        return f"<Channel {self.id} at {self._calls.origin}>"

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls after it raise ConfigurationError."""
        self._transport.close()

    def connect(
        self,
        account_id: str,
        *,
        title: str | None = None,
        hook_api_version: str = "v2",
        is_time_window_disabled: bool | None = None,
    ) -> Chats:
        """Connect the channel to an account, or change the connection; return its chats there.

        Required again after each installation of the integration.

        Args:
            account_id: the account's `amojo_id`: `GET /api/v4/account?with=amojo_id`.
            title: of the channel in this account.
            hook_api_version: version of the webhooks that the channel gets.
            is_time_window_disabled: whether users can write at any time.

        Raises:
            NotFoundError: the channel or the account is unknown.
            ForbiddenError: the signature is wrong.
        """
        body = payloads.only(
            account_id=payloads.named("account_id", account_id), title=title,
            hook_api_version=hook_api_version, is_time_window_disabled=is_time_window_disabled,
        )  # fmt: skip
        path = f"{payloads.ROOT}/{payloads.part('channel_id', self.id)}/connect"
        data = self._calls.send("POST", path, body, replayable=True)
        scope = data.get("scope_id") if isinstance(data, Mapping) else None
        if not isinstance(scope, str) or not scope:
            raise unexpected_response("POST", path, "no scope_id")
        return Chats(self._calls, scope)

    def disconnect(self, account_id: str) -> None:
        """Disconnect the channel from an account.

        Raises:
            NotFoundError: it is not connected.
        """
        path = f"{payloads.ROOT}/{payloads.part('channel_id', self.id)}/disconnect"
        self._calls.send("DELETE", path, {"account_id": payloads.named("account_id", account_id)})

    def chats(self, scope_id: str) -> Chats:
        """Return the chats in an account that is connected already; no request is sent."""
        return Chats(self._calls, scope_id)
