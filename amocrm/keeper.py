"""How a token is replaced: from the store, by its refresh token, by a code, by a person.

One grant for all: threads that need a token wait for the one that asks. Persist, then hold, then
notify: a token is safe before anybody hears of it, so a handler that raises loses nothing. A lost
answer is no refusal: the pair is kept unless the endpoint refused it in so many words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from amocrm.consent import Consent
from amocrm.core.record import Record, bound
from amocrm.core.settings import REDIRECT_DEADLINE, Settings
from amocrm.core.token import Freshness, Token
from amocrm.errors import GrantError, TokenStoreError, UnreachableError
from amocrm.flight import SingleFlight
from amocrm.grants import CURE, Grant, Grants, Reason
from amocrm.holding import Holding
from amocrm.ledger import Note, name, write
from amocrm.signals import Signals, Step
from amocrm.stores.vault import LOCK_PATIENCE
from amocrm.transport import Response
from amocrm.unbroken import to_the_end

Settle: TypeAlias = Callable[[Token], None]


class _Got(NamedTuple):
    """A grant that was kept, what the store had against it, and whether it came from a new host."""

    grant: Grant
    failure: TokenStoreError | None
    moved: bool


class Keeper:
    """Gets another token when it is asked to. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        grants: Grants,
        holding: Holding,
        consent: Consent,
        signals: Signals,
    ) -> None:
        self._settings = settings
        self._code = settings.code
        self._begun_code: str | None = None
        self._grants = grants
        self._holding = holding
        self._consent = consent
        self._signals = signals
        self._asking = False
        patience = settings.server.timeout if settings.server else REDIRECT_DEADLINE
        self._flight: SingleFlight[Token] = SingleFlight(patience + LOCK_PATIENCE)

    # What is asked for, one thread at a time -----------------------------------------------------

    def obtain(self) -> Token:
        """Get a token by whatever is at hand."""
        return self._flight.run(self._connect)

    def exchange(self, code: str, state: str | None = None) -> Token:
        """Exchange a code that was just given; it wins over whatever is held."""
        if self._flight.inside and not self._asking:
            # A handler that was told of a refusal has found a code.
            return self._exchange(code, lambda _: None, state)

        def work(settle: Settle) -> Token:
            if not self._holding.connected:
                self._signals.step("connection:beforeConnect")
            return self._exchange(code, settle, state)

        return self._flight.run(work, own=True)

    def refresh(self) -> Token:
        """Spend the refresh token, however fresh the token is."""
        token = self._holding.recall()
        if token is None:
            raise self._holding.stuck(None)
        return self._flight.run(lambda settle: self._refresh(token, settle, Reason("asked")))

    def renew(self, spent: Token, reason: Reason) -> Token:
        """Return another token than the spent one; asked for once, for all who need it."""

        def work(settle: Settle) -> Token:
            held = self._holding.token
            if held is not None and held != spent:
                return held
            return self._refresh(spent, settle, reason)

        return self._flight.run(work, serves=lambda token: token != spent)

    @property
    def inside(self) -> bool:
        """Whether this thread is getting a token right now: a handler has called back."""
        return self._flight.inside

    @property
    def busy(self) -> bool:
        """Whether some thread is getting a token right now."""
        return self._flight.busy

    def renew_after_fork(self) -> None:
        """Part from the parent process."""
        self._flight.renew_after_fork()
        self._holding.renew_after_fork()

    # How it is got -------------------------------------------------------------------------------

    def _connect(self, settle: Settle) -> Token:
        """Try what is held or stored, then the code, then a person."""
        holding = self._holding
        token = holding.recall()
        if token is not None and holding.freshness(token) is not Freshness.EXPIRED:
            return holding.reuse(token)
        before = holding.token
        self._signals.step("connection:beforeConnect")
        if holding.token is not None and holding.token is not before:
            token = holding.token  # A handler has set a saved token, or a code.
            if holding.connected:
                return token
        new_code = self._code is not None and self._code != self._settings.code
        if token is not None and holding.spendable(token) and not new_code:
            try:
                return self._refresh(token, settle, Reason("expired"))
            except GrantError:
                if holding.connected and holding.token is not None:
                    return holding.token  # A handler that was told of the refusal has helped.
                if self._code is None and self._settings.server is None:
                    raise
        if self._code is not None:
            return self._exchange(self._code, settle)
        if self._settings.server is not None:
            return self._exchange(self._consent.ask(), settle)
        raise holding.stuck(token)

    def _exchange(self, code: str, settle: Settle, state: str | None = None) -> Token:
        """Spend a code, unless somebody who shares the store has; nothing else does."""
        self._code, holding, mark = code, self._holding, bound(code, state)
        try:
            with holding.lock():
                stored = holding.stored()
                if stored is not None and holding.came_from(stored, mark):
                    self._code = None
                    return self._adopt(stored, Note("code", "code", "", "adopted", name(code)))
                self._announce("connection:beforeFetchToken")
                begun, self._begun_code = code == self._begun_code, code
                got = self._ask(
                    lambda: self._grants.exchange(holding.portal, code, begun=begun), None, mark
                )
        except GrantError as error:
            # A code works once: a refused one is never sent again.
            self._code = None
            self._signals.refused(error)
            raise
        self._code = None
        self._tell(got, settle)
        self._signals.step("connection:connected")
        return got.grant.token

    def _refresh(self, spent: Token, settle: Settle, reason: Reason) -> Token:
        """Spend a refresh token, unless somebody else has; nothing else in this library does."""
        holding = self._holding
        holding.check_spendable(spent)
        try:
            with holding.lock(0.0 if reason.once else LOCK_PATIENCE):
                stored = holding.stored()
                # An older pair is one that a backup brought back, or that could not be replaced.
                if stored is not None and not stored.token.is_older_than(spent):
                    is_other = stored.token.refresh_token != spent.refresh_token
                    if is_other and holding.freshness(stored.token) is not Freshness.EXPIRED:
                        return self._adopt(stored, _adopting(spent, reason))
                    spent = stored.token
                    holding.check_spendable(spent)
                changes = holding.changes
                self._announce("connection:beforeRefreshToken")
                if holding.changes != changes and holding.token is not None:
                    return holding.token  # A handler has set another token.
                begun = holding.begin(spent)
                if begun.token.refresh_token != spent.refresh_token:
                    return self._adopt(begun, _adopting(spent, reason))
                asked_at = None
                if stored is not None and stored.token == spent:
                    asked_at = stored.asked_at
                asked = reason._replace(begun=asked_at is not None)
                try:
                    got = self._ask(
                        lambda: self._grants.refresh(holding.portal, spent, asked), spent, None
                    )
                except (GrantError, UnreachableError) as error:
                    if not (isinstance(error, GrantError) and error.finding == "lost"):
                        # It has ended; the next one must not take it for one that got lost.
                        holding.end(spent, asked_at)
                    raise
        except GrantError as error:
            holding.bury(spent, error)
            self._signals.refused(error)
            raise
        if reason.why == CURE:
            holding.note_cure()
        self._tell(got, settle)
        return holding.token or got.grant.token

    def _adopt(self, stored: Record, note: Note) -> Token:
        """Take what somebody who shares the store was granted."""
        token = self._holding.adopt(stored)
        write(note._replace(account=stored.host, granted=name(token.refresh_token)))
        return token

    def _ask(self, ask: Callable[[], Grant], spent: Token | None, mark: str | None) -> _Got:
        """Ask for a grant and keep it, unless another token is given meanwhile: that one wins.

        Neither Ctrl-C nor a signal comes between the answer and its keeping.
        """
        holding, changes = self._holding, self._holding.changes
        host = holding.portal.account

        def keep(grant: Grant) -> _Got:
            held = holding.token
            other = held is None or spent is None or held.refresh_token != spent.refresh_token
            if holding.changes != changes and other:
                return _Got(grant, None, False)
            failure = holding.keep(grant.token, grant.portal, spent, mark)
            return _Got(grant, failure, grant.portal.account != host)

        return to_the_end(ask, keep)

    # What is told of it --------------------------------------------------------------------------

    def _tell(self, got: _Got, settle: Settle) -> None:
        """Notify: whoever waits for the token first, then the handlers."""
        settle(got.grant.token)
        self._grants.tell(got.grant)
        self._signals.granted(Response(got.grant.token.as_dict(), got.grant.info))
        if got.moved:
            self._signals.moved(got.grant.portal.account)
        if got.failure is not None:
            raise got.failure

    def _announce(self, event: Step) -> None:
        """Tell that a grant is about to be asked for; under the lock, so no code may be set."""
        self._asking = True
        try:
            self._signals.step(event)
        finally:
            self._asking = False


def _adopting(spent: Token, reason: Reason) -> Note:
    return Note("refresh", reason.why, "", "adopted", name(spent.refresh_token))
