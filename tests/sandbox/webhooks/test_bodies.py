"""Bodies of account webhooks, written by hand from reference 6.2 and 6.3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Account, ManualClock, Sandbox
from amocrm.sandbox.data.changes import Change
from amocrm.sandbox.webhooks.events import events_of
from amocrm.sandbox.webhooks.form import encode_form
from tests.sandbox.webhooks.decoded import lines, sent

Call = Callable[..., requests.Response]
Subscribe = Callable[..., str]


def codes(portal: Sandbox) -> list[tuple[str, ...]]:
    return [one.codes for one in portal.webhooks.deliveries]


def test_the_minimal_example_of_the_reference_byte_for_byte() -> None:
    account = Account(1, "test", "amocrm.ru", 1600000000)
    account.tags["leads"] = {}
    flag = {"field_id": 902, "field_name": "Flag", "field_code": None, "field_type": "checkbox"}
    before: dict[str, Any] = {
        "id": 7001,
        "name": "Lead",
        "status_id": 101,
        "pipeline_id": 10,
        "price": 0,
        "responsible_user_id": 123,
        "created_by": 123,
        "updated_by": 123,
        "created_at": 1700000000,
        "updated_at": 1700000000,
        "custom_fields_values": [{**flag, "values": [{"value": True}]}],
        "_tags": [],
    }
    lead = {**before, "status_id": 142, "updated_at": 1700000100}
    _, moved = events_of(Change("leads", lead, "update", before), account)
    assert moved.codes == ("status_lead",)
    assert moved.body(account) == (
        b"leads%5Bstatus%5D%5B0%5D%5Bid%5D=7001"
        b"&leads%5Bstatus%5D%5B0%5D%5Bname%5D=Lead"
        b"&leads%5Bstatus%5D%5B0%5D%5Bstatus_id%5D=142"
        b"&leads%5Bstatus%5D%5B0%5D%5Bold_status_id%5D=101"
        b"&leads%5Bstatus%5D%5B0%5D%5Bprice%5D=0"
        b"&leads%5Bstatus%5D%5B0%5D%5Bresponsible_user_id%5D=123"
        b"&leads%5Bstatus%5D%5B0%5D%5Bpipeline_id%5D=10"
        b"&leads%5Bstatus%5D%5B0%5D%5Baccount_id%5D=1"
        b"&leads%5Bstatus%5D%5B0%5D%5Bmodified_user_id%5D=123"
        b"&leads%5Bstatus%5D%5B0%5D%5Bcreated_user_id%5D=123"
        b"&leads%5Bstatus%5D%5B0%5D%5Bdate_create%5D=1700000000"
        b"&leads%5Bstatus%5D%5B0%5D%5Blast_modified%5D=1700000100"
        b"&leads%5Bstatus%5D%5B0%5D%5Bcreated_at%5D=1700000000"
        b"&leads%5Bstatus%5D%5B0%5D%5Bupdated_at%5D=1700000100"
        b"&leads%5Bstatus%5D%5B0%5D%5Bcustom_fields%5D%5B0%5D%5Bid%5D=902"
        b"&leads%5Bstatus%5D%5B0%5D%5Bcustom_fields%5D%5B0%5D%5Bname%5D=Flag"
        b"&leads%5Bstatus%5D%5B0%5D%5Bcustom_fields%5D%5B0%5D%5Bvalues%5D%5B0%5D%5Bvalue%5D=1"
        b"&account%5Bsubdomain%5D=test"
        b"&account%5Bid%5D=1"
        b"&account%5B_links%5D%5Bself%5D=https%3A%2F%2Ftest.amocrm.ru"
    )


def test_forms_are_encoded_as_php_does() -> None:
    tree = {"a": {"b": [" ~-_.+&=é", None, [], {}, "", True, False, 1.5, 2.0]}, "c d": 1}
    assert encode_form(tree) == (
        b"a%5Bb%5D%5B0%5D=+%7E-_.%2B%26%3D%C3%A9&a%5Bb%5D%5B4%5D=&a%5Bb%5D%5B5%5D=1"
        b"&a%5Bb%5D%5B6%5D=0&a%5Bb%5D%5B7%5D=1.5&a%5Bb%5D%5B8%5D=2&c+d=1"
    )


def test_a_broken_text_does_not_stop_a_webhook() -> None:
    assert encode_form({"a": "\ud800"}) == b"a=%3F"


NEW_LEAD = """
leads[add][0][id]=7001
leads[add][0][name]=Order & Co
leads[add][0][status_id]=103
leads[add][0][price]=1500
leads[add][0][responsible_user_id]=501
leads[add][0][pipeline_id]=11
leads[add][0][account_id]=30000001
leads[add][0][modified_user_id]=501
leads[add][0][created_user_id]=501
leads[add][0][date_create]=1700000000
leads[add][0][last_modified]=1700000000
leads[add][0][created_at]=1700000000
leads[add][0][updated_at]=1700000000
leads[add][0][tags][0][id]=61
leads[add][0][tags][0][name]=VIP
"""


def test_a_new_lead_is_told(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    subscribe("add_lead", "update_lead", "status_lead", "responsible_lead")
    model = {"name": "Order & Co", "price": 1500, "_embedded": {"tags": [{"name": "VIP"}]}}
    call("POST", "/leads", json=[model])
    assert codes(portal) == [("add_lead",)]
    assert sent(portal) == [lines(NEW_LEAD)]


def changed_lead(action: str, *old: str) -> list[str]:
    """Return a lead that was moved to the second stage and handed over to user 503."""
    text = f"""
leads[{action}][0][id]=7001
leads[{action}][0][name]=A
leads[{action}][0][status_id]=105
leads[{action}][0][old_status_id]=103
leads[{action}][0][price]=0
leads[{action}][0][responsible_user_id]=503
leads[{action}][0][pipeline_id]=11
leads[{action}][0][account_id]=30000001
leads[{action}][0][modified_user_id]=501
leads[{action}][0][created_user_id]=501
leads[{action}][0][date_create]=1700000000
leads[{action}][0][last_modified]=1700000100
leads[{action}][0][created_at]=1700000000
leads[{action}][0][updated_at]=1700000100
"""
    found = lines(text)
    return [*found[:6], *old, *found[6:]]


def test_one_change_of_a_lead_is_several_events(
    call: Call, portal: Sandbox, subscribe: Subscribe, clock: ManualClock
) -> None:
    lead = portal.add("leads", {"name": "A"})
    subscribe("add_lead", "update_lead", "status_lead", "responsible_lead")
    clock.advance(100)
    model = {"status_id": 105, "responsible_user_id": 503}
    assert call("PATCH", f"/leads/{lead}", json=model).status_code == 200
    assert codes(portal) == [("update_lead",), ("status_lead",), ("responsible_lead",)]
    assert sent(portal) == [
        changed_lead("update"),
        changed_lead("status"),
        changed_lead("responsible", "leads[responsible][0][old_responsible_user_id]=501"),
    ]


def test_a_subscription_gets_the_events_of_its_codes_only(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    lead = portal.add("leads", {"name": "A"})
    subscribe("status_lead", url="https://hooks.example.com/one")
    subscribe("update_lead", "add_contact", url="https://hooks.example.com/two")
    call("PATCH", f"/leads/{lead}", json={"price": 5})
    call("PATCH", f"/leads/{lead}", json={"status_id": 142})
    found = [(one.url.rpartition("/")[2], one.codes) for one in portal.webhooks.deliveries]
    assert found == [
        ("two", ("update_lead",)),
        ("two", ("update_lead",)),
        ("one", ("status_lead",)),
    ]


def test_a_lead_that_leaves_its_pipeline_names_the_old_one(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    lead = portal.add("leads", {"name": "A"})
    made = call("POST", "/leads/pipelines", json=[PIPELINE])
    (pipeline,) = made.json()["_embedded"]["pipelines"]
    subscribe("status_lead")
    call("PATCH", f"/leads/{lead}", json={"pipeline_id": pipeline["id"]})
    (fields,) = sent(portal)
    assert "leads[status][0][old_pipeline_id]=11" in fields
    assert f"leads[status][0][pipeline_id]={pipeline['id']}" in fields
    assert "leads[status][0][old_status_id]=103" in fields


PIPELINE: dict[str, Any] = {
    "name": "B",
    "sort": 5,
    "is_main": False,
    "is_unsorted_on": True,
    "_embedded": {"statuses": [{"name": "First", "sort": 10}]},
}


def test_deleting_a_stage_moves_its_leads(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    portal.add("leads", {"name": "A", "status_id": 105})
    subscribe("status_lead")
    assert call("DELETE", "/leads/pipelines/11/statuses/105").status_code == 204
    (fields,) = sent(portal)
    assert fields[2:4] == [
        "leads[status][0][status_id]=103",
        "leads[status][0][old_status_id]=105",
    ]


def test_deleted_and_restored(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    kinds = ("leads", "contacts", "companies", "customers")
    numbers = {kind: portal.add(kind, {"name": "A"}) for kind in kinds}
    subscribe("delete_lead", "delete_contact", "delete_company", "delete_customer")
    for kind, number in numbers.items():
        portal.trash(kind, number)
    assert sent(portal) == [
        [
            "leads[delete][0][id]=7001",
            "leads[delete][0][status_id]=103",
            "leads[delete][0][pipeline_id]=11",
        ],
        ["contacts[delete][0][id]=30001", "contacts[delete][0][type]=contact"],
        ["contacts[delete][0][id]=44001", "contacts[delete][0][type]=company"],
        ["customers[delete][0][id]=9001"],
    ]
    subscribe("restore_lead", "restore_contact", "restore_company")
    for kind, number in numbers.items():
        portal.restore(kind, number)
    restored = portal.webhooks.deliveries[4:]
    assert [one.code for one in restored] == ["restore_lead", "restore_contact", "restore_company"]
    assert restored[0].form["leads[restore][0][name]"] == "A"
    assert "leads[restore][0][old_status_id]" not in restored[0].form
    assert restored[2].form["contacts[restore][0][type]"] == "company"
    assert call("GET", "/leads/7001").json()["name"] == "A"


CONTACT = """
contacts[update][0][id]=30001
contacts[update][0][name]=Ann
contacts[update][0][responsible_user_id]=503
contacts[update][0][old_responsible_user_id]=501
contacts[update][0][date_create]=1700000000
contacts[update][0][last_modified]=1700000060
contacts[update][0][created_user_id]=501
contacts[update][0][modified_user_id]=501
contacts[update][0][company_name]=Acme
contacts[update][0][linked_company_id]=44001
contacts[update][0][account_id]=30000001
contacts[update][0][custom_fields][0][id]=923
contacts[update][0][custom_fields][0][name]=Телефон
contacts[update][0][custom_fields][0][code]=PHONE
contacts[update][0][custom_fields][0][values][0][value]=+7900
contacts[update][0][custom_fields][0][values][0][enum]=1705
contacts[update][0][linked_leads_id][7001][ID]=7001
contacts[update][0][created_at]=1700000000
contacts[update][0][updated_at]=1700000060
contacts[update][0][type]=contact
"""


def test_a_new_responsible_user_of_a_contact_is_one_update(
    call: Call, portal: Sandbox, subscribe: Subscribe, clock: ManualClock
) -> None:
    company = portal.add("companies", {"name": "Acme"})
    phone = {"field_code": "PHONE", "values": [{"value": "+7900", "enum_code": "MOB"}]}
    contact = portal.add("contacts", {"name": "Ann", "custom_fields_values": [phone]})
    lead = portal.add("leads", {"_embedded": {"contacts": [{"id": contact}]}})
    link = {"to_entity_id": company, "to_entity_type": "companies"}
    call("POST", f"/contacts/{contact}/link", json=[link])
    subscribe("update_contact", "responsible_contact")
    clock.advance(60)
    call("PATCH", f"/contacts/{contact}", json={"responsible_user_id": 503})
    assert codes(portal) == [("update_contact", "responsible_contact")]
    assert sent(portal) == [lines(CONTACT)]
    assert lead == 7001
    subscribe("responsible_contact")
    call("PATCH", f"/contacts/{contact}", json={"name": "Anna"})
    assert len(portal.webhooks.deliveries) == 1
    call("PATCH", f"/contacts/{contact}", json={"responsible_user_id": 501})
    assert codes(portal)[1:] == [("responsible_contact",)]


def test_a_company_is_a_contact_of_another_type(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    subscribe("add_company", "add_contact")
    call("POST", "/companies", json=[{"name": "Acme"}])
    assert codes(portal) == [("add_company",)]
    assert sent(portal) == [
        [
            "contacts[add][0][id]=44001",
            "contacts[add][0][name]=Acme",
            "contacts[add][0][responsible_user_id]=501",
            "contacts[add][0][date_create]=1700000000",
            "contacts[add][0][last_modified]=1700000000",
            "contacts[add][0][created_user_id]=501",
            "contacts[add][0][modified_user_id]=501",
            "contacts[add][0][company_name]=",
            "contacts[add][0][account_id]=30000001",
            "contacts[add][0][created_at]=1700000000",
            "contacts[add][0][updated_at]=1700000000",
            "contacts[add][0][type]=company",
        ]
    ]


def test_a_complex_lead_is_added_with_what_it_is_linked_to(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    subscribe("add_lead", "update_lead", "add_contact", "update_contact", "add_company")
    nested = {"contacts": [{"name": "Ann"}], "companies": [{"name": "Acme"}]}
    assert call("POST", "/leads/complex", json=[{"name": "A", "_embedded": nested}]).ok
    assert codes(portal) == [("add_lead",), ("add_contact",), ("add_company",)]
    contact = portal.webhooks.deliveries[1].form
    assert contact["contacts[add][0][company_name]"] == "Acme"
    assert contact["contacts[add][0][linked_leads_id][7001][ID]"] == "7001"


def test_a_link_updates_both_ends(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    subscribe("update_lead", "update_contact")
    link = {"to_entity_id": contact, "to_entity_type": "contacts"}
    call("POST", f"/leads/{lead}/link", json=[link])
    assert codes(portal) == [("update_lead",), ("update_contact",)]
    call("POST", f"/leads/{lead}/unlink", json=[link])
    assert len(codes(portal)) == 4
    assert not [name for name in portal.webhooks.deliveries[-1].form if "linked_leads" in name]


def test_customers(call: Call, portal: Sandbox, subscribe: Subscribe, clock: ManualClock) -> None:
    customer = portal.add("customers", {"name": "Ann", "next_price": 100})
    subscribe("add_customer", "update_customer", "responsible_customer")
    clock.advance(10)
    call("PATCH", f"/customers/{customer}", json={"responsible_user_id": 503})
    assert codes(portal) == [("update_customer",), ("responsible_customer",)]
    assert sent(portal)[1] == [
        "customers[responsible][0][id]=9001",
        "customers[responsible][0][name]=Ann",
        "customers[responsible][0][next_price]=100",
        "customers[responsible][0][periodicity]=0",
        "customers[responsible][0][responsible_user_id]=503",
        "customers[responsible][0][old_responsible_user_id]=501",
        "customers[responsible][0][account_id]=30000001",
        "customers[responsible][0][modified_user_id]=501",
        "customers[responsible][0][created_user_id]=501",
        "customers[responsible][0][date_create]=1700000000",
        "customers[responsible][0][last_modified]=1700000010",
        "customers[responsible][0][created_at]=1700000000",
        "customers[responsible][0][updated_at]=1700000010",
    ]


VALUES = [
    ("text", "a b", ["[values][0][value]=a b"]),
    ("numeric", 1.5, ["[values][0][value]=1.5"]),
    ("url", "https://a.example", ["[values][0][value]=https://a.example"]),
    ("checkbox", True, ["[values][0][value]=1"]),
    ("checkbox", False, ["[values][0][value]=0"]),
    ("date", 1729717200, ["[values][0]=1729717200"]),
    ("date_time", 1729717261, ["[values][0]=1729717261"]),
    ("birthday", "1980-01-12T00:00:00+03:00", ["[values][0][value]=12.01.1980"]),
    ("birthday", "1905-02-01T00:00:00+03:00", ["[values][0][value]=01.02.1905"]),
    ("select", "b", ["[values][0][value]=b", "[values][0][enum]={b}"]),
    ("radiobutton", "b", ["[values][value]=b", "[values][enum]={b}"]),
    (
        "multiselect",
        ("a", "b"),
        [
            "[values][0][value]=a",
            "[values][0][enum]={a}",
            "[values][1][value]=b",
            "[values][1][enum]={b}",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "value", "expected"), VALUES)
def test_custom_fields_have_the_shapes_of_old(
    call: Call, portal: Sandbox, subscribe: Subscribe, kind: str, value: Any, expected: list[str]
) -> None:
    choices = [{"value": "a", "sort": 1}, {"value": "b", "sort": 2}]
    with_enums = kind in ("select", "radiobutton", "multiselect")
    model = {"name": "F", "type": kind, **({"enums": choices} if with_enums else {})}
    made = call("POST", "/leads/custom_fields", json=[model]).json()
    (field,) = made["_embedded"]["custom_fields"]
    enums = {one["value"]: one["id"] for one in field["enums"] or ()}
    subscribe("add_lead")
    values = [{"value": one} for one in (value if isinstance(value, tuple) else (value,))]
    lead = {"custom_fields_values": [{"field_id": field["id"], "values": values}]}
    assert call("POST", "/leads", json=[lead]).ok
    (fields,) = sent(portal)
    start = "leads[add][0][custom_fields][0]"
    assert [one.removeprefix(start) for one in fields if one.startswith(start)] == [
        f"[id]={field['id']}",
        "[name]=F",
        *(one.format(**enums) for one in expected),
    ]
