"""The number of cases of each fuzz test: AMOCRM_TEST_CASES, by default 100.

CI asks for 1,000 of each, more than 10,000 in all; 10,000 of each take most of an hour.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

cases = settings(
    max_examples=int(os.environ.get("AMOCRM_TEST_CASES", "100")),
    deadline=None,
    # The same cases in every run, so that a failure comes from a change and not from chance.
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
