"""Integration: one public integration, many accounts. Nothing is opened before the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.forks import ForkLock
from amocrm._support.frames import frameless
from amocrm.auth.callback import State, read_install, read_query
from amocrm.auth.installation.install_limit import InstallLimit
from amocrm.auth.installation.installer import Installer
from amocrm.auth.installation.registry import AccountRegistry, Entry
from amocrm.auth.installation.uninstall_hook import verify
from amocrm.auth.oauth_messages import consent_url
from amocrm.auth.settings import AuthSettings
from amocrm.auth.token import known_id
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError, NotAuthorizedError, TokenStoreError, WebhookError
from amocrm.http.hosts import DEFAULT_ZONE, ZONES, account_host, portal
from amocrm.http.messages import Timeout
from amocrm.http.transport.transport import Session, open_session
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.rate_limit.local import LocalRateLimiter
from amocrm.stores.store import TokenStore

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOSTS: Final = 100
"""Accounts whose connections are kept open at a time: each takes a descriptor of the process, and
amoCRM closes idle ones itself."""


class Integration:
    """One public integration in many accounts. Thread-safe; a context manager.

    All clients that it hands out share one pool of connections, one rate limiter and one store.

    Args:
        client_id: of the integration.
        client_secret: of the integration; it also signs the uninstall hook.
        redirect_uri: byte-equal to the integration's settings.
        store: where the tokens of all accounts are kept.
        zone: whose consent page people are sent to, and where a bare login lives: `amocrm.ru` or
            `kommo.com`.
        rate_limiter: `shared`, one rate limiter for all clients of this process; calls per second
            of this integration's accounts together; a `RateLimiter`; or None to switch pacing off.
        timeout: seconds for the whole of each attempt of a call, or a `Timeout`.
        session: a `requests.Session` of yours; it is not closed with the integration.
        user_agent: your application's name, put before the library's.
        base_url: origin of a test server, which plays one account.
        clock: for tests: an own time.
        max_clients: how many clients are kept; the least used one is dropped, and made again when
            it is asked for.

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

        def make(host: str, account_id: int | None, session: Session | None) -> AmoCRM:
            return AmoCRM(
                host, self._auth, account_id=account_id, store=store, rate_limiter=shared,
                timeout=timeout, session=session, user_agent=user_agent, base_url=base_url,
                clock=clock,
            )  # fmt: skip

        make(f"example.{zone}", None, session)  # which checks every setting, and does nothing else
        self._client_id, self._client_secret, self._zone = client_id, client_secret, zone
        self._secure = redirect_uri.lower().startswith("https:")
        self._portal = portal(f"example.{zone}", base_url)
        self._given = self._session = session
        self._closed = False
        self._opening = ForkLock()
        self._registry = AccountRegistry(client_id, store)
        self._installer = Installer(
            lambda host, account_id: make(host, account_id, self._open()),
            self._registry,
            InstallLimit(SystemClock() if clock is None else clock),
            max_clients,
        )

    def __repr__(self) -> str:
        return f"<Integration {self._client_id}, {len(self._installer.clients)} clients>"

    def __enter__(self) -> Integration:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the clients and the connections that were opened; calls after it raise."""
        with self._opening:
            self._closed = True
            session, self._session = self._session, None
        self._installer.close()
        if session is not None and session is not self._given:
            session.close()

    # Accounts ------------------------------------------------------------------------------------

    def account(self, name: str | None = None, *, id: int | None = None) -> AmoCRM:  # noqa: A002
        """Return the client of an installed account; the same one while it is kept. Sends nothing.

        Ask by id where people are concerned: an id is the account's for ever, while a name leads to
        whichever account agreed under it last (reference 1). A name does not authorize.

        Args:
            name: the account's login or host, or one that it had before it was renamed.
            id: the account's id, as `account.connection.account_id` tells it.

        Raises:
            NotAuthorizedError: the integration is not installed there.
            TokenStoreError: the store failed.
        """
        host, account_id = self._asked(name, id)
        if account_id is not None and (kept := self._installer.clients.held(str(account_id))):
            return kept
        try:
            entry = self._find(host, account_id)
        except TokenStoreError:
            # Calls go on while the store is out of order, if one account only can be meant.
            held = [one for one in self._installer.clients.all() if one.connection.host == host]
            if len(held) == 1:
                return held[0]
            raise
        if entry is None:
            raise NotAuthorizedError(
                f"the integration is not installed in {host or f'account {account_id}'}",
                hint="send an administrator of the account to integration.consent_url(state)",
            )
        return self._installer.client(entry)

    def accounts(self) -> list[str]:
        """Return the hosts of the accounts where the integration is installed, sorted.

        A renamed account stands there under its new name once it has been called.
        """
        return self._registry.hosts()

    def forget(self, name: str | None = None, *, id: int | None = None) -> None:  # noqa: A002
        """Remove an account's token, and close its client; it is no error if there is none.

        amoCRM is not told: there, an administrator switches the integration off.

        Args:
            name: the account's login or host, or one that it had before it was renamed.
            id: the account's id.
        """
        host, account_id = self._asked(name, id)
        self._installer.forget(lambda: self._find(host, account_id))

    # Installation --------------------------------------------------------------------------------

    def consent_url(self, state: str, mode: str = "popup") -> str:
        """Return the address where an administrator chooses an account and agrees.

        Args:
            state: a random value that is kept in the person's session; it comes back.
            mode: `popup`: the redirect happens in the opener; `post_message`: in that very window.

        Source: reference 2.2.
        """
        if not isinstance(state, str) or not state:
            raise ConfigurationError(
                "the state must be a string that is not empty",
                hint="secrets.token_urlsafe() makes one; keep it in the person's session",
            )
        return consent_url(self._portal, self._client_id, state, mode)

    @frameless
    def callback(self, query: Mapping[str, str] | str, state: State) -> AmoCRM:
        """Take a redirect: exchange its code, keep the token, return the account that agreed.

        The same redirect may come again, in any process: the account is installed once. Tie what
        comes of it to `account.connection.account_id`, for a name can pass to another account.

        Args:
            query: the redirect's parameters, or its raw query.
            state: what was given to `consent_url`; it must come back. `FROM_AMOCRM` for the calls
                that amoCRM's servers make themselves when a widget is installed (`from_widget`) or
                an API key exchanged (`from_exchange`): they carry none, and belong to no person's
                session. None, as of a session that has ended, is refused.

        Raises:
            StateMismatchError: the redirect is a forgery, or stale.
            AccessDeniedError: the person refused.
            GrantError: amoCRM refused the code.
            BusyError: too many codes were brought just now; take it again.
            TransportError, ReplyError, TokenStoreError: it did not work now; take it again.

        Source: reference 2.3.
        """
        return self._install(query, state)[0]

    @frameless
    def removed(self, query: Mapping[str, str] | str) -> str | None:
        """Take the uninstall hook: forget the account, if amoCRM refuses its token indeed.

        The hook has no date, so it can be sent again after the account was installed anew; hence
        amoCRM is asked, and a token that still works stays.

        Returns:
            The account's host; None if nothing was removed: it was before, or its token works.

        Raises:
            WebhookError: the hook is not signed with this integration's secret.
            TransportError, ReplyError, TokenStoreError: amoCRM could not be asked; the token stays.

        Source: reference 2.12.
        """
        number = verify(read_query(query, WebhookError), self._client_id, self._client_secret)
        return self._installer.remove(number)

    def wsgi_app(
        self,
        on_installed: Callable[[AmoCRM], object] | None = None,
        on_removed: Callable[[str], object] | None = None,
        start: str = "/install",
    ) -> WSGIApplication:
        """Return a WSGI app that installs and removes; mount it where `redirect_uri` leads.

        Redirects and hooks are known by their queries, on any path. The exchange of a code happens
        within the request; amoCRM waits 3 seconds for its widget call, and does not mind the rest.

        Args:
            on_installed: called with the account, by whoever exchanged the code, once for each
                code; never, if the process dies in between.
            on_removed: called with the host of an account that was forgotten, once. What either
                raises is logged, and changes nothing.
            start: the path, below the mount, that leads to the consent page.
        """
        # Late, because werkzeug takes as long to load as `requests`.
        from amocrm.auth.installation.wsgi import InstallApp, InstallHandlers, tell

        if not isinstance(start, str) or not start.startswith("/"):
            raise ConfigurationError("start must be a path that begins with a slash")

        def install(query: Mapping[str, str], state: State) -> None:
            account, fresh = self._install(query, state)
            if fresh and on_installed is not None:
                tell("on_installed", on_installed, account)

        def remove(query: Mapping[str, str]) -> None:
            host = self.removed(query)
            if host is not None and on_removed is not None:
                tell("on_removed", on_removed, host)

        def ask(state: str) -> str:
            return self.consent_url(state, "post_message")

        return InstallApp(InstallHandlers(ask, install, remove), start, secure=self._secure)

    def _install(self, query: Mapping[str, str] | str, state: State) -> tuple[AmoCRM, bool]:
        answered = read_install(read_query(query), state)
        if answered.code is None or answered.host is None:
            raise answered.error or ConfigurationError("the redirect brought nothing")
        known = state if isinstance(state, str) else None
        return self._installer.install(answered.host, answered.code, known)

    def _asked(self, name: str | None, account_id: int | None) -> tuple[str | None, int | None]:
        """Read by what an account is asked for: by its name or by its id."""
        if (name is None) is (account_id is None):
            raise ConfigurationError("give the account's name or its id: one of them")
        if name is not None:
            return self._host(name), None
        if known_id(account_id) is None:
            raise ConfigurationError("the id of an account is a positive whole number")
        return None, account_id

    def _find(self, host: str | None, account_id: int | None) -> Entry | None:
        if host is not None:
            return self._registry.find(host)
        return None if account_id is None else self._registry.by_id(account_id)

    def _host(self, name: str) -> str:
        """Read what a person typed; a bare login lives in this integration's zone."""
        host = account_host(name)
        return host if "." in name else f"{host.partition('.')[0]}.{self._zone}"

    def _open(self) -> Session:
        """Return the session that all clients share; made at the first need."""
        with self._opening:
            if self._closed:
                raise ConfigurationError("this integration is closed", hint="make another one")
            if self._session is None:
                self._session = open_session(HOSTS)
            return self._session
