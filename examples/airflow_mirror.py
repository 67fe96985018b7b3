"""An Airflow DAG that mirrors an account every five minutes: put it into the `dags` folder.

It needs `pip install 'amocrm-python[sql]'` where the tasks run, and a Fernet key or a secrets
backend for two variables of Airflow:

    airflow variables set amocrm '{"domain": "mycompany", "token": "..."}'
    airflow variables set mirror_url 'postgresql+psycopg://user@host/database'

A long-lived token is the simplest. With OAuth keep the tokens in a store that all workers reach,
such as `SQLStore`: nothing may copy them per worker.
"""

# Airflow is not installed where this is checked.
# mypy: disable-error-code="untyped-decorator"
# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from airflow.sdk import Variable, dag, task


@task(retries=3, retry_delay=timedelta(minutes=1), execution_timeout=timedelta(hours=12))
def bring_up_to_date() -> dict[str, int]:
    """Read what has changed; the first time, copy the account. A retry goes on after its pages."""
    # Here and not above: Airflow reads this file every half minute.
    from amocrm import AmoCRM
    from amocrm.mirror import mirror

    account = json.loads(Variable.get("amocrm"))
    with AmoCRM(account["domain"], {"access_token": account["token"]}) as crm:
        return mirror(crm, Variable.get("mirror_url")).written


@dag(
    schedule=timedelta(minutes=5),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # The mirror itself knows how far it has read.
    max_active_runs=1,
    tags=["amocrm"],
)
def amocrm_mirror() -> None:
    """Mirror one account."""
    bring_up_to_date()


amocrm_mirror()
