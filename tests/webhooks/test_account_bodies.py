"""Every body of an account webhook, with every key. Source: reference 6.2, 6.3."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from amocrm.webhooks import Delivery, Event, parse
from tests.webhooks.forms import ACCOUNT, FORM, form, hook

Item = dict[str, Any]


class Expected(NamedTuple):
    """What an event says beside its item."""

    code: str
    entity: str
    action: str
    id: int | str | None
    previous: dict[str, int]
    happened_at: int | None


VALUES: list[Item] = [
    {"id": "900", "name": "Note", "values": [{"value": "text"}]},
    {"id": "901", "name": "Region", "values": [{"value": "north", "enum": "17"}]},
    {"id": "902", "name": "Flag", "values": [{"value": "1"}]},
    {"id": "903", "name": "Phone", "code": "PHONE", "values": [
        {"value": "+79990000000", "enum": "31"}, {"value": "+79990000001", "enum": "32"}]},
    {"id": "904", "name": "Due", "values": ["1729717200"]},
    {"id": "905", "name": "Born", "values": [{"value": "12.01.1980"}]},
    {"id": "906", "name": "Size", "values": {"value": "L", "enum": "41"}},
]  # fmt: skip
"""Values of each shape."""

LEAD: Item = {
    "id": "7001", "name": "Сделка №1", "status_id": "142", "old_status_id": "101", "price": "0",
    "responsible_user_id": "123", "last_modified": "1700000100", "modified_user_id": "123",
    "created_user_id": "124", "date_create": "1700000000", "pipeline_id": "10",
    "old_pipeline_id": "9", "account_id": "1", "custom_fields": VALUES,
    "tags": [{"id": "5", "name": "vip"}, {"id": "6", "name": "a & b"}],
    "created_at": "1700000000", "updated_at": "1700000100",
}  # fmt: skip
NEW_LEAD: Item = {key: value for key, value in LEAD.items() if not key.startswith("old_")}
GIVEN_LEAD: Item = {**NEW_LEAD, "old_responsible_user_id": "99"}
MOVED = {"status_id": 101, "pipeline_id": 9}

CONTACT: Item = {
    "id": "31", "name": "Анна", "responsible_user_id": "123", "date_create": "1700000000",
    "last_modified": "1700000100", "created_user_id": "124", "modified_user_id": "123",
    "company_name": "Horns", "linked_company_id": "32", "account_id": "1",
    "custom_fields": VALUES, "linked_leads_id": [{"ID": "7001"}, {"ID": "7002"}],
    "created_at": "1700000000", "updated_at": "1700000100", "type": "contact",
}  # fmt: skip
COMPANY: Item = {
    **{key: value for key, value in CONTACT.items() if key != "linked_company_id"},
    "id": "32", "name": "Рога", "type": "company",
}  # fmt: skip
CUSTOMER: Item = {"id": "61", "name": "Buyer", "responsible_user_id": "123", "period_id": "4",
                  "created_at": "1700000000", "updated_at": "1700000100"}  # fmt: skip

TASK: Item = {
    "id": "41", "element_id": "7001", "element_type": "2", "task_type": "1",
    "date_create": "2023-11-14 22:13:20", "text": "Call", "status": "0", "account_id": "1",
    "created_user_id": "124", "last_modified": "2023-11-14 22:15:00", "responsible_user_id": "123",
    "complete_till": "2023-11-15 23:59:00", "created_at": "1700000000", "updated_at": "1700000100",
    "complete_before": "1700092740",
}  # fmt: skip
CHANGED_TASK: Item = {
    **TASK, "status": "1", "action_close": "1", "old_text": "Cal",
    "result": {"id": "42", "text": "Done"},
}  # fmt: skip
GIVEN_TASK: Item = {**TASK, "main_user": "123", "modified_by": "124",
                    "old_responsible_user_id": "99"}  # fmt: skip

NOTE: Item = {"note": {
    "id": "51", "text": "Hello", "attachement": "", "date_create": "2023-11-14 22:13:20",
    "note_type": "4", "element_type": "2", "element_id": "7001", "catalog_id": "", "group_id": "",
    "timestamp_x": "2023-11-14 22:13:20", "account_id": "1",
    "metadata": '{"event_source":{"type":1,"author_name":"A"}}', "created_by": "124",
    "modified_by": "123", "main_user_id": "123", "created_at": "1700000000",
    "updated_at": "1700000100",
}}  # fmt: skip


def note_of(type_: str, id_: str) -> Item:
    return {"note": {**NOTE["note"], "element_id": id_}, "type": type_}


TALK: Item = {
    "talk_id": "71", "created_at": "1700000000", "updated_at": "1700000100", "rate": "0",
    "contact_id": "31", "chat_id": "8e4d4baa-9e6c-4a88-838a-5f62be227bdc", "entity_id": "7001",
    "entity_type": "lead", "is_in_work": "1", "is_read": "0", "origin": "telegram",
}  # fmt: skip
MESSAGE: Item = {
    "id": "0371a0ff-b78a-4c7b-8538-a7d547e10692", "message_type": "text",
    "chat_id": "8e4d4baa-9e6c-4a88-838a-5f62be227bdc", "talk_id": "71", "contact_id": "31",
    "text": "Привет", "created_at": "1700000000", "element_type": "2", "entity_type": "lead",
    "element_id": "7001", "entity_id": "7001", "type": "incoming",
    "author": {"id": "f1910c7f-1a2b-4c3d-8e4f-5a6b7c8d9e0f", "type": "external", "name": "Анна",
               "avatar_url": "https://a.example/1.png"},
    "origin": "telegram", "attachment": {"type": "picture", "link": "https://a.example/2.png"},
}  # fmt: skip

UNSORTED: Item = {
    "uid": "a1b2c3d4", "category": "forms", "source": "example.com",
    "source_data": {
        "form_id": "318", "form_type": "1", "form_name": "Order", "from": "https://example.com/",
        "date": "1700000000",
        "origin": {"ip": "192.0.2.1", "referer": "https://r.example/", "visitor_uid": "5",
                   "datetime": "Tue Nov 14 2023 22:13:20 GMT+0300", "country": "RU",
                   "city": "Москва"},
        "name_1": {"type": "text", "id": "name", "element_type": "1", "name": "Имя",
                   "value": "Анна"},
    },
    "data": {"leads": [{"id": "7001", "name": "Order"}], "contacts": [{"name": "Анна"}]},
    "pipeline_id": "10", "account_id": "1", "user_id": "123", "date_create": "1700000000",
    "source_id": "8", "lead_id": "7001", "created_at": "1700000000", "request_id": "9",
}  # fmt: skip
CHANGED_UNSORTED: Item = {**UNSORTED, "data": {"leads": [
    {"id": "7001", "status_id": "101", "pipeline_id": "10", "name": "Order"}]}}  # fmt: skip
ACCEPTED: Item = {
    "action": "accept", "uid": "a1b2c3d4", "category": "forms", "created_at": "1700000000",
    "modified_user_id": "123", "accept_result": {"leads": ["7001"], "contacts": ["31", "32"]},
}  # fmt: skip
DECLINED: Item = {
    "action": "decline", "uid": "a1b2c3d4", "category": "forms", "created_at": "1700000000",
    "modified_user_id": "123", "decline_result": {"leads": ["7001"]},
}  # fmt: skip

ELEMENT: Item = {
    "id": "81", "catalog_id": "5", "name": "Chair", "deleted": "0", "created_by": "124",
    "modified_by": "123", "date_create": "1700000000", "date_modify": "1700000100",
    "custom_fields": VALUES, "created_at": "1700000000", "updated_at": "1700000100",
    "type": "catalog",
}  # fmt: skip
TEMPLATE: Item = {
    "id": "91", "type": "waba", "account_id": "1", "name": "Welcome", "content": "Hello",
    "created_at": "1700000000", "updated_at": "1700000100", "is_editable": "1",
    "reviews": [{"id": "1", "source_id": "8", "status": "rejected", "reject_reason": "spam"}],
    "is_on_review": "0", "waba_footer": "Bye", "waba_category": "UTILITY", "waba_language": "ru",
}  # fmt: skip

AT = 1700000100
CASES: list[tuple[str, str, Item, Expected]] = [
    ("leads", "add", NEW_LEAD, Expected("add_lead", "leads", "add", 7001, {}, AT)),
    ("leads", "update", LEAD, Expected("update_lead", "leads", "update", 7001, MOVED, AT)),
    ("leads", "restore", NEW_LEAD, Expected("restore_lead", "leads", "restore", 7001, {}, AT)),
    ("leads", "status", LEAD, Expected("status_lead", "leads", "status", 7001, MOVED, AT)),
    ("leads", "responsible", GIVEN_LEAD, Expected(
        "responsible_lead", "leads", "responsible", 7001, {"responsible_user_id": 99}, AT)),
    ("leads", "delete", {"id": "7001", "status_id": "143", "pipeline_id": "10"},
     Expected("delete_lead", "leads", "delete", 7001, {}, None)),
    ("leads", "note", NOTE, Expected("note_lead", "leads", "note", 7001, {}, AT)),
    ("contacts", "add", CONTACT, Expected("add_contact", "contacts", "add", 31, {}, AT)),
    ("contacts", "update", CONTACT, Expected("update_contact", "contacts", "update", 31, {}, AT)),
    ("contacts", "restore", CONTACT,
     Expected("restore_contact", "contacts", "restore", 31, {}, AT)),
    ("contacts", "update", {**CONTACT, "old_responsible_user_id": "99"}, Expected(
        "responsible_contact", "contacts", "responsible", 31, {"responsible_user_id": 99}, AT)),
    ("contacts", "delete", {"id": "31", "type": "contact"},
     Expected("delete_contact", "contacts", "delete", 31, {}, None)),
    ("contacts", "note", note_of("contact", "31"),
     Expected("note_contact", "contacts", "note", 31, {}, AT)),
    ("contacts", "add", COMPANY, Expected("add_company", "companies", "add", 32, {}, AT)),
    ("contacts", "update", COMPANY, Expected("update_company", "companies", "update", 32, {}, AT)),
    ("contacts", "restore", COMPANY,
     Expected("restore_company", "companies", "restore", 32, {}, AT)),
    ("contacts", "update", {**COMPANY, "old_responsible_user_id": "99"}, Expected(
        "responsible_company", "companies", "responsible", 32, {"responsible_user_id": 99}, AT)),
    ("contacts", "delete", {"id": "32", "type": "company"},
     Expected("delete_company", "companies", "delete", 32, {}, None)),
    ("contacts", "note", note_of("company", "32"),
     Expected("note_company", "companies", "note", 32, {}, AT)),
    ("customers", "add", CUSTOMER, Expected("add_customer", "customers", "add", 61, {}, AT)),
    ("customers", "update", {**CUSTOMER, "old_period_id": "3"},
     Expected("update_customer", "customers", "update", 61, {"period_id": 3}, AT)),
    ("customers", "delete", {"id": "61"},
     Expected("delete_customer", "customers", "delete", 61, {}, None)),
    ("customers", "responsible", {**CUSTOMER, "old_responsible_user_id": "99"}, Expected(
        "responsible_customer", "customers", "responsible", 61, {"responsible_user_id": 99}, AT)),
    ("customers", "note", note_of("customer", "61"),
     Expected("note_customer", "customers", "note", 61, {}, AT)),
    ("task", "add", TASK, Expected("add_task", "tasks", "add", 41, {}, AT)),
    ("task", "update", CHANGED_TASK, Expected("update_task", "tasks", "update", 41, {}, AT)),
    ("task", "update", GIVEN_TASK, Expected(
        "responsible_task", "tasks", "responsible", 41, {"responsible_user_id": 99}, AT)),
    ("task", "delete", {"id": "41"}, Expected("delete_task", "tasks", "delete", 41, {}, None)),
    ("unsorted", "add", UNSORTED,
     Expected("add_unsorted", "unsorted", "add", "a1b2c3d4", {}, 1700000000)),
    ("unsorted", "update", CHANGED_UNSORTED,
     Expected("update_unsorted", "unsorted", "update", "a1b2c3d4", {}, 1700000000)),
    ("unsorted", "delete", ACCEPTED,
     Expected("delete_unsorted", "unsorted", "delete", "a1b2c3d4", {}, 1700000000)),
    ("unsorted", "delete", DECLINED,
     Expected("delete_unsorted", "unsorted", "delete", "a1b2c3d4", {}, 1700000000)),
    ("talk", "add", TALK, Expected("add_talk", "talks", "add", 71, {}, AT)),
    ("talk", "update", TALK, Expected("update_talk", "talks", "update", 71, {}, AT)),
    ("message", "add", MESSAGE,
     Expected("add_message", "messages", "add", MESSAGE["id"], {}, 1700000000)),
    ("message", "add", {**MESSAGE, "type": "outgoing"},
     Expected("add_outgoing_message", "messages", "add", MESSAGE["id"], {}, 1700000000)),
    ("catalogs", "add", ELEMENT,
     Expected("catalogs/add", "catalog_elements", "add", 81, {}, AT)),
    ("catalogs", "update", ELEMENT,
     Expected("catalogs/update", "catalog_elements", "update", 81, {}, AT)),
    ("catalogs", "delete", {"id": "81", "catalog_id": "5", "type": "catalog"},
     Expected("catalogs/delete", "catalog_elements", "delete", 81, {}, None)),
]  # fmt: skip


def expected_event(wire: str, item: Item, expected: Expected) -> Event:
    code, entity, action, id_, previous, happened_at = expected
    return Event(
        "account", code, wire, entity, action, id_, item, 1, "test", previous, happened_at, 5.0
    )


@pytest.mark.parametrize(
    ("entity", "action", "item", "expected"),
    CASES,
    ids=[f"{entity}-{action}-{expected.code}" for entity, action, _, expected in CASES],
)
def test_a_body_becomes_its_event(entity: str, action: str, item: Item, expected: Expected) -> None:
    event = expected_event(f"{entity}/{action}", item, expected)
    assert parse(hook(entity, action, item), FORM, received_at=5.0) == Delivery(
        "account", 1, "test", (event,), 5.0
    )


def test_the_review_of_a_template_has_no_entity_on_the_wire() -> None:
    body = form({"add": [TEMPLATE], "account": ACCOUNT})
    expected = Expected("add_chat_template_review", "chat_templates", "add", 91, {}, AT)
    assert parse(body, FORM, received_at=5.0).events == (expected_event("add", TEMPLATE, expected),)


def test_linked_leads_are_a_list_although_their_keys_are_ids() -> None:
    body = b"contacts[add][0][id]=31&contacts[add][0][linked_leads_id][7001][ID]=7001"
    (event,) = parse(body, FORM).events
    assert event.item == {"id": "31", "linked_leads_id": [{"ID": "7001"}]}


def test_the_raw_body_of_the_reference() -> None:
    body = (
        b"leads[status][0][id]=7001&leads[status][0][name]=Lead&leads[status][0][status_id]=142"
        b"&leads[status][0][old_status_id]=101&leads[status][0][price]=0"
        b"&leads[status][0][custom_fields][0][id]=902&leads[status][0][custom_fields][0][name]=Flag"
        b"&leads[status][0][custom_fields][0][values][0][value]=1&account[subdomain]=test"
        b"&account[id]=1&account[_links][self]=https://test.amocrm.ru"
    )
    (event,) = parse(body, FORM).events
    assert (event.code, event.previous, event.key) == (
        "status_lead",
        {"status_id": 101},
        "1/leads/7001",
    )
    assert event.item["custom_fields"] == [
        {"id": "902", "name": "Flag", "values": [{"value": "1"}]}
    ]


@pytest.mark.parametrize("now", ["123", ""])
def test_a_contact_that_was_not_given_away_is_updated(now: str) -> None:
    same = {"id": "31", "responsible_user_id": "123", "old_responsible_user_id": now}
    (event,) = parse(hook("contacts", "update", same), FORM).events
    assert (event.code, event.action) == ("update_contact", "update")


def test_a_contact_s_own_responsible_event_has_the_same_code() -> None:
    # Reference 12.4: the name of the subscription suggests it, captures show `update`.
    (event,) = parse(hook("contacts", "responsible", {"id": "31", "type": "company"}), FORM).events
    assert (event.code, event.wire) == ("responsible_company", "contacts/responsible")


def test_several_items_and_actions_keep_their_order() -> None:
    body = form({
        "leads": {"update": [{"id": "2"}, {"id": "1"}], "add": [{"id": "3"}]},
        "contacts": {"add": [{"id": "4", "type": "company"}, {"id": "5"}]},
        "account": {"subdomain": "old"},
    })  # fmt: skip
    delivery = parse(body, FORM)
    assert [(event.code, event.id) for event in delivery.events] == [
        ("update_lead", 2), ("update_lead", 1), ("add_lead", 3), ("add_company", 4),
        ("add_contact", 5),
    ]  # fmt: skip
    assert (delivery.account_id, delivery.subdomain) == (None, "old")
    assert {event.key for event in delivery.events} == {
        "old/leads/2", "old/leads/1", "old/leads/3", "old/companies/4", "old/contacts/5",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"leads[delete][]=7001", b"leads[delete]=7001", b"leads[delete][id]=7001",
     b"leads[delete][0][id]=7001", b"leads[delete][3]=7001", b"leads[delete][][id]=7001"],
)  # fmt: skip
def test_a_deletion_may_have_no_index(body: bytes) -> None:
    (event,) = parse(body, FORM).events
    assert (event.code, event.id, event.item) == ("delete_lead", 7001, {"id": "7001"})


@pytest.mark.parametrize(
    ("account", "expected"),
    [({"id": "1", "subdomain": "test"}, (1, "test")),
     ({"subdomain": "test"}, (None, "test")),
     ({"_links": {"self": "https://test.kommo.com"}}, (None, "test")),
     ({"id": "-5", "subdomain": "a b'\n"}, (None, "a_b__")),
     ({"id": "9" * 50}, (None, None)),
     ({}, (None, None))],
)  # fmt: skip
def test_the_account_is_told(account: Item, expected: tuple[int | None, str | None]) -> None:
    delivery = parse(form({"leads": {"add": [{"id": "1"}]}, "account": account}), FORM)
    assert (delivery.account_id, delivery.subdomain) == expected
    (event,) = delivery.events
    assert (event.account_id, event.subdomain) == expected


def test_an_item_names_its_account_where_the_body_does_not() -> None:
    assert parse(form({"leads": {"add": [{"id": "1", "account_id": "7"}]}}), FORM).account_id == 7
    own = form({"leads": {"add": [{"id": "1", "account_id": "7"}]}, "account": {"id": "8"}})
    assert parse(own, FORM).account_id == 8


@pytest.mark.parametrize(
    ("entity", "action", "item", "code", "resource"),
    [("leads", "future", {"id": "1"}, "leads/future", "leads"),
     ("contacts", "future", {"id": "1", "type": "company"}, "contacts/future", "companies"),
     ("robots", "add", {"id": "1"}, "robots/add", ""),
     ("task", "status", {"id": "1"}, "task/status", "tasks")],
)  # fmt: skip
def test_what_is_unknown_is_an_event_under_its_own_name(
    entity: str, action: str, item: Item, code: str, resource: str
) -> None:
    (event,) = parse(hook(entity, action, item), FORM).events
    assert (event.code, event.wire, event.entity) == (code, f"{entity}/{action}", resource)
    assert (event.action, event.id, event.item) == (action, 1, item)


def test_a_body_without_any_entity_is_one_unknown_event() -> None:
    (event,) = parse(b"hello=world&id=5", FORM).events
    assert (event.code, event.item, event.id) == ("unknown", {"hello": "world", "id": "5"}, 5)


def test_messages_are_ordered_within_their_chat() -> None:
    first, second = ({**MESSAGE, "id": id_} for id_ in ("m-1", "m-2"))
    events = parse(hook("message", "add", first, second), FORM).events
    assert {event.key for event in events} == {f"1/messages/{MESSAGE['chat_id']}"}
