"""How many cases the fuzz tests try: AMOCRM_TEST_CASES, 100 without it, 10,000 in CI."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

cases = settings(
    max_examples=int(os.environ.get("AMOCRM_TEST_CASES", "100")),
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
