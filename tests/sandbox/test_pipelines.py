"""Pipelines, statuses and loss reasons (reference 4.5, 4.6, 5.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

PIPELINES = "/leads/pipelines"
NEW = {"name": "New", "sort": 5, "is_main": False, "is_unsorted_on": True}
MAIN = "/leads/pipelines/11"


def stages(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["_embedded"]["statuses"]
    return found


def create(call: Call, **more: Any) -> dict[str, Any]:
    answer = call("POST", PIPELINES, json=[{**NEW, **more}])
    assert answer.status_code == 200, answer.text
    (made,) = answer.json()["_embedded"]["pipelines"]
    return dict(made)


def test_a_pipeline_comes_with_its_system_stages(call: Call) -> None:
    wanted = [
        {"name": "b", "sort": 200, "color": "#fff000"},
        {"name": "a", "sort": 100},
        {"id": 142, "name": "Paid"},
    ]
    answer = call("POST", PIPELINES, json=[{**NEW, "_embedded": {"statuses": wanted}}])
    (made,) = answer.json()["_embedded"]["pipelines"]
    assert (answer.json()["_total_items"], made["request_id"]) == (1, "0")
    shown = [(one["name"], one["sort"], one["color"], one["type"]) for one in stages(made)]
    assert shown == [
        ("Неразобранное", 10, "#c1c1c1", 1),
        ("a", 20, "#fffeb2", 0),
        ("b", 30, "#fff000", 0),
        ("Paid", 10000, "#CCFF66", 0),
        ("Закрыто и не реализовано", 11000, "#D5D8DB", 0),
    ]
    assert [one["is_editable"] for one in stages(made)] == [False, True, True, False, False]
    read = call("GET", f"{PIPELINES}/{made['id']}").json()
    assert {**read, "request_id": "0"} == made
    assert call("GET", PIPELINES).json()["_total_items"] == 2


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        *(
            ({key: one for key, one in NEW.items() if key != name}, "FieldMissing", name)
            for name in NEW
        ),
        ({**NEW, "name": ""}, "NotBlank", "name"),
        ({**NEW, "is_archived": True}, "FieldNotExpected", "is_archived"),
        (
            {**NEW, "_embedded": {"statuses": [{"name": "a"}]}},
            "FieldMissing",
            "_embedded.statuses.0.sort",
        ),
        (
            {**NEW, "_embedded": {"statuses": [{"id": 5, "name": "a"}]}},
            "NotSupportedChoice",
            "_embedded.statuses.0.id",
        ),
        (
            {**NEW, "_embedded": {"statuses": [{"name": "a", "sort": 1, "color": "#000000"}]}},
            "NotSupportedChoice",
            "_embedded.statuses.0.color",
        ),
    ],
)
def test_a_bad_pipeline_is_refused(
    call: Call, refused: Refused, model: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", PIPELINES, json=[model])) == [(code, path)]


def test_an_account_holds_fifty_pipelines(call: Call) -> None:
    assert call("POST", PIPELINES, json=[NEW] * 50).status_code == 422
    assert call("POST", PIPELINES, json=[NEW] * 49).status_code == 200
    assert call("POST", PIPELINES, json=[NEW]).status_code == 422


def test_the_main_flag_moves(call: Call, refused: Refused) -> None:
    number = create(call, is_main=True)["id"]
    shown = {
        one["id"]: one["is_main"] for one in call("GET", PIPELINES).json()["_embedded"]["pipelines"]
    }
    assert shown == {11: False, number: True}
    call("PATCH", MAIN, json={"is_main": True})
    assert call("GET", f"{PIPELINES}/{number}").json()["is_main"] is False
    assert refused(call("PATCH", MAIN, json={"is_main": False})) == [
        ("NotSupportedChoice", "is_main")
    ]


def test_a_change_answers_the_whole_pipeline(call: Call) -> None:
    answer = call("PATCH", MAIN, json={"name": "Sales", "is_unsorted_on": False})
    body = answer.json()
    assert (body["name"], body["request_id"], len(stages(body))) == ("Sales", "0", 6)
    assert 1 not in [one["type"] for one in stages(call("GET", MAIN).json())]
    assert call("PATCH", MAIN, json={}).status_code == 400
    assert len(stages(create(call, is_unsorted_on=False))) == 3


def test_what_may_not_be_deleted(portal: Sandbox, call: Call) -> None:
    assert call("DELETE", MAIN).status_code == 400
    number = create(call)["id"]
    lead = portal.add("leads", {"pipeline_id": 11})
    assert call("DELETE", MAIN).status_code == 400
    portal.trash("leads", lead)
    assert call("DELETE", MAIN).status_code == 204
    assert call("GET", MAIN).status_code == 404
    assert call("GET", f"{PIPELINES}/{number}").json()["is_main"] is True


def test_only_administrators_write_pipelines(ordinary: Call) -> None:
    assert ordinary("GET", PIPELINES).status_code == 200
    writes = [
        ("POST", PIPELINES), ("PATCH", MAIN), ("DELETE", MAIN), ("POST", f"{MAIN}/statuses"),
        ("PATCH", f"{MAIN}/statuses/142"), ("DELETE", f"{MAIN}/statuses/142"),
        ("POST", "/leads/loss_reasons"), ("PATCH", "/leads/loss_reasons/1"),
        ("DELETE", "/leads/loss_reasons/1"),
    ]  # fmt: skip
    for method, path in writes:
        assert ordinary(method, path, json=[{}]).status_code == 403


def test_there_is_no_batch_change(call: Call) -> None:
    for path in (PIPELINES, f"{MAIN}/statuses", "/leads/loss_reasons"):
        assert call("PATCH", path, json=[{"id": 11}]).status_code == 405


def test_statuses_are_renumbered(call: Call) -> None:
    models = [{"name": "y", "sort": 100, "color": "#ffc8c8"}, {"name": "z", "sort": 200}]
    answer = call("POST", f"{MAIN}/statuses", json=models)
    y, z = stages(answer.json())
    assert answer.json()["_total_items"] == 2
    listed = {one["id"]: one["sort"] for one in stages(call("GET", f"{MAIN}/statuses").json())}
    assert list(listed.values()) == [10, 20, 30, 40, 50, 60, 70, 10000, 11000]
    assert (listed[y["id"]], listed[z["id"]], y["color"]) == (60, 70, "#ffc8c8")
    one = call("GET", f"{MAIN}/statuses/{y['id']}").json()
    assert one == {
        "id": y["id"], "name": "y", "sort": 60, "is_editable": True, "pipeline_id": 11,
        "color": "#ffc8c8", "type": 0, "account_id": one["account_id"],
        "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4{MAIN}/statuses/{y['id']}"}},
    }  # fmt: skip


def test_a_status_is_changed_and_answered_whole(call: Call) -> None:
    answer = call("PATCH", f"{MAIN}/statuses/103", json={"name": "n", "sort": 1000})
    assert (answer.status_code, answer.json()["name"], answer.json()["sort"]) == (200, "n", 50)
    assert answer.json()["request_id"] == "0"


@pytest.mark.parametrize(
    ("number", "model", "code", "path"),
    [
        (None, {"sort": 1}, "FieldMissing", "name"),
        (None, {"name": "a"}, "FieldMissing", "sort"),
        (None, {"name": "a", "sort": 1, "color": "#99ccff"}, "NotSupportedChoice", "color"),
        (142, {"sort": 1}, "FieldNotExpected", "sort"),
        (143, {"color": "#fff000"}, "FieldNotExpected", "color"),
        (101, {"name": "x"}, "FieldNotExpected", "name"),
    ],
)
def test_a_bad_status_is_refused(
    call: Call, refused: Refused, number: int | None, model: dict[str, Any], code: str, path: str
) -> None:
    at = f"{MAIN}/statuses"
    answer = (
        call("POST", at, json=[model])
        if number is None
        else call("PATCH", f"{at}/{number}", json=model)
    )
    assert refused(answer) == [(code, path)]


def test_a_closed_stage_has_a_name_of_its_own_in_each_pipeline(call: Call) -> None:
    number = create(call)["id"]
    assert call("PATCH", f"{MAIN}/statuses/142", json={"name": "Won"}).json()["name"] == "Won"
    other = call("GET", f"{PIPELINES}/{number}/statuses/142").json()
    assert other["name"] == "Успешно реализовано"


def test_a_pipeline_holds_a_hundred_statuses(call: Call) -> None:
    model = {"name": "a", "sort": 1}
    assert call("POST", f"{MAIN}/statuses", json=[model] * 94).status_code == 422
    assert call("POST", f"{MAIN}/statuses", json=[model] * 93).status_code == 200


def test_leads_of_a_deleted_status_move_to_the_first_one(portal: Sandbox, call: Call) -> None:
    statuses = [one["id"] for one in portal.account().statuses(11)]
    lead = portal.add("leads", {"status_id": statuses[3]})
    assert call("DELETE", f"{MAIN}/statuses/{statuses[3]}").status_code == 204
    assert portal.leads()[0]["status_id"] == statuses[1]
    types = call("GET", f"/events?filter[entity]=lead&filter[entity_id]={lead}").json()
    assert types["_embedded"]["events"][-1]["type"] == "lead_status_changed"
    for number in (statuses[0], 142, 143):
        assert call("DELETE", f"{MAIN}/statuses/{number}").status_code == 400
    for path in (f"{MAIN}/statuses/{statuses[3]}", f"{PIPELINES}/1/statuses"):
        assert call("GET", path).status_code == 404


def test_descriptions_come_with_with(call: Call) -> None:
    at = f"{MAIN}/statuses/103?with=descriptions"
    wanted = [
        {"level": "newbie", "description": "x"},
        {"level": "master", "description": "y" * 1000},
    ]
    first, second = call("PATCH", at, json={"descriptions": wanted}).json()["descriptions"]
    assert (first["level"], first["created_at"], second["description"][:1]) == (
        "newbie", "2023-11-14 22:13:20", "y",
    )  # fmt: skip
    changed = [
        {"id": first["id"], "level": "newbie", "description": "z"},
        {"id": second["id"], "level": "master"},
    ]
    (kept,) = call("PATCH", at, json={"descriptions": changed}).json()["descriptions"]
    assert (kept["id"], kept["description"]) == (first["id"], "z")
    assert "descriptions" not in call("GET", f"{MAIN}/statuses/103").json()
    assert [
        len(one["descriptions"])
        for one in stages(call("GET", f"{MAIN}/statuses?with=descriptions").json())
    ][:3] == [0, 1, 0]


@pytest.mark.parametrize(
    ("items", "code", "path"),
    [
        ([{"level": "newbie", "description": "x" * 1001}], "TooLong", "descriptions.0.description"),
        ([{"description": "x"}], "FieldMissing", "descriptions.0.level"),
        ([{"level": "newbie"}], "FieldMissing", "descriptions.0.description"),
        ([{"level": "guru", "description": "x"}], "NotSupportedChoice", "descriptions.0.level"),
        ([{"id": 5, "level": "newbie"}], "NotSupportedChoice", "descriptions.0.id"),
        (
            [{"level": "newbie", "description": "x"}] * 4,
            "TooHigh",
            "descriptions",
        ),
    ],
)
def test_bad_descriptions_are_refused(
    call: Call, refused: Refused, items: list[Any], code: str, path: str
) -> None:
    assert (code, path) in refused(
        call("PATCH", f"{MAIN}/statuses/103", json={"descriptions": items})
    )


def test_a_level_has_one_description(call: Call, refused: Refused) -> None:
    twice = [{"level": "newbie", "description": "x"}] * 2
    answer = call("PATCH", f"{MAIN}/statuses/103", json={"descriptions": twice})
    assert set(refused(answer)) == {
        ("NotSupportedChoice", "descriptions.0.level"),
        ("NotSupportedChoice", "descriptions.1.level"),
    }


def test_loss_reasons_go_round(portal: Sandbox, call: Call, refused: Refused) -> None:
    at = "/leads/loss_reasons"
    assert call("GET", at).status_code == 204
    (made,) = call("POST", at, json=[{"name": "Price", "sort": 3}]).json()["_embedded"][
        "loss_reasons"
    ]
    assert (made["name"], made["sort"], made["request_id"]) == ("Price", 3, "0")
    one = f"{at}/{made['id']}"
    assert call("PATCH", one, json={"name": "Dear"}).json()["name"] == "Dear"
    lead = portal.add("leads", {"status_id": 143, "loss_reason_id": made["id"]})
    (shown,) = call("GET", f"/leads/{lead}?with=loss_reason").json()["_embedded"]["loss_reason"]
    assert set(shown) == {"id", "name", "sort", "created_at", "updated_at", "_links"}
    assert refused(call("POST", "/leads", json=[{"loss_reason_id": 5}])) == [
        ("NotSupportedChoice", "loss_reason_id")
    ]
    assert call("GET", one).json()["name"] == "Dear"
    assert call("DELETE", one).status_code == 204
    assert (call("GET", one).status_code, call("GET", at).status_code) == (404, 204)
