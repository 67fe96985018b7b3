"""Cards of an account: lists, moves with their webhooks, the recycle bin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from tests.sandbox.control.conftest import refusal

Ask = Callable[..., requests.Response]
Call = Callable[..., Any]
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def lead(portal: Sandbox) -> dict[str, Any]:
    return portal.leads()[0]


def test_a_moved_lead_has_its_event_and_its_webhooks(
    portal: Sandbox, lead: dict[str, Any], post: Call, get: Call
) -> None:
    post("webhooks", destination=HOOK, settings=["status_lead"])
    moved = post(f"leads/{lead['id']}/move", status_id=105)
    assert (moved["status_id"], moved["pipeline_id"]) == (105, lead["pipeline_id"])
    (delivery,) = get("deliveries")["deliveries"]
    assert (delivery["codes"], delivery["state"]) == (["status_lead"], "waiting")
    shown = get(f"deliveries/{delivery['number']}")
    assert shown["form"]["leads[status][0][status_id]"] == "105"
    assert get(f"leads/{lead['id']}")["events"][-1]["type"] == "lead_status_changed"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "status_id or pipeline_id is missing"),
        ({"status_id": 5}, "status_id: The value you selected is not a valid choice."),
        ({"pipeline_id": 5}, "pipeline_id: The value you selected is not a valid choice."),
    ],
)
def test_a_move_to_nowhere_changes_nothing(
    portal: Sandbox, lead: dict[str, Any], ask: Ask, values: dict[str, int], line: str
) -> None:
    before = portal.leads()
    assert refusal(ask("POST", f"leads/{lead['id']}/move", **values)) == (400, line)
    assert refusal(ask("POST", "leads/5/move", status_id=142)) == (404, "id: there is no lead 5")
    assert portal.leads() == before


def test_leads_are_listed_by_pages_and_by_stage(portal: Sandbox, get: Call, post: Call) -> None:
    first = get("leads", limit=10)
    second = get("leads", limit=10, page=2)
    assert (len(first["leads"]), first["has_more"]) == (10, True)
    assert (len(second["leads"]), second["has_more"]) == (6, False)
    moments = [one["updated_at"] for one in first["leads"] + second["leads"]]
    assert moments == sorted(moments, reverse=True)
    pipeline = portal.leads()[0]["pipeline_id"]
    lost = get("leads", pipeline_id=pipeline, status_id=143)["leads"]
    assert lost
    assert {one["status_id"] for one in lost} == {143}
    assert len(get("leads", pipeline_id=pipeline)["leads"]) == 16
    assert [one["name"] for one in get("leads", query="Заказ 103")["leads"]] == ["Заказ 103"]
    assert get("leads", page=50)["leads"] == []


def test_a_stage_is_asked_for_with_its_pipeline(ask: Ask) -> None:
    status, line = refusal(ask("GET", "leads", status_id=142))
    assert (status, line) == (400, "pipeline_id is missing: a stage is one of a pipeline")


def test_a_card_has_everything(portal: Sandbox, get: Call, lead: dict[str, Any]) -> None:
    card = get(f"leads/{lead['id']}")
    assert card["lead"]["name"] == lead["name"]
    assert [one["id"] for one in card["contacts"]] == lead["contacts"]
    assert card["notes"][0]["note_type"] == "common"
    assert card["tasks"][0]["entity_id"] == lead["id"]
    assert "lead_added" in {one["type"] for one in card["events"]}
    contact = get(f"contacts/{lead['contacts'][0]}")
    assert lead["id"] in [one["id"] for one in contact["leads"]]
    assert contact["companies"]
    company = get(f"companies/{contact['companies'][0]['id']}")
    assert contact["contact"]["id"] in [one["id"] for one in company["contacts"]]


@pytest.mark.parametrize("kind", ["leads", "contacts", "companies"])
def test_an_entity_goes_to_the_recycle_bin_and_back(
    ask: Ask, get: Call, post: Call, kind: str
) -> None:
    number = post(kind, name="Новая", data={"responsible_user_id": 503})["id"]
    assert post(f"{kind}/{number}/trash") == {"id": number, "is_deleted": True}
    assert number not in [one["id"] for one in get(kind, limit=250)[kind]]
    assert [one["id"] for one in get(kind, deleted=True)[kind]] == [number]
    assert refusal(ask("POST", f"{kind}/{number}/trash"))[0] == 404
    assert post(f"{kind}/{number}/restore") == {"id": number, "is_deleted": False}
    assert refusal(ask("POST", f"{kind}/{number}/restore"))[0] == 404
    assert next(iter(get(f"{kind}/{number}").values()))["responsible_user_id"] == 503


def test_another_account_is_named(get: Call, post: Call, ask: Ask, clock: ManualClock) -> None:
    number = post("leads", account="second", name="There", price=5)["id"]
    assert [one["id"] for one in get("leads", account="second.kommo.com")["leads"]] == [number]
    assert refusal(ask("GET", f"leads/{number}"))[0] == 404
    assert refusal(ask("GET", "leads", account="third")) == (
        400,
        "account: there is no account 'third'",
    )


def test_what_the_api_refuses_is_refused_on_one_line(ask: Ask) -> None:
    wrong = {"custom_fields_values": [{"field_id": 1, "values": [{"value": 1}]}]}
    assert refusal(ask("POST", "leads", data=wrong)) == (
        400,
        "custom_fields_values.0.field_id: The value you selected is not a valid choice.",
    )
    assert refusal(ask("POST", "leads", data=[1])) == (400, "data must be a JSON object")
    assert refusal(ask("POST", "leads", price="5"))[1].startswith("price must be a number")
