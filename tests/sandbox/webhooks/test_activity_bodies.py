"""Bodies about tasks, notes, talks, messages, incoming leads, elements, templates (6.3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from tests.sandbox.webhooks.chat_wire import ask, connect
from tests.sandbox.webhooks.decoded import lines, sent

Call = Callable[..., requests.Response]
Subscribe = Callable[..., str]


TASK = {"text": "Call", "complete_till": 1700086400, "entity_id": 7001, "entity_type": "leads"}

NEW_TASK = """
task[add][0][id]=100001
task[add][0][element_id]=7001
task[add][0][element_type]=2
task[add][0][task_type]=1
task[add][0][date_create]=2023-11-15 01:13:20
task[add][0][text]=Call
task[add][0][status]=0
task[add][0][account_id]=30000001
task[add][0][created_user_id]=501
task[add][0][last_modified]=2023-11-15 01:13:20
task[add][0][responsible_user_id]=501
task[add][0][complete_till]=2023-11-16 01:13:20
task[add][0][complete_before]=1700086400
task[add][0][created_at]=1700000000
task[add][0][updated_at]=1700000000
"""

DONE_TASK = """
task[update][0][id]=100001
task[update][0][element_id]=7001
task[update][0][element_type]=2
task[update][0][task_type]=1
task[update][0][date_create]=2023-11-15 01:13:20
task[update][0][text]=Call again
task[update][0][status]=1
task[update][0][account_id]=30000001
task[update][0][created_user_id]=501
task[update][0][last_modified]=2023-11-15 01:13:21
task[update][0][responsible_user_id]=501
task[update][0][complete_till]=2023-11-16 01:13:20
task[update][0][complete_before]=1700086400
task[update][0][created_at]=1700000000
task[update][0][updated_at]=1700000001
task[update][0][action_close]=1
task[update][0][old_text]=Call
task[update][0][result][id]=100003
task[update][0][result][text]=Agreed
"""


def test_a_task_is_added_closed_handed_over_and_deleted(
    call: Call, portal: Sandbox, subscribe: Subscribe, clock: ManualClock
) -> None:
    portal.add("leads", {"name": "A"})
    subscribe("add_task", "update_task", "responsible_task", "delete_task")
    call("POST", "/tasks", json=[TASK])
    clock.advance(1)
    done = {"is_completed": True, "text": "Call again", "result": {"text": "Agreed"}}
    call("PATCH", "/tasks/100001", json=done)
    call("PATCH", "/tasks/100001", json={"responsible_user_id": 503})
    portal.trash("tasks", 100001)
    found = sent(portal)
    assert found[:2] == [lines(NEW_TASK), lines(DONE_TASK)]
    assert found[2][-3:] == [
        "task[update][0][main_user]=503",
        "task[update][0][modified_by]=501",
        "task[update][0][old_responsible_user_id]=501",
    ]
    assert "task[update][0][action_close]=0" in found[2]
    assert found[3] == ["task[delete][0][id]=100001"]
    assert [one.codes for one in portal.webhooks.deliveries] == [
        ("add_task",),
        ("update_task",),
        ("update_task", "responsible_task"),
        ("delete_task",),
    ]
    assert call("GET", "/tasks/100001").status_code == 204


NOTE = """
leads[note][0][note][id]=100003
leads[note][0][note][text]=Hello
leads[note][0][note][attachement]=
leads[note][0][note][date_create]=2023-11-15 01:13:20
leads[note][0][note][note_type]=4
leads[note][0][note][element_type]=2
leads[note][0][note][element_id]=7001
leads[note][0][note][catalog_id]=
leads[note][0][note][group_id]=0
leads[note][0][note][timestamp_x]=2023-11-15 01:13:20
leads[note][0][note][account_id]=30000001
leads[note][0][note][metadata]={"event_source": {"type": 1, "author_name": "Ann"}}
leads[note][0][note][created_by]=501
leads[note][0][note][modified_by]=501
leads[note][0][note][main_user_id]=501
leads[note][0][note][created_at]=1700000000
leads[note][0][note][updated_at]=1700000000
"""


def test_a_note_of_a_lead(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    portal.add("leads", {"name": "A"})
    subscribe("note_lead")
    call("POST", "/leads/7001/notes", json=[{"note_type": "common", "params": {"text": "Hello"}}])
    assert sent(portal) == [lines(NOTE)]
    call("PATCH", "/leads/notes/100003", json={"params": {"text": "Bye"}})
    assert len(portal.webhooks.deliveries) == 1


@pytest.mark.parametrize(
    ("kind", "code", "entity", "beside"),
    [
        ("contacts", "note_contact", "contacts", {"contacts[note][0][type]": "contact"}),
        ("companies", "note_company", "contacts", {"contacts[note][0][type]": "company"}),
        ("customers", "note_customer", "customers", {}),
    ],
)
def test_notes_of_others_tell_whose_they_are(
    call: Call, portal: Sandbox, subscribe: Subscribe,
    kind: str, code: str, entity: str, beside: dict[str, str],
) -> None:  # fmt: skip
    number = portal.add(kind, {"name": "A"})
    subscribe(code)
    params = {"phone": "+7900", "duration": 5, "source": "pbx"}
    call("POST", f"/{kind}/{number}/notes", json=[{"note_type": "call_in", "params": params}])
    form = portal.webhooks.deliveries[0].form
    start = f"{entity}[note][0][note]"
    assert form[f"{start}[note_type]"] == "10"
    assert json.loads(form[f"{start}[text]"]) == params
    rest = {key: one for key, one in form.items() if not key.startswith((start, "account["))}
    assert rest == beside


def test_a_call_is_a_note(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    phone = {"field_code": "PHONE", "values": [{"value": "+79990000000"}]}
    portal.add("contacts", {"name": "Ann", "custom_fields_values": [phone]})
    subscribe("note_contact")
    told = {"direction": "outbound", "duration": 30, "source": "pbx", "phone": "+79990000000"}
    call("POST", "/calls", json=[told])
    assert portal.webhooks.deliveries[0].form["contacts[note][0][note][note_type]"] == "11"


def test_elements_of_lists(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    made = call("POST", "/catalogs", json=[{"name": "Goods"}]).json()
    catalog = made["_embedded"]["catalogs"][0]["id"]
    subscribe("add_catalog_element", "update_catalog_element", "delete_catalog_element")
    path = f"/catalogs/{catalog}/elements"
    number = call("POST", path, json=[{"name": "Cup"}]).json()["_embedded"]["elements"][0]["id"]
    call("PATCH", f"{path}/{number}", json={"name": "Mug"})
    portal.trash("elements", number)
    added, updated, deleted = sent(portal)
    assert added == [
        f"catalogs[add][0][id]={number}",
        f"catalogs[add][0][catalog_id]={catalog}",
        "catalogs[add][0][name]=Cup",
        "catalogs[add][0][deleted]=0",
        "catalogs[add][0][created_by]=501",
        "catalogs[add][0][modified_by]=501",
        "catalogs[add][0][date_create]=1700000000",
        "catalogs[add][0][date_modify]=1700000000",
        "catalogs[add][0][created_at]=1700000000",
        "catalogs[add][0][updated_at]=1700000000",
        "catalogs[add][0][type]=catalog",
    ]
    assert "catalogs[update][0][name]=Mug" in updated
    assert deleted == [
        f"catalogs[delete][0][id]={number}",
        f"catalogs[delete][0][catalog_id]={catalog}",
        "catalogs[delete][0][type]=catalog",
    ]
    assert call("GET", f"{path}/{number}").status_code == 204


def test_talks(call: Call, portal: Sandbox, subscribe: Subscribe, clock: ManualClock) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    subscribe("add_talk", "update_talk")
    model = {"contact_id": contact, "entity_id": lead, "entity_type": "lead", "chat_id": "c"}
    talk = portal.add("talks", model)
    clock.advance(5)
    call("POST", f"/talks/{talk}/close")
    added, updated = sent(portal)
    assert added == [
        f"talk[add][0][talk_id]={talk}",
        "talk[add][0][created_at]=1700000000",
        "talk[add][0][updated_at]=1700000000",
        "talk[add][0][rate]=0",
        f"talk[add][0][contact_id]={contact}",
        "talk[add][0][chat_id]=c",
        f"talk[add][0][entity_id]={lead}",
        "talk[add][0][entity_type]=lead",
        "talk[add][0][is_in_work]=1",
        "talk[add][0][is_read]=0",
        "talk[add][0][origin]=sandbox",
    ]
    assert "talk[update][0][is_in_work]=0" in updated
    assert "talk[update][0][updated_at]=1700000005" in updated


def test_messages_both_ways(
    call: Call, portal: Sandbox, session: requests.Session, subscribe: Subscribe,
    clock: ManualClock,
) -> None:  # fmt: skip
    channel, account = portal.add_channel(), portal.account()
    scope = connect(session, channel, clock, account.amojo_id)
    subscribe("add_talk", "add_message", "add_outgoing_message")
    payload: dict[str, Any] = {
        "timestamp": 1700000000,
        "msec_timestamp": 1700000000123,
        "msgid": "m-1",
        "conversation_id": "c-1",
        "sender": {"id": "u-1", "name": "Ann", "avatar": "https://a.example/a.png"},
        "message": {"type": "text", "text": "hello"},
    }
    event = {"event_type": "new_message", "payload": payload}
    first = ask(session, channel, clock, scope, event).json()["new_message"]
    ask(session, channel, clock, scope, event)  # The same message again is no message.
    contact = portal.add("contacts", {})
    link = {"contact_id": contact, "chat_id": first["conversation_id"]}
    call("POST", "/contacts/chats", json=[link])
    photo = {"type": "picture", "media": "https://a.example/p.png", "file_name": "p.png"}
    payload |= {"msgid": "m-2", "message": {**photo, "file_size": 5}}
    ask(session, channel, clock, scope, event)
    portal.write_chat(scope, "c-1", "Good morning")
    assert [one.code for one in portal.webhooks.deliveries if one.kind == "account"] == [
        "add_talk", "add_message", "add_message", "add_outgoing_message",
    ]  # fmt: skip
    _, text, picture, answer = [one for one in portal.webhooks.deliveries if one.kind == "account"]
    talk = next(iter(account.shelf("talks")))
    assert [unquote_plus(one) for one in text.body.decode().split("&")][:-3] == [
        f"message[add][0][id]={first['msgid']}",
        f"message[add][0][chat_id]={first['conversation_id']}",
        f"message[add][0][talk_id]={talk}",
        "message[add][0][text]=hello",
        "message[add][0][created_at]=1700000000",
        "message[add][0][type]=incoming",
        f"message[add][0][author][id]={first['sender_id']}",
        "message[add][0][author][type]=external",
        "message[add][0][author][name]=Ann",
        "message[add][0][author][avatar_url]=https://a.example/a.png",
        f"message[add][0][origin]={channel.code}",
    ]
    assert picture.form["message[add][0][attachment][type]"] == "picture"
    assert picture.form["message[add][0][attachment][link]"] == "https://a.example/p.png"
    assert picture.form["message[add][0][contact_id]"] == str(contact)
    assert answer.form["message[add][0][type]"] == "outgoing"
    assert answer.form["message[add][0][author][id]"] == account.admin.amojo_id


FORM: dict[str, Any] = {
    "source_name": "Site",
    "source_uid": "s-1",
    "metadata": {
        "form_id": "f", "form_name": "Callback", "form_page": "https://a.example",
        "form_sent_at": 1700000000, "ip": "10.0.0.1", "referer": "https://b.example",
    },
    "_embedded": {"leads": [{"name": "Order", "price": 5}], "contacts": [{"name": "Ann"}]},
}  # fmt: skip


def test_an_incoming_lead_is_added_updated_and_accepted(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    subscribe("add_unsorted", "update_unsorted", "delete_unsorted")
    made = call("POST", "/leads/unsorted/forms", json=[FORM]).json()
    uid = made["_embedded"]["unsorted"][0]["uid"]
    call("PATCH", "/leads/7001", json={"name": "Big order"})
    call("POST", f"/leads/unsorted/{uid}/accept", json={"user_id": 503})
    call("PATCH", "/leads/7001", json={"name": "Order"})
    added, updated, deleted = sent(portal)
    assert added == [
        f"unsorted[add][0][uid]={uid}",
        "unsorted[add][0][category]=forms",
        "unsorted[add][0][source]=Site",
        "unsorted[add][0][source_data][form_id]=f",
        "unsorted[add][0][source_data][form_name]=Callback",
        "unsorted[add][0][source_data][from]=https://a.example",
        "unsorted[add][0][source_data][date]=1700000000",
        "unsorted[add][0][source_data][origin][ip]=10.0.0.1",
        "unsorted[add][0][source_data][origin][referer]=https://b.example",
        "unsorted[add][0][source_data][origin][datetime]=1700000000",
        "unsorted[add][0][data][leads][0][id]=7001",
        "unsorted[add][0][data][leads][0][name]=Order",
        "unsorted[add][0][data][leads][0][price]=5",
        "unsorted[add][0][data][contacts][0][id]=30001",
        "unsorted[add][0][data][contacts][0][name]=Ann",
        "unsorted[add][0][pipeline_id]=11",
        "unsorted[add][0][account_id]=30000001",
        "unsorted[add][0][user_id]=501",
        "unsorted[add][0][date_create]=1700000000",
        "unsorted[add][0][source_id]=s-1",
        "unsorted[add][0][lead_id]=7001",
        "unsorted[add][0][created_at]=1700000000",
        f"unsorted[add][0][request_id]={uid}",
    ]
    assert [one for one in updated if "[data][leads]" in one] == [
        "unsorted[update][0][data][leads][0][id]=7001",
        "unsorted[update][0][data][leads][0][status_id]=101",
        "unsorted[update][0][data][leads][0][pipeline_id]=11",
        "unsorted[update][0][data][leads][0][name]=Big order",
    ]
    assert deleted == [
        "unsorted[delete][0][action]=accept",
        f"unsorted[delete][0][uid]={uid}",
        "unsorted[delete][0][category]=forms",
        "unsorted[delete][0][created_at]=1700000000",
        "unsorted[delete][0][modified_user_id]=501",
        "unsorted[delete][0][accept_result][leads][0]=7001",
        "unsorted[delete][0][accept_result][contacts][0]=30001",
    ]


def test_an_incoming_lead_is_declined(call: Call, portal: Sandbox, subscribe: Subscribe) -> None:
    subscribe("delete_unsorted", "delete_lead", "delete_contact", "add_lead", "add_contact")
    made = call("POST", "/leads/unsorted/forms", json=[FORM]).json()
    uid = made["_embedded"]["unsorted"][0]["uid"]
    call("DELETE", f"/leads/unsorted/{uid}/decline")
    assert [one.code for one in portal.webhooks.deliveries] == [
        "add_lead", "add_contact", "delete_lead", "delete_contact", "delete_unsorted",
    ]  # fmt: skip
    assert sent(portal)[-1] == [
        "unsorted[delete][0][action]=decline",
        f"unsorted[delete][0][uid]={uid}",
        "unsorted[delete][0][category]=forms",
        "unsorted[delete][0][created_at]=1700000000",
        "unsorted[delete][0][modified_user_id]=501",
        "unsorted[delete][0][decline_result][leads][0]=7001",
    ]


def test_a_chat_that_is_linked_names_the_known_lead(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    uid, lead = portal.add_unsorted("chats"), portal.add("leads", {"name": "A"})
    subscribe("delete_unsorted", "delete_lead")
    link = {"link": {"entity_id": lead, "entity_type": "leads"}}
    assert call("POST", f"/leads/unsorted/{uid}/link", json=link).ok
    gone, accepted = portal.webhooks.deliveries
    assert (gone.code, accepted.code) == ("delete_lead", "delete_unsorted")
    form = accepted.form
    assert form["unsorted[delete][0][accept_result][leads][0]"] == str(lead)


def test_a_template_on_review_has_no_entity(
    call: Call, portal: Sandbox, subscribe: Subscribe
) -> None:
    subscribe("add_chat_template_review")
    model = {
        "name": "Hi", "content": "Hello", "type": "waba", "waba_category": "UTILITY",
        "waba_language": "en", "waba_footer": "Bye",
    }  # fmt: skip
    made = call("POST", "/chats/templates", json=[model]).json()
    number = made["_embedded"]["chat_templates"][0]["id"]
    review = call("POST", f"/chats/templates/{number}/review").json()
    review_id = review["_embedded"]["reviews"][0]["id"]
    assert sent(portal) == [
        [
            f"add[0][id]={number}",
            "add[0][type]=waba",
            "add[0][account_id]=30000001",
            "add[0][name]=Hi",
            "add[0][content]=Hello",
            "add[0][created_at]=1700000000",
            "add[0][updated_at]=1700000000",
            "add[0][is_editable]=0",
            f"add[0][reviews][0][id]={review_id}",
            "add[0][reviews][0][status]=review",
            "add[0][reviews][0][reject_reason]=",
            "add[0][is_on_review]=1",
            "add[0][waba_footer]=Bye",
            "add[0][waba_category]=UTILITY",
            "add[0][waba_language]=en",
        ]
    ]
