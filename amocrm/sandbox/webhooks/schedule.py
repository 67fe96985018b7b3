"""When a webhook is sent again (reference 6.1, 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

Repeats: TypeAlias = 'Literal["account", "kommo_pipeline", "once"]'
"""Whose rule: account webhooks, pipeline webhooks of Kommo, and all that is sent once."""

NO_ANSWER = 0
"""The status of an attempt without an answer."""

_DELAYS = (300.0, 900.0, 900.0, 3600.0)
"""Seconds from one attempt to the next."""

_FOR_EVERY_ERROR = 2
"""Repeats after any bad answer; those after them need an error of the server."""

_KOMMO_DELAYS = (300.0, 900.0, 900.0, 900.0)
"""Assumed (reference 6.4): up to four repeats within an hour, the moments are not published."""


def is_good(status: int) -> bool:
    """Tell whether an answer counts as accepted."""
    return 100 <= status <= 299


def next_delay(repeats: Repeats, statuses: Sequence[int]) -> float | None:
    """Return the seconds until the next attempt, None if there is none.

    >>> next_delay("account", [404]), next_delay("account", [404, 404, 404])
    (300.0, None)
    """
    if is_good(statuses[-1]):
        return None
    return _RULES[repeats](statuses)


def _account(statuses: Sequence[int]) -> float | None:
    made = len(statuses) - 1
    if made >= len(_DELAYS):
        return None
    if made >= _FOR_EVERY_ERROR and not (statuses[-1] == 499 or 500 <= statuses[-1] <= 599):
        return None
    return _DELAYS[made]


def _kommo(statuses: Sequence[int]) -> float | None:
    made = len(statuses) - 1
    return _KOMMO_DELAYS[made] if made < len(_KOMMO_DELAYS) else None


def _once(statuses: Sequence[int]) -> float | None:
    return None


_RULES: Mapping[Repeats, Callable[[Sequence[int]], float | None]] = {
    "account": _account,
    "kommo_pipeline": _kommo,
    "once": _once,
}
