"""benchmarks/storm.py, shorter: nothing is done twice, and no loss is unreported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALLS = str(int(os.environ.get("AMOCRM_TEST_CALLS", "6000")) // 2)
"""The full run is 100,000 calls."""


@pytest.mark.endurance
@pytest.mark.timeout(300)
def test_the_result_of_each_write_agrees_with_the_record() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "benchmarks/storm.py", "--calls", CALLS, "--seed", "5"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong: none" in done.stdout
    for words in ("| done | 1 |", "| refused | 0 |", "| unknown | 0 |", "| unknown | 1 |"):
        assert words in done.stdout
