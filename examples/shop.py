"""The account that the other examples use: a shop, in a sandbox on this machine.

It has a pipeline `Sales`, a date field `Delivery`, products, and leads of the last two months.
Examples that only read also run on your account: set AMOCRM_DOMAIN and AMOCRM_TOKEN, a long-lived
token. Or set AMOCRM_DOMAIN, AMOCRM_CLIENT_ID, AMOCRM_CLIENT_SECRET and AMOCRM_REDIRECT_URI, as for
quickstart.py; then the tokens are stored in the folder AMOCRM_TOKENS (tokens).
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from amocrm import AmoCRM, AuthSettings, Connection
from amocrm.sandbox import Sandbox
from amocrm.stores.file import FileStore

if TYPE_CHECKING:
    from amocrm.schema.leads import NewLead

DAY = 86_400

ORDERS = [
    # Name, price, age in days, and the stages that it went through since.
    ("Kettle", 2490, 45, ["Agreed"]),
    ("Kettle and cups", 3900, 40, ["Agreed", "Lost"]),
    ("Samovar", 18900, 20, ["Agreed", "Paid", "Won"]),
    ("Tea set", 7400, 15, ["Agreed", "Paid"]),
    ("Cups", 1200, 10, ["Lost"]),
    ("Spoons", 900, 5, ["Agreed"]),
    ("Tray", 1500, 1, []),
]


def furnish(crm: AmoCRM, names: Mapping[str, str] | None = None) -> None:
    """Create the shop in an empty account; `names` are those of another language, by ours."""
    names = names or {}

    def named(name: str) -> str:
        return names.get(name, name)

    crm.leads.pipelines.create({
        "name": named("Sales"), "sort": 1, "is_main": True, "is_unsorted_on": True,
        "_embedded": {"statuses": [
            {"name": named("New"), "sort": 20, "color": "#fffeb2"},
            {"name": named("Agreed"), "sort": 30, "color": "#c1e0ff"},
            {"name": named("Paid"), "sort": 40, "color": "#87f2c0"},
            {"id": 142, "name": named("Won")},
            {"id": 143, "name": named("Lost")},
        ]},
    })  # fmt: skip
    crm.leads.loss_reasons.create({"name": named("Too expensive"), "sort": 1})
    crm.leads.custom_fields.create({"name": named("Delivery"), "type": "date"})
    crm.catalogs.products.set(is_enabled=True)
    now = int(time.time())
    for name, price, days, stages in ORDERS:
        when = now - days * DAY
        lead: NewLead = {"name": name, "price": price, "created_at": when, "updated_at": when}
        fields = crm.leads.cf(lead)
        fields["UTM_SOURCE"] = "yandex" if price > 2000 else "direct"
        fields[named("Delivery")] = datetime.date.fromtimestamp(when + 7 * DAY)
        number = crm.leads.create(lead)["id"]
        for stage in stages:
            place = crm.leads.pipelines.stage(named(stage), pipeline=named("Sales"))
            crm.leads(number).move(place)
        crm.leads.update(number, {"updated_at": when})


@contextmanager
def shop() -> Generator[AmoCRM, None, None]:
    """Give a client of the shop."""
    portal = Sandbox(("example.kommo.com",), rps=None)
    token = portal.issue_long_lived()
    with AmoCRM(
        "example.kommo.com", {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        furnish(crm)
        yield crm


@contextmanager
def account() -> Generator[AmoCRM, None, None]:
    """Give a client of your account if the environment names it, otherwise of the shop."""
    domain, token = os.environ.get("AMOCRM_DOMAIN"), os.environ.get("AMOCRM_TOKEN")
    if domain is None:
        with shop() as crm:
            yield crm
        return
    if token is not None:
        with AmoCRM(domain, {"access_token": token}) as crm:
            yield crm
        return
    auth: AuthSettings = {
        "client_id": os.environ["AMOCRM_CLIENT_ID"],
        "client_secret": os.environ["AMOCRM_CLIENT_SECRET"],
        "redirect_uri": os.environ["AMOCRM_REDIRECT_URI"],
        "server": {"port": int(os.environ.get("AMOCRM_PORT", "3000"))},
    }

    def ask(connection: Connection) -> None:
        print(f"Open this address and give your consent:\n\n{connection.get_auth_url()}\n")

    store = FileStore(os.environ.get("AMOCRM_TOKENS", "tokens"))
    with AmoCRM(domain, auth, store=store) as crm:
        crm.on("connection:beforeConsent", ask)
        yield crm
