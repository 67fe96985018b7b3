"""How many cases each fuzz test tries: AMOCRM_TEST_CASES, 100 without it.

CI asks for 1,000 of each, more than 10,000 in all; 10,000 of each take most of an hour.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

cases = settings(
    max_examples=int(os.environ.get("AMOCRM_TEST_CASES", "100")),
    deadline=None,
    # The same cases in every run: a change is judged by itself, and not by what chance finds.
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
