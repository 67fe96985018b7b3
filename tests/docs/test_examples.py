"""The programs of the guides: run as a person runs them, and their parts in an account of ours."""

from __future__ import annotations

import csv
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, folder: Path, *arguments: str, **environment: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMOCRM_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**clean, **environment, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports an example by its name; they import each other as programs of one folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    before = set(sys.modules)

    def load_one(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load_one
    for name in {path.stem for path in EXAMPLES.glob("*.py")} - before:
        sys.modules.pop(name, None)


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(("example.kommo.com",), rps=None)


@pytest.fixture
def crm(portal: Sandbox, load: Any) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM(
        "example.kommo.com", {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        load("shop").furnish(crm)
        yield crm


def test_every_program_is_run_here_or_in_a_test_of_its_own() -> None:
    here = {"site_form", "product_sync", "mass_tag", "funnel_report", "export_pandas", "shop"}
    here |= {"copy_setup", "receive_webhooks"}
    elsewhere = {"quickstart", "django_app", "fastapi_app", "flask_app"}
    elsewhere |= {"find_duplicates", "employee_leaves", "local_copy", "celery_webhooks"}
    elsewhere |= {"celery_mirror", "airflow_mirror"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == here | elsewhere


def test_a_form_s_person_is_created_once(tmp_path: Path) -> None:
    first, again, incoming, accepted = run("site_form.py", tmp_path)
    assert first.endswith(": Call after six")
    assert first.split(":")[0].split(" of ")[1] == again.split(":")[0].split(" of ")[1]
    assert first.split(" of ")[0] != again.split(" of ")[0]
    assert incoming == "1 incoming lead"
    assert accepted.startswith("accepted as lead ")


def test_what_a_form_brings_is_in_the_lead(load: Any, crm: AmoCRM, portal: Sandbox) -> None:
    site_form = load("site_form")
    utm = {"UTM_SOURCE": "yandex"}
    form = site_form.Form("Anna", "8 (999) 123-45-67", "", "Call after six", utm)
    lead = crm.leads.get(site_form.create_lead(crm, form), with_=["contacts"])
    assert crm.leads.cf(lead)["UTM_SOURCE"] == "yandex"
    assert [one["name"] for one in lead["_embedded"]["tags"]] == ["site"]
    (note,) = crm.leads(lead["id"]).notes.list()
    assert note["params"]["text"] == "Call after six"
    (contact,) = portal.contacts()
    assert [one["id"] for one in lead["_embedded"].get("contacts", [])] == [contact["id"]]
    (phone,) = crm.contacts.cf(contact)["PHONE"]
    assert phone.value == "+79991234567"


def test_of_several_who_have_the_phone_the_oldest_is_taken(load: Any, crm: AmoCRM) -> None:
    site_form = load("site_form")
    twins: list[int] = []
    for name in ("Anna", "Anna P."):
        person: Any = {"name": name}
        crm.contacts.cf(person)["PHONE"] = "+79991234567"
        twins.append(crm.contacts.create(person)["id"])
    form = site_form.Form("A", "+79991234567", "a@example.com", "", {})
    assert site_form.find_contact(crm, form) == twins[0]


def test_an_incoming_lead_has_its_person_and_waits(load: Any, crm: AmoCRM, portal: Sandbox) -> None:
    site_form = load("site_form")
    uid = site_form.create_incoming_lead(
        crm, site_form.Form("Boris", "+79990000001", "b@example.com", "", {})
    )
    waiting = crm.leads.unsorted.get(uid)
    assert waiting.get("category") == "forms"
    (contact,) = portal.contacts()
    assert (contact["name"], contact["is_unsorted"]) == ("Boris", True)
    assert crm.contacts.cf(contact)["EMAIL"][0].value == "b@example.com"


def test_products_are_created_changed_and_left_alone(tmp_path: Path) -> None:
    said = [re.sub(r"\d{4,}", "N", line) for line in run("product_sync.py", tmp_path)]
    refused = said.pop(6)
    assert said == [
        "Monday:", "created N: Kettle", "created N: Cups, six", "created N: Samovar",
        "Tuesday:", "created N: Tray", "changed N: custom_fields_values",
        "no longer in the list: N: Samovar",
        "once more:", "no longer in the list: N: Samovar",
    ]  # fmt: skip
    assert refused.startswith("refused S-2: ")
    assert "name" in refused


def test_what_is_the_same_is_not_sent(
    load: Any, crm: AmoCRM, portal: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sync = load("product_sync")
    sync.sync(crm, sync.MONDAY)
    calls = len(portal.log)
    sync.sync(crm, [row._replace(price=Decimal("2490.00")) for row in sync.MONDAY[:1]])
    writes = [one for one in portal.log[calls:] if one.method != "GET"]
    assert writes == []
    sync.sync(crm, [sync.MONDAY[0]._replace(name="Kettle, steel")])
    (write,) = [one for one in portal.log[calls:] if one.method != "GET"]
    assert write.method == "PATCH"
    catalog = crm.catalogs.products.get().get("catalog_id", 0)
    elements = crm.catalogs(catalog).elements
    names = {elements.cf(one)["SKU"]: one["name"] for one in elements.list()}
    assert names == {"K-1": "Kettle, steel", "C-6": "Cups, six", "S-1": "Samovar"}
    capsys.readouterr()


def test_without_products_there_is_nothing_to_sync(load: Any, portal: Sandbox) -> None:
    sync = load("product_sync")
    auth: Any = {"access_token": portal.issue_long_lived()}
    with AmoCRM("example.kommo.com", auth, session=portal.session(), rate_limiter=None) as bare:
        with pytest.raises(SystemExit, match="no products"):
            sync.sync(bare, sync.MONDAY)


def test_what_sleeps_is_tagged_once(tmp_path: Path) -> None:
    first, tagged, second = run("mass_tag.py", tmp_path)
    assert (first, second) == ("1 to tag", "0 to tag")
    assert tagged.startswith("tagged ")


def test_only_old_leads_of_the_stage_are_tagged_and_keep_their_tags(
    load: Any, crm: AmoCRM, portal: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    kettle = next(one for one in portal.leads() if one["name"] == "Kettle")
    before = kettle["updated_at"]
    crm.leads.update(kettle["id"], {"tags_to_add": [{"name": "vip"}], "updated_at": before})
    portal.add("leads", {
        "name": "Tagged", "status_id": kettle["status_id"], "updated_at": before,
        "tags_to_add": [{"name": "inactive"}],
    })  # fmt: skip
    calls = len(portal.log)
    load("mass_tag").tag_inactive(crm, "agreed", "inactive", days=30)
    (write,) = [one for one in portal.log[calls:] if one.method != "GET"]
    assert [one["id"] for one in write.body] == [kettle["id"]]
    tags = {one["name"]: one["tags"] for one in portal.leads()}
    assert tags.pop("Kettle") == ["vip", "inactive"]
    assert tags.pop("Tagged") == ["inactive"]
    assert not any(tags.values())
    assert "1 to tag" in capsys.readouterr().out


def test_the_funnel_tells_where_leads_are_and_how_far_they_came(tmp_path: Path) -> None:
    head, *lines = run("funnel_report.py", tmp_path)
    assert head.split()[:4] == ["stage", "leads", "sum", "reached"]
    assert [line.split() for line in lines] == [
        ["New", "1", "1500", "5", "100%"],
        ["Agreed", "2", "3390", "3", "60%"],
        ["Paid", "1", "7400", "2", "67%"],
        ["Won", "1", "18900", "1", "50%"],
        ["Lost", "2", "5100"],
    ]


def test_a_longer_period_has_more_leads_and_a_lost_one_counts_as_far_as_it_came(
    load: Any, crm: AmoCRM
) -> None:
    lines = load("funnel_report").funnel(crm, "Sales", days=60)
    assert [(one.stage, one.reached) for one in lines] == [
        ("New", 7),
        ("Agreed", 5),
        ("Paid", 2),
        ("Won", 1),
        ("Lost", None),
    ]


def test_leads_are_written_as_a_table(tmp_path: Path) -> None:
    said = run("export_pandas.py", tmp_path, "here.csv")
    assert said[0] == "7 leads written to here.csv"
    with (tmp_path / "here.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one["name"] for one in rows][:3] == ["Kettle", "Kettle and cups", "Samovar"]
    assert rows[0]["stage"] == "Agreed"
    assert rows[0]["utm_source"] == "yandex"
    assert len(rows[0]["Delivery"]) == len("2026-03-01")
    if find_spec("pandas") is None:
        # A gate that leaves an example out would say nothing.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("pandas is missing")
    assert ["Won", "1", "18900"] in [line.split() for line in said]


def test_what_strangers_wrote_is_no_formula_and_no_reading_for_others(
    load: Any, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    evil = ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "Kettle", ""]
    load("export_pandas").to_csv([{"name": text, text: -5} for text in evil], path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        columns, *rows = list(csv.reader(file))
    assert columns == ["name", *(f"'{text}" for text in evil[:6]), "Kettle", ""]
    assert [row[0] for row in rows] == columns[1:]
    assert rows[0][1] == "-5", "a number is a number"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_field_that_is_called_as_a_part_of_the_lead_does_not_hide_it(
    load: Any, portal: Sandbox
) -> None:
    auth: Any = {"access_token": portal.issue_long_lived()}
    with AmoCRM("example.kommo.com", auth, session=portal.session(), rate_limiter=None) as crm:
        crm.leads.custom_fields.create({"name": "name", "type": "text"})
        lead: Any = {"name": "Own"}
        crm.leads.cf(lead)["name"] = "of the field"
        crm.leads.create(lead)
        (row,) = load("export_pandas").rows(crm)
    assert (row["name"], row["price"], row["stage"]) == ("Own", 0, "Initial contact")


@pytest.mark.parametrize("name", ["funnel_report.py", "export_pandas.py"])
def test_what_only_reads_asks_for_your_account_when_the_settings_say_so(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r"'mycompany\.example' is not an account"):
        run(
            name,
            tmp_path,
            AMOCRM_DOMAIN="mycompany.example",
            AMOCRM_CLIENT_ID="id",
            AMOCRM_CLIENT_SECRET="secret",
            AMOCRM_REDIRECT_URI="http://127.0.0.1:3000/",
        )


@pytest.fixture
def branch() -> Iterator[AmoCRM]:
    """Another account, which is empty."""
    portal = Sandbox(("branch.kommo.com",), rps=None)
    token = portal.issue_long_lived()
    with AmoCRM(
        "branch.kommo.com", {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        yield crm


def test_a_setup_is_copied_once(tmp_path: Path) -> None:
    nothing = ["pipelines: nothing new", "fields: nothing new"]
    assert run("copy_setup.py", tmp_path) == ["pipelines: Sales", "fields: Delivery", *nothing]


def test_a_copied_pipeline_has_its_stages_in_their_order(
    load: Any, crm: AmoCRM, branch: AmoCRM
) -> None:
    main = branch.leads.pipelines.list().first()
    assert main is not None
    assert load("copy_setup").copy_pipelines(crm, branch) == ["Sales"]
    copied = branch.leads.pipelines.named("Sales")
    stages = [(one["name"], one["color"]) for one in copied["_embedded"]["statuses"]]
    expected: Any = crm.leads.pipelines.named("Sales")["_embedded"]["statuses"]
    assert stages == [(one["name"], one["color"]) for one in expected]
    assert [one["name"] for one in branch.leads.pipelines.list() if one["is_main"]] == [
        main["name"]
    ]


def test_copied_fields_have_their_choices_groups_and_stages(
    load: Any, crm: AmoCRM, branch: AmoCRM
) -> None:
    group = crm.leads.custom_fields.groups.create({"name": "Shipping", "sort": 2})
    crm.leads.custom_fields.create(
        {
            "name": "Region",
            "type": "select",
            "code": "REGION",
            "enums": [{"value": "north"}, {"value": "south"}],
            "group_id": group["id"],
            "required_statuses": [crm.leads.pipelines.stage("Paid", pipeline="Sales")],
        }
    )
    crm.contacts.custom_fields.create({"name": "Size", "type": "numeric"})
    other = branch.contacts.custom_fields.create({"name": "Weight", "type": "text"})
    crm.contacts.custom_fields.create({"name": "Weight", "type": "numeric"})
    branch.leads.custom_fields.groups.create({"name": "Before", "sort": 1})
    # So that stages have other ids there.
    branch.leads.pipelines.create(
        {**crm.leads.pipelines.writable(crm.leads.pipelines.named("Sales")), "name": "Before"}
    )
    copy_setup = load("copy_setup")
    copy_setup.copy_pipelines(crm, branch)
    assert sorted(copy_setup.copy_fields(crm, branch)) == ["Delivery", "Region", "Size"]
    fields: Any = {one["name"]: one for one in branch.leads.custom_fields.list()}
    region = fields["Region"]
    assert region["code"] == "REGION"
    assert [one["value"] for one in region["enums"]] == ["north", "south"]
    names = {one["id"]: one["name"] for one in branch.leads.custom_fields.groups.list()}
    assert names[region["group_id"]] == "Shipping"
    assert region["required_statuses"] == [branch.leads.pipelines.stage("Paid", pipeline="Sales")]
    contact_fields: Any = {one["name"]: one for one in branch.contacts.custom_fields.list()}
    assert contact_fields["Size"]["type"] == "numeric"
    assert contact_fields["Weight"]["id"] == other["id"]
    assert copy_setup.copy_fields(crm, branch) == []
    assert copy_setup.copy_pipelines(crm, branch) == []


def test_webhooks_are_received_handled_and_found_again(tmp_path: Path) -> None:
    assert run("receive_webhooks.py", tmp_path) == [
        "subscription: created",
        "new: Window",
        "won: Window, 500",
        "handled: Handled(done=2, failed=0, dead=0)",
        "found later: {'add_lead': 1}",
        "new: Door (found later)",
        "handled: Handled(done=1, failed=0, dead=0)",
        "problems: []",
    ]
    assert list(tmp_path.iterdir()) == []
