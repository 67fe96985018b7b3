"""Receive webhooks and handle them: the receiver, the inbox and the worker of one program.

    python examples/receive_webhooks.py

The other side is a sandbox in this process; against a real account only `crm` and `URL` change.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from amocrm.webhooks import Event, Hooks, Receiver, SQLInbox, Worker, ensure, health, reconcile

URL = "https://hooks.example.com/amocrm"

hooks = Hooks()


@hooks.on("status_lead", stage="Успешно реализовано")
def thank(event: Event, crm: AmoCRM) -> None:
    """Handle a lead that was won: the event says which, `fetch` how it is now."""
    lead = event.fetch()
    print(f"won: {lead['name']}, {lead['price']}")
    crm.tasks.create({
        "text": "Send a thank-you letter", "complete_till": int(lead["updated_at"]) + 86400,
        "entity_id": lead["id"], "entity_type": "leads",
    })  # fmt: skip


@hooks.on("add_lead")
def greet(event: Event, crm: AmoCRM) -> None:
    """Handle a new lead, however it became known."""
    print(f"new: {event.item['name']}{' (found later)' if event.synthetic else ''}")


def main(folder: Path) -> None:
    """Run both sides: the account's, which sends, and ours."""
    sandbox = Sandbox()
    with AmoCRM(
        sandbox.account().host,
        {"access_token": sandbox.issue_long_lived()},
        session=sandbox.session(),
    ) as crm:
        inbox = SQLInbox(f"sqlite:///{folder / 'inbox.db'}")
        inbox.create_table()
        receiver = Receiver(inbox, key=Receiver.new_key(), url=URL)
        sandbox.webhooks.mount("https://hooks.example.com", receiver.wsgi_app)
        worker = Worker(inbox, hooks, crm)
        account_id = crm.account.get()["id"]

        print("subscription:", ensure(crm, receiver.address(account_id), hooks.codes).action)

        lead_id = crm.leads.create({"name": "Window", "price": 500})["id"]
        crm.leads(lead_id).update({"status_id": 142})
        sandbox.webhooks.deliver()
        print("handled:", worker.run_until_empty())

        sandbox.webhooks.lose()  # amoCRM sends most webhooks once. This one never arrives.
        crm.leads.create({"name": "Door"})
        sandbox.webhooks.deliver()
        found = reconcile(crm, inbox, since=0, codes=hooks.codes, grace=0)
        print("found later:", found.added)
        print("handled:", worker.run_until_empty())

        print("problems:", health(inbox, [crm]).problems())
        inbox.close()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        main(Path(folder))
