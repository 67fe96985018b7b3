"""What tests and people do in the sandbox without a request.

Giving and refusing consent, issuing codes and long-lived tokens, renaming an account, switching
an integration off, writing in chats. What they do with entities is in `data_admin`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

from amocrm.sandbox.amojo.hooks import ChatHook, react, type_text, write
from amocrm.sandbox.amojo.store import Channel, Chat, Scope
from amocrm.sandbox.clock import Clock
from amocrm.sandbox.control.browser import BrowserSessions
from amocrm.sandbox.control.feed import ChangeFeed
from amocrm.sandbox.data.plans import Plan, apply_plan
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.router import Router
from amocrm.sandbox.oauth.consent import chosen_integration, query_of
from amocrm.sandbox.oauth.issued_tokens import IssuedTokens
from amocrm.sandbox.oauth.token_endpoint import consent_redirect, granted, widget_call
from amocrm.sandbox.oauth.tokens import (
    SCOPES,
    Grant,
    Integration,
    RefreshMode,
    TokenRegistry,
    UninstallHook,
    sign_uninstall,
)
from amocrm.sandbox.schema.document import SchemaError, Source, read_schema
from amocrm.sandbox.schema.loading import build_account, check_empty, replace_account
from amocrm.sandbox.webhooks.triggers import Webhooks


class Admin:
    """Accounts, integrations and what is done with them by hand.

    Attributes:
        integration: the first integration, which the methods mean when none is given.
        webhooks: what is sent to the subscribers, and what makes it go wrong.
        tokens: the integrations, and what was issued to them.
        feed: what changed, for those who wait for it.
        browsers: of the people who work with the pages of the portal.
    """

    integration: Integration

    def __init__(
        self,
        accounts: Sequence[str],
        clock: Clock,
        mode: RefreshMode,
        seed: int | None,
        token_lifetime: float,
    ) -> None:
        """Add the accounts; the caller registers the first integration."""
        if not accounts:
            raise ValueError("a sandbox needs at least one account")
        if mode not in ("strict", "grace"):
            raise ValueError(f"refresh_mode is 'strict' or 'grace', not {mode!r}")
        if not token_lifetime > 0:
            raise ValueError(f"token_lifetime must be above 0 s, not {token_lifetime!r}")
        self._clock = clock
        self.feed = ChangeFeed()
        self._lock = threading.RLock()
        self._tokens = TokenRegistry(mode, seed, token_lifetime)
        self._router = Router(self._tokens)
        self._names = tuple(accounts)
        self._schema: Entity | None = None
        self._found()
        self.webhooks = Webhooks(
            self._lock, clock, self._router, self._tokens, seed or 0,
            on_change=lambda: self.feed.note("deliveries"),
        )  # fmt: skip
        self.browsers = BrowserSessions()
        self.tokens = IssuedTokens(self._lock, clock, self._router, self._tokens)

    def _found(self) -> None:
        for name in self._names:
            self._router.add_account(name, self.clock.time())
        if self._schema is not None:
            self._load(self._schema, None, is_new=True)

    @property
    def clock(self) -> Clock:
        """The time of the sandbox."""
        return self._clock

    @property
    def accounts(self) -> list[Account]:
        """Every account, in the order of founding."""
        return list(self._router.accounts)

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Let nobody else change anything while the block runs."""
        with self._lock:
            yield

    def account(self, name: str | Account | None = None) -> Account:
        """Return an account by subdomain or host; the default one without a name."""
        if isinstance(name, Account):
            return name
        return self._router.accounts[0] if name is None else self._router.account(name)

    def add_account(self, name: str) -> Account:
        """Add one more account."""
        with self._lock:
            return self._router.add_account(name, self.clock.time())

    def load_schema(self, schema: Source, account: str | Account | None = None) -> Account:
        """Give an account the definitions of a schema: stages, fields, users, with their ids.

        What the schema leaves out is as in a new account. Tokens and codes of the account are
        revoked, because its users are others now.

        Args:
            schema: the document, or the path of its file.
            account: one without entities; the first one if None.

        Raises:
            SchemaError: the schema is bad, or the account holds entities. Nothing has changed.
        """
        return self._load(read_schema(schema), account)

    def set_plan(self, plan: Plan, account: str | Account | None = None) -> None:
        """Change what an account has paid for; what is not in its plan answers 402.

        Raises:
            ValueError: there is no such plan.
        """
        with self._lock:
            apply_plan(self.account(account), plan)

    def _load(
        self, document: Entity, account: str | Account | None, *, is_new: bool = False
    ) -> Account:
        with self._lock:
            where = self.account(account)
            check_empty(where)
            settings = {"id": where.id, **document["account"]}
            if any(one.id == settings["id"] for one in self.accounts if one is not where):
                raise SchemaError(f"account.id: another account is {settings['id']}; leave it out")
            fresh = build_account(
                {**document, "account": settings}, where.subdomain, self._router.ids,
                int(self.clock.time()), self.integration.client_id,
            )  # fmt: skip
            if not is_new:
                self._tokens.withdraw(where)
                for integration in self._tokens.integrations.values():
                    self._router.channels.disconnect(where, integration.client_id)
            replace_account(where, fresh)
            return where

    def add_integration(
        self,
        redirect_uri: str = "http://127.0.0.1:3000/",
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        hook_url: str | None = None,
    ) -> Integration:
        """Register one more integration; `hook_url` is told when an account removes it."""
        with self._lock:
            return self._tokens.new_integration(redirect_uri, client_id, client_secret, hook_url)

    def issue_code(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> str:
        """Issue a one-time code, as the integration window does (reference 2.9)."""
        with self._lock:
            grant = self._grant(self.account(account), integration)
            return self._tokens.new_code(grant, self.clock.time())

    def readmit(
        self,
        access_token: str,
        refresh_token: str,
        expires_at: float,
        account: str | Account | None = None,
    ) -> None:
        """Register a pair that an earlier sandbox issued, for a program that was restarted."""
        with self._lock:
            grant = self._grant(self.account(account), None)
            self._tokens.readmit(grant, access_token, refresh_token, expires_at, self.clock.time())

    def issue_long_lived(
        self,
        account: str | Account | None = None,
        *,
        days: float = 365,
        admin: bool = True,
        scopes: Iterable[str] = SCOPES,
        integration: Integration | None = None,
    ) -> str:
        """Issue a long-lived token (reference 2.10); `admin=False`: for an ordinary user."""
        with self._lock:
            where = self.account(account)
            grant = replace(self._grant(where, integration, admin=admin), scopes=tuple(scopes))
            now, seconds = self.clock.time(), days * 86400
            return self._tokens.new_access(grant, where, now, seconds, is_long_lived=True)

    def issue_pair(self, account: str | Account | None = None) -> dict[str, Json]:
        """Issue an access and a refresh token; return what the token endpoint would answer."""
        with self._lock:
            where, now = self.account(account), self.clock.time()
            pair = self._tokens.new_pair(self._grant(where, None), where, now)
            return granted(pair, self._tokens, now)

    def agree(self, consent_url: str, account: str | Account | None = None) -> str:
        """Agree on the consent page; return the address the browser would be sent to."""
        integration, params = self._consent(consent_url)
        with self._lock:
            where = self.account(account)
            return self._router.agreed(integration, where, params.get("state"), self.clock.time())

    def deny(self, consent_url: str) -> str:
        """Refuse on the consent page; return the address the browser would be sent to."""
        integration, params = self._consent(consent_url)
        return consent_redirect(integration, params.get("state"), code=None, account=None)

    def install_widget(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> str:
        """Install a widget; return the address that the portal calls then (reference 2.3).

        The sandbox does not call it: the test calls the address once, with GET.
        """
        with self._lock:
            where, one = self.account(account), integration or self.integration
            return widget_call(
                one, self._tokens.new_code(self._grant(where, one), self.clock.time()), where
            )

    def move(self, account: str | Account | None, name: str) -> Account:
        """Rename an account: the old host no longer answers for it (reference 1.1)."""
        with self._lock:
            where = self.account(account)
            where.former.add(where.subdomain)
            where.subdomain = name.lower().partition(".")[0]
            where.former.discard(where.subdomain)
            return where

    def uninstall(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> None:
        """Switch an integration off in an account: all its tokens are revoked (reference 2.6).

        `webhooks.deliver()` then calls the hook of the integration.
        """
        with self._lock:
            where, client_id = self.account(account), (integration or self.integration).client_id
            self._tokens.withdraw(where, client_id)
            self._router.channels.disconnect(where, client_id)
            self.webhooks.uninstalled(self.uninstall_hook(where, integration), where)

    def uninstall_hook(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> UninstallHook:
        """Return the signed call that announces a switched-off integration (reference 2.12)."""
        one, where = integration or self.integration, self.account(account)
        params = {"account_id": str(where.id), "client_uuid": one.client_id}
        params["signature"] = sign_uninstall(one, where.id)
        return UninstallHook(one.hook_url, params)

    def add_channel(
        self,
        integration: Integration | None = None,
        hook_url: str = "http://127.0.0.1:3000/chats/:scope_id",
    ) -> Channel:
        """Register a channel of the Chats API, as the vendor does on request (reference 8)."""
        with self._lock:
            client_id = (integration or self.integration).client_id
            code = f"amo.ext.{self._router.accounts[0].id}"
            channel = self._tokens.new_channel(client_id, code, hook_url)
            self._router.channels.known[channel.id] = channel
            return channel

    def write_chat(self, scope_id: str, conversation_id: str, text: str) -> ChatHook:
        """Write into a chat as the administrator; return the hook that the channel gets.

        `webhooks.deliver()` posts it to the channel's address.

        Raises:
            KeyError: there is no such scope or conversation.
        """
        with self._writing():
            scope, chat = self._chat(scope_id, conversation_id)
            hook = write(scope, chat, scope.account.admin, text, self.clock.time())
            self.webhooks.chat(hook, scope.account)
            return hook

    def type_in_chat(self, scope_id: str, conversation_id: str) -> ChatHook:
        """Begin to type as the administrator; return the hook that the channel gets.

        Raises:
            KeyError: there is no such scope or conversation.
        """
        with self._lock:
            scope, chat = self._chat(scope_id, conversation_id)
            hook = type_text(scope, chat, scope.account.admin, self.clock.time())
            self.webhooks.chat(hook, scope.account)
            return hook

    def react_in_chat(
        self, scope_id: str, conversation_id: str, msgid: str, emoji: str | None
    ) -> ChatHook:
        """React to a message as the administrator; None takes the reaction back.

        Raises:
            KeyError: there is no such scope, conversation or message.
        """
        with self._lock:
            scope, chat = self._chat(scope_id, conversation_id)
            message = chat.message(msgid, msgid)
            if message is None:
                raise KeyError(f"no message {msgid!r}")
            hook = react(scope, chat, scope.account.admin, message, emoji, self.clock.time())
            self.webhooks.chat(hook, scope.account)
            return hook

    def widget_token(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> str:
        """Issue the one-time token that a widget sends as `X-Auth-Token` (reference 2.13)."""
        with self._lock:
            where, one = self.account(account), integration or self.integration
            return self._tokens.new_widget_token(one, where, where.admin, self.clock.time())

    def revoke_tokens(self, account: str | Account | None = None) -> None:
        """Revoke every token and code of an account, or of all accounts."""
        with self._lock:
            self._tokens.withdraw(None if account is None else self.account(account))

    @contextlib.contextmanager
    def _writing(self) -> Generator[None]:
        """Hold the lock, and queue the webhooks of what the block writes."""
        with self._lock:
            try:
                yield
            finally:
                self.webhooks.collect(self._router.accounts)
                self.feed.note("entities")

    def _chat(self, scope_id: str, conversation_id: str) -> tuple[Scope, Chat]:
        scope = self._router.channels.scopes[scope_id]
        return scope, scope.chats[conversation_id]

    def _grant(
        self, account: Account, integration: Integration | None, *, admin: bool = True
    ) -> Grant:
        ordinary = (one for one in account.users.values() if not one.is_admin and one.is_active)
        user = account.admin if admin else next(ordinary, None)
        if user is None:
            raise ValueError(f"the account {account.subdomain} has no ordinary user")
        return Grant((integration or self.integration).client_id, account.id, user.id)

    def _consent(self, consent_url: str) -> tuple[Integration, dict[str, str]]:
        params = query_of(consent_url)
        integration = chosen_integration(params, self._tokens.integrations)
        if integration is None:
            raise ValueError("the consent address names no known client_id")
        return integration, params
