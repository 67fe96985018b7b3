"""How often tests try what an attacker may try: AMOCRM_TEST_CASES says it, in CI thousands."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

cases = settings(
    max_examples=int(os.environ.get("AMOCRM_TEST_CASES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
