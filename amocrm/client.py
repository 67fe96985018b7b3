"""AmoCRM: the client of one account. Opens, starts and reads nothing before the first call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Literal, cast, overload

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.emitter import Emitter, Handler
from amocrm._support.frames import frameless
from amocrm.auth.connection import Connection
from amocrm.auth.connection_events import ConnectionEvents, Step, Trouble
from amocrm.auth.consent import Consent
from amocrm.auth.grant_flow import GrantFlow
from amocrm.auth.settings import AuthSettings, Settings, read_auth
from amocrm.auth.token import client_id_of, known_id
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_endpoint import TokenEndpoint
from amocrm.auth.token_provider import TokenProvider
from amocrm.auth.token_repository import TokenRepository
from amocrm.bulk.operations import Bulk
from amocrm.errors import AmoCRMError, ConfigurationError
from amocrm.http.call_options import read_timeout
from amocrm.http.hosts import Portal, portal
from amocrm.http.messages import Retry, Timeout
from amocrm.http.request import Request, with_options
from amocrm.http.sender import Sender
from amocrm.http.stats import Done, Stats
from amocrm.http.transport.transport import Response, Session, Transport
from amocrm.rate_limit.base import BaseRateLimiter
from amocrm.rate_limit.budget import (
    Budget,
    RateLimits,
    budgets_of,
    check_limits,
    check_rate,
    limits_of,
)
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.rate_limit.local import LocalRateLimiter, shared_rate_limiter
from amocrm.resources.context import ResourceContext
from amocrm.resources.top_level import TopLevelResources
from amocrm.stores.memory import MemoryStore
from amocrm.stores.store import TokenStore


class AmoCRM(Bulk, TopLevelResources):
    """A client of one amoCRM or Kommo account. Thread-safe; a context manager.

    Attributes:
        connection: authorization: codes, tokens, the URL of the consent page.
        request: calls any path: `crm.request.get("/api/v4/account").data`.

    Args:
        domain: the account's login or host: `mycompany`, `mycompany.amocrm.ru`,
            `mycompany.kommo.com`.
        auth: `client_id`, `client_secret` and `redirect_uri` of the integration, with a `code`, or
            with a `server` that receives one after a person has agreed; or a long-lived
            `access_token`. See `AuthSettings`.
        account_id: the account's id, which stays the same when the account is renamed; tokens of
            other accounts are refused. None: the account that has the name `domain`.
        store: stores the tokens permanently; by default they are in memory only.
        rate_limiter: `shared`: the rate limiter of this process. It counts as the platform does: on
            amocrm.ru 7 calls per second per integration and 50 per account, on kommo.com and
            amocrm.com 7 per IP address. A number: calls per second of this client, instead of these
            limits; a `RateLimiter`, which threads, processes or machines can share; None: no rate
            limit.
        rate_limits: limits that replace the platform's, for accounts with extended limits.
        timeout: seconds for each attempt of a call, or a `Timeout`.
        session: your own `requests.Session` with its proxies, certificates, adapters and hooks; the
            client does not close it.
        user_agent: the name of your application, sent before the library's.
        base_url: origin of a test server; the only way to call a host that is not amoCRM's.
        lenient: send filters, `with_`, orders and members of items that this version does not know.
        clock: a clock for tests.

    Raises:
        ConfigurationError: a setting is missing, unknown or malformed; the message names it.
    """

    _refresh_spread: ClassVar[float] = 0.0

    @frameless
    def __init__(
        self,
        domain: str = "",
        auth: AuthSettings | None = None,
        *,
        account_id: int | None = None,
        store: TokenStore | None = None,
        rate_limiter: RateLimiter | float | Literal["shared"] | None = "shared",
        rate_limits: RateLimits | None = None,
        timeout: float | Timeout | None = None,
        session: Session | None = None,
        user_agent: str | None = None,
        base_url: str | None = None,
        lenient: bool = False,
        clock: Clock | None = None,
    ) -> None:
        account, settings = portal(domain, base_url), read_auth(auth)
        limits = Timeout() if timeout is None else read_timeout(timeout)
        limiter = _read_rate_limiter(rate_limiter, rate_limits, account, clock)
        clock = SystemClock() if clock is None else clock
        self._transport = Transport(clock, session, user_agent)
        self._emitter = Emitter()
        events = ConnectionEvents(self._emitter)
        store = MemoryStore() if store is None else store
        if account_id is not None and known_id(account_id) is None:
            raise ConfigurationError("account_id must be a positive whole number")
        repository = TokenRepository(settings.client_id or "", account.account, store, account_id)
        cache = TokenCache(settings, account, repository, clock, self._refresh_spread)
        if isinstance(limiter, BaseRateLimiter):
            limiter = limiter.scoped(_AccountBudgets(rate_limits, settings, cache))
        self._rate_limiter = limiter
        sender = self._sender = Sender(
            self._transport, limiter, clock, self._emitter, account.account
        )
        self._is_guest = False
        self._consent = Consent(settings, account, events)
        grant_flow = GrantFlow(TokenEndpoint(settings, sender), cache, events)
        provider = TokenProvider(settings, grant_flow, cache, self._consent, events)
        self.connection = events.connection = Connection(provider, cache, self._consent, events)
        self.request = Request(provider, sender, limits)
        super().__init__(self.request, clock, self._rate_limiter, account.account, lenient=lenient)
        self._context = ResourceContext(self._api, store, repository.client_id, self._account_name)

    def __repr__(self) -> str:
        if not hasattr(self, "connection"):
            return "<AmoCRM, not set up>"  # A traceback of a failed __init__ shows it.
        return f"<AmoCRM over {self.connection!r}>"

    def __enter__(self) -> AmoCRM:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def connect(self) -> bool:
        """Obtain a token now instead of at the first call; see `Connection.connect`."""
        return self.connection.connect()

    def close(self) -> None:
        """Store an unsaved token, close the connections, and stop waiting for consent.

        Later calls raise ConfigurationError. A client that `as_user` or
        `with_options` returned closes nothing.
        """
        if self._is_guest:
            return
        self.connection.save_again()
        self._transport.close()
        self._consent.stop()

    def as_user(self, user_id: int) -> AmoCRM:
        """Return a client that acts as another user, who becomes the author of its changes.

        It shares the token, connections, rate limiter and events with this client. An administrator
        must have given consent; otherwise, or if the user is unknown, calls raise
        UnauthorizedError.

        Source: reference 2.11 (`X-Context-User-ID`).
        """
        twin = copy.copy(self)
        twin.request = self.request.as_user(user_id)
        twin._api = self._api._replace(request=twin.request)
        twin._is_guest = True
        return twin

    def with_options(
        self,
        *,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
        read_only: bool | str = False,
    ) -> AmoCRM:
        """Return a client whose calls, all of them, have other limits; what a call says wins.

        `crm.with_options(timeout=3, retry="never").contacts.find(phone=phone)`: where a call takes
        no `timeout` or `retry` of its own, where one method makes several calls, and for a part of
        a program. It shares the token, connections, rate limiter, events and known custom fields
        with this client. Obtaining a token has limits of its own.

        Args:
            timeout: seconds for each attempt, or a `Timeout`; None leaves it as it is.
            retry: `auto`, `always` or `never`, as in `crm.request`; None leaves it as it is.
            read_only: let every POST, PATCH, PUT and DELETE raise ConfigurationError, and send
                nothing; a text is the hint of these errors. The returned client cannot be made to
                write again.

        Raises:
            ConfigurationError: one of them is wrong.
        """
        twin = copy.copy(self)
        twin.request = with_options(self.request, timeout=timeout, retry=retry, read_only=read_only)
        twin._api = self._api._replace(request=twin.request)
        twin._context = self._context.with_options(timeout, retry, read_only)
        twin._is_guest = True
        return twin

    @overload
    def on(self, event: Step, handler: Callable[[Connection], object]) -> None: ...
    @overload
    def on(
        self, event: Literal["connection:newToken"], handler: Callable[[Response], object]
    ) -> None: ...
    @overload
    def on(
        self, event: Literal["connection:checkToken"], handler: Callable[[bool], object]
    ) -> None: ...
    @overload
    def on(
        self, event: Literal["connection:moved"], handler: Callable[[str, Connection], object]
    ) -> None: ...
    @overload
    def on(self, event: Trouble, handler: Callable[[AmoCRMError, Connection], object]) -> None: ...
    @overload
    def on(self, event: Literal["request:done"], handler: Callable[[Done], object]) -> None: ...
    def on(self, event: str, handler: Handler) -> None:
        """Call `handler` whenever an event happens; see the README for the events' order.

        Events and what handlers get:
            connection:beforeConnect, connection:beforeConsent, connection:beforeFetchToken,
            connection:beforeRefreshToken, connection:connected: the connection.
            connection:newToken: a response whose `data` is the new token.
            connection:checkToken: True.
            connection:moved: the new host of a renamed account, the connection.
            connection:authError, connection:error, error: the error, the connection.
            request:done: a `Done`: method, path, status, duration and wait of one attempt.

        Raises:
            ConfigurationError: there is no such event.
        """
        self._emitter.on(event, handler)

    @overload
    def once(self, event: Step, handler: Callable[[Connection], object]) -> None: ...
    @overload
    def once(
        self, event: Literal["connection:newToken"], handler: Callable[[Response], object]
    ) -> None: ...
    @overload
    def once(
        self, event: Literal["connection:checkToken"], handler: Callable[[bool], object]
    ) -> None: ...
    @overload
    def once(
        self, event: Literal["connection:moved"], handler: Callable[[str, Connection], object]
    ) -> None: ...
    @overload
    def once(
        self, event: Trouble, handler: Callable[[AmoCRMError, Connection], object]
    ) -> None: ...
    @overload
    def once(self, event: Literal["request:done"], handler: Callable[[Done], object]) -> None: ...
    def once(self, event: str, handler: Handler) -> None:
        """Call `handler` the next time an event happens, and never again."""
        self._emitter.once(event, handler)

    def off(self, event: str | None = None, handler: Handler | None = None) -> None:
        """Remove a handler of an event, all handlers of an event, or all handlers."""
        self._emitter.off(event, handler)

    @property
    def stats(self) -> Stats:
        """Calls, bytes and waits of this client so far."""
        limiter = self._rate_limiter
        is_limited = isinstance(limiter, BaseRateLimiter) and limiter.is_address_limited
        return self._sender.counter.snapshot()._replace(address_limited=is_limited)

    def _account_name(self) -> str:
        """Return the name under which all clients of this account share data."""
        if not self.connection.connected:
            self.connect()
        return str(self.connection.account_id or self.connection.host)


class _AccountBudgets:
    """Returns the budgets that count this client's calls; they follow a renamed account."""

    def __init__(self, limits: RateLimits | None, settings: Settings, cache: TokenCache) -> None:
        self._limits = limits
        # A text that others of the same integration have as well, and no secret.
        self._integration = settings.client_id or client_id_of(settings.access_token or "")
        self._cache = cache
        self._portal: Portal | None = None
        self._budgets: tuple[Budget, ...] = ()

    def __call__(self) -> tuple[Budget, ...]:
        portal = self._cache.portal
        if portal is not self._portal:
            # By the host, which all clients know, and not by the id, which comes with a token.
            zone = portal.account.partition(".")[2]
            limits = self._limits or limits_of(zone)
            is_learning = self._limits is None and limits.per_address is None
            place, account = zone, portal.account
            if portal.fixed:
                place, account = portal.origin, f"{portal.account}@{portal.origin}"
            self._budgets = budgets_of(limits, self._integration, account, place, is_learning)
            self._portal = portal
        return self._budgets


def _read_rate_limiter(
    rate_limiter: object, rate_limits: object, account: Portal, clock: Clock | None
) -> RateLimiter | None:
    """Return the rate limiter for `shared`, a number of calls per second, a limiter, or None."""
    if rate_limits is not None:
        check_limits(rate_limits)
    if rate_limiter == "shared":
        _, _, zone = account.account.partition(".")
        return shared_rate_limiter(account.origin if account.fixed else zone, clock)
    is_one = all(hasattr(rate_limiter, name) for name in ("wait", "hold", "block"))
    if rate_limits is not None and not (is_one and getattr(rate_limiter, "is_scoped", False)):
        raise ConfigurationError(
            "rate_limits needs a rate limiter without a rate of its own",
            hint="give either rate_limits, or a rate",
        )
    if rate_limiter is None or is_one:
        return cast("RateLimiter | None", rate_limiter)  # It has the three methods of one.
    return LocalRateLimiter(check_rate(rate_limiter))
