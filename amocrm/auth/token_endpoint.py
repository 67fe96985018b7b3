"""The client of the token endpoint: requests a token pair until the result is definite.

The only module that sends a code or a refresh token. Source: reference 2.5-2.7.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from amocrm._support.frames import frameless
from amocrm._support.numbers import instant
from amocrm.auth.grant_log import GrantLogEntry, write
from amocrm.auth.moved_account import lookup_call, moved_portal
from amocrm.auth.revocation import explain, find_cause, says_revoked
from amocrm.auth.settings import Settings
from amocrm.auth.token import Freshness, Token, fingerprint, known_id
from amocrm.auth.token_record import code_digest
from amocrm.auth.token_response import Granted, GrantRefused, judge_grant, may_be_carried_out
from amocrm.errors import (
    AmoCRMError,
    GrantError,
    LostReplyError,
    NotAuthorizedError,
    UnreachableError,
)
from amocrm.http.hosts import Portal
from amocrm.http.messages import Call, Json, NoReply, Timeout
from amocrm.http.paths import ACCOUNT_PATH
from amocrm.http.reply_body import read_problem
from amocrm.http.request_body import encode_body
from amocrm.http.retry import PATIENCE, Again, GiveUp, RetryState
from amocrm.http.sender import QUEUE_PATIENCE, Sender
from amocrm.http.transport.transport import Info, ReceivedReply

TOKEN_PATH: Final = "/oauth2/access_token"

GRANT_TIMEOUT: Final = Timeout(connect=5.0, read=15.0, total=30.0)
"""Limits of one request; the vendor's client waits 15 s. Source: reference 2.14."""

CLOCK_TOLERANCE: Final = 300.0
"""Seconds that this machine's clock may differ from amoCRM's before the log warns."""

UNPROVEN_PATIENCE: Final = 3.0
"""Seconds that an exchange of an unproven code waits for the rate limit or a lock. amoCRM's own
calls of a redirect wait as long for their response. Source: reference 2.3."""

AFTER_401: Final = "401"
"""The reason of a refresh after a call was answered 401."""

_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}

_log = logging.getLogger("amocrm")


class Grant(NamedTuple):
    """A granted token pair.

    Attributes:
        token: the new pair.
        info: the response.
        portal: the account's portal, where the pair was granted.
        tries: number of requests that were sent.
        account_id: the account's id; None if neither the pair nor amoCRM said it.
        log_entry: written when the pair is stored.
    """

    token: Token
    info: Info
    portal: Portal
    tries: int
    account_id: int | None = None
    log_entry: GrantLogEntry | None = None


class Failed(NamedTuple):
    """A grant that failed.

    Attributes:
        error: why.
        in_doubt: a request of it may have been carried out, and its response never arrived.
    """

    error: AmoCRMError
    in_doubt: bool


class Reason(NamedTuple):
    """Why a refresh is requested, and how.

    Attributes:
        why: for the log: `stale`, `due`, `expired`, `401` (AFTER_401), `asked`.
        in_doubt: an earlier refresh with the same token was begun, and its result is not known.
        once: send one request only, because the old token still works.
    """

    why: str
    in_doubt: bool = False
    once: bool = False

    @property
    def is_early(self) -> bool:
        """Whether the old token still works during the refresh."""
        return self.why in (Freshness.STALE.value, Freshness.DUE.value)


class TokenEndpoint:
    """Requests grants and logs each. Has no state of its own."""

    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._settings = settings
        self._sender = sender

    def code_digest(self, code: str, state: str | None) -> str:
        """Return the digest of a code, for the record; see `token_record.code_digest`."""
        return code_digest(code, state, self._settings.client_secret or "")

    # The two grants ------------------------------------------------------------------------------

    def exchange(
        self, portal: Portal, code: str, *, in_doubt: bool = False, unproven: bool = False
    ) -> Grant | Failed:
        """Exchange an authorization code. After a GrantError never send it again; else it may work.

        Args:
            portal: of the account.
            code: works once.
            in_doubt: its exchange was begun earlier, and the result is not known.
            unproven: a stranger may have made it up: it is sent once, and waits for the rate limit
                for `UNPROVEN_PATIENCE` seconds at most.
        """
        entry = GrantLogEntry("code", "code", portal.account, "granted", fingerprint(code))
        call = _grant_call(portal, code_grant(self._settings, code))
        del code  # A local variable would show it in the traceback of each later error.
        state = RetryState(waited=PATIENCE if unproven else 0.0)
        patience = UNPROVEN_PATIENCE if unproven else QUEUE_PATIENCE

        def request() -> Grant | Failed:
            outcome = self._request(portal, call, state, in_doubt=in_doubt, patience=patience)
            return self._identified(outcome) if isinstance(outcome, Grant) else _failed(outcome)

        return self._timed(entry, request)

    def refresh(self, portal: Portal, token: Token, reason: Reason) -> Grant | Failed:
        """Refresh a token pair; if the account has moved, at its new host.

        After a GrantError the pair is revoked or the settings are wrong; it was refused at the new
        host too, if there is one. After any other error the pair may still work.
        """
        refresh_token = fingerprint(token.refresh_token)
        entry = GrantLogEntry("refresh", reason.why, portal.account, "granted", refresh_token)
        return self._timed(entry, lambda: self._refresh(portal, token, reason))

    def _refresh(self, portal: Portal, token: Token, reason: Reason) -> Grant | Failed:
        call = _grant_call(portal, refresh_grant(self._settings, str(token.refresh_token)))
        state = RetryState(waited=PATIENCE if reason.once else 0.0)
        outcome = self._request(portal, call, state, in_doubt=reason.in_doubt)
        if isinstance(outcome, GrantRefused) and outcome.elsewhere:
            moved = self._look_up_moved_account(portal, token)
            if moved is not None:
                call = call.replace(url=moved.origin + TOKEN_PATH)
                portal = moved
                outcome = self._request(moved, call, state, in_doubt=outcome.in_doubt)
        if isinstance(outcome, GrantRefused) and says_revoked(outcome.error):
            probe = self._probe(portal, token)
            cause = find_cause(probe, in_doubt=outcome.in_doubt)
            # Withdrawn access is certain, so the next refusal needs no note of a lost response.
            return Failed(explain(outcome.error, cause), outcome.in_doubt and cause != "withdrawn")
        return _failed(outcome)

    # One grant: requests, log --------------------------------------------------------------------

    def _request(
        self,
        portal: Portal,
        call: Call,
        state: RetryState,
        *,
        in_doubt: bool,
        patience: float = QUEUE_PATIENCE,
    ) -> Grant | GrantRefused | Failed:
        """Send the same request until the result is definite or the retry budget ends."""
        tries = 0
        while True:
            tries, asked_at = tries + 1, self._sender.clock.time()
            try:
                outcome = self._sender.send(call, state, patience=patience)
            except AmoCRMError as error:
                return Failed(error, in_doubt)  # The rate limiter's: this request was not sent.
            verdict = judge_grant(call, outcome, state, asked_at=asked_at, in_doubt=in_doubt)
            if isinstance(verdict, Granted) and isinstance(outcome, ReceivedReply):
                token = verdict.token
                return Grant(token, outcome.info, portal, tries, token.account_id)
            if isinstance(verdict, GrantRefused):
                return verdict
            in_doubt = in_doubt or may_be_carried_out(outcome)
            if isinstance(verdict, Again):
                self._sender.wait_before_retry(verdict)
                state = state.after(verdict, self._sender.jitter())
            elif isinstance(verdict, GiveUp):
                self._sender.report_failure(verdict)
                return Failed(_error_of_all_tries(verdict.error, in_doubt), in_doubt)

    def _timed(self, entry: GrantLogEntry, request: Callable[[], Grant | Failed]) -> Grant | Failed:
        """Request a grant and complete its log entry. A failure is logged at once."""
        clock = self._sender.clock
        started = clock.monotonic()
        grant = request()
        seconds = clock.monotonic() - started
        if isinstance(grant, Failed):
            outcome = "refused" if isinstance(grant.error, GrantError) else "failed"
            write(entry._replace(outcome=outcome, seconds=seconds, cause=str(grant.error)))
            return grant
        return grant._replace(
            log_entry=entry._replace(
                granted=fingerprint(grant.token.refresh_token),
                account=grant.portal.account,
                tries=grant.tries,
                seconds=seconds,
            )
        )

    def log(self, grant: Grant) -> None:
        """Log a grant. Call it after the pair is stored, because a filter of the log may raise."""
        if grant.log_entry is not None:
            write(grant.log_entry)
        self._compare_clocks(grant.token)

    def _compare_clocks(self, token: Token) -> None:
        """Warn if this machine's clock is wrong. The expiry still counts by it.

        A wrong clock, or a step of it, causes one refresh too early or one after a 401 at most,
        because both ends of the lifetime come from the same clock. Source: reference 2.5
        (`server_time`).
        """
        server_time = instant(token.extra.get("server_time"))
        if server_time is not None:
            ahead = self._sender.clock.time() - server_time
            if abs(ahead) > CLOCK_TOLERANCE:
                _log.warning("this machine's clock differs from amoCRM's by %.0f s", ahead)

    # Calls beside a grant ------------------------------------------------------------------------

    def _identified(self, grant: Grant) -> Grant:
        """Ask amoCRM for the account's id, if the access token has no such claim."""
        if grant.account_id is not None:
            return grant
        probe = self._probe(grant.portal, grant.token)
        if not isinstance(probe, ReceivedReply) or probe.status != 200:
            return grant
        _, account = read_problem(probe)
        return grant._replace(account_id=known_id(account.get("id")))

    def _probe(self, portal: Portal, token: Token) -> ReceivedReply | NoReply | None:
        """Make a call with the access token of a pair; None if it has expired."""
        if token.freshness(self._sender.clock.time()) is Freshness.EXPIRED:
            return None
        return self._send_once(_probe_call(portal, token))

    def _look_up_moved_account(self, portal: Portal, token: Token) -> Portal | None:
        """Return the portal at the account's new host; None if it has not moved or is unknown."""
        call = lookup_call(portal, token, GRANT_TIMEOUT)
        return None if call is None else moved_portal(portal, self._send_once(call))

    def _send_once(self, call: Call) -> ReceivedReply | NoReply | None:
        """Send a call beside a grant. Its failure must not replace the result of the grant."""
        try:
            return self._sender.send(call)
        except AmoCRMError:
            return None


@frameless
def code_grant(settings: Settings, code: str) -> dict[str, Json]:
    """Return the body of the request that exchanges a code. Source: reference 2.5."""
    return _grant_body(settings, "authorization_code", code=code)


@frameless
def refresh_grant(settings: Settings, refresh_token: str) -> dict[str, Json]:
    """Return the body of the request that refreshes a token pair. Source: reference 2.5."""
    return _grant_body(settings, "refresh_token", refresh_token=refresh_token)


def _grant_body(settings: Settings, grant_type: str, **secret: str) -> dict[str, Json]:
    if settings.client_id is None:
        raise NotAuthorizedError(
            "the token cannot be refreshed: auth has no client_id, client_secret and redirect_uri",
            hint="pass them in auth beside the token",
        )
    return {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "grant_type": grant_type,
        **secret,
        "redirect_uri": settings.redirect_uri,
    }


def _grant_call(portal: Portal, body: dict[str, Json]) -> Call:
    """Return the request of a grant. No frame has the parts of its body while it is sent."""
    return Call(
        method="POST",
        url=portal.origin + TOKEN_PATH,
        path=TOKEN_PATH,
        headers=_JSON,
        body=encode_body(body),
        timeout=GRANT_TIMEOUT,
        private=True,
    )


def _probe_call(portal: Portal, token: Token) -> Call:
    headers = {"Authorization": f"Bearer {token.access_token}", "Accept": "application/json"}
    url = portal.origin + ACCOUNT_PATH
    return Call("GET", url, ACCOUNT_PATH, headers, timeout=GRANT_TIMEOUT, private=True)


def _failed(outcome: Grant | GrantRefused | Failed) -> Grant | Failed:
    return Failed(outcome.error, outcome.in_doubt) if isinstance(outcome, GrantRefused) else outcome


def _error_of_all_tries(error: AmoCRMError, in_doubt: bool) -> AmoCRMError:
    """Return the error of the last try, but if that was not sent and an earlier one was: lost."""
    if not in_doubt or not isinstance(error, UnreachableError):
        return error
    lost = LostReplyError(str(error.args[0]), hint=error.hint)
    lost.__cause__ = error.__cause__
    return lost
