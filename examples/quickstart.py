"""The whole story of an integration: consent, token, calls, expiry, renewal, restart.

Without settings it plays against a portal of its own, on this machine, and clicks "allow" itself:

    python examples/quickstart.py

With settings it runs against your account, and you click. There it creates one lead:

    AMOCRM_DOMAIN=mycompany AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... \
    AMOCRM_REDIRECT_URI=http://127.0.0.1:3000/ python examples/quickstart.py

The token is kept in AMOCRM_TOKEN_FILE (token.json): run it twice to see it restored. A code copied
from the integration's window goes into AMOCRM_CODE; AMOCRM_PORT (3000) is where the redirect is
awaited otherwise.
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
    """Keep the token for the next run, readable by this user alone."""
    fresh = TOKEN_FILE.with_suffix(".new")
    fresh.unlink(missing_ok=True)  # an old one may be readable by others, or lead elsewhere
    with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(response.data, file)
    fresh.replace(TOKEN_FILE)
    print(f"      token saved to {TOKEN_FILE}")


def restore(crm: AmoCRM) -> None:
    """Go on with the token of an earlier run, if there is one."""
    if TOKEN_FILE.exists():
        crm.connection.set_token(json.loads(TOKEN_FILE.read_text()))
        print(f"   1. token restored from {TOKEN_FILE}: nobody has to agree again")


def tell(crm: AmoCRM) -> None:
    """Do what every integration does: look around, create, change, list."""
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


def on_a_real_account() -> None:
    """Run with the settings of the environment; a person clicks."""
    auth: AuthSettings = {
        "client_id": os.environ["AMOCRM_CLIENT_ID"],
        "client_secret": os.environ["AMOCRM_CLIENT_SECRET"],
        "redirect_uri": os.environ["AMOCRM_REDIRECT_URI"],
        "server": {"port": int(os.environ.get("AMOCRM_PORT", "3000"))},
    }
    if code := os.environ.get("AMOCRM_CODE"):
        auth["code"] = code

    def ask(connection: Connection) -> None:
        print(f"   1. open this address and agree:\n\n{connection.get_auth_url()}\n")

    with AmoCRM(os.environ["AMOCRM_DOMAIN"], auth) as crm:
        crm.on("connection:newToken", save)
        crm.on("connection:beforeConsent", ask)
        restore(crm)
        tell(crm)


def on_a_portal_of_its_own() -> None:
    """Run against a sandbox over TCP; this program is the person, too."""

    def agree(connection: Connection) -> None:
        url = connection.get_auth_url()
        print(f"   1. consent is asked for at {url.partition('?')[0]}; we agree")
        requests.post(url, data={"account": "example", "decision": "agree"}, timeout=10)

    with play() as (crm, clock):
        crm.on("connection:newToken", save)
        crm.on("connection:beforeConsent", agree)
        restore(crm)
        tell(crm)

        token = crm.connection.get_token() or {}
        clock.advance(token["expires_at"] - clock.time())
        print("   6. time flies, and the token has expired; the next call renews it")
        crm.request.get("/api/v4/account")
        print("   7. done: run it again to see the token restored")


@contextmanager
def play() -> Generator[tuple[AmoCRM, SystemClock], None, None]:
    """Serve a portal and make a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    clock = SystemClock()
    portal = Sandbox(clock=clock, redirect_uri=f"http://127.0.0.1:{port}/")
    if TOKEN_FILE.exists():
        # The portal lives no longer than this program: it has to be told what it once issued.
        token = json.loads(TOKEN_FILE.read_text())
        portal.readmit(token["access_token"], token["refresh_token"], token["expires_at"])
    one = portal.integration
    with portal.serve() as served:
        print(f"   0. a portal of our own answers at {served.url}")
        auth: AuthSettings = {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
            "server": {"port": port},
        }
        with AmoCRM("example", auth, base_url=served.url, clock=clock) as crm:
            yield crm, clock


if __name__ == "__main__":
    if os.environ.get("AMOCRM_DOMAIN"):
        on_a_real_account()
    else:
        on_a_portal_of_its_own()
