"""`Sandbox`: the portal as tests and people hold it.

A WSGI application over accounts in memory. One lock guards the state; nobody sleeps holding it.
"""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from errno import ECONNRESET
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.handlers import format_date_time

import requests

from amocrm.limits import REQUESTS_PER_SECOND
from amocrm.sandbox.adapter import SandboxAdapter
from amocrm.sandbox.answer import Answer, BodyStream, Json
from amocrm.sandbox.ask import Ask
from amocrm.sandbox.clock import Clock, SystemClock
from amocrm.sandbox.consent import chosen_integration, query_of
from amocrm.sandbox.families import FAMILIES
from amocrm.sandbox.fates import blocked, suffer
from amocrm.sandbox.faults import refuse_batch
from amocrm.sandbox.front import Front
from amocrm.sandbox.log import Log, Seen
from amocrm.sandbox.oauth import consent_redirect
from amocrm.sandbox.pace import Pace, Verdict
from amocrm.sandbox.problem import Problem, too_many
from amocrm.sandbox.serve import Served, serve
from amocrm.sandbox.state import Account, Entity
from amocrm.sandbox.tokens import (
    SCOPES,
    Grant,
    Integration,
    RefreshMode,
    UninstallHook,
    Vault,
    sign_uninstall,
)
from amocrm.sandbox.validate import check_model
from amocrm.sandbox.view import plain
from amocrm.sandbox.weather import Fate, Sky, Weather
from amocrm.sandbox.writing import Writer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_CHUNK = 65536


class Sandbox:
    """A strict local portal.

    Args:
        accounts: subdomains, or full hosts such as `shop.kommo.com`; the first is the default.
        rps: API requests that may pass in one second; None switches the pace off.
        refresh_mode: `strict` kills a refresh token when it is exchanged, `grace` when its
            successor is (reference 2.6).
        clock: a `ManualClock` for tests; the real one otherwise.
        seed: decides ids, secrets and the draws of the weather.
        weather: chances of bad weather; none by default.
        redirect_uri: setting of the first integration.
        client_id: of the first integration; made up by default.
        client_secret: of the first integration; made up by default.

    Attributes:
        integration: the first integration.
        accounts: every account, in the order of founding.
        pace: the limiter, should a test want other borders.
    """

    def __init__(
        self,
        accounts: Sequence[str] = ("example",),
        *,
        rps: int | None = REQUESTS_PER_SECOND,
        refresh_mode: RefreshMode = "strict",
        clock: Clock | None = None,
        seed: int = 0,
        weather: Weather | None = None,
        redirect_uri: str = "http://127.0.0.1:3000/",
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> None:
        """Found the accounts and register the first integration; nothing is opened."""
        if not accounts:
            raise ValueError("a sandbox needs at least one account")
        if refresh_mode not in ("strict", "grace"):
            raise ValueError(f"refresh_mode is 'strict' or 'grace', not {refresh_mode!r}")
        self.clock: Clock = clock or SystemClock()
        self.pace = Pace(rps)
        self._lock = threading.RLock()
        self._vault = Vault(refresh_mode, seed)
        self._front = Front(self._vault)
        self._log = Log(counters=self._front.counters)
        self._sky = Sky(weather or Weather(), seed)
        for name in accounts:
            self._front.found(name, self.clock.time())
        self.integration = self._vault.new_integration(redirect_uri, client_id, client_secret)

    def __repr__(self) -> str:
        """Name the accounts, and nothing secret."""
        return f"Sandbox({[one.host for one in self.accounts]})"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application; a lost answer really cuts the connection."""
        answer = self.respond(environ)
        self.clock.sleep(answer.late)
        if answer.ending == "none":
            raise _cut()
        status = f"{answer.status} {_phrase(answer.status)}"
        start_response(status, list(answer.headers))
        return self._deliver(answer)

    def respond(self, environ: WSGIEnvironment) -> Answer:
        """Let a request arrive, suffer its fate, and have its effect."""
        with self._lock:
            uplink = self._sky.uplink()
        ask = Ask.read(environ)
        self.clock.sleep(uplink)
        with self._lock:
            answer = self._handle(ask)
        late = answer.late + self.weather.latency / 2
        return replace(answer, waited=uplink, late=late)

    def _handle(self, ask: Ask) -> Answer:
        at, now = self.clock.monotonic(), self.clock.time()
        fate = self._sky.choose(ask.method, ask.path)
        verdict = self.pace.admit(at) if ask.path.startswith("/api/") else Verdict.PASS
        number = self._log.arrive(ask, at=at, time=now, fate=fate.name if fate else "")
        answer: Answer | None = None
        account: Account | None = None
        if fate is None or fate.effect:
            answer, account = self._effect(ask, verdict, now)
        out = suffer(fate, answer) if fate else answer
        out = self._finished(out or Answer(500), number)
        status = 0 if answer is None and out.ending == "none" else out.status
        self._log.settle(number, status=status, account=account.subdomain if account else "")
        if out.ending == "none":
            self.counters["lost"] += 1
        return out

    def _effect(self, ask: Ask, verdict: Verdict, now: float) -> tuple[Answer, Account | None]:
        if verdict is Verdict.TOO_MANY:
            return too_many(self.weather.retry_after).answer(), None
        if verdict is Verdict.BLOCKED:
            return blocked(), None
        return self._front.answer(ask, now)

    def _finished(self, answer: Answer, number: int) -> Answer:
        headers = [*answer.headers, ("Date", format_date_time(self.clock.time()))]
        headers.append(("X-Request-Id", f"{number:032x}"))
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(answer.length)))
        return replace(answer, headers=tuple(headers))

    def _deliver(self, answer: Answer) -> Iterator[bytes]:
        stream = BodyStream(answer, self.clock.sleep)
        while chunk := stream.read(_CHUNK):
            yield chunk
        if answer.ending == "half":
            raise _cut()

    @property
    def accounts(self) -> list[Account]:
        """Every account, in the order of founding."""
        return list(self._front.accounts)

    @property
    def log(self) -> list[Seen]:
        """Every request so far, in the order of arrival, without secrets."""
        with self._lock:
            return list(self._log.seen)

    @property
    def counters(self) -> Counter[str]:
        """What was counted: requests, grants, refusals, losses, creations."""
        return self._log.counters

    @property
    def weather(self) -> Weather:
        """The chances of bad weather; assign another `Weather` to change it."""
        return self._sky.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._sky.weather = weather

    def busiest_second(self) -> int:
        """Return the most API requests that arrived within any one second."""
        with self._lock:
            return self._log.busiest_second()

    def strike(
        self,
        fate: str,
        method: str | None = None,
        path: str | None = None,
        times: int = 1,
        **options: Json,
    ) -> None:
        """Let the next `times` matching requests suffer a fate.

        Args:
            fate: a name of `weather.KINDS`.
            method: only requests with this method.
            path: only paths that begin like this, or match this pattern of `fnmatch`.
            times: how many requests.
            options: of the fate; `effect` says whether the request has its effect all the same.

        Raises:
            ValueError: there is no such fate or option.
        """
        with self._lock:
            self._sky.strike(fate, method, path, times, options)

    def account(self, name: str | Account | None = None) -> Account:
        """Return an account by subdomain or host; the default one without a name."""
        if isinstance(name, Account):
            return name
        return self._front.accounts[0] if name is None else self._front.account(name)

    def add_account(self, name: str) -> Account:
        """Found one more account."""
        with self._lock:
            return self._front.found(name, self.clock.time())

    def add_integration(
        self,
        redirect_uri: str = "http://127.0.0.1:3000/",
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> Integration:
        """Register one more integration."""
        with self._lock:
            return self._vault.new_integration(redirect_uri, client_id, client_secret)

    def issue_code(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> str:
        """Issue a one-time code, as the integration window does (reference 2.9)."""
        with self._lock:
            grant = self._grant(self.account(account), integration)
            return self._vault.new_code(grant, self.clock.time())

    def issue_long_lived(
        self,
        account: str | Account | None = None,
        *,
        days: float = 365,
        admin: bool = True,
        scopes: Iterable[str] = SCOPES,
    ) -> str:
        """Issue a long-lived token (reference 2.10); `admin=False` for an ordinary user's rights."""
        with self._lock:
            where = self.account(account)
            grant = replace(self._grant(where, None, admin=admin), scopes=tuple(scopes))
            return self._vault.new_access(grant, where, self.clock.time(), days * 86400)

    def agree(self, consent_url: str, account: str | Account | None = None) -> str:
        """Agree on the consent page; return the address the browser would be sent to."""
        integration, params = self._consent(consent_url)
        with self._lock:
            where = self.account(account)
            return self._front.agreed(integration, where, params.get("state"), self.clock.time())

    def deny(self, consent_url: str) -> str:
        """Refuse on the consent page; return the address the browser would be sent to."""
        integration, params = self._consent(consent_url)
        return consent_redirect(integration, params.get("state"), code=None, account=None)

    def move(self, account: str | Account | None, name: str) -> Account:
        """Rename an account: the old host no longer answers for it (reference 1.1)."""
        with self._lock:
            where = self.account(account)
            where.former.add(where.subdomain)
            where.subdomain = name
            where.former.discard(name)
            return where

    def uninstall(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> None:
        """Switch an integration off in an account: all its tokens die (reference 2.6)."""
        with self._lock:
            self._vault.withdraw(self.account(account), (integration or self.integration).client_id)

    def uninstall_hook(
        self, account: str | Account | None = None, integration: Integration | None = None
    ) -> UninstallHook:
        """Return the signed call that announces a switched-off integration (reference 2.12)."""
        one, where = integration or self.integration, self.account(account)
        params = {"account_id": str(where.id), "client_uuid": one.client_id}
        params["signature"] = sign_uninstall(one, where.id)
        return UninstallHook(one.hook_url, params)

    def revoke_tokens(self, account: str | Account | None = None) -> None:
        """Kill every token and code of an account, or of all accounts."""
        with self._lock:
            self._vault.withdraw(None if account is None else self.account(account))

    def add(self, family: str, entity: Entity, account: str | Account | None = None) -> int:
        """Store an entity directly, past the wire; return its id.

        Raises:
            Problem: the API would refuse it, too.
        """
        with self._lock:
            where, table = self.account(account), FAMILIES[family]
            checked = check_model(entity, table, where, table=table.create, nested=table.nested)
            refuse_batch([entity], [checked])
            writer = Writer(where, self._front.ids, where.admin.id, int(self.clock.time()))
            return int(writer.create(table, copy.deepcopy(entity))["id"])

    def trash(self, family: str, number: int, account: str | Account | None = None) -> None:
        """Put an entity into the recycle bin, which the API itself cannot do (reference 3.7)."""
        with self._lock:
            entity = self.account(account).entities[family][number]
            entity |= {"is_deleted": True, "updated_at": int(self.clock.time())}

    def leads(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored leads, with tags by name and ties by id."""
        return self._stored("leads", account)

    def contacts(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored contacts."""
        return self._stored("contacts", account)

    def companies(self, account: str | Account | None = None) -> list[Entity]:
        """Return copies of the stored companies."""
        return self._stored("companies", account)

    def session(self) -> requests.Session:
        """Return a `requests` session whose every address leads here."""
        return self.mount(requests.Session())

    def mount(self, session: requests.Session) -> requests.Session:
        """Lead every http and https address of a session here; return the session."""
        for scheme in ("https://", "http://"):
            session.mount(scheme, SandboxAdapter(self.respond, self.clock))
        return session

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: tuple[str, str] | None = None,
        threads: int = 40,
    ) -> AbstractContextManager[Served]:
        """Serve over TCP while the block runs; port 0 takes a free one.

        Raises:
            OSError: the port is busy.
        """
        return serve(self, host, port, tls=tls, threads=threads)

    def _grant(
        self, account: Account, integration: Integration | None, *, admin: bool = True
    ) -> Grant:
        users = account.users.values()
        user = account.admin if admin else next(one for one in users if not one.is_admin)
        return Grant((integration or self.integration).client_id, account.id, user.id)

    def _consent(self, consent_url: str) -> tuple[Integration, dict[str, str]]:
        params = query_of(consent_url)
        integration = chosen_integration(params, self._vault.integrations)
        if integration is None:
            raise ValueError("the consent address names no known client_id")
        return integration, params

    def _stored(self, family: str, account: str | Account | None) -> list[Entity]:
        with self._lock:
            where = self.account(account)
            entities = where.entities[family].values()
            return [plain(where, family, one, copy.deepcopy) for one in entities]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _cut() -> ConnectionResetError:
    # Servers drop the connection without an answer when the application raises this.
    return ConnectionResetError(ECONNRESET, "the sandbox cut the connection")


__all__ = ["Fate", "Problem", "Sandbox"]
