"""Takes the pictures of the sandbox's page, in headless Chromium, for both languages.

    python -m tests.docs.make_screenshots

The portal is made up from a seed, so that the same pictures come out but for the times in them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import requests

from amocrm.sandbox import FaultPlan, Sandbox
from amocrm.sandbox.http.server import Served
from tests.chromium import Browser, browser

FOLDER = Path(__file__).parents[2] / "docs" / "img"
Language = Literal["en", "ru"]
WIDTH, HEIGHT = 1400, 788
ACCOUNTS: dict[Language, str] = {"en": "mycompany.kommo.com", "ru": "mycompany"}
HOOK = {"destination": "https://example.com/amocrm", "settings": ["status_lead", "add_lead"]}


@contextmanager
def portal_of(language: Language) -> Iterator[tuple[Sandbox, Served]]:
    """Serve a portal with something to see."""
    portal = Sandbox((ACCOUNTS[language],), seed=7)
    portal.populate(leads=60, seed=7, locale=language)
    with portal.serve() as served:
        yield portal, served


def be_used(portal: Sandbox, served: Served) -> None:
    """Let a program read and write, at first gently, then too fast, then with bad luck."""
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    leads = f"{served.url}/api/v4/leads"
    with requests.Session() as program:
        program.trust_env = False
        program.headers.update(headers)
        program.get(f"{served.url}/api/v4/account")
        program.post(leads, json=[{"name": "Website order", "price": 25_000}])
        program.get(f"{leads}?with=contacts&limit=50")
        portal.inject("server_error", "PATCH", status=504)
        program.patch(f"{leads}/{portal.leads()[0]['id']}", json={"price": 500})
        for page in range(1, 10):
            program.get(leads, params={"page": page, "limit": 10})


def take(page: Browser, url: str, name: str, language: str) -> None:
    """Take one picture, once the page is live."""
    page.open(f"{url}{'&' if '?' in url else '?'}lang={language}")
    page.wait(lambda: page.run("return document.querySelector('#live.on') !== null"))
    made = page.cdp("Page.captureScreenshot", format="webp", quality=85)
    picture = base64.b64decode(made["data"])
    FOLDER.joinpath(f"page-{name}.{language}.webp").write_bytes(picture)


def main() -> None:
    """Take every picture."""
    for language in ACCOUNTS:
        with portal_of(language) as (portal, served), browser(language) as page:
            page.resize(WIDTH, HEIGHT)
            take(page, f"{served.url}/_page/leads", "board", language)
            be_used(portal, served)
            take(page, f"{served.url}/_page/requests", "requests", language)
            portal.faults = FaultPlan(latency=1.0, lost_after=0.1)
            take(page, f"{served.url}/_page/faults", "faults", language)


if __name__ == "__main__":
    main()
