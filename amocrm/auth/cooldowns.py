"""How long to wait before a failed refresh, a failed save or a refresh after a 401 is repeated."""

from __future__ import annotations

from typing import Final, NamedTuple

from amocrm._support.clock import Clock
from amocrm.auth.token import Token, fingerprint

REFRESH_COOLDOWN: Final = 30.0
"""Seconds after a failed early refresh in which calls use the old token, and send no refresh."""

SAVE_COOLDOWN: Final = 5.0
"""Seconds after a failed save in which no call tries to save again."""

AFTER_401_COOLDOWN: Final = 60.0
"""Seconds in which a pair that was granted after a 401 is not refreshed for another 401: that one
has another cause, such as a wrong X-Context-User-ID, and each call would use a refresh token. A
pair that could not be refreshed after a 401 waits as long."""

_ANY_TIME: Final = float("-inf")


class _RefreshAfter401(NamedTuple):
    """The last refresh after a 401.

    Attributes:
        pair: fingerprint of the new pair, or of the pair that could not be refreshed.
        at: when it was seen first, by the monotonic clock.
        failure: why it could not be refreshed; empty for a new pair.
    """

    pair: str
    at: float
    failure: str


class Cooldowns:
    """The cooldowns of one account in one process. Thread-safe: each is one assignment."""

    __slots__ = ("_clock", "_refresh_after_401", "_refresh_at", "_save_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refresh_at = self._save_at = _ANY_TIME
        self._refresh_after_401: _RefreshAfter401 | None = None

    @property
    def may_refresh(self) -> bool:
        """Whether a token that still works may be refreshed now."""
        return self._clock.monotonic() >= self._refresh_at

    def postpone_refresh(self) -> None:
        """Send no early refresh for `REFRESH_COOLDOWN` seconds."""
        self._refresh_at = self._clock.monotonic() + REFRESH_COOLDOWN

    @property
    def may_save(self) -> bool:
        """Whether an unsaved pair may be saved now."""
        return self._clock.monotonic() >= self._save_at

    def postpone_saving(self) -> None:
        """Do not use the store for `SAVE_COOLDOWN` seconds."""
        self._save_at = self._clock.monotonic() + SAVE_COOLDOWN

    def note_refresh_after_401(self, pair: Token, failure: str = "") -> None:
        """Remember a refresh after a 401, from the moment when its result is first seen here.

        Args:
            pair: the new pair, or the pair that could not be refreshed. It is compared by its
                fingerprint: pairs may come in any order, with the dates of any clock.
            failure: why the pair could not be refreshed; empty for a new pair.
        """
        name = _name(pair)
        last = self._refresh_after_401
        if failure or last is None or last.pair != name:
            self._refresh_after_401 = _RefreshAfter401(name, self._clock.monotonic(), failure)

    def why_not_refresh_after_401(self, pair: Token, age: float | None = None) -> str | None:
        """Return why a pair must not be refreshed now; None if it may be.

        Args:
            pair: the pair whose access token was answered 401.
            age: seconds since it was granted, by amoCRM's clock; this process may have loaded it
                later.

        Returns:
            The failure of the last refresh; empty if the pair itself was granted after a 401.
        """
        last = self._refresh_after_401
        if last is None or last.pair != _name(pair):
            return None
        passed = self._clock.monotonic() - last.at
        if age is not None and not last.failure:
            passed = max(passed, age)
        return last.failure if passed < AFTER_401_COOLDOWN else None


def _name(pair: Token) -> str:
    return fingerprint(pair.refresh_token or pair.access_token)
