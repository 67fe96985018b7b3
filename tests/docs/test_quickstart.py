"""The quickstart, run as a person runs it: twice, in a folder of its own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "examples" / "quickstart.py"


def run(folder: Path, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMOCRM_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM)],
        cwd=folder,
        env={**clean, **environment, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_run_asks_and_the_second_restores(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert "we agree" in first
    assert first.count("token saved") == 2
    assert "lead 7001: Quickstart, 1500" in first
    assert stat.S_IMODE((tmp_path / "token.json").stat().st_mode) == 0o600
    second = run(tmp_path)
    assert "token restored" in second
    assert "we agree" not in second
    assert second.count("token saved") == 1
    for name in ("access_token", "refresh_token"):
        assert name not in first + second


def test_a_real_account_is_asked_for_when_the_settings_say_so(tmp_path: Path) -> None:
    """As far as it can go without one: the settings are read, and the host is not amoCRM's."""
    with pytest.raises(AssertionError, match=r"'mycompany\.example' is not an account"):
        run(
            tmp_path,
            AMOCRM_DOMAIN="mycompany.example",
            AMOCRM_CLIENT_ID="id",
            AMOCRM_CLIENT_SECRET="secret",
            AMOCRM_REDIRECT_URI="http://127.0.0.1:3000/",
            AMOCRM_CODE="code",
        )
