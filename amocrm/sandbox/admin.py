"""What tests and people do in the sandbox without a request.

Giving and refusing consent, issuing codes and long-lived tokens, renaming an account, switching
an integration off, adding and reading entities.
"""

from __future__ import annotations

import contextlib
import copy
import json
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

from amocrm.sandbox.amojo.hooks import ChatHook, react, type_text, write
from amocrm.sandbox.amojo.store import Channel, Chat, Scope
from amocrm.sandbox.clock import Clock
from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.fixtures import put
from amocrm.sandbox.data.shop import fill_shop
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.merging import merge
from amocrm.sandbox.engine.routes import dispatch
from amocrm.sandbox.engine.validate import check_model
from amocrm.sandbox.engine.validation_errors import refuse_batch
from amocrm.sandbox.engine.view import plain
from amocrm.sandbox.engine.writing import Writer
from amocrm.sandbox.entities.unsorted_items import enter
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.http.router import Router
from amocrm.sandbox.oauth.consent import chosen_integration, query_of
from amocrm.sandbox.oauth.token_endpoint import consent_redirect, widget_call
from amocrm.sandbox.oauth.tokens import (
    SCOPES,
    Grant,
    Integration,
    RefreshMode,
    TokenRegistry,
    UninstallHook,
    sign_uninstall,
)
from amocrm.sandbox.webhooks.triggers import Webhooks


class Admin:
    """Accounts, integrations and what is done with them by hand.

    Attributes:
        clock: the time of the sandbox.
        integration: the first integration, which the methods mean when none is given.
        webhooks: what is sent to the subscribers, and what makes it go wrong.
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
        self.clock = clock
        self._lock = threading.RLock()
        self._tokens = TokenRegistry(mode, seed, token_lifetime)
        self._router = Router(self._tokens)
        for name in accounts:
            self._router.add_account(name, clock.time())
        self.webhooks = Webhooks(self._lock, clock, self._router, self._tokens, seed or 0)

    @property
    def accounts(self) -> list[Account]:
        """Every account, in the order of founding."""
        return list(self._router.accounts)

    def account(self, name: str | Account | None = None) -> Account:
        """Return an account by subdomain or host; the default one without a name."""
        if isinstance(name, Account):
            return name
        return self._router.accounts[0] if name is None else self._router.account(name)

    def add_account(self, name: str) -> Account:
        """Add one more account."""
        with self._lock:
            return self._router.add_account(name, self.clock.time())

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
    ) -> str:
        """Issue a long-lived token (reference 2.10); `admin=False`: for an ordinary user."""
        with self._lock:
            where = self.account(account)
            grant = replace(self._grant(where, None, admin=admin), scopes=tuple(scopes))
            return self._tokens.new_access(grant, where, self.clock.time(), days * 86400)

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

    def add(self, entity_type: str, entity: Entity, account: str | Account | None = None) -> int:
        """Store an entity directly, past the wire; return its id.

        Bots, talks, widgets and waiting bots, which no request can make, are taken as they are.

        Raises:
            KeyError: there is no such resource.
            ProblemError: the API would refuse it, too.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            if entity_type not in ENTITY_TYPES:
                return put(where, self._router.ids, entity_type, copy.deepcopy(entity), now)
            table = ENTITY_TYPES[entity_type]
            checked = check_model(entity, table, where, table.create)
            refuse_batch([entity], [checked])
            client_id = self.integration.client_id
            writer = Writer(where, self._router.ids, where.admin.id, now, client_id)
            return int(writer.create(table, copy.deepcopy(entity))["id"])

    def add_shop(self, account: str | Account | None = None) -> None:
        """Fill an account with the data of a small shop, as if its administrator had entered it."""
        with self._writing():
            where = self.account(account)
            grant, now = self._grant(where, None), int(self.clock.time())

            def send(method: str, path: str, body: Json) -> Json:
                request = IncomingRequest.of_json(method, where.host, f"/api/v4{path}", body)
                answer = dispatch(Call(request, where, grant, now, self._router.ids, Counter()))
                return json.loads(answer.body) if answer.body else None

            fill_shop(send, now)

    def add_unsorted(
        self,
        category: str,
        metadata: Entity | None = None,
        account: str | Account | None = None,
    ) -> str:
        """Add an incoming lead; return its uid.

        The only way to add chats and mail: the API creates forms and calls only (reference 4.4).
        """
        with self._writing():
            where = self.account(account)
            writer = Writer(where, self._router.ids, where.admin.id, int(self.clock.time()))
            ends: dict[str, int | None] = {
                name: int(writer.create(ENTITY_TYPES[name], {})["id"])
                for name in ("leads", "contacts")
            }
            return str(enter(writer, category, ends, {"metadata": metadata or {}})["uid"])

    def trash(self, entity_type: str, number: int, account: str | Account | None = None) -> None:
        """Delete an entity, which the API itself cannot do (reference 3.7).

        Leads, contacts, companies and customers go to the recycle bin; tasks and elements of lists
        (`elements`) are gone.

        Raises:
            KeyError: there is no such entity.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            entity = where.entities[entity_type][number]
            if entity_type in ENTITY_TYPES:
                entity |= {"is_deleted": True, "updated_at": now}
            else:
                del where.entities[entity_type][number]
            where.changes.delete(entity_type, entity)
            if entity_type in SINGULAR:
                history = Writer(where, self._router.ids, where.admin.id, now).history
                history.record(f"{SINGULAR[entity_type]}_deleted", SINGULAR[entity_type], number)

    def restore(self, entity_type: str, number: int, account: str | Account | None = None) -> None:
        """Take an entity out of the recycle bin.

        Raises:
            KeyError: there is no such entity.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            entity = where.entities[entity_type][number]
            entity |= {"is_deleted": False, "updated_at": now}
            where.changes.restore(entity_type, entity)
            history = Writer(where, self._router.ids, where.admin.id, now).history
            history.record(f"{SINGULAR[entity_type]}_restored", SINGULAR[entity_type], number)

    def merge(
        self, entity_type: str, into: int, other: int, account: str | Account | None = None
    ) -> None:
        """Merge two leads, contacts, companies or customers: only `into` is left.

        Raises:
            KeyError: there is no such entity.
        """
        with self._writing():
            where, now = self.account(account), int(self.clock.time())
            merge(Writer(where, self._router.ids, where.admin.id, now), entity_type, into, other)

    def leads(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored leads, with tags by name and ties by id."""
        return self._stored("leads", account)

    def contacts(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored contacts."""
        return self._stored("contacts", account)

    def companies(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored companies."""
        return self._stored("companies", account)

    @contextlib.contextmanager
    def _writing(self) -> Generator[None]:
        """Hold the lock, and queue the webhooks of what the block writes."""
        with self._lock:
            try:
                yield
            finally:
                self.webhooks.collect(self._router.accounts)

    def _chat(self, scope_id: str, conversation_id: str) -> tuple[Scope, Chat]:
        scope = self._router.channels.scopes[scope_id]
        return scope, scope.chats[conversation_id]

    def _grant(
        self, account: Account, integration: Integration | None, *, admin: bool = True
    ) -> Grant:
        users = account.users.values()
        user = account.admin if admin else next(one for one in users if not one.is_admin)
        return Grant((integration or self.integration).client_id, account.id, user.id)

    def _consent(self, consent_url: str) -> tuple[Integration, dict[str, str]]:
        params = query_of(consent_url)
        integration = chosen_integration(params, self._tokens.integrations)
        if integration is None:
            raise ValueError("the consent address names no known client_id")
        return integration, params

    def _stored(self, entity_type: str, account: str | Account | None) -> list[Entity]:
        with self._lock:
            where = self.account(account)
            entities = where.entities[entity_type].values()
            return [plain(where, entity_type, one, copy.deepcopy) for one in entities]
