"""The example for Airflow, which is too heavy to install here: its task runs, its DAG is read.

What it takes of `airflow.sdk` is replaced by the few lines below: whether Airflow accepts the DAG
is not shown.
"""

from __future__ import annotations

import importlib
import json
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from tests.docs.test_documents import make_portal as make_portal
from tests.mirror.places import Place

EXAMPLES = Path(__file__).parents[2] / "examples"


class Airflow(ModuleType):
    """Keeps what the decorators were given."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__("airflow.sdk")
        self.settings: dict[str, Any] = {}
        self.tasks: dict[str, Any] = {}
        self.began: list[str] = []
        self.Variable = type("Variable", (), {"get": staticmethod(variables.__getitem__)})

    def task(self, **settings: Any) -> Any:
        def decorate(function: Any) -> Any:
            self.tasks[function.__name__] = function
            return lambda: self.began.append(function.__name__)

        return decorate

    def dag(self, **settings: Any) -> Any:
        self.settings = settings
        return lambda function: function


def test_the_dag_s_task_mirrors_the_account(
    make_portal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal: Sandbox = make_portal("mycompany")
    portal.add_shop()
    place = Place(f"sqlite:///{tmp_path}/mirror.db")
    token = portal.issue_long_lived()
    airflow = Airflow(
        {"amocrm": json.dumps({"domain": "mycompany", "token": token}), "mirror_url": place.url}
    )
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", airflow)
    monkeypatch.delitem(sys.modules, "airflow_mirror", raising=False)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    importlib.import_module("airflow_mirror")
    monkeypatch.delitem(sys.modules, "airflow_mirror")
    assert airflow.began == ["bring_up_to_date"]
    assert airflow.settings["schedule"] == timedelta(minutes=5)
    assert (airflow.settings["catchup"], airflow.settings["max_active_runs"]) == (False, 1)

    written = airflow.tasks["bring_up_to_date"]()
    assert json.loads(json.dumps(written)) == written, "Airflow keeps what a task returns as JSON"
    with AmoCRM("mycompany", {"access_token": token}, session=portal.session()) as crm:
        assert {row["id"] for row in place.rows("leads")} == set(crm.leads.list().ids())
