"""Incoming leads (reference 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

ROOT = "/leads/unsorted"
FORM: dict[str, Any] = {
    "source_name": "Site",
    "source_uid": "s-1",
    "metadata": {"form_id": "f", "form_name": "Callback", "form_sent_at": 1700000000},
}
SIP: dict[str, Any] = {
    "source_name": "Pbx",
    "source_uid": "s-2",
    "metadata": {
        "from": "Ann",
        "phone": 7900,
        "called_at": 1700000000,
        "duration": 60,
        "link": None,
        "service_code": "pbx",
        "is_call_event_needed": True,
    },
}


def send(call: Call, kind: str = "forms", **more: Any) -> dict[str, Any]:
    model = {**(FORM if kind == "forms" else SIP), **more}
    answer = call("POST", f"{ROOT}/{kind}", json=[model])
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["_embedded"]["unsorted"][0])


def uids(answer: requests.Response) -> list[str]:
    if answer.status_code == 204:
        return []
    return [one["uid"] for one in answer.json()["_embedded"]["unsorted"]]


def linked(entity_type: str, number: int) -> list[dict[str, Any]]:
    href = f"https://example.amocrm.ru/api/v4/{entity_type}/{number}"
    return [{"id": number, "_links": {"self": {"href": href}}}]


def test_a_form_becomes_a_lead_in_the_unsorted_stage(
    portal: Sandbox, clock: ManualClock, call: Call
) -> None:
    nested = {
        "leads": [{"name": "Order", "price": 5, "_embedded": {"tags": [{"name": "site"}]}}],
        "contacts": [{"name": "Ann"}],
        "companies": [{"name": "Lee"}],
    }
    model = {**FORM, "request_id": "r", "_embedded": nested}
    answer = call("POST", f"{ROOT}/forms", json=[model])
    (made,) = answer.json()["_embedded"]["unsorted"]
    (lead,), (ann,), (lee,) = portal.leads(), portal.contacts(), portal.companies()
    href = f"https://example.amocrm.ru/api/v4{ROOT}/{made['uid']}"
    ends = {
        "contacts": linked("contacts", ann["id"]), "leads": linked("leads", lead["id"]),
        "companies": linked("companies", lee["id"]),
    }  # fmt: skip
    assert answer.json()["_total_items"] == 1
    assert made == {
        "uid": made["uid"], "account_id": portal.account().id, "request_id": "r",
        "_embedded": ends, "_links": {"self": {"href": href}},
    }  # fmt: skip
    assert (lead["name"], lead["price"], lead["tags"]) == ("Order", 5, ["site"])
    assert lead["status_id"] == portal.account().statuses(11)[0]["id"]
    assert (lead["contacts"], ann["is_unsorted"], ann["companies"]) == (
        [ann["id"]], True, [lee["id"]],
    )  # fmt: skip
    assert call("GET", f"{ROOT}/{made['uid']}").json() == {
        "uid": made["uid"], "source_uid": "s-1", "source_name": "Site", "category": "forms",
        "pipeline_id": 11, "created_at": int(clock.time()),
        "metadata": {"form_id": "f", "form_name": "Callback", "form_sent_at": "1700000000"},
        "account_id": portal.account().id, "_embedded": ends,
        "_links": {"self": {"href": href}},
    }  # fmt: skip


def test_a_call_comes_back_with_texts(call: Call) -> None:
    uid = send(call, "sip")["uid"]
    item = call("GET", f"{ROOT}/{uid}").json()
    assert (item["category"], item["metadata"]["duration"], item["metadata"]["phone"]) == (
        "sip", "60", 7900,
    )  # fmt: skip
    assert "is_call_event_needed" not in item["metadata"]


@pytest.mark.parametrize("kind", ["sip", "forms"])
@pytest.mark.parametrize("name", ["source_name", "source_uid", "metadata"])
def test_what_is_required(call: Call, refused: Refused, kind: str, name: str) -> None:
    model = {key: one for key, one in (SIP if kind == "sip" else FORM).items() if key != name}
    assert refused(call("POST", f"{ROOT}/{kind}", json=[model])) == [("FieldMissing", name)]


@pytest.mark.parametrize("name", ["from", "phone", "called_at", "duration", "link", "service_code"])
def test_what_a_call_must_tell(call: Call, refused: Refused, name: str) -> None:
    metadata = {key: one for key, one in SIP["metadata"].items() if key != name}
    answer = call("POST", f"{ROOT}/sip", json=[{**SIP, "metadata": metadata}])
    assert refused(answer) == [("FieldMissing", f"metadata.{name}")]


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"pipeline_id": 5}, "NotSupportedChoice", "pipeline_id"),
        ({"metadata": {"x": 1}}, "FieldNotExpected", "metadata.x"),
        ({"status_id": 142}, "FieldNotExpected", "status_id"),
        ({"_embedded": {"leads": [{}, {}]}}, "TooHigh", "_embedded.leads"),
        ({"_embedded": {"contacts": [{}, {}]}}, "TooHigh", "_embedded.contacts"),
        ({"_embedded": {"leads": [{"price": "x"}]}}, "InvalidType", "_embedded.leads.0.price"),
        ({"_embedded": {"companies": [{"x": 1}]}}, "FieldNotExpected", "_embedded.companies.0.x"),
        ({"_embedded": {"customers": []}}, "FieldNotExpected", "_embedded.customers"),
    ],
)
def test_a_bad_form_is_refused(
    portal: Sandbox, call: Call, refused: Refused, more: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", f"{ROOT}/forms", json=[FORM, {**FORM, **more}])) == [(code, path)]
    assert portal.leads() == []


def test_a_phone_is_a_text_or_a_number(call: Call, refused: Refused) -> None:
    metadata = {**SIP["metadata"], "phone": []}
    answer = call("POST", f"{ROOT}/sip", json=[{**SIP, "metadata": metadata}])
    assert refused(answer) == [("InvalidType", "metadata.phone")]


def test_filters_and_orders(clock: ManualClock, call: Call) -> None:
    made = call("POST", "/leads/pipelines", json=[
        {"name": "b", "sort": 1, "is_main": False, "is_unsorted_on": True}
    ]).json()["_embedded"]["pipelines"][0]  # fmt: skip
    assert call("GET", ROOT).status_code == 204
    one = send(call)["uid"]
    clock.advance(10)
    two = send(call, "sip", pipeline_id=made["id"])["uid"]
    wanted = {
        "": [one, two],
        f"filter[uid]={two}": [two],
        f"filter[uid][]={one}&filter[uid][]={two}": [one, two],
        "filter[category][]=sip": [two],
        f"filter[pipeline_id]={made['id']}": [two],
        "order[created_at]=desc": [two, one],
        "order[updated_at]=desc": [two, one],
        "limit=1&page=2": [two],
    }
    assert {query: uids(call("GET", f"{ROOT}?{query}")) for query in wanted} == wanted


def test_accepting_takes_the_lead_to_work(portal: Sandbox, call: Call) -> None:
    made = send(call, _embedded={"contacts": [{"name": "Ann"}]})
    answer = call("POST", f"{ROOT}/{made['uid']}/accept")
    assert (answer.status_code, set(answer.json())) == (
        200, {"uid", "pipeline_id", "category", "created_at", "_embedded"},
    )  # fmt: skip
    assert answer.json()["_embedded"] == made["_embedded"]
    (lead,), (ann,) = portal.leads(), portal.contacts()
    assert lead["status_id"] == portal.account().statuses(11)[1]["id"]
    assert (lead["responsible_user_id"], ann["is_unsorted"]) == (501, False)
    assert call("GET", ROOT).status_code == 204
    for method, word in (("POST", "accept"), ("DELETE", "decline"), ("POST", "link")):
        assert call(method, f"{ROOT}/{made['uid']}/{word}", json={}).status_code == 404
    assert call("GET", f"{ROOT}/{made['uid']}").status_code == 404


def test_accepting_may_name_a_user_and_a_stage(
    portal: Sandbox, call: Call, refused: Refused
) -> None:
    at = f"{ROOT}/{send(call)['uid']}/accept"
    stages = [one["id"] for one in portal.account().statuses(11)]
    for wrong, error in (
        ({"status_id": 5}, ("NotSupportedChoice", "status_id")),
        ({"status_id": stages[0]}, ("NotSupportedChoice", "status_id")),
        ({"user_id": 5}, ("NotSupportedChoice", "user_id")),
        ({"x": 5}, ("FieldNotExpected", "x")),
        ([5], ("FieldNotExpected", "0")),
        (5, ("InvalidType", "")),
    ):
        assert refused(call("POST", at, json=wrong)) == [error]
    assert call("POST", at, json={"user_id": 503, "status_id": stages[2]}).status_code == 200
    (lead,) = portal.leads()
    assert (lead["responsible_user_id"], lead["status_id"]) == (503, stages[2])


def test_declining_moves_lead_and_contact_to_the_recycle_bin(portal: Sandbox, call: Call) -> None:
    made = send(call, _embedded={"contacts": [{}], "companies": [{}]})
    answer = call("DELETE", f"{ROOT}/{made['uid']}/decline", json={"user_id": 501})
    assert (answer.status_code, answer.json()["_embedded"]) == (200, made["_embedded"])
    entities = (*portal.leads(), *portal.contacts(), *portal.companies())
    assert [one["is_deleted"] for one in entities] == [True, True, False]
    told = call("GET", "/events?filter[type]=lead_deleted,contact_deleted").json()
    assert len(told["_embedded"]["events"]) == 2
    assert call("DELETE", f"{ROOT}/nonsense/decline").status_code == 404


def test_a_chat_is_linked_to_a_known_lead(portal: Sandbox, call: Call) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    uid = portal.add_unsorted("chats", {"origin": {"chat_id": "c"}})
    target = {"entity_id": lead, "entity_type": "leads", "metadata": {"contact_id": contact}}
    answer = call("POST", f"{ROOT}/{uid}/link", json={"link": target, "user_id": 501})
    assert answer.json() == {"uid": uid, "_embedded": {"leads": linked("leads", lead)}}
    assert portal.leads()[0]["contacts"] == [contact]
    assert portal.leads()[1]["is_deleted"] is True
    assert call("GET", ROOT).status_code == 204


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({}, "FieldMissing", "link"),
        ({"link": {"entity_type": "leads"}}, "FieldMissing", "link.entity_id"),
        ({"link": {"entity_id": 7001}}, "FieldMissing", "link.entity_type"),
        (
            {"link": {"entity_id": 7001, "entity_type": "contacts"}},
            "NotSupportedChoice",
            "link.entity_type",
        ),
        (
            {"link": {"entity_id": 1, "entity_type": "leads"}},
            "NotSupportedChoice",
            "link.entity_id",
        ),
        (
            {"link": {"entity_id": 7001, "entity_type": "leads", "metadata": {"contact_id": 1}}},
            "NotSupportedChoice",
            "link.metadata.contact_id",
        ),
    ],
)
def test_a_bad_target_is_refused(
    portal: Sandbox, call: Call, refused: Refused, body: dict[str, Any], code: str, path: str
) -> None:
    uid = portal.add_unsorted("mail")
    assert refused(call("POST", f"{ROOT}/{uid}/link", json=body)) == [(code, path)]


@pytest.mark.parametrize("kind", ["forms", "sip"])
def test_only_chats_and_mail_are_linked(call: Call, refused: Refused, kind: str) -> None:
    made = send(call, kind)
    lead = made["_embedded"]["leads"][0]["id"]
    body = {"link": {"entity_id": lead, "entity_type": "leads"}}
    assert refused(call("POST", f"{ROOT}/{made['uid']}/link", json=body)) == [
        ("NotSupportedChoice", "link")
    ]


def test_the_summary_counts(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    empty = call("GET", f"{ROOT}/summary").json()
    assert (empty["total"], empty["average_sort_time"]) == (0, 0)
    first, second, third = send(call)["uid"], send(call)["uid"], send(call, "sip")["uid"]
    clock.advance(10)
    call("POST", f"{ROOT}/{first}/accept")
    clock.advance(10)
    call("DELETE", f"{ROOT}/{second}/decline")
    portal.add_unsorted("mail")
    assert call("GET", f"{ROOT}/summary").json() == {
        "total": 2, "accepted": 1, "declined": 1, "average_sort_time": 15,
        "categories": {
            "sip": {"total": 1}, "mail": {"total": 1}, "forms": {"total": 0}, "chats": {"total": 0},
        },
    }  # fmt: skip

    def total(query: str) -> int:
        return int(call("GET", f"{ROOT}/summary?{query}").json()["total"])

    assert total(f"filter[uid]={third}") == 1
    assert total("filter[pipeline_id]=5") == 0
    assert total("filter[created_at]=1700000000") == 1
    assert total("filter[created_at][to]=1700000000") == 1


def test_a_complex_lead_with_metadata_waits_here(call: Call, refused: Refused) -> None:
    model = {"_embedded": {"metadata": {"category": "forms", "form_id": "f"}}}
    (made,) = call("POST", "/leads/complex", json=[model]).json()
    (item,) = call("GET", ROOT).json()["_embedded"]["unsorted"]
    assert item["_embedded"]["leads"] == linked("leads", made["id"])
    assert (item["category"], item["metadata"], item["source_uid"]) == (
        "forms", {"form_id": "f"}, None,
    )  # fmt: skip
    wrong = {"_embedded": {"metadata": {"category": "forms", "x": 1}}}
    assert refused(call("POST", "/leads/complex", json=[wrong])) == [
        ("FieldNotExpected", "_embedded.metadata.x")
    ]
