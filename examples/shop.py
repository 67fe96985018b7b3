"""The account that the other examples play against: a shop, on a portal of this machine.

It has a pipeline `Sales`, a date field `Delivery`, products, and leads of the last two months.
Examples that only read run against your account, too, if AMOCRM_DOMAIN, AMOCRM_CLIENT_ID,
AMOCRM_CLIENT_SECRET and AMOCRM_REDIRECT_URI are set, as quickstart.py does; the tokens are kept in
the folder AMOCRM_TOKENS (tokens).
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from amocrm import AmoCRM, AuthSettings, Connection
from amocrm.sandbox import Sandbox
from amocrm.stores.file import FileStore

if TYPE_CHECKING:
    from amocrm.schema.leads import NewLead

DAY = 86_400

ORDERS = [
    # What, for how much, how many days ago, and the stages that it went through since.
    ("Kettle", 2490, 45, ["Agreed"]),
    ("Kettle and cups", 3900, 40, ["Agreed", "Lost"]),
    ("Samovar", 18900, 20, ["Agreed", "Paid", "Won"]),
    ("Tea set", 7400, 15, ["Agreed", "Paid"]),
    ("Cups", 1200, 10, ["Lost"]),
    ("Spoons", 900, 5, ["Agreed"]),
    ("Tray", 1500, 1, []),
]


def furnish(crm: AmoCRM) -> None:
    """Make an empty account the shop's."""
    crm.leads.pipelines.create({
        "name": "Sales", "sort": 1, "is_main": True, "is_unsorted_on": True,
        "_embedded": {"statuses": [
            {"name": "New", "sort": 20, "color": "#fffeb2"},
            {"name": "Agreed", "sort": 30, "color": "#c1e0ff"},
            {"name": "Paid", "sort": 40, "color": "#87f2c0"},
            {"id": 142, "name": "Won"},
            {"id": 143, "name": "Lost"},
        ]},
    })  # fmt: skip
    crm.leads.loss_reasons.create({"name": "Too expensive", "sort": 1})
    crm.leads.custom_fields.create({"name": "Delivery", "type": "date"})
    crm.catalogs.products.set(is_enabled=True)
    now = int(time.time())
    for name, price, days, stages in ORDERS:
        sell(crm, name, price, now - days * DAY, stages)


def sell(crm: AmoCRM, name: str, price: int, when: int, stages: list[str]) -> None:
    """Create a lead of some days ago, and move it from stage to stage."""
    lead: NewLead = {"name": name, "price": price, "created_at": when, "updated_at": when}
    fields = crm.leads.cf(lead)
    fields["UTM_SOURCE"] = "yandex" if price > 2000 else "direct"
    fields["Delivery"] = datetime.date.fromtimestamp(when + 7 * DAY)
    number = crm.leads.create(lead)["id"]
    for stage in stages:
        place = crm.leads.pipelines.stage(stage, pipeline="Sales")
        crm.leads(number).move(place)
    crm.leads.update(number, {"updated_at": when})


@contextmanager
def shop() -> Generator[AmoCRM, None, None]:
    """Give out a client of the shop."""
    portal = Sandbox(("example.kommo.com",), rps=None)
    token = portal.issue_long_lived()
    with AmoCRM(
        "example.kommo.com", {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        furnish(crm)
        yield crm


@contextmanager
def account() -> Generator[AmoCRM, None, None]:
    """Give out a client of your account, if the environment tells which; of the shop, if not."""
    domain = os.environ.get("AMOCRM_DOMAIN")
    if domain is None:
        with shop() as crm:
            yield crm
        return
    auth: AuthSettings = {
        "client_id": os.environ["AMOCRM_CLIENT_ID"],
        "client_secret": os.environ["AMOCRM_CLIENT_SECRET"],
        "redirect_uri": os.environ["AMOCRM_REDIRECT_URI"],
        "server": {"port": int(os.environ.get("AMOCRM_PORT", "3000"))},
    }

    def ask(connection: Connection) -> None:
        print(f"Open this address and agree:\n\n{connection.get_auth_url()}\n")

    store = FileStore(os.environ.get("AMOCRM_TOKENS", "tokens"))
    with AmoCRM(domain, auth, store=store) as crm:
        crm.on("connection:beforeConsent", ask)
        yield crm
