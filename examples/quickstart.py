"""An integration from start to end: consent, token, calls, expiry, refresh, restart.

Without settings it runs against a sandbox on this machine, and gives the consent itself:

    python examples/quickstart.py

With settings it runs on your account, and you give the consent. It creates one lead there:

    AMOCRM_DOMAIN=mycompany AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... \
    AMOCRM_REDIRECT_URI=http://127.0.0.1:3000/ python examples/quickstart.py

The token is stored in AMOCRM_TOKEN_FILE (token.json): run it twice to see it restored. A code from
the integration's window goes into AMOCRM_CODE; otherwise the redirect is awaited on AMOCRM_PORT
(3000).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

import requests

from amocrm import AmoCRM, AuthSettings, Connection, Response
from amocrm.progress import Report, bar
from amocrm.sandbox import Sandbox, SystemClock

TOKEN_FILE = Path(os.environ.get("AMOCRM_TOKEN_FILE", "token.json"))


def save(response: Response) -> None:
    """Save the token for the next run, readable by this user alone."""
    fresh = TOKEN_FILE.with_suffix(".new")
    fresh.unlink(missing_ok=True)  # an old one may be readable by others, or lead elsewhere
    with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(response.data, file)
    fresh.replace(TOKEN_FILE)
    print(f"      token saved to {TOKEN_FILE}")


def restore(crm: AmoCRM) -> None:
    """Use the token of an earlier run, if there is one."""
    if TOKEN_FILE.exists():
        crm.connection.set_token(json.loads(TOKEN_FILE.read_text()))
        print(f"   1. token restored from {TOKEN_FILE}: no consent is needed")


def make_calls(crm: AmoCRM) -> None:
    """Do what every integration does: read, create, change, list."""
    account = crm.request.get("/api/v4/account").data
    print(f"   2. account {account['id']}: {account['name']}")

    created = crm.request.post("/api/v4/leads", [{"name": "Quickstart", "price": 1000}])
    lead = created.data["_embedded"]["leads"][0]["id"]
    print(f"   3. lead {lead} created")

    crm.request.patch(f"/api/v4/leads/{lead}", {"price": 1500})
    print(f"   4. lead {lead} changed")

    page = crm.request.get("/api/v4/leads", {"limit": 5, "order": {"id": "desc"}}).data
    for one in page["_embedded"]["leads"]:
        print(f"   5. lead {one['id']}: {one['name']}, {one['price']}")

    with shown("      fields") as progress:
        fields = list(crm.listing("/api/v4/leads/custom_fields", progress=progress))
    print(f"      leads have {len(fields)} custom fields")


def shown(title: str) -> AbstractContextManager[Report | None]:
    """Show progress if rich is installed, and nothing if not."""
    return bar(title) if find_spec("rich") else nullcontext()


def run_on_real_account() -> None:
    """Run with the settings of the environment; a person gives the consent."""
    auth: AuthSettings = {
        "client_id": os.environ["AMOCRM_CLIENT_ID"],
        "client_secret": os.environ["AMOCRM_CLIENT_SECRET"],
        "redirect_uri": os.environ["AMOCRM_REDIRECT_URI"],
        "server": {"port": int(os.environ.get("AMOCRM_PORT", "3000"))},
    }
    if code := os.environ.get("AMOCRM_CODE"):
        auth["code"] = code

    def ask(connection: Connection) -> None:
        print(f"   1. open this address and give your consent:\n\n{connection.get_auth_url()}\n")

    with AmoCRM(os.environ["AMOCRM_DOMAIN"], auth) as crm:
        crm.on("connection:newToken", save)
        crm.on("connection:beforeConsent", ask)
        restore(crm)
        make_calls(crm)


def run_on_sandbox() -> None:
    """Run against a sandbox over TCP; this program gives the consent, too."""

    def agree(connection: Connection) -> None:
        url = connection.get_auth_url()
        print(f"   1. consent is requested at {url.partition('?')[0]}; we agree")
        requests.post(url, data={"account": "example", "decision": "agree"}, timeout=10)

    with serve_sandbox() as (crm, clock):
        crm.on("connection:newToken", save)
        crm.on("connection:beforeConsent", agree)
        restore(crm)
        make_calls(crm)

        token = crm.connection.get_token() or {}
        clock.advance(token["expires_at"] - clock.time())
        print("   6. a day later the token has expired; the next call refreshes it")
        crm.request.get("/api/v4/account")
        print("   7. done: run it again to see the token restored")


@contextmanager
def serve_sandbox() -> Generator[tuple[AmoCRM, SystemClock], None, None]:
    """Serve a sandbox and give a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    clock = SystemClock()
    portal = Sandbox(clock=clock, redirect_uri=f"http://127.0.0.1:{port}/")
    if TOKEN_FILE.exists():
        # Each run has a new sandbox: it gets the tokens of the earlier run.
        token = json.loads(TOKEN_FILE.read_text())
        portal.readmit(token["access_token"], token["refresh_token"], token["expires_at"])
    one = portal.integration
    with portal.serve() as served:
        print(f"   0. a sandbox answers at {served.url}")
        auth: AuthSettings = {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
            "server": {"port": port},
        }
        with AmoCRM("example", auth, base_url=served.url, clock=clock) as crm:
            yield crm, clock


if __name__ == "__main__":
    if os.environ.get("AMOCRM_CLIENT_ID"):
        run_on_real_account()
    else:
        run_on_sandbox()
