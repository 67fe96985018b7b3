"""`portal.webhooks`: what is sent by itself, and what a test lets happen.

Webhooks of the account follow from its writes. Those of pipelines, widgets, bots and chats, and the
one that tells of a removed integration, follow from what nobody can do through the API.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Literal

from amocrm.sandbox.amojo.hooks import ChatHook
from amocrm.sandbox.clock import Clock
from amocrm.sandbox.data.fixtures import put
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.http.router import Router
from amocrm.sandbox.oauth.tokens import Integration, TokenRegistry, UninstallHook
from amocrm.sandbox.webhooks.apps import App
from amocrm.sandbox.webhooks.delivery import JSON_TYPE, USER_AGENT, Delivery, Kind
from amocrm.sandbox.webhooks.form import Tree, encode_form
from amocrm.sandbox.webhooks.schedule import Repeats
from amocrm.sandbox.webhooks.sender import HookSender, form_headers
from amocrm.sandbox.webhooks.subscribing import ORIGIN, check_codes, check_url, subscribe
from amocrm.sandbox.webhooks.trigger_bodies import (
    DIRECTIONS,
    PIPELINE_ACTIONS,
    WIDGET_EVENTS,
    bot_claims,
    pipeline_tree,
    widget_tree,
)

_CHAT_SECONDS = 5.0
"""How long a channel may take (reference 8.3)."""


class Webhooks(HookSender):
    """Sends webhooks, and makes those happen that no request of the API causes.

    Attributes:
        origin: where a served sandbox is reached; bots name it in their `return_url`.
    """

    def __init__(
        self,
        lock: threading.RLock,
        clock: Clock,
        router: Router,
        tokens: TokenRegistry,
        seed: int,
        on_change: Callable[[], object],
    ) -> None:
        """Start without webhooks."""
        super().__init__(lock, clock, seed, on_change)
        self.origin = ""
        self._router = router
        self._tokens = tokens
        self._apps = 0

    def subscribe(
        self,
        receiver: App | str,
        *codes: str,
        path: str = "/",
        account: str | Account | None = None,
    ) -> str:
        """Subscribe an app of this process, or an address; return the address.

        Args:
            receiver: a WSGI or ASGI app, which is mounted at an origin of its own, or a URL.
            codes: such as `add_lead`.
            path: of the app, with what is secret in it.
            account: the first one if None.

        Raises:
            ValueError: there is no such code, or it is no address.
            ProblemError: the API would refuse it, too.
        """
        wanted = check_codes(codes)
        with self._wake:
            if isinstance(receiver, str):
                url = check_url(receiver)
            else:
                self._apps += 1
                origin = ORIGIN if self._apps == 1 else f"{ORIGIN}:{self._apps}"
                self.mount(origin, receiver)
                url = f"{origin}/{path.removeprefix('/')}"
            where, now = self._account(account), int(self._clock.time())
            client_id = next(iter(self._tokens.integrations))
            subscribe(where, self._router.ids, client_id, now, url, wanted)
            return url

    def pipeline(
        self,
        url: str,
        entity_type: Literal["leads", "customers"],
        number: int,
        action: str = "status",
        *,
        old: Mapping[str, int | None] | None = None,
        account: str | Account | None = None,
    ) -> Delivery:
        """Let a "send webhook" step of a pipeline run for an entity (reference 6.4).

        Args:
            url: that the step names.
            entity_type: of the entity.
            number: its id.
            action: what the step waits for: `status` of leads, `period` of customers, `call_in`,
                `chat`, `site_visit`, `mail_in`.
            old: where it stood before: `status_id` and `pipeline_id`, or `period_id`.
            account: the first one if None.

        Raises:
            KeyError: there is no such entity.
            ValueError: there is no such action.
        """
        _check(action, PIPELINE_ACTIONS[entity_type], "action")
        with self._wake:
            where = self._account(account)
            entity = where.entities[entity_type][number]
            tree = pipeline_tree(where, entity_type, entity, action, old or {})
            repeats: Repeats = "once" if where.zone == "amocrm.ru" else "kommo_pipeline"
            return self._send("pipeline", action, where, url, tree, is_form=True, repeats=repeats)

    def widget(
        self,
        url: str,
        entity_type: Literal["leads", "customers"],
        number: int,
        type_code: str = "lead_appeared_in_status",
        *,
        settings: Tree | None = None,
        direction: str = "went_to_trigger",
        account: str | Account | None = None,
    ) -> Delivery:
        """Let the step of a widget in a pipeline run for an entity (reference 9.2).

        Args:
            url: the widget's `webhook_url`.
            entity_type: of the entity.
            number: its id.
            type_code: what the step waited for, such as `lead_status_changed`.
            settings: of the widget's step.
            direction: `went_to_trigger`, `went_in_trigger` or `went_from_trigger`, of a lead.
            account: the first one if None.

        Raises:
            KeyError: there is no such entity.
            ValueError: there is no such type or direction.
        """
        _check(type_code, WIDGET_EVENTS, "type_code")
        _check(direction, DIRECTIONS, "direction")
        with self._wake:
            where, now = self._account(account), int(self._clock.time())
            entity = where.entities[entity_type][number]
            tree = widget_tree(
                where, entity_type, entity, type_code, direction, settings or {}, now
            )
            return self._send("pipeline_widget", type_code, where, url, tree)

    def bot(
        self,
        url: str,
        entity_type: Literal["leads", "customers"],
        number: int,
        data: Tree | None = None,
        *,
        bot_type: Literal["salesbot", "marketingbot"] = "salesbot",
        is_form: bool = False,
        integration: Integration | None = None,
        account: str | Account | None = None,
    ) -> Delivery:
        """Let a bot reach a `widget_request` step: it sends, and waits (reference 9.1).

        `return_url` of the body continues the bot, once; `continued` tells with what.

        Args:
            url: that the step names.
            entity_type: of the entity that the bot talks to.
            number: its id.
            data: of the step.
            bot_type: which kind of bot.
            is_form: send a form instead of JSON, as some integrators report.
            integration: whose secret signs the token; the first one if None.
            account: the first one if None.

        Raises:
            KeyError: there is no such entity.
        """
        with self._wake:
            where, now = self._account(account), self._clock.time()
            entity = where.entities[entity_type][number]
            client_id = (integration or next(iter(self._tokens.integrations.values()))).client_id
            claims = bot_claims(where, entity_type, entity["id"], client_id, bot_type, url, now)
            bot: int = next(iter(where.shelf("bots")))
            waiting: Entity = {"bot_id": bot, "kind": bot_type}
            waiting |= {"entity_type": entity_type, "entity_id": number}
            continue_id = put(where, self._router.ids, "waiting", waiting, int(now))
            tree = {
                "token": self._tokens.sign_for(client_id, "HS512", claims),
                "data": data or {},
                "return_url": f"{self._root(where)}/{bot_type}/{bot}/continue/{continue_id}",
            }
            return self._send("bot", bot_type, where, url, tree, is_form=is_form)

    def continued(self, account: str | Account | None = None) -> list[Entity]:
        """Return the bots that were continued: `bot_id`, `entity_id`, and the `body` they got."""
        with self._wake:
            return list(self._account(account).shelf("continued").values())

    def chat(self, hook: ChatHook, account: Account) -> Delivery:
        """Queue a webhook of a chat, which is sent once; the caller holds the lock."""
        return self.enter(
            Delivery(
                number=0,
                kind="chat",
                codes=(hook.event,),
                account=account.subdomain,
                url=hook.address,
                body=hook.body,
                limit=_CHAT_SECONDS,
                headers={"User-Agent": USER_AGENT, **hook.headers},
            )
        )

    def uninstalled(self, hook: UninstallHook, account: Account) -> Delivery:
        """Queue the call about a removed integration; the caller holds the lock."""
        return self.enter(
            Delivery(
                number=0,
                kind="uninstall",
                codes=("uninstall",),
                account=account.subdomain,
                url=hook.url,
                body=b"",
                headers={"User-Agent": hook.user_agent},
                method="GET",
            )
        )

    def _account(self, account: str | Account | None) -> Account:
        if isinstance(account, Account):
            return account
        return self._router.accounts[0] if account is None else self._router.account(account)

    def _root(self, account: Account) -> str:
        if not self.origin:
            return f"https://{account.host}/api/v4"
        is_first = account is self._router.accounts[0]
        return f"{self.origin}{'' if is_first else f'/{account.subdomain}'}/api/v4"

    def _send(
        self,
        kind: Kind,
        code: str,
        account: Account,
        url: str,
        tree: Tree,
        *,
        is_form: bool = False,
        repeats: Repeats = "once",
    ) -> Delivery:
        headers = {"User-Agent": USER_AGENT, "Content-Type": JSON_TYPE}
        return self.enter(
            Delivery(
                number=0,
                kind=kind,
                codes=(code,),
                account=account.subdomain,
                url=url,
                body=encode_form(tree) if is_form else json.dumps(tree).encode(),
                headers=form_headers() if is_form else headers,
                repeats=repeats,
            )
        )


def _check(name: str, known: Mapping[str, int] | tuple[str, ...], argument: str) -> None:
    if name not in known:
        raise ValueError(f"{argument} must be one of {', '.join(known)}, not {name!r}")
