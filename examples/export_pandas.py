"""Write all leads to a CSV file, and sum them up by stage with pandas.

    python examples/export_pandas.py [leads.csv]

It only reads. With the environment variables that `shop.py` names it runs on your account. Without
pandas it only writes the file.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from shop import account

from amocrm import AmoCRM

Row: TypeAlias = dict[str, object]


def rows(crm: AmoCRM) -> Iterator[Row]:
    """Yield a flat row for each lead, with its custom fields by name."""
    stages = {
        (stage["pipeline_id"], stage["id"]): (pipeline["name"], stage["name"])
        for pipeline in crm.leads.pipelines.list()
        for stage in pipeline["_embedded"]["statuses"]
    }
    for lead in crm.leads.list(order={"id": "asc"}, unique=True):
        pipeline, stage = stages.get((lead["pipeline_id"], lead["status_id"]), ("", ""))
        own: Row = {
            "id": lead["id"],
            "name": lead["name"],
            "price": lead["price"],
            "pipeline": pipeline,
            "stage": stage,
            "created_at": datetime.fromtimestamp(lead["created_at"], timezone.utc),
        }
        fields = {str(name): value for name, value in crm.leads.cf(lead).items()}
        # A custom field may be called `name`, too: the lead's own values come first, and win.
        yield {**own, **fields, **own}


def to_csv(leads: list[Row], path: Path) -> None:
    """Write the rows, with the columns of all of them, to a file that only this user can read."""
    columns = dict.fromkeys(name for lead in leads for name in lead)
    # Excel needs this encoding to recognize UTF-8.
    with open(path, "w", newline="", encoding="utf-8-sig", opener=private) as file:
        writer = csv.writer(file)
        writer.writerow(map(plain, columns))
        writer.writerows([plain(lead.get(name, "")) for name in columns] for lead in leads)


def plain(value: object) -> object:
    """Prevent formulas: Excel runs them, and anybody can fill in a form."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value


def private(path: str, flags: int) -> int:
    """Open a file; only this user can read a new one."""
    return os.open(path, flags, 0o600)


def to_pandas(leads: list[Row]) -> None:
    """Print the number and the total value of the leads of each stage."""
    import pandas

    table = pandas.DataFrame(leads)
    print(table.groupby(["pipeline", "stage"])["price"].agg(["count", "sum"]))


def main() -> None:
    """Export to a file, then to pandas if it is installed."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "leads.csv")
    with account() as crm:
        leads = list(rows(crm))
    to_csv(leads, path)
    print(f"{len(leads)} leads written to {path}")
    if find_spec("pandas") and leads:
        to_pandas(leads)


if __name__ == "__main__":
    main()
