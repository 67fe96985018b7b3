"""The way from a call to a token that is good for it."""

from __future__ import annotations

import logging

from amocrm.core.token import Freshness, Token
from amocrm.errors import TokenStoreError
from amocrm.holding import Holding
from amocrm.keeper import Keeper
from amocrm.signals import Signals

_log = logging.getLogger("amocrm")


class Gate:
    """Hands out tokens for calls. Thread-safe, and quick while the token is fresh."""

    def __init__(self, keeper: Keeper, holding: Holding, signals: Signals) -> None:
        self._keeper = keeper
        self._holding = holding
        self._signals = signals

    @property
    def origin(self) -> str:
        """Scheme and authority of the account, where calls go."""
        return self._holding.portal.origin

    @property
    def curable(self) -> bool:
        """Whether a 401 may be cured by renewing the token."""
        return self._holding.curable

    def token(self) -> Token:
        """Return a token that is good for the next call, getting or renewing it if need be."""
        keeper, holding = self._keeper, self._holding
        token = holding.token
        if not holding.connected or token is None:
            return keeper.obtain()
        self._signals.check()
        if holding.unsaved:
            self._save_again()
        token = holding.token or token
        freshness = holding.freshness(token)
        if freshness is Freshness.FRESH:
            return token
        renewable = holding.renewable
        if freshness is Freshness.STALE and (keeper.inside or not renewable):
            return token
        return keeper.renew(token) if renewable else keeper.obtain()

    def cure(self, spent: Token) -> Token:
        """Return another token than the one a call was answered 401 with."""
        token = self._keeper.renew(spent)
        self._holding.note_cure()
        return token

    def _save_again(self) -> None:
        """Try to save a pair that could not be saved; calls go on whether it works or not."""
        try:
            self._holding.save_again()
        except TokenStoreError as error:
            _log.warning("the token is still in memory only: %s", error)
