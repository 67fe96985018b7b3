"""Tells what an account does not include from what has failed."""

from __future__ import annotations

from collections.abc import Callable

from amocrm.errors import (
    AmoCRMError,
    BlockedError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
)


def refusal_of(read: Callable[[], object]) -> AmoCRMError | None:
    """Read something that the plan, or the rights of the user, may not include.

    Returns:
        The refusal; None if it could be read.

    Raises:
        AmoCRMError: a call failed for another reason, such as a block.
    """
    try:
        read()
    except BlockedError:
        raise
    except (ForbiddenError, NotFoundError, PaymentRequiredError) as error:
        return error
    return None
