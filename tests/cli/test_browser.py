"""The login by a real browser: headless Chromium on the sandbox's consent page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chromium import needs_chromium
from tests.cli.conftest import ROOT, Run, Shop, start

pytestmark = pytest.mark.endurance


@pytest.fixture
def chromium() -> None:
    needs_chromium()


@pytest.mark.parametrize(("button", "code"), [("agree", 0), ("deny", 4)])
def test_a_person_agrees_or_refuses_in_chromium(
    chromium: None, run: Run, shop: Shop, folder: Path, free_port: int, button: str, code: int
) -> None:
    uri = f"http://127.0.0.1:{free_port}/"
    one = shop.portal.add_integration(uri)
    process = start(
        *("login", "example", "--redirect-uri", uri),
        variables={
            "AMOCRM_BASE_URL": shop.url,
            "AMOCRM_CLIENT_ID": one.client_id,
            "AMOCRM_CLIENT_SECRET": one.client_secret,
            "BROWSER": f"{sys.executable} -m tests.chromium %s {button}",
            "SSH_CONNECTION": "",
            "SSH_TTY": "",
        },
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    out, told = process.communicate(timeout=100)
    assert (process.returncode, out) == (code, b""), told.decode()
    if button == "agree":
        assert "Logged in to Example" in told.decode()
        assert json.loads(run("whoami").out)["user"] == "Ann"
    else:
        assert "access was refused" in told.decode()
        assert run("whoami").code == 4
