"""amocrm-js, as it is published, works with the sandbox over TLS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import trustme

from amocrm.sandbox import Sandbox
from tests.chromium import missing

pytestmark = pytest.mark.endurance
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with amocrm-js, installed by npm in the version that is pinned here."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("node and npm are missing: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("amocrm_js")
    for name in ("package.json", "package-lock.json", "program.js"):
        shutil.copy(HERE / name, folder)
    options = ["--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        ["npm", "ci", *options], capture_output=True, text=True, timeout=100, check=False
    )
    if done.returncode:
        missing(f"npm cannot install amocrm-js: {done.stderr[-500:]}")
    return folder


def test_amocrm_js_works_with_the_sandbox(folder: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("*.amocrm.ru")
    ca, cert, key = (str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    certificate.private_key_pem.write_to_path(key)
    for place, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(cert, append=place > 0)

    portal = Sandbox(rps=None)  # amocrm-js does not count its calls.
    one = portal.integration
    auth = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "code": portal.issue_code(),
    }
    with portal.serve(tls=(cert, key)) as served:
        port = int(served.url.rpartition(":")[2])
        settings = {"port": port, "domain": "example.amocrm.ru", "auth": auth}
        done = subprocess.run(
            ["node", "program.js"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": ca, "SETTINGS": json.dumps(settings)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "events": ["token", "connected", "token", "token", "token"],
        "account": "example", "taskTypes": 2, "status": 200,
        "rotated": True, "accountAgain": "example", "renewed": True,
        "lead": {"name": "Order", "price": 200}, "pages": ["Order", "Renamed"],
        "contact": "Анна", "linked": [True], "task": ["Call", True],
        "error": "API_RESPONSE_ERROR",
    }  # fmt: skip
    counted = {name: portal.counters[name] for name in ("grants.code", "grants.refresh")}
    assert counted == {"grants.code": 1, "grants.refresh": 2}
    assert [lead["price"] for lead in portal.leads()] == [200, 0]
