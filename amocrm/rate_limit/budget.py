"""What a rate limit counts: per integration in an account, per account, per address.

=============  ========================  ============  ==========
platform       integration in an account  account       IP address
=============  ========================  ============  ==========
amocrm.ru      7 calls a second           50            not counted
amocrm.com     not counted                not counted   7
kommo.com      not counted                not counted   7
=============  ========================  ============  ==========

Source: reference 3.4, 12.2.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from amocrm.api_limits import ACCOUNT_REQUESTS_PER_SECOND, REQUESTS_PER_SECOND
from amocrm.errors import ConfigurationError

HIGHEST_RATE: Final = 1000
"""Calls per second that a budget may have at most: a number beyond it is a mistake."""


class RateLimits(NamedTuple):
    """Most calls in one second, for each scope that amoCRM may count; None: it does not count it.

    Attributes:
        per_integration: calls of one integration in one account.
        per_account: calls of all integrations in one account.
        per_address: calls from one IP address, whatever the account.

    Source: reference 3.4.
    """

    per_integration: float | None = REQUESTS_PER_SECOND
    per_account: float | None = ACCOUNT_REQUESTS_PER_SECOND
    per_address: float | None = None


AMOCRM: Final = RateLimits()
"""What amocrm.ru counts."""
KOMMO: Final = RateLimits(None, None, REQUESTS_PER_SECOND)
"""What kommo.com and amocrm.com count."""


class Budget(NamedTuple):
    """The calls that one scope allows.

    Attributes:
        key: names the scope for all who share the rate limiter.
        rate: calls in a second.
        learned: the scope is the address, and the rate limiter finds out whether it is counted.
    """

    key: str
    rate: float
    learned: bool = False


def limits_of(zone: str) -> RateLimits:
    """Return what a platform counts."""
    return AMOCRM if zone == "amocrm.ru" else KOMMO


def budgets_of(
    limits: RateLimits, integration: str, account: str, place: str, is_learning: bool = False
) -> tuple[Budget, ...]:
    """Return the budgets that count a call, the narrowest first.

    Args:
        limits: what is counted.
        integration: names the integration.
        account: names the account.
        place: names the platform: each has servers of its own.
        is_learning: whether to find out if the address is counted, where no limit is known.
    """
    per_integration, per_account, per_address = limits
    budgets: list[Budget] = []
    if per_integration is not None:
        budgets.append(Budget(f"integration:{integration}:{account}", per_integration))
    if per_account is not None:
        budgets.append(Budget(f"account:{account}", per_account))
    if per_address is not None:
        budgets.append(Budget(f"address:{place}", per_address))
    elif is_learning:
        budgets.append(Budget(f"address:{place}", REQUESTS_PER_SECOND, learned=True))
    return tuple(budgets)


def check_limits(limits: object) -> RateLimits:
    """Return the limits if they are rates.

    Raises:
        ConfigurationError: they are no `RateLimits`, or one of them is no number.
    """
    if not isinstance(limits, RateLimits):
        raise ConfigurationError(
            "rate_limits must be a RateLimits", hint="such as RateLimits(per_integration=15)"
        )
    for rate in limits:
        if rate is not None:
            check_rate(rate)
    if all(rate is None for rate in limits):
        raise ConfigurationError(
            "rate_limits counts nothing", hint="rate_limiter=None switches the rate limit off"
        )
    return limits


def check_rate(rate: object) -> float:
    """Return a number of calls per second.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= HIGHEST_RATE:
        raise ConfigurationError("the rate must be a number of calls per second, such as 7")
    return rate
