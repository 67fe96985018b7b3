"""Routing: the service and the account that a host and a path name (reference 1)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from amocrm.sandbox.amojo import routes as chats
from amocrm.sandbox.amojo.store import Channels
from amocrm.sandbox.data.defaults import new_account
from amocrm.sandbox.data.fixtures import add_fixtures
from amocrm.sandbox.data.plans import offers
from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.drive import routes as drive
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.routes import OLD_RUN, dispatch
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.problem import (
    GrantRefusedError,
    ProblemError,
    not_found,
    unauthorized,
    unknown_account,
)
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.oauth.consent import (
    chosen_integration,
    consent_page,
    redirect_to,
    unknown_integration,
)
from amocrm.sandbox.oauth.token_endpoint import (
    consent_redirect,
    exchange,
    grant_kind,
    lookup_by_refresh,
    whereabouts,
)
from amocrm.sandbox.oauth.tokens import Grant, Integration, TokenRegistry

_ZONE_HOST = re.compile(r"(?P<label>[^.]+)\.(?P<zone>amocrm\.ru|amocrm\.com|kommo\.com)")
_DRIVE = re.compile(r"drive(-[a-z]+)?")
_TOKEN_PATH = "/oauth2/access_token"
_LOOKUP_PATH = "/oauth2/account/current/subdomain"
_ROOTS = ("/api/", "/oauth", drive.PREFIXES[0], drive.PREFIXES[1], chats.PREFIX)
"""What the paths of the platform begin with."""

_OLD_LOOKUP_PATH = "/oauth2/account/subdomain"


@dataclass
class Router:
    """The accounts, tokens and channels of the sandbox; the caller holds the lock."""

    tokens: TokenRegistry
    accounts: list[Account] = field(default_factory=list[Account])
    ids: Ids = field(default_factory=Ids)
    channels: Channels = field(default_factory=Channels)
    counters: Counter[str] = field(default_factory=Counter[str])

    def reset(self) -> None:
        """Forget accounts, chats and counters; ids begin again."""
        self.accounts.clear()
        self.ids.reset()
        self.channels.scopes.clear()
        self.counters.clear()

    def add_account(self, name: str, now: float) -> Account:
        """Add an account."""
        account = new_account(name, self.ids, int(now))
        add_fixtures(account, self.ids)
        self.accounts.append(account)
        return account

    def account(self, name: str) -> Account:
        """Return an account by its current or former subdomain, or by its host.

        Raises:
            KeyError: there is none.
        """
        for one in self.accounts:
            if name in (one.subdomain, one.host) or name in one.former:
                return one
        raise KeyError(f"no account {name!r}")

    def answer(self, request: IncomingRequest, now: float) -> tuple[Answer, Account | None]:
        """Answer a request; also return the account it was for."""
        place = _Place.of(request.host)
        account = self._addressed(request, place)
        try:
            answer = self._answer(request, place, account, now)
        except (ProblemError, GrantRefusedError) as refusal:
            answer = refusal.answer()
        return answer, account

    def _answer(
        self, request: IncomingRequest, place: _Place, account: Account | None, now: float
    ) -> Answer:
        if place.is_zone and request.scheme == "http":
            # Plain HTTP is redirected to HTTPS (reference 3.2).
            target = f"https://{request.netloc}{quote(request.path)}" + (
                f"?{request.query}" if request.query else ""
            )
            return replace(redirect_to(target), status=HTTPStatus.MOVED_PERMANENTLY)
        path = request.path.rstrip("/")
        if path == "/oauth" and place.has_promo:
            return self._consent(request, now)
        if path in (_LOOKUP_PATH, _OLD_LOOKUP_PATH):
            return self._lookup(request, place, account, now)
        if path == _TOKEN_PATH and place.has_accounts:
            return self._exchange(request, account, now)
        if path.startswith(drive.PREFIXES) and place.has_drive:
            here = [one for one in self.accounts if place.zone in ("", one.zone)]
            return drive.answer(request, here, self.tokens, self.ids, now)
        if path.startswith(chats.PREFIX) and place.has_chats:
            here = [one for one in self.accounts if place.zone in ("", one.zone)]
            return chats.answer(request, here, self.channels, self.ids, now)
        if place.has_accounts and (path.startswith("/api/v4/") or path == OLD_RUN):
            return dispatch(self._authorized(request, account, now))
        raise not_found(request.method, request.url)

    def caller(self, request: IncomingRequest) -> Caller:
        """Return whom a request counts for."""
        place = _Place.of(request.host)
        account = self._addressed(request, place)
        access = self.tokens.access.get(request.bearer() or "")
        client_id, user_id = "", None
        if access is not None:
            client_id, user_id = access.grant.client_id, access.grant.user_id
        if account is None:
            return Caller(place.zone, place.label, client_id, user_id)
        return Caller(account.zone, account.subdomain, client_id, user_id)

    def without_account(self, request: IncomingRequest) -> IncomingRequest:
        """Return a request whose path does not name an account any more.

        On a local name, `/two/api/v4/leads` is `/api/v4/leads` of the account `two`.
        """
        name, slash, rest = request.path[1:].partition("/")
        path = slash + rest
        names = {one for account in self.accounts for one in (account.subdomain, account.host)}
        if name not in names or not path.startswith(_ROOTS) or _Place.of(request.host).is_zone:
            return request
        return replace(request, path=path, base=f"/{name}")

    def _addressed(self, request: IncomingRequest, place: _Place) -> Account | None:
        if not place.has_accounts:
            return None
        if request.base:
            return self.account(request.base[1:])
        for one in self.accounts:
            if place.label == one.subdomain:
                return one
        moved = any(place.label in one.former for one in self.accounts)
        return None if place.is_zone or moved else self.accounts[0]

    def _authorized(self, request: IncomingRequest, account: Account | None, now: float) -> Call:
        if account is None:
            raise unknown_account()
        grant = self.tokens.who(request.bearer(), account, now)
        if grant is None:
            raise unauthorized()
        if not account.is_paid or not offers(account, request.path):
            raise ProblemError(402, "Payment required")
        if "crm" not in grant.scopes:
            raise ProblemError(403, "Invalid scope")  # reference 2.11
        wanted = request.headers.get("X-Context-User-ID")
        if wanted is not None:
            grant = _acting_as(grant, wanted, account)
        return Call(request, account, grant, int(now), self.ids, self.counters)

    def _exchange(self, request: IncomingRequest, account: Account | None, now: float) -> Answer:
        if request.method != "POST":
            raise ProblemError(405, "Method Not Allowed")
        if account is None:
            # A moved or unknown domain: 404 or 401 (reference 2.7); 404 is assumed.
            self.counters["grants.refused"] += 1
            raise not_found(request.method, request.url)
        try:
            answer = exchange(request, account, self.tokens, now)
        except GrantRefusedError:
            self.counters["grants.refused"] += 1
            raise
        self.counters[f"grants.{grant_kind(request)}"] += 1
        return answer

    def _lookup(
        self, request: IncomingRequest, place: _Place, account: Account | None, now: float
    ) -> Answer:
        if request.method != "GET":
            raise ProblemError(405, "Method Not Allowed")
        if request.path.rstrip("/") == _LOOKUP_PATH and place.has_shared:
            number = lookup_by_refresh(request, self.tokens, now)
            return whereabouts(next(one for one in self.accounts if one.id == number))
        if request.path.rstrip("/") == _OLD_LOOKUP_PATH and place.has_promo:
            for one in self.accounts:
                if self.tokens.who(request.bearer(), one, now):
                    return whereabouts(one)
            raise unauthorized()
        raise not_found(request.method, request.url)

    def _consent(self, request: IncomingRequest, now: float) -> Answer:
        if request.method not in ("GET", "POST"):
            raise ProblemError(405, "Method Not Allowed")
        form = parse_qsl(request.body.decode("utf-8", errors="replace"), keep_blank_values=True)
        params = {**dict(request.pairs()), **dict(form)}
        integration = chosen_integration(params, self.tokens.integrations)
        if integration is None:
            return unknown_integration()
        if request.method == "GET":
            return consent_page(params, self.accounts)
        return self._decided(params, integration, now)

    def _decided(self, params: dict[str, str], integration: Integration, now: float) -> Answer:
        state = params.get("state")
        if params.get("decision") == "deny":
            return redirect_to(consent_redirect(integration, state, code=None, account=None))
        try:
            account = self.account(params.get("account") or self.accounts[0].subdomain)
        except KeyError:
            raise ProblemError(400, "Unknown account") from None
        return redirect_to(self.agreed(integration, account, state, now))

    def agreed(
        self, integration: Integration, account: Account, state: str | None, now: float
    ) -> str:
        """Issue a code and return the address of the redirect."""
        code = self.tokens.new_code(Grant(integration.client_id, account.id, account.admin.id), now)
        return consent_redirect(integration, state, code=code, account=account)


class Caller(NamedTuple):
    """Whom a request counts for.

    Attributes:
        zone: the platform.
        account: subdomain.
        client_id: of the token's integration, "" without a token that was ever issued.
        user_id: whose token it is.
    """

    zone: str
    account: str
    client_id: str
    user_id: int | None


@dataclass(frozen=True)
class _Place:
    """What a host is: of the platform's some one kind (reference 1), or any other name."""

    label: str
    zone: str
    has_promo: bool = False
    has_shared: bool = False
    has_accounts: bool = False
    has_drive: bool = False
    has_chats: bool = False

    @classmethod
    def of(cls, host: str) -> _Place:
        match = _ZONE_HOST.fullmatch(host)
        if match is None:
            # A local name: everything at once, so that one address is enough for a client.
            return cls(host.partition(".")[0], "", True, True, True, True, True)
        label, zone = match["label"], match["zone"]
        if label == "www":
            return cls(label, zone, has_promo=True)
        if label.startswith("api-"):
            return cls(label, zone, has_shared=True)
        if _DRIVE.fullmatch(label):
            return cls(label, zone, has_drive=True)
        if label == "amojo":
            return cls(label, zone, has_chats=True)
        return cls(label, zone, has_accounts=True)

    @property
    def is_zone(self) -> bool:
        """Whether the host is one of the platforms."""
        return bool(self.zone)


def _acting_as(grant: Grant, wanted: str, account: Account) -> Grant:
    # Only a token granted by an administrator may name another user (reference 2.11).
    if not account.users[grant.user_id].is_admin:
        raise unauthorized()
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise unauthorized()
    user = account.users.get(int(wanted))
    if user is None or user.is_free or not user.is_active:
        raise unauthorized()
    return replace(grant, user_id=user.id)
