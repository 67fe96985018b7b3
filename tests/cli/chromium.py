"""A person at a browser: opens an address in headless Chromium and presses a button.

    python -m tests.cli.chromium 'http://...' agree

Chromium's own driver is called by its protocol, WebDriver, which is JSON over HTTP.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any

import requests

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's id, which the protocol fixes."""
READY = "was started successfully on port "


def press(url: str, button: str) -> str:
    """Open an address and press the button of a value; return the title of the next page."""
    with tempfile.TemporaryDirectory() as folder:
        driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            assert driver.stdout is not None
            line = next(one for one in driver.stdout if READY in one)
            port = int(line.partition(READY)[2].strip().rstrip("."))
            return _press(f"http://127.0.0.1:{port}/session", url, button, folder)
        finally:
            driver.terminate()
            driver.wait()


def _press(sessions: str, url: str, button: str, folder: str) -> str:
    with requests.Session() as http:
        http.trust_env = False

        def send(path: str, **body: Any) -> Any:
            response = http.post(f"{sessions}{path}", json=body, timeout=60)
            assert response.ok, response.text
            return response.json()["value"]

        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
        chrome = {"browserName": "chrome", "goog:chromeOptions": {"args": options}}
        session = send("", capabilities={"alwaysMatch": chrome})["sessionId"]
        try:
            send(f"/{session}/url", url=url)
            selector = f"button[value={button}]"
            found = send(f"/{session}/element", using="css selector", value=selector)
            send(f"/{session}/element/{found[ELEMENT]}/click")
            return str(send(f"/{session}/execute/sync", script="return document.title", args=[]))
        finally:
            http.delete(f"{sessions}/{session}", timeout=60)


if __name__ == "__main__":
    sys.stderr.write(f"{press(*sys.argv[1:])}\n")
