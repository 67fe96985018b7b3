"""Keep a local table equal to the account's leads: what is new, changed and deleted.

Run it again at any time, for instance every five minutes. Each block saves how far it came after
the database has stored what it read, so a run that fails is made good by the next one.

python examples/local_copy.py
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox


def update(crm: AmoCRM, folder: Path) -> dict[int, tuple[str, int]]:
    """Bring the table up to date; return it: name and price of each lead by its id."""
    with closing(sqlite3.connect(folder / "leads.db")) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS leads (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)"
        )
        with crm.leads.changes(checkpoint=folder / "changed") as changed:
            database.executemany(
                "INSERT OR REPLACE INTO leads VALUES (?, ?, ?)",
                ((lead["id"], lead["name"], lead["price"]) for lead in changed),
            )
            database.commit()
        # After the changes, so that a lead that was deleted meanwhile is not put back.
        with crm.leads.changes(deleted=True, checkpoint=folder / "deleted") as deleted:
            database.executemany(
                "DELETE FROM leads WHERE id = ?", ((lead["id"],) for lead in deleted)
            )
            database.commit()
        rows = database.execute("SELECT id, name, price FROM leads ORDER BY id")
        return {number: (name, price) for number, name, price in rows}


def main() -> None:
    """Copy a few leads, change the account, and copy again."""
    portal = Sandbox(("example.kommo.com",), rps=None)
    token = portal.issue_long_lived()
    with (
        AmoCRM(
            "example.kommo.com", {"access_token": token},
            session=portal.session(), rate_limiter=None,
        ) as crm,
        tempfile.TemporaryDirectory() as folder,
    ):  # fmt: skip
        kettle, cups = (
            crm.leads.create({"name": name, "price": price})["id"]
            for name, price in [("Kettle", 2490), ("Cups", 1200)]
        )
        print(list(update(crm, Path(folder)).values()))
        crm.leads.update(kettle, {"price": 2990})
        portal.trash("leads", cups)  # A person deletes it; the API cannot.
        crm.leads.create({"name": "Samovar", "price": 18900})
        print(list(update(crm, Path(folder)).values()))


if __name__ == "__main__":
    main()
