"""The number of cases of each fuzz test: AMOCRM_TEST_CASES, by default 30.

CI asks for 100 of each, and on the newest Python for 1,000: more than 10,000 in all. 10,000 of each
take most of an hour.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

CASES = int(os.environ.get("AMOCRM_TEST_CASES", "30"))

cases = settings(
    max_examples=CASES,
    deadline=None,
    # The same cases in every run, so that a failure comes from a change and not from chance.
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
