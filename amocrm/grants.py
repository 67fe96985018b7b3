"""The conversation with the token endpoint: one grant, asked for until the answer is definite."""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from amocrm.core.answer import NotJSONError, decode
from amocrm.core.body import encode_body
from amocrm.core.host import Portal
from amocrm.core.oauth import (
    LOOKUP_PATH,
    TOKEN_PATH,
    Granted,
    Refused,
    code_grant,
    judge_grant,
    new_host,
    refresh_grant,
)
from amocrm.core.policy import Again, Effort, GiveUp
from amocrm.core.settings import Settings
from amocrm.core.token import Token, api_domain
from amocrm.core.wire import Call, Json, Lost, Timeout
from amocrm.line import Line
from amocrm.transport import Answer, Info

GRANT_TIMEOUT: Final = Timeout(connect=5.0, read=15.0, total=30.0)
"""Limits of one try of a grant; the vendor's client waits 15 s. Source: reference 2.14."""

_log = logging.getLogger("amocrm")


class Grant(NamedTuple):
    """What a grant gave, and where the account was found."""

    token: Token
    info: Info
    portal: Portal


class Grants:
    """Asks for grants. Holds no token and remembers nothing."""

    def __init__(self, settings: Settings, line: Line) -> None:
        self._settings = settings
        self._line = line

    def exchange(self, portal: Portal, code: str) -> Grant:
        """Exchange an authorization code.

        Raises:
            GrantError: the code was refused.
            TransportError, ReplyError: no definite answer came; the code may still be good.
        """
        return _given(self._ask(portal, code_grant(self._settings, code)))

    def refresh(self, portal: Portal, token: Token) -> Grant:
        """Spend a refresh token; follow the account if it has moved.

        Raises:
            GrantError: it was refused, here and, if the account has moved, there.
            TransportError, ReplyError: no definite answer came; the pair may still be good.
        """
        body = refresh_grant(self._settings, str(token.refresh_token))
        outcome = self._ask(portal, body)
        if isinstance(outcome, Refused) and outcome.elsewhere:
            moved = self._find(portal, token)
            if moved is not None:
                _log.info("account %s answers at %s now", portal.account, moved.account)
                outcome = self._ask(moved, body)
        return _given(outcome)

    def _ask(self, portal: Portal, body: dict[str, Json]) -> Grant | Refused:
        """Post one grant, again and again with the same body while the outcome is open."""
        call = Call(
            method="POST",
            url=portal.origin + TOKEN_PATH,
            path=TOKEN_PATH,
            headers=_JSON,
            body=encode_body(body),
            timeout=GRANT_TIMEOUT,
            private=True,
        )
        effort, lost = Effort(), False
        while True:
            asked_at = self._line.clock.time()
            outcome = self._line.send(call, effort)
            verdict = judge_grant(call, outcome, effort, asked_at=asked_at, lost=lost)
            lost = lost or (isinstance(outcome, Lost) and outcome.sent)
            if isinstance(verdict, Granted) and isinstance(outcome, Answer):
                return Grant(verdict.token, outcome.info, portal)
            if isinstance(verdict, Refused):
                return verdict
            if isinstance(verdict, Again):
                self._line.rest(verdict)
                effort = effort.after(verdict, self._line.jitter())
            elif isinstance(verdict, GiveUp):
                self._line.give_up(verdict)
                raise verdict.error

    def _find(self, portal: Portal, token: Token) -> Portal | None:
        """Ask where the account lives now; None if it has not moved, or nobody knows.

        The refresh token is shown, not spent. Source: reference 1.1.
        """
        origin = portal.lookup(api_domain(token.access_token))
        if origin is None:
            return None
        headers = {"X-Refresh-Token": str(token.refresh_token), "Accept": "application/json"}
        url = origin + LOOKUP_PATH
        call = Call("GET", url, LOOKUP_PATH, headers, timeout=GRANT_TIMEOUT, private=True)
        outcome = self._line.send(call)
        if isinstance(outcome, Lost) or outcome.status != 200:
            return None
        try:
            host = new_host(decode(outcome))
        except NotJSONError:
            return None
        return portal.moved(host) if host is not None and host != portal.account else None


_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}


def _given(outcome: Grant | Refused) -> Grant:
    if isinstance(outcome, Refused):
        raise outcome.error
    return outcome
