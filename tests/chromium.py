"""A person at a browser: headless Chromium, driven by its protocol, WebDriver (JSON over HTTP).

    python -m tests.chromium 'http://...' agree

opens an address and presses a button, as a person who logs in does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
import requests

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's id, which the protocol fixes."""
READY = "was started successfully on port "
ENTER, TAB, SPACE, DOWN = "\ue007", "\ue004", " ", "\ue015"
"""Keys as the protocol names them."""


def needs_chromium() -> None:
    """Fail where a browser must be there, skip elsewhere."""
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return
    missing("chromium and chromedriver are missing: apt-get install chromium chromium-driver")


def missing(what: str) -> None:
    """Fail in CI, skip elsewhere."""
    if os.environ.get("AMOCRM_TEST_BROWSER") == "required":
        pytest.fail(what)
    pytest.skip(what)


class Browser:
    """One window."""

    def __init__(self, http: requests.Session, session: str) -> None:
        self._http = http
        self._session = session

    def send(self, path: str, **body: Any) -> Any:
        return _value(self._http.post(f"{self._session}/{path}", json=body, timeout=60))

    def get(self, path: str) -> Any:
        return _value(self._http.get(f"{self._session}/{path}", timeout=60))

    def open(self, url: str) -> None:
        self.send("url", url=url)

    @property
    def url(self) -> str:
        return str(self.get("url"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript; `arguments` are those of the function that it is the body of."""
        return self.send("execute/sync", script=script, args=list(arguments))

    def run_async(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript that calls its last argument when it is done."""
        return self.send("execute/async", script=script, args=list(arguments))

    def find(self, selector: str) -> dict[str, str]:
        found: dict[str, str] = self.send("element", using="css selector", value=selector)
        return found

    def click(self, selector: str) -> None:
        self.send(f"element/{self.find(selector)[ELEMENT]}/click")

    def type(self, selector: str, text: str) -> None:
        self.send(f"element/{self.find(selector)[ELEMENT]}/value", text=text)

    def text(self, selector: str = "body") -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def press(self, keys: str) -> None:
        """Press keys where the focus is."""
        pressed = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.send("actions", actions=[{"type": "key", "id": "keyboard", "actions": pressed}])

    def drag(self, source: str, target: str) -> None:
        """Drag one element onto another with the mouse."""

        def move(selector: str, milliseconds: int, x: int = 0) -> Any:
            return {
                "type": "pointerMove", "duration": milliseconds, "x": x, "y": 0,
                "origin": self.find(selector),
            }  # fmt: skip

        steps = [
            move(source, 0),
            {"type": "pointerDown", "button": 0},
            move(source, 50, 8),
            move(target, 100),
            move(target, 20, 3),
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.send("actions", actions=[{**mouse, "actions": steps}])

    def resize(self, width: int, height: int = 900) -> None:
        """Make the page itself so wide: a window may be no narrower than 500 pixels."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def cdp(self, command: str, **params: Any) -> Any:
        """Send a command of Chromium's own protocol."""
        return self.send("goog/cdp/execute", cmd=command, params=params)

    def console(self) -> list[str]:
        """Return the errors that the console has shown since it was last asked."""
        return [
            str(one["message"])
            for one in self.send("se/log", type="browser")
            if one["level"] in ("SEVERE", "ERROR")
        ]

    def wait(self, condition: Callable[[], Any], seconds: float = 15) -> Any:
        """Return what a condition says once it is true."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):  # The page may be swapped meanwhile.
                if found := condition():
                    return found
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {self.text()[:2000]}")
            time.sleep(0.02)

    def has(self, text: str, selector: str = "body") -> bool:
        return text in self.text(selector)


def _value(response: requests.Response) -> Any:
    assert response.ok, response.text
    return response.json()["value"]


@contextlib.contextmanager
def browser(language: str = "en") -> Generator[Browser]:
    """Start Chromium, and close it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            assert driver.stdout is not None
            line = next(one for one in driver.stdout if READY in one)
            port = int(line.partition(READY)[2].strip().rstrip("."))
            with _session(f"http://127.0.0.1:{port}/session", folder, language) as one:
                yield one
        finally:
            driver.terminate()
            driver.wait()
            assert driver.stdout is not None
            driver.stdout.close()


@contextlib.contextmanager
def _session(sessions: str, folder: str, language: str) -> Generator[Browser]:
    arguments = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--no-first-run", "--hide-scrollbars",
        "--window-size=1600,900", f"--lang={language}", f"--user-data-dir={folder}",
    ]  # fmt: skip
    chrome: dict[str, Any] = {
        "browserName": "chrome",
        "goog:chromeOptions": {
            "args": arguments, "prefs": {"intl.accept_languages": language},
        },
        "goog:loggingPrefs": {"browser": "ALL"},
        "timeouts": {"script": 30_000},
    }  # fmt: skip
    with requests.Session() as http:
        http.trust_env = False
        made = _value(
            http.post(sessions, json={"capabilities": {"alwaysMatch": chrome}}, timeout=60)
        )
        session = f"{sessions}/{made['sessionId']}"
        try:
            yield Browser(http, session)
        finally:
            http.delete(session, timeout=60)


def press(url: str, button: str) -> str:
    """Open an address and press the button of a value; return the title of the next page."""
    with browser() as one:
        one.open(url)
        one.click(f"button[value={button}]")
        return str(one.run("return document.title"))


if __name__ == "__main__":
    sys.stderr.write(f"{press(*sys.argv[1:])}\n")
