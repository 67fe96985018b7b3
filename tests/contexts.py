"""API contexts for tests."""

from __future__ import annotations

from amocrm import AmoCRM
from amocrm._support.clock import Clock
from amocrm.bulk.context import ApiContext, BatchSizes, PageCounts


def way_of(crm: AmoCRM, clock: Clock) -> ApiContext:
    """Return a new context without measurements."""
    return ApiContext(crm.request, clock, 7.0, "example.amocrm.ru", PageCounts(), BatchSizes())
