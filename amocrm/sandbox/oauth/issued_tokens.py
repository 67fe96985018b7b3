"""`portal.tokens`: what was issued, shown and ended by a name that is no secret."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from amocrm.sandbox.clock import Clock
from amocrm.sandbox.data.state import Account
from amocrm.sandbox.http.router import Router
from amocrm.sandbox.oauth.tokens import Access, Integration, IssuedCode, Refresh, TokenRegistry

TokenKind: TypeAlias = 'Literal["access", "long-lived", "refresh", "code"]'
TokenState: TypeAlias = 'Literal["valid", "expired", "revoked", "used"]'


@dataclass(frozen=True)
class IssuedToken:
    """One token or code, without its text.

    Attributes:
        id: names it here, and opens nothing.
        ending: the last four characters, by which its owner recognizes it.
        account: subdomain.
        expires_at: Unix seconds.
    """

    id: str
    ending: str
    kind: TokenKind
    state: TokenState
    client_id: str
    account: str
    user_id: int
    expires_at: float


class IssuedTokens:
    """Every token and code of a sandbox."""

    def __init__(
        self, lock: threading.RLock, clock: Clock, router: Router, registry: TokenRegistry
    ) -> None:
        """Remember whose tokens they are."""
        self._lock = lock
        self._clock = clock
        self._router = router
        self._registry = registry

    @property
    def integrations(self) -> list[Integration]:
        """The integrations, in the order of registration."""
        with self._lock:
            return list(self._registry.integrations.values())

    def issued(self, account: Account | None = None) -> list[IssuedToken]:
        """Return access tokens, refresh tokens and codes, of each the latest first."""
        with self._lock:
            names = {one.id: one.subdomain for one in self._router.accounts}
            now = self._clock.time()
            shown = [
                _shown(text, one, names[one.grant.account_id], now)
                for text, one in self._registered()
                if account is None or one.grant.account_id == account.id
            ]
        return shown[::-1]

    def expire(self, account: Account | None = None, token_id: str | None = None) -> int:
        """Let tokens and codes expire now: those of an account, one, or all; return how many."""
        return self._end(account, token_id, is_revoked=False)

    def revoke(self, account: Account | None = None, token_id: str | None = None) -> int:
        """Revoke tokens and codes: those of an account, one, or all; return how many."""
        return self._end(account, token_id, is_revoked=True)

    def _end(self, account: Account | None, token_id: str | None, *, is_revoked: bool) -> int:
        count = 0
        with self._lock:
            now = self._clock.time()
            for text, one in self._registered():
                if account is not None and one.grant.account_id != account.id:
                    continue
                if token_id is not None and _public_id(text) != token_id:
                    continue
                if _state(one, now) != "valid":
                    continue
                count += 1
                if not is_revoked:
                    one.expires = now
                elif isinstance(one, IssuedCode):
                    one.is_used = True
                else:
                    one.is_revoked = True
        return count

    def _registered(self) -> Iterator[tuple[str, Access | Refresh | IssuedCode]]:
        registry = self._registry
        yield from registry.codes.items()
        yield from registry.refresh.items()
        yield from registry.access.items()


def _shown(text: str, one: Access | Refresh | IssuedCode, account: str, now: float) -> IssuedToken:
    grant = one.grant
    return IssuedToken(
        id=_public_id(text),
        ending=text[-4:],
        kind=_kind(one),
        state=_state(one, now),
        client_id=grant.client_id,
        account=account,
        user_id=grant.user_id,
        expires_at=one.expires,
    )


def _public_id(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _kind(one: Access | Refresh | IssuedCode) -> TokenKind:
    if isinstance(one, Access):
        return "long-lived" if one.is_long_lived else "access"
    return "code" if isinstance(one, IssuedCode) else "refresh"


def _state(one: Access | Refresh | IssuedCode, now: float) -> TokenState:
    if isinstance(one, IssuedCode):
        if one.is_used:
            return "used"
    elif one.is_revoked:
        return "revoked"
    return "expired" if now >= one.expires else "valid"
