"""Complex creation (reference 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.api_limits import COMPLEX_LIMIT
from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]


def model(**nested: Any) -> dict[str, Any]:
    return {"name": "Order", "_embedded": nested}


def test_a_lead_comes_with_its_contact_and_company(portal: Sandbox, call: Call) -> None:
    phone = {"field_code": "PHONE", "values": [{"value": "+7900"}]}
    contact = {"first_name": "Ann", "custom_fields_values": [phone]}
    wanted = model(contacts=[contact], companies=[{"name": "Lee"}], tags=[{"name": "site"}])
    answer = call("POST", "/leads/complex", json=[{**wanted, "request_id": "r"}, {"name": "bare"}])
    first, second = answer.json()
    (ann,), (lee,) = portal.contacts(), portal.companies()
    assert answer.status_code == 200
    assert first == {
        "id": portal.leads()[0]["id"],
        "contact_id": ann["id"],
        "company_id": lee["id"],
        "request_id": ["r"],
        "merged": False,
    }
    assert (second["contact_id"], second["company_id"], second["request_id"]) == (None, None, ["1"])
    assert ann["companies"] == [lee["id"]]
    assert portal.leads()[0]["tags"] == ["site"]
    assert portal.leads()[0]["contacts"] == [ann["id"]]
    assert portal.counters["created.leads"] == 2
    assert portal.counters["created.contacts"] == portal.counters["created.companies"] == 1


def test_a_known_contact_is_linked(portal: Sandbox, call: Call) -> None:
    number = portal.add("contacts", {"name": "Ann"})
    (made,) = call("POST", "/leads/complex", json=[model(contacts=[{"id": number}])]).json()
    assert made["contact_id"] == number
    assert len(portal.contacts()) == 1


def test_metadata_makes_an_unsorted_lead(portal: Sandbox, call: Call) -> None:
    wanted = {**model(metadata={"category": "forms", "form_id": "f"}), "status_id": 142}
    assert call("POST", "/leads/complex", json=[wanted]).status_code == 200
    (lead,) = portal.leads()
    assert lead["status_id"] == portal.account().statuses(lead["pipeline_id"])[0]["id"]
    assert lead["closed_at"] is None


@pytest.mark.parametrize(
    ("nested", "code", "path"),
    [
        ({"contacts": [{}, {}]}, "TooHigh", "_embedded.contacts"),
        ({"contacts": 5}, "InvalidType", "_embedded.contacts"),
        ({"contacts": None}, "NotNullable", "_embedded.contacts"),
        ({"contacts": [5]}, "InvalidType", "_embedded.contacts.0"),
        ({"contacts": [{"id": 1}]}, "NotSupportedChoice", "_embedded.contacts.0.id"),
        ({"contacts": [{"id": "x"}]}, "InvalidType", "_embedded.contacts.0.id"),
        ({"contacts": [{"name": 5}]}, "InvalidType", "_embedded.contacts.0.name"),
        (
            {"companies": [{"first_name": "x"}]},
            "FieldNotExpected",
            "_embedded.companies.0.first_name",
        ),
        ({"metadata": {}}, "FieldMissing", "_embedded.metadata.category"),
        ({"metadata": {"category": "mail"}}, "NotSupportedChoice", "_embedded.metadata.category"),
        ({"metadata": []}, "FieldMissing", "_embedded.metadata.category"),
        ({"metadata": 5}, "InvalidType", "_embedded.metadata"),
        ({"customers": []}, "FieldNotExpected", "_embedded.customers"),
    ],
)
def test_one_bad_part_refuses_the_whole_request(
    portal: Sandbox, call: Call, nested: dict[str, Any], code: str, path: str
) -> None:
    answer = call("POST", "/leads/complex", json=[{"name": "good"}, model(**nested)])
    (one,) = answer.json()["validation-errors"]
    (error,) = one["errors"]
    assert (one["request_id"], error["code"], error["path"]) == ("1", code, path)
    assert portal.leads() == portal.contacts() == portal.companies() == []


def test_a_request_holds_fifty_leads(call: Call) -> None:
    assert call("POST", "/leads/complex", json=[{}] * COMPLEX_LIMIT).status_code == 200
    assert call("POST", "/leads/complex", json=[{}] * (COMPLEX_LIMIT + 1)).status_code == 422
    assert call("POST", "/leads/complex", json=[5]).status_code == 400


@pytest.mark.parametrize("inside", [False, True], ids=["lead", "contact"])
def test_an_entity_holds_forty_values(call: Call, inside: bool) -> None:
    item = {"field_code": "EMAIL" if inside else "UTM_TERM", "values": [{"value": "x"}]}

    def send(count: int) -> requests.Response:
        values = {"custom_fields_values": [item] * count}
        return call("POST", "/leads/complex", json=[model(contacts=[values]) if inside else values])

    assert send(40).status_code == 200
    (error,) = send(41).json()["validation-errors"][0]["errors"]
    at = "_embedded.contacts.0." if inside else ""
    assert (error["code"], error["path"]) == ("TooHigh", at + "custom_fields_values")


def test_the_address_takes_post_only(call: Call) -> None:
    assert call("GET", "/leads/complex").status_code == 405
