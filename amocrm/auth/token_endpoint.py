"""The conversation with the token endpoint: one grant, asked for until the answer is definite."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from amocrm._support.numbers import instant
from amocrm.auth.grant_log import GrantLogEntry, name, write
from amocrm.auth.oauth_messages import (
    LOOKUP_PATH,
    TOKEN_PATH,
    Granted,
    GrantRefused,
    code_grant,
    judge_grant,
    may_be_done,
    new_host,
    refresh_grant,
)
from amocrm.auth.revocation_cause import explained, find, is_revoked
from amocrm.auth.settings import Settings
from amocrm.auth.token import Freshness, Token, account_id, api_domain, known_id
from amocrm.auth.token_record import bound
from amocrm.errors import AmoCRMError, GrantError, LostReplyError, UnreachableError
from amocrm.http.hosts import Portal
from amocrm.http.messages import Call, Json, NoReply, Reply, Timeout
from amocrm.http.paths import ACCOUNT_PATH
from amocrm.http.reply_body import NotJSONError, decode, read_problem
from amocrm.http.request_body import encode_body
from amocrm.http.retry import PATIENCE, Again, GiveUp, RetryState
from amocrm.http.sender import QUEUE_PATIENCE, Sender
from amocrm.http.transport.transport import Info, ReceivedReply

GRANT_TIMEOUT: Final = Timeout(connect=5.0, read=15.0, total=30.0)
"""Limits of one try of a grant; the vendor's client waits 15 s. Source: reference 2.14."""

CLOCK_TOLERANCE: Final = 300.0
"""Seconds that this machine's clock may differ from amoCRM's before the log says so."""

UNPROVEN_PATIENCE: Final = 3.0
"""Seconds for which an exchange that a stranger may have asked for waits for its turn. amoCRM's own
calls of a redirect wait as long for their answer. Source: reference 2.3."""

AFTER_401: Final = "401"
"""Why a refresh is asked for when a call was answered 401."""

_log = logging.getLogger("amocrm")


class Grant(NamedTuple):
    """What a grant gave, where the account was found, and what the log is to say of it.

    Attributes:
        token: the new pair.
        info: the answer.
        portal: where it was granted.
        tries: how often it was asked for.
        account_id: whose it is; None if nobody says.
        note: for the log.
    """

    token: Token
    info: Info
    portal: Portal
    tries: int
    account_id: int | None = None
    note: GrantLogEntry | None = None


class Failed(NamedTuple):
    """A grant that did not come about.

    Attributes:
        error: why.
        in_doubt: a try of it may have been carried out, and its answer got lost.
    """

    error: AmoCRMError
    in_doubt: bool


class Reason(NamedTuple):
    """Why a refresh is asked for, and what is known of its token.

    Attributes:
        why: a word for the log: `stale`, `due`, `expired`, `401` (CURE), `asked`.
        begun: an earlier refresh with the same token was begun, and nobody knows how it ended.
        once: the old token still serves: do not try again now.
    """

    why: str
    begun: bool = False
    once: bool = False

    @property
    def in_time(self) -> bool:
        """Whether the old token still serves while it is renewed."""
        return self.why in (Freshness.STALE.value, Freshness.DUE.value)


class TokenEndpoint:
    """Asks for grants, and writes each into the log. Holds no token and remembers nothing."""

    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._settings = settings
        self._sender = sender

    def mark(self, code: str, state: str | None) -> str:
        """Return what a store keeps of a code that was exchanged; see `bound`."""
        return bound(code, state, self._settings.client_secret or "")

    def exchange(
        self, portal: Portal, code: str, *, begun: bool = False, unproven: bool = False
    ) -> Grant | Failed:
        """Exchange an authorization code; a GrantError is final, after any other it may be good.

        Args:
            portal: where.
            code: it works once.
            begun: its exchange was begun earlier, and nobody knows how that ended.
            unproven: anybody may have made it up: it is sent once, and waits for its turn only for
                a moment.
        """
        note = GrantLogEntry("code", "code", portal.account, "granted", name(code))
        call = _grant_call(portal, code_grant(self._settings, code))
        del code  # As a local it would stand in the traceback of whatever is raised from here on.
        state = RetryState(waited=PATIENCE if unproven else 0.0)
        patience = UNPROVEN_PATIENCE if unproven else QUEUE_PATIENCE

        def ask() -> Grant | Failed:
            outcome = self._ask(portal, call, state, lost=begun, patience=patience)
            return self._identified(outcome) if isinstance(outcome, Grant) else _told(outcome)

        return self._noted(note, ask)

    def _identified(self, grant: Grant) -> Grant:
        """Find out whose a new pair is, if it does not say so itself."""
        if grant.account_id is not None:
            return grant
        probe = self._probe(grant.portal, grant.token)
        if not isinstance(probe, ReceivedReply) or probe.status != 200:
            return grant
        _, account = read_problem(probe)
        return grant._replace(account_id=known_id(account.get("id")))

    def refresh(self, portal: Portal, token: Token, reason: Reason) -> Grant | Failed:
        """Spend a refresh token; follow the account if it has moved.

        A GrantError is final: it was refused here and, if the account has moved, there. After any
        other the pair may still be good.
        """
        note = GrantLogEntry(
            "refresh", reason.why, portal.account, "granted", name(token.refresh_token)
        )
        return self._noted(note, lambda: self._refresh(portal, token, reason))

    def _refresh(self, portal: Portal, token: Token, reason: Reason) -> Grant | Failed:
        call = _grant_call(portal, refresh_grant(self._settings, str(token.refresh_token)))
        state = RetryState(waited=PATIENCE if reason.once else 0.0)
        outcome = self._ask(portal, call, state, lost=reason.begun)
        if isinstance(outcome, GrantRefused) and outcome.elsewhere:
            moved = self._find(portal, token)
            if moved is not None:
                call = call.replace(url=moved.origin + TOKEN_PATH)
                portal, outcome = moved, self._ask(moved, call, state, lost=outcome.lost)
        if isinstance(outcome, GrantRefused) and is_revoked(outcome.error):
            finding = find(self._probe(portal, token), lost=outcome.lost)
            # What was withdrawn explains itself, to whoever tries again.
            in_doubt = outcome.lost and finding != "withdrawn"
            return Failed(explained(outcome.error, finding), in_doubt)
        return _told(outcome)

    def _ask(
        self,
        portal: Portal,
        call: Call,
        state: RetryState,
        *,
        lost: bool,
        patience: float = QUEUE_PATIENCE,
    ) -> Grant | GrantRefused | Failed:
        """Post one grant, again and again the same while the outcome is open."""
        tries = 0
        while True:
            tries, asked_at = tries + 1, self._sender.clock.time()
            try:
                outcome = self._sender.send(call, state, patience=patience)
            except AmoCRMError as error:
                return Failed(error, lost)  # of the rate limiter: this try was not sent
            verdict = judge_grant(call, outcome, state, asked_at=asked_at, lost=lost)
            if isinstance(verdict, Granted) and isinstance(outcome, ReceivedReply):
                whose = account_id(verdict.token.access_token)
                return Grant(verdict.token, outcome.info, portal, tries, whose)
            if isinstance(verdict, GrantRefused):
                return verdict
            lost = lost or may_be_done(outcome)
            if isinstance(verdict, Again):
                self._sender.wait_before_retry(verdict)
                state = state.after(verdict, self._sender.jitter())
            elif isinstance(verdict, GiveUp):
                self._sender.report_failure(verdict)
                return Failed(_whole(verdict.error, lost), lost)

    def _noted(self, note: GrantLogEntry, ask: Callable[[], Grant | Failed]) -> Grant | Failed:
        """Ask, and make a note of what came of it; a failure is written at once."""
        clock = self._sender.clock
        started = clock.monotonic()
        grant = ask()
        if isinstance(grant, Failed):
            outcome = "refused" if isinstance(grant.error, GrantError) else "failed"
            seconds = clock.monotonic() - started
            write(note._replace(outcome=outcome, seconds=seconds, cause=str(grant.error)))
            return grant
        return grant._replace(
            note=note._replace(
                granted=name(grant.token.refresh_token),
                account=grant.portal.account,
                tries=grant.tries,
                seconds=clock.monotonic() - started,
            )
        )

    def tell(self, grant: Grant) -> None:
        """Write a grant into the log; when it is kept, for a filter of the log may raise."""
        if grant.note is not None:
            write(grant.note)
        self._compare_clocks(grant.token)

    def _compare_clocks(self, token: Token) -> None:
        """Say that this machine's clock is wrong; a token's age is counted by it all the same.

        What a wrong clock or a step of it can do is renew a token once too early, or once after a
        401: both ends of the count come from the same clock. Source: reference 2.5 (`server_time`).
        """
        theirs = instant(token.extra.get("server_time"))
        if theirs is not None:
            ahead = self._sender.clock.time() - theirs
            if abs(ahead) > CLOCK_TOLERANCE:
                _log.warning("this machine's clock differs from amoCRM's by %.0f s", ahead)

    def _probe(self, portal: Portal, token: Token) -> Reply | NoReply | None:
        """Ask whether the access token of a refused pair still works; None if it has expired."""
        if token.freshness(self._sender.clock.time()) is Freshness.EXPIRED:
            return None
        return self._question(
            _question_call(
                portal.origin, ACCOUNT_PATH, {"Authorization": f"Bearer {token.access_token}"}
            )
        )

    def _question(self, call: Call) -> ReceivedReply | NoReply | None:
        """Ask something beside a grant; what stands against it must not hide the grant's end."""
        try:
            return self._sender.send(call)
        except AmoCRMError:
            return None

    def _find(self, portal: Portal, token: Token) -> Portal | None:
        """Ask where the account lives now; None if it has not moved, or nobody knows.

        The refresh token is shown, not spent. Source: reference 1.1.
        """
        origin = portal.lookup(api_domain(token.access_token))
        if origin is None:
            return None
        outcome = self._question(
            _question_call(origin, LOOKUP_PATH, {"X-Refresh-Token": str(token.refresh_token)})
        )
        if outcome is None or isinstance(outcome, NoReply) or outcome.status != 200:
            return None
        try:
            host = new_host(decode(outcome))
        except NotJSONError:
            return None
        return portal.moved(host) if host is not None and host != portal.account else None


def _whole(error: AmoCRMError, lost: bool) -> AmoCRMError:
    """Let an error speak for all tries: one that was surely not sent may follow one that was."""
    if not lost or not isinstance(error, UnreachableError):
        return error
    whole = LostReplyError(str(error.args[0]), hint=error.hint)
    whole.__cause__ = error.__cause__
    return whole


_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}


def _grant_call(portal: Portal, body: dict[str, Json]) -> Call:
    """Make the call that asks for a grant; the body's parts stand in no frame while it is sent."""
    return Call(
        method="POST",
        url=portal.origin + TOKEN_PATH,
        path=TOKEN_PATH,
        headers=_JSON,
        body=encode_body(body),
        timeout=GRANT_TIMEOUT,
        private=True,
    )


def _question_call(origin: str, path: str, secret: dict[str, str]) -> Call:
    """Make a call that shows a secret, which stands in no frame while it is sent."""
    headers = {**secret, "Accept": "application/json"}
    return Call("GET", origin + path, path, headers, timeout=GRANT_TIMEOUT, private=True)


def _told(outcome: Grant | GrantRefused | Failed) -> Grant | Failed:
    return Failed(outcome.error, outcome.lost) if isinstance(outcome, GrantRefused) else outcome
