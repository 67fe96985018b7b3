"""One example for each method of docs/api.md.

`@` is the address of the resource. Examples of the common methods are made from the models below.
"""

from __future__ import annotations

import ast
import re
from typing import Final, NamedTuple

from tests.resources.table import Seat

DEFAULTS: Final = dict.fromkeys(
    ("lead", "contact", "company", "customer", "catalog", "pipeline"), "int"
)
"""Ids of what addresses go through, and their types."""

GIVEN: Final = {
    **dict.fromkeys(
        ("field", "note", "status", "reason", "task", "user", "role", "element", "segment",
         "transaction", "source", "button", "template", "review", "talk", "bot", "waiting", "hook"),
        "int",
    ),
    **dict.fromkeys(("group", "uid", "event", "file", "chat", "code"), "str"),
}  # fmt: skip
"""Ids of items, and their types."""


class Models(NamedTuple):
    """What the examples of one resource send.

    Attributes:
        number: variable of an item's id.
        new: an item to create.
        patch: a change.
    """

    number: str = ""
    new: str = ""
    patch: str = ""


CALL: Final = '{"note_type": "common", "params": {"text": "Call back"}}'
CALLED: Final = '{"note_type": "common", "params": {"text": "Called back"}}'

MODELS: Final = {
    "Leads": Models("lead", '{"name": "Order 17", "price": 1500}', '{"price": 1700}'),
    "FieldDefinitions": Models("field", '{"name": "Region", "type": "text"}', '{"name": "Area"}'),
    "SegmentFields": Models("field", '{"name": "Region", "type": "text"}', '{"name": "Area"}'),
    "FieldGroups": Models("group", '{"name": "Delivery", "sort": 2}', '{"name": "Shipping"}'),
    "Tags": Models("", '{"name": "newsletter"}'),
    "Notes": Models("note", '{"entity_id": lead, ' + CALL[1:], CALLED),
    "ItemNotes": Models("note", CALL, CALLED),
    "ComplexLeads": Models(
        "", '{"name": "Order", "_embedded": {"contacts": [{"first_name": "Anna"}]}}'
    ),
    "Unsorted": Models("uid"),
    "UnsortedForms": Models(
        "",
        '{"source_name": "Site", "source_uid": "s-1", "metadata": {"form_id": "f", "form_name": '
        '"Order", "form_page": "https://mycompany.example/", "form_sent_at": 1_700_000_000, '
        '"ip": "192.0.2.1", "referer": ""}, "_embedded": {"leads": [{"name": "Order"}]}}',
    ),
    "UnsortedCalls": Models(
        "",
        '{"source_name": "Phone", "source_uid": "p-1", "metadata": {"from": "79990000000", '
        '"phone": "79990000001", "called_at": 1_700_000_000, "duration": 60, "link": '
        '"https://pbx.example/1.mp3", "service_code": "pbx", "uniq": "u-1", '
        '"is_call_event_needed": True}}',
    ),
    "Pipelines": Models(
        "pipeline",
        '{"name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": True}',
        '{"name": "Service"}',
    ),
    "Statuses": Models(
        "status", '{"name": "Agreed", "sort": 30, "color": "#fffeb2"}', '{"name": "Signed"}'
    ),
    "LossReasons": Models("reason", '{"name": "Too expensive", "sort": 1}', '{"name": "Price"}'),
    "Contacts": Models("contact", '{"name": "Anna Petrova"}', '{"name": "Anna Smirnova"}'),
    "ContactChats": Models("", '{"contact_id": contact, "chat_id": chat}'),
    "Companies": Models("company", '{"name": "Example"}', '{"name": "Example Ltd"}'),
    "Customers": Models(
        "customer", '{"name": "Anna Petrova", "next_price": 100}', '{"next_price": 200}'
    ),
    "CustomerStatuses": Models("status", '{"name": "Waits", "sort": 30}', '{"name": "Thinks"}'),
    "Segments": Models("segment", '{"name": "Regular", "color": "10599d"}', '{"name": "Often"}'),
    "Transactions": Models("transaction"),
    "ItemTransactions": Models("transaction", '{"price": 100, "comment": "first order"}'),
    "Catalogs": Models("catalog", '{"name": "Cars"}', '{"name": "Vans"}'),
    "Elements": Models("element", '{"name": "Transit"}', '{"name": "Sprinter"}'),
    "Tasks": Models(
        "task",
        '{"text": "Call", "complete_till": 1_900_000_000, "entity_id": lead, '
        '"entity_type": "leads"}',
        '{"text": "Call back"}',
    ),
    "Events": Models("event"),
    "Users": Models(
        "user",
        '{"name": "Boris", "email": "boris@example.com", "password": "Secret1", "lang": "ru"}',
    ),
    "Roles": Models(
        "role",
        '{"name": "Sales", "rights": {"leads": {"view": "A", "edit": "A", "add": "A", '
        '"delete": "D", "export": "D"}}}',
        '{"name": "Guests"}',
    ),
    "Webhooks": Models(
        "hook", '{"destination": "https://mycompany.example/hook", "settings": ["add_lead"]}'
    ),
    "Widgets": Models("code"),
    "Calls": Models(
        "",
        '{"direction": "inbound", "duration": 60, "source": "pbx", "phone": "+79990000000"}',
    ),
    "Talks": Models("talk"),
    "ChatTemplates": Models(
        "template",
        '{"name": "Hello", "content": "Hello, {{contact.name}}", "type": "waba"}',
        '{"name": "Hi"}',
    ),
    "ShortLinks": Models(
        "",
        '{"url": "https://mycompany.example/", '
        '"metadata": {"entity_type": "contacts", "entity_id": contact}}',
    ),
    "Sources": Models("source", '{"name": "Site", "external_id": "s-1"}', '{"name": "Shop"}'),
    "WebsiteButtons": Models(
        "button",
        '{"pipeline_id": pipeline, "trusted_websites": ["mycompany.example"]}',
        '{"name": "Support"}',
    ),
    "Bots": Models("bot"),
    "Drive": Models("file", "", '{"name": "Offer"}'),
}

LISTS: Final = {
    "Leads": 'filter={"price": {"from": 1000}}, with_=["contacts"], order={"id": "desc"}',
    "FieldDefinitions": 'filter={"type": ["select"]}',
    "SegmentFields": 'filter={"type": ["select"]}',
    "Tags": 'query="news"',
    "Notes": 'filter={"note_type": ["common"]}',
    "ItemNotes": 'filter={"note_type": ["common"]}',
    "Links": 'filter={"entity_id": [lead]}',
    "Unsorted": 'filter={"category": ["forms"]}',
    "Contacts": 'query="Anna", with_=["leads"]',
    "ContactChats": 'params={"contact_id": contact}',
    "Companies": 'query="Example"',
    "Elements": 'query="Sprinter"',
    "Tasks": 'filter={"entity_type": "leads", "entity_id": [lead]}',
    "Events": 'filter={"type": ["lead_added"]}, with_=["lead_name"]',
    "EventTypes": 'params={"language_code": "ru"}',
    "Users": 'with_=["role"]',
    "Webhooks": 'filter={"destination": "https://mycompany.example/hook"}',
    "Sources": 'filter={"external_id": "s-1"}',
    "Drive": 'filter={"extensions": ["pdf"]}',
}
"""Arguments of `list`, where there is something to show."""

EXAMPLES: Final = {
    "Account.get": '@.get(with_=["users_groups", "task_types"])',
    "Leads.cf": '@.cf(@.get(lead)).get("UTM_SOURCE")',
    "Leads.(id).move": '@(lead).move(@.pipelines.stage("Discussions"))',
    "Contacts.cf": '@.cf(@.get(contact))["PHONE"] = "+7 999 123-45-67"',
    "Contacts.duplicates": 'list(@.duplicates(by=["phone"]))',
    "Contacts.find": '@.find(phone="8 (999) 123-45-67")',
    "Contacts.find_or_create": '@.find_or_create({"name": "Anna"}, email="anna@example.com").id',
    "Companies.duplicates": 'list(@.duplicates(by=["name"]))',
    "Companies.find": '@.find(name="Example Ltd")',
    "Companies.find_or_create": '@.find_or_create({"name": "Example"}, name="Example").id',
    "Companies.cf": '@.cf(@.get(company))["PHONE"] = "+7 999 123-45-67"',
    "Customers.cf": "@.cf(@.get(customer))",
    "Segments.cf": "@.cf(@.get(segment))",
    "Elements.cf": "@.cf(@.get(element))",
    "Notes.pin": "@.pin(note)",
    "Notes.unpin": "@.unpin(note)",
    "Links.link": '@.link([{"entity_id": lead, "to_entity_id": contact, '
    '"to_entity_type": "contacts"}])',
    "Links.unlink": '@.unlink([{"entity_id": lead, "to_entity_id": contact, '
    '"to_entity_type": "contacts"}])',
    "ItemLinks.link": '@.link([{"to_entity_id": contact, "to_entity_type": "contacts"}])',
    "ItemLinks.unlink": '@.unlink([{"to_entity_id": contact, "to_entity_type": "contacts"}])',
    "ItemTags.add": '@.add("newsletter")',
    "ItemTags.remove": '@.remove("newsletter")',
    "ItemTags.set": '@.set("site", "newsletter")',
    "Files.attach": "@.attach(file)",
    "Files.detach": "@.detach(file)",
    "Unsorted.summary": "@.summary()",
    "Unsorted.(id).accept": "@(uid).accept()",
    "Unsorted.(id).decline": "@(uid).decline()",
    "Unsorted.(id).link": '@(uid).link({"entity_id": lead, "entity_type": "leads"})',
    "Pipelines.stage": '@.stage("Discussions")',
    "Mode.set": '@.set("segments", is_enabled=True)',
    "BonusPoints.earn": "@.earn(50)",
    "BonusPoints.redeem": "@.redeem(20)",
    "ProductsSettings.get": "@.get()",
    "ProductsSettings.set": "@.set(is_enabled=True)",
    "Tasks.type": '@.type("meeting")',
    "Tasks.(id).complete": '@(task).complete("Called")',
    "Users.activate": "@.activate(user)",
    "Users.named": '@.named("boris@example.com")',
    "Users.deactivate": "@.deactivate(user)",
    "Webhooks.delete": '@.delete("https://mycompany.example/hook")',
    "Widgets.install": '@.install(code, {"login": "shop"})',
    "Widgets.resume": '@.resume("salesbot", bot, waiting, {"data": {"status": "ok"}})',
    "Talks.(id).close": "@(talk).close(force=True)",
    "ChatTemplates.delete_many": "@.delete_many(template)",
    "ChatTemplates.(id).send_to_review": "@(template).send_to_review()",
    "ChatTemplates.(id).review": '@(template).review(review, "approved")',
    "Sources.delete_many": "@.delete_many(source)",
    "WebsiteButtons.(id).add_online_chat": "@(button).add_online_chat()",
    "Bots.run_many": '@.run_many([{"bot_id": bot, "entity_id": lead, "entity_type": "leads"}])',
    "Bots.run_legacy": '@.run_legacy([{"bot_id": bot, "entity_id": lead, "entity_type": "leads"}])',
    "Bots.(id).run": "@(bot).run(lead)",
    "Bots.(id).stop": "@(bot).stop(lead)",
    "Drive.activate": '@.activate(file, @.versions(file)[0]["uuid"])',
    "Drive.delete": "@.delete(file)",
    "Drive.download": '@.download(file, "offer.pdf")',
    "Drive.links": "@.links(file)",
    "Drive.rename": '@.rename(file, "Offer for March")',
    "Drive.restore": "@.restore(file)",
    "Drive.upload": '@.upload(b"%PDF-1.7", name="offer.pdf")',
    "Drive.versions": "@.versions(file)",
}
"""Methods of one resource, and common ones that need something of their own."""

WITHIN: Final = {
    "leads(id)": "leads(lead)",
    "contacts(id)": "contacts(contact)",
    "companies(id)": "companies(company)",
    "customers(id)": "customers(customer)",
    "catalogs(id)": "catalogs(catalog)",
    "pipelines(id)": "pipelines(pipeline)",
}


def address(seat: Seat) -> str:
    """Return how a resource is reached, with variables for the ids on the way."""
    expression = f"crm.{seat.expression}"
    for shown, written in WITHIN.items():
        expression = expression.replace(shown, written)
    return expression


def examples_of(kind: str, seat: Seat, method: str) -> str:
    """Return the example of a method, as it stands at an address."""
    own = EXAMPLES.get(f"{kind}.{method}") or _common(kind, method)
    return re.sub(r"@(?=[.(])", address(seat), own)


def _common(kind: str, method: str) -> str:
    models = MODELS.get(kind, Models())
    number, new, patch = models
    if method == "list":
        return f"list(@.list({LISTS.get(kind, '')}))"
    if method == "create_many":
        return f"list(@.create_many([{new}]))"
    if method == "update_many":
        return f'list(@.update_many([{{"id": {number}, {patch[1:]}]))'
    if method == "named" and kind == "Bots":
        return '@.named("Welcome")'
    if method == "named":
        return f'@.named("{ast.literal_eval(new)["name"]}")'
    if method == "writable":
        return f"@.writable({new})"
    if method == "(id).get":
        return f"@({number}).get()"
    if method == "(id).update":
        return f"@({number}).update({patch})"
    if method in ("edit", "(id).edit"):
        (name, value), *_ = ast.literal_eval(patch.replace("_0", "0")).items()
        if name == "note_type":
            name, value = "params", {"text": "Called back"}
        shown = repr(value).replace("'", '"')
        call = f"@({number}).edit()" if method == "(id).edit" else f"@.edit({number})"
        return f'with {call} as item: item["{name}"] = {shown}'
    if method == "(id).events":
        return f"list(@({number}).events())"
    if method == "changes":
        return 'with @.changes(checkpoint="changes.json") as changed: list(changed)'
    if method == "save":
        return f"@.save(@.get({number}), {patch})"
    if method == "save_many":
        return f"list(@.save_many([(@.get({number}), {patch})]))"
    assert method in ("get", "delete", "create", "update"), f"add an example of {kind}.{method}"
    arguments = {"get": number, "delete": number, "create": new, "update": f"{number}, {patch}"}
    return f"@.{method}({arguments[method]})"
