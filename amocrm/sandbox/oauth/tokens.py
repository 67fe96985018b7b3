"""Integrations, codes, access and refresh tokens, and their lifetimes (reference 2.4-2.10).

Only this module makes or looks up secrets; none of its values shows one in its `repr`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlencode, urlsplit

from amocrm.api_limits import ACCESS_TOKEN_SECONDS, CODE_SECONDS, REFRESH_TOKEN_SECONDS
from amocrm.sandbox.amojo.store import Channel
from amocrm.sandbox.data.state import Account, User
from amocrm.sandbox.http.answer import Json

RefreshMode = Literal["strict", "grace"]
SCOPES = ("push_notifications", "files", "crm", "files_delete", "notifications")


@dataclass(frozen=True)
class Integration:
    """One integration (reference 2.1)."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    hook_url: str = "http://127.0.0.1:3000/uninstall"


@dataclass(frozen=True)
class Grant:
    """Whose rights a token carries."""

    client_id: str
    account_id: int
    user_id: int
    scopes: tuple[str, ...] = SCOPES


@dataclass
class IssuedCode:
    """An authorization code: 20 minutes, once (reference 2.4)."""

    grant: Grant
    expires: float
    is_used: bool = False


@dataclass
class Access:
    """An access token or a long-lived one."""

    grant: Grant
    expires: float
    is_revoked: bool = False
    is_long_lived: bool = False


@dataclass
class Refresh:
    """A refresh token; `parent` is the one it was exchanged for."""

    grant: Grant
    expires: float
    parent: Refresh | None = field(default=None, repr=False)
    is_revoked: bool = False


class TokenRegistry:
    """Every secret of the sandbox."""

    def __init__(
        self, mode: RefreshMode, seed: int | None, access_seconds: float = ACCESS_TOKEN_SECONDS
    ) -> None:
        """Start empty; a seed gives the same ids and secrets each time, no seed random ones."""
        self.mode = mode
        self.access_seconds = access_seconds
        self.integrations: dict[str, Integration] = {}
        self.codes: dict[str, IssuedCode] = {}
        self.access: dict[str, Access] = {}
        self.refresh: dict[str, Refresh] = {}
        # Without a seed, nobody who reads this file can predict the secrets of a port.
        known = None if seed is None else random.Random(f"secrets-{seed}")
        self._random: random.Random = known or random.SystemRandom()
        self._key = self._random.randbytes(32)

    def new_integration(
        self,
        redirect_uri: str,
        client_id: str | None,
        client_secret: str | None,
        hook_url: str | None = None,
    ) -> Integration:
        """Register an integration; what is not given is made up."""
        made_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        made_secret = base64.b64encode(self._random.randbytes(48), b"aA").decode()
        one = Integration(client_id or made_id, client_secret or made_secret, redirect_uri)
        one = one if hook_url is None else replace(one, hook_url=hook_url)
        self.integrations[one.client_id] = one
        return one

    def new_channel(self, client_id: str, code: str, hook_url: str) -> Channel:
        """Register a channel of the Chats API (reference 8)."""
        number, bot = (
            str(uuid.UUID(int=self._random.getrandbits(128), version=4)) for _ in range(2)
        )
        return Channel(number, self._random.randbytes(20).hex(), code, client_id, bot, hook_url)

    def new_code(self, grant: Grant, now: float) -> str:
        """Issue an authorization code."""
        code = self._opaque(350)
        self.codes[code] = IssuedCode(grant, now + CODE_SECONDS)
        return code

    def new_access(
        self,
        grant: Grant,
        account: Account,
        now: float,
        seconds: float,
        *,
        is_long_lived: bool = False,
    ) -> str:
        """Issue an access token: a JWT with the claims of reference 2.8."""
        token = self._jwt(grant, account, now, seconds)
        self.access[token] = Access(grant, now + seconds, is_long_lived=is_long_lived)
        return token

    def new_pair(
        self, grant: Grant, account: Account, now: float, parent: Refresh | None = None
    ) -> tuple[str, str]:
        """Issue an access token and a refresh token."""
        access = self.new_access(grant, account, now, self.access_seconds)
        refresh = self._opaque(420)
        self.refresh[refresh] = Refresh(grant, now + REFRESH_TOKEN_SECONDS, parent)
        return access, refresh

    def readmit(self, grant: Grant, access: str, refresh: str, expires: float, now: float) -> None:
        """Register a pair that an earlier sandbox issued."""
        self.access[access] = Access(grant, expires)
        self.refresh[refresh] = Refresh(grant, now + REFRESH_TOKEN_SECONDS)

    def mark_exchanged(self, one: Refresh) -> None:
        """Record that a refresh token was exchanged: the two modes of reference 2.6."""
        if self.mode == "strict":
            one.is_revoked = True
        elif one.parent is not None:
            # The old token works until the new one is used for the first time.
            one.parent.is_revoked = True

    def who(self, token: str | None, account: Account, now: float) -> Grant | None:
        """Return the grant of a token, or None if it is not valid here and now."""
        one = self.access.get(token or "")
        if one is None or one.is_revoked or now >= one.expires:
            return None
        # Assumed (reference 12.1): a token of another account counts as none.
        if one.grant.account_id != account.id or not account.users[one.grant.user_id].is_active:
            return None
        return one.grant

    def active_refresh(self, token: str, now: float) -> Refresh | None:
        """Return a refresh token that could be exchanged now."""
        one = self.refresh.get(token)
        return None if one is None or one.is_revoked or now >= one.expires else one

    def retain(self, accounts: Iterable[Account]) -> None:
        """Forget the tokens and codes of other accounts, and of users that are gone."""
        users = {one.id: one.users for one in accounts}

        def is_kept(one: Access | Refresh | IssuedCode) -> bool:
            return one.grant.user_id in users.get(one.grant.account_id, ())

        self.access = {token: one for token, one in self.access.items() if is_kept(one)}
        self.refresh = {token: one for token, one in self.refresh.items() if is_kept(one)}
        self.codes = {code: one for code, one in self.codes.items() if is_kept(one)}

    def withdraw(self, account: Account | None, client_id: str | None = None) -> None:
        """Revoke every token and code of an account, or of all, or of one integration in it."""
        everything: list[Access | Refresh | IssuedCode] = [
            *self.access.values(),
            *self.refresh.values(),
            *self.codes.values(),
        ]
        for one in everything:
            if account is not None and one.grant.account_id != account.id:
                continue
            if client_id is not None and one.grant.client_id != client_id:
                continue
            if isinstance(one, IssuedCode):
                one.is_used = True
            else:
                one.is_revoked = True

    def sign_token(self, claims: dict[str, Json]) -> str:
        """Return a JWT in HS256, as the token of an upload address is (reference 7)."""
        return _signed_jwt("HS256", self._key, claims)

    def sign_for(
        self, client_id: str, algorithm: Literal["HS256", "HS512"], claims: dict[str, Json]
    ) -> str:
        """Return a JWT that the secret of an integration signs (reference 2.13)."""
        return _signed_jwt(algorithm, self.integrations[client_id].client_secret.encode(), claims)

    def new_widget_token(
        self, integration: Integration, account: Account, user: User, now: float
    ) -> str:
        """Issue a one-time token (reference 2.13): for half an hour and the redirect's host."""
        audience = urlsplit(integration.redirect_uri)
        claims = {
            "iss": f"https://{account.host}",
            "aud": f"{audience.scheme}://{audience.netloc}",
            "jti": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + 1800,
            "account_id": account.id,
            "user_id": user.id,
            "client_uuid": integration.client_id,
            "subdomain": account.subdomain,
            "is_admin": user.is_admin,
        }
        return self.sign_for(integration.client_id, "HS256", claims)

    def _opaque(self, size: int) -> str:
        return "def502" + self._random.randbytes(size).hex()

    def _jwt(self, grant: Grant, account: Account, now: float, seconds: float) -> str:
        number = self._random.randbytes(40).hex()
        claims = {
            "aud": grant.client_id,
            "jti": number,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + seconds),
            "sub": str(grant.user_id),
            "account_id": account.id,
            "base_domain": account.zone,
            "api_domain": account.api_domain,
            "scopes": list(grant.scopes),
        }
        head = {"typ": "JWT", "alg": "RS256", "jti": number}
        text = f"{_segment(head)}.{_segment(claims)}"
        # Nobody outside can verify the real signature (reference 2.8): any bytes of its length do.
        signature = hashlib.shake_256(self._key + text.encode()).digest(256)
        return f"{text}.{_base64(signature)}"


@dataclass(frozen=True)
class UninstallHook:
    """The signed call about an integration that was switched off (reference 2.12)."""

    address: str
    params: dict[str, str]
    user_agent: str = "amoService-oAuth-Code-Sender/1.0"

    @property
    def url(self) -> str:
        """The whole address that is called with GET."""
        glue = "&" if "?" in self.address else "?"
        return self.address + glue + urlencode(self.params)


def sign_uninstall(integration: Integration, account_id: int) -> str:
    """Return the signature of the uninstall hook.

    >>> sign_uninstall(Integration("11111111-2222-3333-4444-555555555555", "secret", ""), 12345)
    '5654e451a12c58462c9bdf29fef6c3ae6aaf801eba3577c82611b3bf85f202d8'
    """
    message = f"{integration.client_id}|{account_id}".encode()
    return hmac.new(integration.client_secret.encode(), message, hashlib.sha256).hexdigest()


_DIGESTS = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}


def _signed_jwt(algorithm: str, key: bytes, claims: dict[str, Json]) -> str:
    text = f"{_segment({'typ': 'JWT', 'alg': algorithm})}.{_segment(claims)}"
    return f"{text}.{_base64(hmac.new(key, text.encode(), _DIGESTS[algorithm]).digest())}"


def _segment(data: Json) -> str:
    return _base64(json.dumps(data, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
