"""When that may be tried again which has just been done, or has just failed."""

from __future__ import annotations

from typing import Final, NamedTuple

from amocrm._support.clock import Clock
from amocrm.auth.token import Token
from amocrm.auth.token_record import fingerprint

RENEW_REST: Final = 30.0
"""Seconds after a renewal that failed, or was left to others, in which a token that still lives is
used as it is: its calls go on, whatever has befallen the token endpoint or the store."""

SAVE_REST: Final = 5.0
"""Seconds after a save that failed again in which no call tries it."""

AFTER_401_PAUSE: Final = 60.0
"""Seconds in which a pair that was granted for a 401 is not renewed for another one: that has
another cause, such as a wrong X-Context-User-ID, and would spend a refresh token on every call. As
long, a pair that could not be renewed for a 401 is left alone."""

_ANY_TIME: Final = float("-inf")


class _RefreshAfter401(NamedTuple):
    """The last renewal for a 401: the pair it gave, or could not replace, and why not."""

    pair: str
    at: float
    failure: str


class Cooldowns:
    """The pauses of one account, in one process. Thread-safe: each is one assignment."""

    __slots__ = ("_clock", "_refresh", "_renew_at", "_save_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._renew_at = self._save_at = _ANY_TIME
        self._refresh: _RefreshAfter401 | None = None

    @property
    def may_renew(self) -> bool:
        """Whether no renewal of a living token has only just failed, or was left to others."""
        return self._clock.monotonic() >= self._renew_at

    def put_off_renewal(self) -> None:
        """Leave a token that still lives as it is for a while."""
        self._renew_at = self._clock.monotonic() + RENEW_REST

    @property
    def may_save(self) -> bool:
        """Whether no save has only just failed."""
        return self._clock.monotonic() >= self._save_at

    def put_off_saving(self) -> None:
        """Leave the store alone for a while."""
        self._save_at = self._clock.monotonic() + SAVE_REST

    def note_refresh_after_401(self, pair: Token, failure: str = "") -> None:
        """Remember a pair that was granted for a 401, from when it is first seen here.

        Args:
            pair: known by its fingerprint: pairs may come in any order, with any clock's dates.
            failure: why it could not be renewed for a 401, if it is such a one.
        """
        name = _name(pair)
        if failure or self._refresh is None or self._refresh.pair != name:
            self._refresh = _RefreshAfter401(name, self._clock.monotonic(), failure)

    def why_not_refresh_after_401(self, pair: Token, age: float | None = None) -> str | None:
        """Tell why a pair is not to be renewed for a 401 now, if only by ""; None if it is.

        Args:
            pair: that was answered 401.
            age: seconds since it was granted, by amoCRM's clock; it may have been seen here late.
        """
        last = self._refresh
        if last is None or last.pair != _name(pair):
            return None
        passed = self._clock.monotonic() - last.at
        if age is not None and not last.failure:
            passed = max(passed, age)
        return last.failure if passed < AFTER_401_PAUSE else None


def _name(pair: Token) -> str:
    return fingerprint(pair.refresh_token or pair.access_token)
