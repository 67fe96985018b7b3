"""The way to an account, as a client has it, for tests of what goes it."""

from __future__ import annotations

from amocrm import AmoCRM
from amocrm._support.clock import Clock
from amocrm.bulk.context import ApiContext, PageCounts


def way_of(crm: AmoCRM, clock: Clock) -> ApiContext:
    """Return a way of its own, with nothing learned yet."""
    return ApiContext(crm.request, clock, 7.0, "example.amocrm.ru", PageCounts())
