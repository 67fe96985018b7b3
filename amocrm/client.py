"""AmoCRM: settings in, a client out. Nothing is opened, started or read before the first call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import TracebackType
from typing import Literal, cast, overload

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.emitter import Emitter, Handler
from amocrm._support.forks import after_fork
from amocrm._support.frames import frameless
from amocrm.auth.connection import Connection
from amocrm.auth.connection_events import Signals, Step, Trouble
from amocrm.auth.consent import Consent
from amocrm.auth.grant_flow import Spender
from amocrm.auth.settings import AuthSettings, read_auth
from amocrm.auth.token import known_id
from amocrm.auth.token_acquirer import Keeper
from amocrm.auth.token_cache import Holding
from amocrm.auth.token_endpoint import Grants
from amocrm.auth.token_provider import Gate
from amocrm.auth.token_repository import Vault
from amocrm.bulk.operations import Bulk
from amocrm.errors import AmoCRMError, ConfigurationError
from amocrm.http.call_options import read_timeout
from amocrm.http.hosts import Portal, portal
from amocrm.http.messages import Timeout
from amocrm.http.request import Request
from amocrm.http.sender import Line
from amocrm.http.stats import Done, Stats
from amocrm.http.transport.transport import Response, Session, Transport
from amocrm.rate_limit.limiter import Pace
from amocrm.rate_limit.local import ThreadPace, shared_pace
from amocrm.resources.context import Commons
from amocrm.resources.index import Families
from amocrm.stores.memory import MemoryStore
from amocrm.stores.store import TokenStore


class AmoCRM(Bulk, Families):
    """A client of one amoCRM or Kommo account. Thread-safe; a context manager.

    Attributes:
        connection: the authorisation: codes, tokens, the consent address.
        request: calls: `crm.request.get("/api/v4/account").data`.

    Args:
        domain: the account's login or host: `mycompany`, `mycompany.amocrm.ru`,
            `mycompany.kommo.com`.
        auth: `client_id`, `client_secret` and `redirect_uri` of the integration, with a `code`, or
            with a `server` that asks a person for one; or a long-lived `access_token`. See
            `AuthSettings`.
        account_id: the id of the account that this client is for, whatever name it bears by now: a
            token of another account is refused. None takes the account that bears the name.
        store: where tokens outlive the process; without one they live in memory.
        pace: `shared` is the one pace of this process, seven calls a second for all its clients,
            because the limit counts by address; a number of calls per second is this client's own;
            a `Pace` is shared by whom you like: threads, processes, hosts; None: no pacing.
        timeout: seconds for the whole of each attempt of a call, or a `Timeout`.
        session: a `requests.Session` of yours, with its proxies, certificates, adapters and hooks;
            it is not closed with the client.
        user_agent: your application's name, put before the library's.
        base_url: origin of a test server; the only way to talk to a host that is not amoCRM's.
        lenient: let through filters, `with_` and orders that this version does not know.
        clock: for tests: an own time.

    Raises:
        ConfigurationError: a setting is missing, unknown or malformed; the message names it.
    """

    @frameless
    def __init__(
        self,
        domain: str = "",
        auth: AuthSettings | None = None,
        *,
        account_id: int | None = None,
        store: TokenStore | None = None,
        pace: Pace | float | Literal["shared"] | None = "shared",
        timeout: float | Timeout | None = None,
        session: Session | None = None,
        user_agent: str | None = None,
        base_url: str | None = None,
        lenient: bool = False,
        clock: Clock | None = None,
    ) -> None:
        account, settings = portal(domain, base_url), read_auth(auth)
        limits = Timeout() if timeout is None else read_timeout(timeout)
        self._pace = _read_pace(pace, account, clock)
        clock = SystemClock() if clock is None else clock
        self._transport = Transport(clock, session, user_agent)
        self._emitter = Emitter()
        line = self._line = Line(self._transport, self._pace, clock, self._emitter)
        signals = Signals(self._emitter)
        store = MemoryStore() if store is None else store
        if account_id is not None and known_id(account_id) is None:
            raise ConfigurationError("account_id must be a positive whole number")
        vault = Vault(settings.client_id or "", account.account, store, account_id)
        holding = Holding(settings, account, vault, clock)
        self._is_guest = False
        self._consent = Consent(settings, account, signals)
        spender = Spender(Grants(settings, line), holding, signals)
        keeper = Keeper(settings, spender, holding, self._consent, signals)
        self._gate = Gate(keeper, holding, signals)
        self.connection = signals.connection = Connection(keeper, holding, self._consent, signals)
        self.request = Request(self._gate, line, limits)
        super().__init__(self.request, clock, self._pace, account.account, lenient=lenient)
        self._commons = Commons(self._way, store, vault.client_id, self._account_name)
        after_fork(self)

    def __repr__(self) -> str:
        if not hasattr(self, "connection"):
            return "<AmoCRM, not set up>"  # It is asked for by whoever renders a traceback.
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
        """Get a token now instead of at the first call; see `Connection.connect`."""
        return self.connection.connect()

    def close(self) -> None:
        """Save what could not be saved yet, close the connections, and end a wait for a person.

        Calls after it raise ConfigurationError. A client that `as_user` gave closes nothing.
        """
        if self._is_guest:
            return
        self.connection.save_again()
        self._transport.close()
        self._consent.stop()

    def as_user(self, user_id: int) -> AmoCRM:
        """Return this client acting as another user: what it writes is written in that user's name.

        It shares everything with this one: token, connections, pace, events. Consent must have been
        given by an administrator; otherwise, or for an unknown user, calls are answered 401.

        Source: reference 2.11 (`X-Context-User-ID`).
        """
        twin = copy.copy(self)
        twin.request = self.request.as_user(user_id)
        twin._way = self._way._replace(request=twin.request)
        twin._is_guest = True
        after_fork(twin)
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
            connection:newToken: a response, whose `data` is the token to save.
            connection:checkToken: True.
            connection:moved: the new host of a renamed account, the connection.
            connection:authError, connection:error, error: the error, the connection.
            request:done: a `Done`: method, path, status, duration, wait of one attempt.

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
        """What this client has sent and waited for so far: a snapshot, cheap to take."""
        return self._line.meter.snapshot()

    def _account_name(self) -> str:
        """Return what every client of this account calls it, whatever host it was given."""
        if not self.connection.connected:
            self.connect()
        return str(self.connection.account_id or self.connection.host)

    def renew_after_fork(self) -> None:
        """Part from the parent process; a forked child does it by itself."""
        self._transport.renew_after_fork()
        self._gate.renew_after_fork()


def _read_pace(pace: object, account: Portal, clock: Clock | None) -> Pace | None:
    """Read `shared`, a number of calls per second, a pace, or None."""
    if pace == "shared":
        _, _, zone = account.account.partition(".")
        return shared_pace(account.origin if account.fixed else zone, clock)
    if pace is None or all(hasattr(pace, name) for name in ("wait", "hold", "block")):
        return cast("Pace | None", pace)  # what has its three methods is one
    return ThreadPace(cast("float", pace))  # which refuses what is no number
