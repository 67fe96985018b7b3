"""Integration: one public integration in many accounts. Opens nothing before the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, overload

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.emitter import Emitter, Handler
from amocrm._support.forks import ForkLock
from amocrm._support.frames import frameless
from amocrm.auth.connection import Connection
from amocrm.auth.connection_events import Step, Trouble
from amocrm.auth.consent import consent_url
from amocrm.auth.installation.install_limit import InstallLimit
from amocrm.auth.installation.installer import Installer
from amocrm.auth.installation.registry import AccountRegistry, Entry
from amocrm.auth.installation.uninstall_hook import verify
from amocrm.auth.redirect.query import State, read_install, read_query
from amocrm.auth.settings import AuthSettings
from amocrm.auth.token import REFRESH_SPREAD, known_id
from amocrm.client import AmoCRM
from amocrm.errors import (
    AmoCRMError,
    ConfigurationError,
    NotAuthorizedError,
    TokenStoreError,
    WebhookError,
)
from amocrm.http.hosts import DEFAULT_ZONE, ZONES, account_host, portal
from amocrm.http.messages import Timeout
from amocrm.http.stats import Done
from amocrm.http.transport.transport import Response, Session, open_session
from amocrm.rate_limit.budget import RateLimits
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.rate_limit.local import LocalRateLimiter
from amocrm.stores.store import TokenStore

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

POOLED_HOSTS: Final = 100
"""Hosts (accounts) whose connections stay open at the same time. Each open connection uses a file
descriptor, and amoCRM closes idle ones itself."""


class _AccountClient(AmoCRM):
    """The client of an account where the integration is installed."""

    _refresh_spread = REFRESH_SPREAD

    def forward_events(self, emitter: Emitter) -> None:
        """Emit the client's events in another emitter, too; its handlers get the client first."""
        self._emitter.forward(emitter, self)


class Integration:
    """One public integration in many accounts. Thread-safe; a context manager.

    All its clients share one connection pool, one rate limiter and one token store. On amocrm.ru
    each account has a limit of its own, so the calls of one account do not delay those of another.

    Args:
        client_id: of the integration.
        client_secret: of the integration; amoCRM also signs the uninstall hook with it.
        redirect_uri: exactly as in the integration's settings, byte for byte.
        store: stores the tokens of all accounts.
        zone: `amocrm.ru`, `amocrm.com` or `kommo.com`: the domain of the consent page, and of
            accounts that are named by their login alone.
        rate_limiter: `shared`: the rate limiter of this process, which counts as the platform does;
            a number: calls per second of all this integration's clients together; a `RateLimiter`;
            or None: no rate limit. See `AmoCRM`.
        rate_limits: other limits than the platform's, for accounts with extended limits.
        timeout: seconds for each attempt of a call, or a `Timeout`.
        session: your own `requests.Session`; the integration does not close it.
        user_agent: the name of your application, sent before the library's.
        base_url: origin of a test server that serves a single account.
        clock: a clock for tests.
        max_clients: how many clients stay in memory; the least recently used one is dropped, and
            created again when it is needed.

    Raises:
        ConfigurationError: a setting is missing, unknown or malformed; the message names it.
    """

    @frameless
    def __init__(
        self,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        *,
        store: TokenStore,
        zone: str = DEFAULT_ZONE,
        rate_limiter: RateLimiter | float | Literal["shared"] | None = "shared",
        rate_limits: RateLimits | None = None,
        timeout: float | Timeout | None = None,
        session: Session | None = None,
        user_agent: str | None = None,
        base_url: str | None = None,
        clock: Clock | None = None,
        max_clients: int = 1000,
    ) -> None:
        if zone not in ZONES:
            raise ConfigurationError(f"zone must be one of {', '.join(ZONES)}, not {zone!r}")
        self._auth: AuthSettings = {
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uri": redirect_uri,
        }
        shared = (
            LocalRateLimiter(rate_limiter)
            if isinstance(rate_limiter, (int, float))
            else rate_limiter
        )

        def make_client(
            host: str, account_id: int | None, session: Session | None
        ) -> _AccountClient:
            return _AccountClient(
                host, self._auth, account_id=account_id, store=store, rate_limiter=shared,
                rate_limits=rate_limits, timeout=timeout, session=session, user_agent=user_agent,
                base_url=base_url, clock=clock,
            )  # fmt: skip

        make_client(f"example.{zone}", None, session)  # checks all settings; opens nothing
        self._client_id, self._client_secret, self._zone = client_id, client_secret, zone
        self._secure = redirect_uri.lower().startswith("https:")
        self._portal = portal(f"example.{zone}", base_url)
        self._user_session = self._session = session
        self._closed = False
        self._opening = ForkLock()
        self._emitter = Emitter()
        self._registry = AccountRegistry(client_id, store)
        self._installer = Installer(
            lambda host, account_id: make_client(host, account_id, self._open()),
            self._registry,
            InstallLimit(SystemClock() if clock is None else clock),
            max_clients,
            lambda client: client.forward_events(self._emitter),
        )

    def __repr__(self) -> str:
        return f"<Integration {self._client_id}, {len(self._installer.clients)} clients>"

    def __enter__(self) -> Integration:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all clients and their connections; later calls raise ConfigurationError."""
        with self._opening:
            self._closed = True
            session, self._session = self._session, None
        self._installer.close()
        if session is not None and session is not self._user_session:
            session.close()

    # Accounts ------------------------------------------------------------------------------------

    def account(self, name: str | None = None, *, id: int | None = None) -> AmoCRM:  # noqa: A002
        """Return the client of an account where the integration is installed. Sends nothing.

        The same client is returned as long as it stays in memory (see `max_clients`).

        Use the id when you decide who may see an account's data. An id never changes, but a name
        can pass to another account: it then returns the account that was installed under this name
        last (reference 1). A name proves nothing.

        Args:
            name: the account's login or host; a name from before a renaming works as well.
            id: the account's id, as in `account.connection.account_id`.

        Raises:
            NotAuthorizedError: the integration is not installed in this account.
            TokenStoreError: the store failed.
        """
        host, account_id = self._read_account(name, id)
        clients = self._installer.clients
        if account_id is not None and (client := clients.held(str(account_id))):
            return client
        try:
            entry = self._find(host, account_id)
        except TokenStoreError:
            # While the store is down, calls continue with a client in memory, if it is unambiguous.
            matching = [client for client in clients.all() if client.connection.host == host]
            if len(matching) == 1:
                return matching[0]
            raise
        if entry is None:
            raise NotAuthorizedError(
                f"the integration is not installed in {host or f'account {account_id}'}",
                hint="open integration.consent_url(state) as an administrator of the account",
            )
        return self._installer.client(entry)

    def accounts(self) -> list[str]:
        """Return the hosts of the accounts where the integration is installed, sorted.

        A renamed account is listed under its new name after the first call to it.
        """
        return self._registry.hosts()

    def forget(self, name: str | None = None, *, id: int | None = None) -> None:  # noqa: A002
        """Delete an account's token and close its client. An unknown account is not an error.

        Nothing is sent to amoCRM: there, an administrator turns the integration off.

        Args:
            name: the account's login or host; a name from before a renaming works as well.
            id: the account's id.
        """
        host, account_id = self._read_account(name, id)
        self._installer.forget(lambda: self._find(host, account_id))

    # Events --------------------------------------------------------------------------------------

    @overload
    def on(self, event: Step, handler: Callable[[AmoCRM, Connection], object]) -> None: ...
    @overload
    def on(
        self, event: Literal["connection:newToken"], handler: Callable[[AmoCRM, Response], object]
    ) -> None: ...
    @overload
    def on(
        self, event: Literal["connection:checkToken"], handler: Callable[[AmoCRM, bool], object]
    ) -> None: ...
    @overload
    def on(
        self,
        event: Literal["connection:moved"],
        handler: Callable[[AmoCRM, str, Connection], object],
    ) -> None: ...
    @overload
    def on(
        self, event: Trouble, handler: Callable[[AmoCRM, AmoCRMError, Connection], object]
    ) -> None: ...
    @overload
    def on(
        self, event: Literal["request:done"], handler: Callable[[AmoCRM, Done], object]
    ) -> None: ...
    def on(self, event: str, handler: Handler) -> None:
        """Call `handler` whenever an event happens in any account, also in accounts to come.

        The events are those of `AmoCRM.on`. A handler receives the account's client first, then
        what a handler of `AmoCRM.on` receives; it is called after the client's own handlers.

        Raises:
            ConfigurationError: there is no such event.
        """
        self._emitter.on(event, handler)

    def off(self, event: str | None = None, handler: Handler | None = None) -> None:
        """Remove a handler of an event, all handlers of an event, or all handlers."""
        self._emitter.off(event, handler)

    # Installation --------------------------------------------------------------------------------

    def consent_url(self, state: str, mode: str = "popup") -> str:
        """Return the URL of the consent page, where an administrator chooses an account.

        Args:
            state: a random value, also stored in the visitor's session; the redirect returns it.
            mode: `popup` redirects the window that opened the page; `post_message` redirects the
                page itself.

        Source: reference 2.2.
        """
        if not isinstance(state, str) or not state:
            raise ConfigurationError(
                "state must be a non-empty string",
                hint="use secrets.token_urlsafe() and store it in the visitor's session",
            )
        return consent_url(self._portal, self._client_id, state, mode)

    @frameless
    def callback(self, query: Mapping[str, str] | str, state: State) -> AmoCRM:
        """Handle a redirect: exchange its code, store the token, return the account's client.

        A redirect may arrive twice, in any process; the account is installed once. Link your own
        data to `account.connection.account_id`, because a name can pass to another account.

        Args:
            query: the redirect's parameters, or its raw query string.
            state: the value that was passed to `consent_url`; the redirect must contain it. Pass
                `FROM_AMOCRM` for the requests that amoCRM's servers send when a widget is installed
                (`from_widget`) or an API key is exchanged (`from_exchange`): they have no state and
                belong to no visitor's session. None, as from an expired session, is refused.

        Raises:
            StateMismatchError: the redirect is forged or out of date.
            AccessDeniedError: the administrator refused access.
            GrantError: amoCRM refused the code.
            BusyError: too many codes arrived at once; handle the redirect again.
            TransportError, ReplyError, TokenStoreError: a temporary failure; handle the redirect
                again.

        Source: reference 2.3.
        """
        return self._install(query, state)[0]

    @frameless
    def removed(self, query: Mapping[str, str] | str) -> str | None:
        """Handle the uninstall hook: delete the account's token if amoCRM no longer accepts it.

        The hook carries no date, so an old one can be sent again after a new installation.
        Therefore the token is tried first, and a token that still works is not deleted.

        Returns:
            The account's host; None if nothing was deleted, because the account was unknown or its
            token still works.

        Raises:
            WebhookError: the hook is not signed with this integration's secret.
            TransportError, ReplyError, TokenStoreError: the token could not be tried; it is not
                deleted.

        Source: reference 2.12.
        """
        account_id = verify(read_query(query, WebhookError), self._client_id, self._client_secret)
        return self._installer.remove(account_id)

    def wsgi_app(
        self,
        on_installed: Callable[[AmoCRM], object] | None = None,
        on_removed: Callable[[str], object] | None = None,
        start: str = "/install",
    ) -> WSGIApplication:
        """Return a WSGI app that handles redirects and uninstall hooks; mount it at `redirect_uri`.

        The app recognizes redirects and hooks by their query, on any path. It exchanges the code
        before it responds. amoCRM waits 3 seconds for the response to its widget request, and
        ignores its status (reference 2.3).

        Args:
            on_installed: called with the account's client once for each code, in the process that
                exchanged it; not called if that process dies before.
            on_removed: called once with the host of an account whose token was deleted. An
                exception of either function is logged and has no other effect.
            start: the path, below the mount point, that redirects to the consent page.
        """
        # Imported late: werkzeug takes as long to load as `requests`.
        from amocrm.auth.installation.wsgi import InstallApp, InstallHandlers, call_handler

        if not isinstance(start, str) or not start.startswith("/"):
            raise ConfigurationError("start must be a path that begins with /")

        def install(query: Mapping[str, str], state: State) -> None:
            account, is_new = self._install(query, state)
            if is_new and on_installed is not None:
                call_handler("on_installed", on_installed, account)

        def remove(query: Mapping[str, str]) -> None:
            host = self.removed(query)
            if host is not None and on_removed is not None:
                call_handler("on_removed", on_removed, host)

        def consent_url(state: str) -> str:
            return self.consent_url(state, "post_message")

        return InstallApp(InstallHandlers(consent_url, install, remove), start, secure=self._secure)

    def _install(self, query: Mapping[str, str] | str, state: State) -> tuple[AmoCRM, bool]:
        """Exchange a redirect's code; return the client and whether this call exchanged it."""
        redirect = read_install(read_query(query), state)
        if redirect.code is None or redirect.host is None:
            raise redirect.error or ConfigurationError(
                "the redirect has neither a code nor an error"
            )
        state_text = state if isinstance(state, str) else None
        return self._installer.install(redirect.host, redirect.code, state_text)

    def _read_account(
        self, name: str | None, account_id: int | None
    ) -> tuple[str | None, int | None]:
        """Check that an account is given by name or by id; return its host or its id."""
        if (name is None) is (account_id is None):
            raise ConfigurationError("give either the account's name or its id")
        if name is not None:
            return self._host(name), None
        if known_id(account_id) is None:
            raise ConfigurationError("id must be a positive whole number")
        return None, account_id

    def _find(self, host: str | None, account_id: int | None) -> Entry | None:
        if host is not None:
            return self._registry.find(host)
        return None if account_id is None else self._registry.by_id(account_id)

    def _host(self, name: str) -> str:
        """Return an account's host; a login alone gets this integration's zone."""
        host = account_host(name)
        return host if "." in name else f"{host.partition('.')[0]}.{self._zone}"

    def _open(self) -> Session:
        """Return the session that all clients share; create it on first use."""
        with self._opening:
            if self._closed:
                raise ConfigurationError(
                    "this integration is closed", hint="create a new Integration"
                )
            if self._session is None:
                self._session = open_session(POOLED_HOSTS)
            return self._session
