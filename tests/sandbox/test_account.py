"""The account and its pipelines (reference 4.1, 4.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]

PLAIN = {
    *("id", "name", "subdomain", "created_at", "created_by", "updated_at", "updated_by"),
    *("current_user_id", "country", "currency", "currency_symbol", "customers_mode"),
    *("is_unsorted_on", "mobile_feature_version", "is_loss_reason_enabled", "is_helpbot_enabled"),
    *("is_technical_account", "contact_name_display_order", "_links"),
}
OPTIONAL = ("amojo_id", "uuid", "version", "drive_url", "is_api_filter_enabled", "entity_names")
EMBEDDED = ("amojo_rights", "users_groups", "task_types", "datetime_settings")


def test_without_with_the_optional_members_are_absent(portal: Sandbox, call: Call) -> None:
    answer = call("GET", "/account")
    assert answer.headers["Content-Type"] == "application/hal+json"
    assert set(answer.json()) == PLAIN
    assert answer.json()["current_user_id"] == portal.account().admin.id


@pytest.mark.parametrize("name", [*OPTIONAL, "invoices_settings"])
def test_with_adds_a_member(call: Call, name: str) -> None:
    assert set(call("GET", "/account", params={"with": name}).json()) == PLAIN | {name}


def test_with_is_comma_separated_and_ignores_what_it_does_not_know(call: Call) -> None:
    names = ",".join([*EMBEDDED, "nonsense", "version"])
    body = call("GET", "/account", params={"with": names}).json()
    assert set(body) == PLAIN | {"version", "_embedded"}
    assert set(body["_embedded"]) == set(EMBEDDED)


def test_money_follows_the_platform() -> None:
    portal = Sandbox(("shop.kommo.com",))
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with portal.session() as session:
        body = session.get("https://shop.kommo.com/api/v4/account", headers=headers).json()
    assert (body["country"], body["currency"], body["currency_symbol"]) == ("US", "USD", "$")


def test_a_new_account_has_one_pipeline_with_seven_stages(call: Call) -> None:
    body = call("GET", "/leads/pipelines").json()
    (pipeline,) = body["_embedded"]["pipelines"]
    stages = pipeline["_embedded"]["statuses"]
    assert (body["_total_items"], pipeline["is_main"]) == (1, True)
    assert [stage["type"] for stage in stages] == [1, 0, 0, 0, 0, 0, 0]
    assert [stage["is_editable"] for stage in stages] == [
        False,
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [stage["sort"] for stage in stages] == [10, 20, 30, 40, 50, 10000, 11000]
    assert [stage["id"] for stage in stages[-2:]] == [142, 143]


def test_a_pipeline_is_read_bare(call: Call) -> None:
    number = call("GET", "/leads/pipelines").json()["_embedded"]["pipelines"][0]["id"]
    pipeline = call("GET", f"/leads/pipelines/{number}").json()
    statuses = call("GET", f"/leads/pipelines/{number}/statuses").json()
    assert pipeline["id"] == number
    assert statuses["_total_items"] == 7
    assert statuses["_embedded"]["statuses"] == pipeline["_embedded"]["statuses"]
    assert call("GET", "/leads/pipelines/1").status_code == 404


def test_names_of_stages_follow_the_platform() -> None:
    names: list[str] = []
    for account in ("one", "one.kommo.com"):
        stages = Sandbox((account,)).account().main_pipeline["_embedded"]["statuses"]
        names.append(stages[-1]["name"])
    assert names == ["Закрыто и не реализовано", "Closed - lost"]
