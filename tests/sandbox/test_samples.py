"""The sample bodies of reference 5.17 and 5.18 are taken, and those of sections 4 to 9.

Numbers are those of the reference; `adapted` puts the account's own in their place.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox
from tests.sandbox.every_write import World, named, numbered

Sample = tuple[str, str, str, Any]

_STAMPS = {
    "created_by": 5, "updated_by": 5, "created_at": 1700000000, "updated_at": 1700000000,
}  # fmt: skip
_SELF = {"self": {"href": "https://example.amocrm.ru/api/v4/contacts/31"}}
_CARD = {"view": "A", "edit": "A", "add": "A", "delete": "D", "export": "D"}
_FULL = dict.fromkeys(("view", "edit", "add", "delete", "export"), "A")
_SERVICE = {
    "type": "whatsapp",
    "params": {"waba": True, "is_supports_list_message": True},
    "pages": [{"id": "1", "name": "Line 1", "link": "+79990000000"}],
}
_STATUSES = [
    {"id": 100, "name": "Incoming leads", "sort": 10, "is_editable": False, "pipeline_id": 10,
     "color": "#c1c1c1", "type": 1, "account_id": 1},
    {"id": 101, "name": "First contact", "sort": 20, "is_editable": True, "pipeline_id": 10,
     "color": "#98cbff", "type": 0, "account_id": 1},
    {"id": 142, "name": "Closed - won", "sort": 10000, "is_editable": False, "pipeline_id": 10,
     "color": "#CCFF66", "type": 0, "account_id": 1},
    {"id": 143, "name": "Closed - lost", "sort": 11000, "is_editable": False, "pipeline_id": 10,
     "color": "#D5D8DB", "type": 0, "account_id": 1},
]  # fmt: skip
_UUID = "11111111-1111-4111-8111-111111111111"

READS: list[Sample] = [
    # Reference 5.17: sent back to the item that they show, or as a new one.
    ("contact", "PATCH", "/contacts/31", {
        "id": 31, "name": "Ann Lee", "first_name": "Ann", "last_name": "Lee",
        "responsible_user_id": 5, "group_id": 0, **_STAMPS, "is_deleted": False,
        "is_unsorted": False, "closest_task_at": None,
        "custom_fields_values": [
            {"field_id": 3, "field_name": "Phone", "field_code": "PHONE",
             "field_type": "multitext",
             "values": [{"value": "+79990000000", "enum_id": 1, "enum_code": "WORK"}]}],
        "account_id": 1, "_links": _SELF,
        "_embedded": {"tags": [], "companies": [{"id": 44, "_links": _SELF}],
                      "leads": [{"id": 7001}], "customers": [], "catalog_elements": []}}),
    ("company", "PATCH", "/companies/44", {
        "id": 44, "name": "Lee Ltd", "responsible_user_id": 5, "group_id": 0, **_STAMPS,
        "closest_task_at": None, "is_deleted": False, "custom_fields_values": None,
        "account_id": 1, "_embedded": {"tags": []}}),
    ("customer", "PATCH", "/customers/9", {
        "id": 9, "name": "Regular", "next_price": 500, "next_date": 1700600000,
        "responsible_user_id": 5, "periodicity": 30, **_STAMPS, "closest_task_at": None,
        "is_deleted": False, "custom_fields_values": None, "ltv": 1500, "purchases_count": 3,
        "average_check": 500, "account_id": 1,
        "_embedded": {"segments": [{"id": 43}], "tags": []}}),
    ("transaction", "POST", "/customers/9/transactions", [{
        "id": 6001, "price": 500, "comment": None, "completed_at": 1700000000, "customer_id": 9,
        **_STAMPS, "is_deleted": False, "account_id": 1,
        "_embedded": {"customer": {"id": 9}, "catalog_elements": [
            {"id": 77, "metadata": {"catalog_id": 5, "quantity": 2}}]}}]),
    ("pipeline", "PATCH", "/leads/pipelines/10", {
        "id": 10, "name": "Main", "sort": 1, "is_main": True, "is_unsorted_on": True,
        "is_archive": False, "account_id": 1, "_embedded": {"statuses": _STATUSES}}),
    ("status", "PATCH", "/leads/pipelines/10/statuses/101", _STATUSES[1]),
    ("task", "PATCH", "/tasks/71", {
        "id": 71, **_STAMPS, "responsible_user_id": 5, "group_id": 0, "entity_id": 7001,
        "entity_type": "leads", "duration": 0, "is_completed": True, "task_type_id": 2,
        "text": "Call back", "result": {"text": "done"}, "complete_till": 1700086399,
        "account_id": 1}),
    ("notes", "POST", "/leads/notes", [
        {"id": 501, "entity_id": 7001, **_STAMPS, "responsible_user_id": 5, "group_id": 0,
         "note_type": "common", "params": {"text": "hello"}, "account_id": 1},
        {"id": 502, "entity_id": 7001, "note_type": "call_in", "params": {
            "uniq": "c-1", "duration": 60, "source": "pbx", "link": "https://pbx.example/1.mp3",
            "phone": "+79990000000", "call_responsible": 5, "call_result": "ok",
            "call_status": 4}},
        {"id": 503, "entity_id": 7001, "note_type": "attachment", "params": {
            "is_drive_attachment": True, "text": "scan.png", "original_name": "scan.png",
            "file_uuid": _UUID, "version_uuid": _UUID, "file_name": "scan.png"}}]),
    ("note", "PATCH", "/leads/notes/501", {
        "id": 501, "entity_id": 7001, **_STAMPS, "responsible_user_id": 5, "group_id": 0,
        "note_type": "common", "params": {"text": "hello"}, "account_id": 1}),
    ("catalog", "PATCH", "/catalogs/5", {
        "id": 5, "name": "Products", **_STAMPS, "sort": 10, "type": "products",
        "can_add_elements": True, "can_show_in_cards": False, "can_link_multiple": True,
        "can_be_deleted": False, "sdk_widget_code": None, "account_id": 1}),
    ("element", "PATCH", "/catalogs/5/elements/77", {
        "id": 77, "catalog_id": 5, "name": "Bike", **_STAMPS, "is_deleted": None,
        "custom_fields_values": [
            {"field_id": 61, "field_name": "SKU", "field_code": "SKU", "field_type": "text",
             "values": [{"value": "b-1"}]},
            {"field_id": 62, "field_name": "Price", "field_code": "PRICE", "field_type": "price",
             "values": [{"value": "1500"}]}],
        "account_id": 1, "_embedded": {}}),
    ("user", "POST", "/users", [{
        "id": 5, "name": "Ann", "email": "ann2@example.com", "lang": "ru", "rights": {
            "leads": _FULL, "contacts": _FULL, "companies": _FULL,
            "tasks": {"edit": "A", "delete": "A"}, "mail_access": True, "catalog_access": True,
            "status_rights": None, "is_admin": True, "is_free": False, "is_active": True,
            "group_id": None, "role_id": None},
        "_embedded": {"roles": [], "groups": [{"id": 0, "name": "Sales"}]},
        # No read shows a password, and no user is made without.
        "password": "Passw0rdX"}]),
    ("webhook", "POST", "/webhooks", {
        "id": 801, "destination": "https://hook.example/in", "created_at": 1700000000,
        "updated_at": 1700000000, "account_id": 1, "created_by": 5, "sort": 1, "disabled": False,
        "settings": ["add_lead", "update_lead"]}),
    ("field group", "POST", "/leads/custom_fields/groups", [{
        "id": "leads_10000000000001", "name": "Extra", "is_predefined": False,
        "type": "custom_field_group", "entity_type": "leads", "sort": 3}]),
    ("tag", "POST", "/leads/tags", [{"id": 61, "name": "vip", "color": "DDEBB5"}]),
    ("source", "POST", "/sources", [{
        "id": 81, "name": "Shop", "pipeline_id": 10, "external_id": "shop-2", "default": True,
        "origin_code": None, "services": []}]),
    ("segment", "PATCH", "/customers/segments/43", {
        "id": 51, "created_at": 1700000000, "updated_at": 1700000000, "account_id": 1,
        "name": "Gold", "color": "6610f2", "available_products_price_types": [62],
        "customers_count": 0, "custom_fields_values": None}),
    ("field", "PATCH", "/leads/custom_fields/900", {
        # Reference 4.14.
        "id": 900, "name": "Region", "type": "select", "account_id": 1, "code": None, "sort": 504,
        "is_api_only": False,
        "enums": [{"id": 17, "value": "north", "sort": 1, "code": None}], "group_id": None,
        "required_statuses": [{"pipeline_id": 10, "status_id": 101}], "is_deletable": True,
        "is_predefined": False, "entity_type": "leads", "tracking_callback": None, "remind": None,
        "chained_lists": None, "currency": None, "hidden_statuses": []}),
]  # fmt: skip

WRITES: list[Sample] = [
    # Reference 5.18.
    ("contacts", "POST", "/contacts", [{
        "first_name": "Ann", "last_name": "Lee", "responsible_user_id": 5,
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "+79990000000", "enum_code": "WORK"}]},
            {"field_code": "EMAIL",
             "values": [{"value": "ann@example.com", "enum_code": "WORK"}]}],
        "tags_to_add": [{"name": "vip"}], "request_id": "c1"}]),
    ("customers", "POST", "/customers", [{
        "name": "Regular", "next_date": 1700600000,
        "_embedded": {"segments": [{"id": 43}], "tags": [{"name": "vip"}]}}]),
    ("transactions", "POST", "/customers/9/transactions", [{
        "price": 500, "comment": "first", "completed_at": 1700000000,
        "_embedded": {"catalog_elements": [
            {"id": 77, "metadata": {"catalog_id": 5, "quantity": 2}}]}}]),
    ("elements", "POST", "/catalogs/5/elements", [{
        "name": "Bike",
        "custom_fields_values": [{"field_code": "SKU", "values": [{"value": "b-1"}]}]}]),
    ("tasks", "POST", "/tasks", [{
        "text": "Call back", "complete_till": 1700086399, "entity_id": 7001,
        "entity_type": "leads", "task_type_id": 1}]),
    ("notes", "POST", "/leads/notes", [{
        "entity_id": 7001, "note_type": "service_message",
        "params": {"service": "Shop", "text": "paid"}}]),
    ("custom fields", "POST", "/leads/custom_fields", [{
        "name": "Region", "type": "select", "sort": 510,
        "enums": [{"value": "north", "sort": 1}, {"value": "south", "sort": 2}]}]),
    ("group", "PATCH", "/leads/custom_fields/groups/default", {
        "name": "Extra", "sort": 6, "fields": [900]}),
    ("links", "POST", "/leads/7001/link", [
        {"to_entity_id": 77, "to_entity_type": "catalog_elements",
         "metadata": {"quantity": 1, "catalog_id": 5, "price_id": 62}},
        {"to_entity_id": 31, "to_entity_type": "contacts", "metadata": {"is_main": True}}]),
    ("webhook", "POST", "/webhooks", {
        "destination": "https://hook.example/in", "settings": ["add_lead"], "sort": 10}),
    ("webhook gone", "DELETE", "/webhooks", {"destination": "https://hook.example/old"}),
    ("calls", "POST", "/calls", [{
        "direction": "inbound", "duration": 30, "source": "pbx", "phone": "+79990000000",
        "call_status": 4, "call_responsible": 5, "uniq": "c-1",
        "link": "https://pbx.example/1.mp3"}]),
    ("sources", "POST", "/sources", [{
        "name": "Shop", "external_id": "shop-1", "pipeline_id": 10, "default": True,
        "services": [_SERVICE]}]),
    ("users", "POST", "/users", [{
        "name": "Bob", "email": "bob2@example.com", "password": "Passw0rdX", "lang": "ru",
        "rights": {"leads": _CARD, "contacts": _CARD, "companies": _CARD,
                   "tasks": {"edit": "A", "delete": "A"}, "status_rights": None}}]),
    ("unsorted link", "POST", "/leads/unsorted/chat/link", {
        "link": {"entity_id": 7001, "entity_type": "leads", "metadata": {"contact_id": 31}},
        "user_id": 5}),
    ("entity files", "PUT", "/leads/7001/files", [{"file_uuid": _UUID}]),
    ("short links", "POST", "/short_links", [{
        "url": "https://shop.example/1",
        "metadata": {"entity_type": "contacts", "entity_id": 31}}]),
    ("chat templates", "POST", "/chats/templates", [{
        "name": "Hello", "content": "Hello {{contact.name}}", "external_id": "t-1",
        "buttons": [{"type": "inline", "text": "Yes"}]}]),
    # Reference 4.2, 4.3, 4.4 and 9.1.
    ("leads", "POST", "/leads", [{
        "name": "Order 17", "price": 1500, "pipeline_id": 10, "status_id": 101,
        "responsible_user_id": 5,
        "custom_fields_values": [{"field_id": 900, "values": [{"value": "north"}]}],
        "tags_to_add": [{"name": "site"}], "request_id": "a1",
        "_embedded": {"contacts": [{"id": 31, "is_main": True}], "companies": [{"id": 44}],
                      "source": {"external_id": "s-1", "type": "widget"}}}]),
    ("forms", "POST", "/leads/unsorted/forms", [{
        "source_uid": "src-1", "source_name": "Site form", "pipeline_id": 10,
        "created_at": 1700000000,
        "metadata": {"form_id": "f1", "form_name": "Callback",
                     "form_page": "https://shop.example/form", "ip": "192.0.2.1",
                     "form_sent_at": 1700000000, "referer": "", "visitor_uid": None}}]),
    ("task done", "PATCH", "/tasks/71", {"is_completed": True, "result": {"text": "done"}}),
    ("tags removed", "PATCH", "/leads/7001", {"_embedded": {"tags": None}}),
    ("talk", "POST", "/talks/117/close", {"force_close": False}),
    ("mode", "PATCH", "/customers/mode", {"mode": "segments", "is_enabled": True}),
    ("switch", "POST", "/users/deactivate", [{"id": 503}]),
    ("continue", "POST", "/salesbot/7/continue/1", {"data": {"status": "success"}}),
]  # fmt: skip

USERS = {"responsible_user_id", "created_by", "updated_by", "call_responsible", "user_id"}


class Ids:
    """The account's own numbers for those of the reference."""

    def __init__(self, world: World) -> None:
        account = world.account
        world.send("PATCH", "/catalogs/products/settings", {"is_enabled": True})
        catalog = int(next(iter(account.shelf("catalogs"))))
        fields = {
            one["code"]: number for number, one in account.fields[f"catalogs/{catalog}"].items()
        }
        pipeline = int(account.main_pipeline["id"])
        stages = account.statuses(pipeline)
        region = world.make(
            "/leads/custom_fields",
            {"name": "Region", "type": "select", "enums": [{"value": "north"}]},
        )
        phone = {"field_code": "PHONE", "values": [{"value": "+79990000000"}]}
        contact = world.id("/contacts", name="Ann", custom_fields_values=[phone])
        lead = world.entity("leads")
        note = {"note_type": "common", "params": {"text": "a"}}
        phones = account.field_by_code("contacts", "PHONE") or {}
        self.by_id = {
            31: contact, 44: world.entity("companies"), 7001: lead, 9: world.entity("customers"),
            43: world.id("/customers/segments", name="A"), 10: pipeline, 100: stages[0]["id"],
            101: stages[1]["id"], 77: world.id(f"/catalogs/{catalog}/elements", name="Bike"),
            5: catalog, 900: region["id"], 17: region["enums"][0]["id"],
            71: world.id("/tasks", text="a", complete_till=1),
            501: world.id(f"/leads/{lead}/notes", **note),
            117: world.portal.add("talks", {}), 1: phones["enums"][0]["id"],
        }  # fmt: skip
        self.fields = {61: fields["SKU"], 62: fields["PRICE"], 3: phones["id"], 900: region["id"]}
        self.file = world.file()
        self.version = world.send("GET", f"/v1.0/files/{self.file}").json()["version_uuid"]
        self.chat = world.uid("chats")
        self.waiting = world.portal.add("waiting", {"bot_id": 7, "kind": "salesbot"})
        world.id("/sources", name="S", external_id="s-1")
        old = {"destination": "https://hook.example/old", "settings": ["add_lead"]}
        world.make("/webhooks", old)

    def adapted(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self.adapted(one, key) for key, one in named(value)}
        if isinstance(value, list):
            return [self.adapted(one, name) for _, one in numbered(value)]
        if name in USERS:
            return 501
        if name in ("field_id", "price_id", "fields"):
            return self.fields[value]
        if name in ("file_uuid", "version_uuid"):
            return self.file if name == "file_uuid" else self.version
        if name.endswith("id") and name != "task_type_id" and isinstance(value, int):
            return self.by_id.get(value, value)
        return value

    def address(self, path: str) -> str:
        if path.startswith("/salesbot"):
            return f"/salesbot/7/continue/{self.waiting}"
        path = path.replace("/chat/", f"/{self.chat}/")
        parts = path.split("/")
        return "/".join(
            str(self.by_id.get(int(one), one)) if one.isdigit() else one for one in parts
        )


@pytest.fixture
def world(portal: Sandbox) -> World:
    return World(portal)


@pytest.fixture
def ids(world: World) -> Ids:
    return Ids(world)


def send(world: World, ids: Ids, sample: Sample) -> requests.Response:
    _, method, path, body = sample
    return world.send(method, ids.address(path), ids.adapted(body))


@pytest.mark.parametrize("sample", [*READS, *WRITES], ids=lambda one: f"{one[1]} {one[0]}")
def test_a_sample_is_taken(world: World, ids: Ids, sample: Sample) -> None:
    answer = send(world, ids, sample)
    assert answer.status_code in (200, 201, 202, 204), answer.text


def test_a_sample_of_a_customer_has_a_status_in_periodicity_mode(world: World, ids: Ids) -> None:
    world.in_mode("periodicity")
    (statuses,) = world.send("GET", "/customers/statuses").json()["_embedded"].values()
    (sample,) = [one for one in READS if one[0] == "customer"]
    body = {**ids.adapted(sample[3]), "status_id": statuses[0]["id"]}
    assert world.send("PATCH", ids.address(sample[2]), body).status_code == 200


def test_a_sample_of_a_complex_lead_answers_bare_rows(world: World) -> None:
    answer = world.send("POST", "/leads/complex", [{"name": "A", "_embedded": {"contacts": [{}]}}])
    ((row,), status) = answer.json(), answer.status_code
    assert (status, set(row)) == (200, {"id", "contact_id", "company_id", "request_id", "merged"})
    assert (row["request_id"], row["company_id"], row["merged"]) == (["0"], None, False)
