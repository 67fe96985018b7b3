"""Never executed: the examples of docs/api.md, for both type checkers.

Written by `python -m tests.docs.make_api`.
"""
# fmt: off
# ruff: noqa: B018, E501, E701

from __future__ import annotations

from amocrm import AmoCRM


def check_account(crm: AmoCRM) -> None:
    crm.account.get(with_=["users_groups", "task_types"])


def check_leads(crm: AmoCRM, lead: int) -> None:
    crm.leads.cf(crm.leads.get(lead)).get("UTM_SOURCE")
    with crm.leads.changes(checkpoint="changes.json") as changed: list(changed)
    crm.leads.create({"name": "Order 17", "price": 1500})
    list(crm.leads.create_many([{"name": "Order 17", "price": 1500}]))
    with crm.leads.edit(lead) as item: item["price"] = 1700
    crm.leads.get(lead)
    list(crm.leads.list(filter={"price": {"from": 1000}}, with_=["contacts"], order={"id": "desc"}))
    crm.leads.save(crm.leads.get(lead), {"price": 1700})
    list(crm.leads.save_many([(crm.leads.get(lead), {"price": 1700})]))
    crm.leads.update(lead, {"price": 1700})
    list(crm.leads.update_many([{"id": lead, "price": 1700}]))
    crm.leads.writable({"name": "Order 17", "price": 1500})
    with crm.leads(lead).edit() as item: item["price"] = 1700
    list(crm.leads(lead).events())
    crm.leads(lead).get()
    crm.leads(lead).move(crm.leads.pipelines.stage("Discussions"))
    crm.leads(lead).update({"price": 1700})


def check_leads_custom_fields(crm: AmoCRM, field: int) -> None:
    crm.leads.custom_fields.create({"name": "Region", "type": "text"})
    list(crm.leads.custom_fields.create_many([{"name": "Region", "type": "text"}]))
    crm.leads.custom_fields.delete(field)
    with crm.leads.custom_fields.edit(field) as item: item["name"] = "Area"
    crm.leads.custom_fields.get(field)
    list(crm.leads.custom_fields.list(filter={"type": ["select"]}))
    crm.leads.custom_fields.update(field, {"name": "Area"})
    list(crm.leads.custom_fields.update_many([{"id": field, "name": "Area"}]))
    crm.leads.custom_fields.writable({"name": "Region", "type": "text"})


def check_leads_custom_fields_groups(crm: AmoCRM, group: str) -> None:
    crm.leads.custom_fields.groups.create({"name": "Delivery", "sort": 2})
    list(crm.leads.custom_fields.groups.create_many([{"name": "Delivery", "sort": 2}]))
    crm.leads.custom_fields.groups.delete(group)
    with crm.leads.custom_fields.groups.edit(group) as item: item["name"] = "Shipping"
    crm.leads.custom_fields.groups.get(group)
    list(crm.leads.custom_fields.groups.list())
    crm.leads.custom_fields.groups.update(group, {"name": "Shipping"})
    crm.leads.custom_fields.groups.writable({"name": "Delivery", "sort": 2})


def check_leads_tags(crm: AmoCRM) -> None:
    crm.leads.tags.create({"name": "newsletter"})
    list(crm.leads.tags.create_many([{"name": "newsletter"}]))
    list(crm.leads.tags.list(query="news"))
    crm.leads.tags.named("newsletter")
    crm.leads.tags.writable({"name": "newsletter"})


def check_leads_notes(crm: AmoCRM, lead: int, note: int) -> None:
    with crm.leads.notes.changes(checkpoint="changes.json") as changed: list(changed)
    crm.leads.notes.create({"entity_id": lead, "note_type": "common", "params": {"text": "Call back"}})
    list(crm.leads.notes.create_many([{"entity_id": lead, "note_type": "common", "params": {"text": "Call back"}}]))
    with crm.leads.notes.edit(note) as item: item["params"] = {"text": "Called back"}
    crm.leads.notes.get(note)
    list(crm.leads.notes.list(filter={"note_type": ["common"]}))
    crm.leads.notes.pin(note)
    crm.leads.notes.unpin(note)
    crm.leads.notes.update(note, {"note_type": "common", "params": {"text": "Called back"}})
    list(crm.leads.notes.update_many([{"id": note, "note_type": "common", "params": {"text": "Called back"}}]))
    crm.leads.notes.writable({"entity_id": lead, "note_type": "common", "params": {"text": "Call back"}})


def check_leads_links(crm: AmoCRM, lead: int, contact: int) -> None:
    crm.leads.links.link([{"entity_id": lead, "to_entity_id": contact, "to_entity_type": "contacts"}])
    list(crm.leads.links.list(filter={"entity_id": [lead]}))
    crm.leads.links.unlink([{"entity_id": lead, "to_entity_id": contact, "to_entity_type": "contacts"}])


def check_leads_complex(crm: AmoCRM) -> None:
    crm.leads.complex.create({"name": "Order", "_embedded": {"contacts": [{"first_name": "Anna"}]}})
    list(crm.leads.complex.create_many([{"name": "Order", "_embedded": {"contacts": [{"first_name": "Anna"}]}}]))
    crm.leads.complex.writable({"name": "Order", "_embedded": {"contacts": [{"first_name": "Anna"}]}})


def check_leads_unsorted(crm: AmoCRM, lead: int, uid: str) -> None:
    crm.leads.unsorted.get(uid)
    list(crm.leads.unsorted.list(filter={"category": ["forms"]}))
    crm.leads.unsorted.summary()
    crm.leads.unsorted(uid).accept()
    crm.leads.unsorted(uid).decline()
    crm.leads.unsorted(uid).get()
    crm.leads.unsorted(uid).link({"entity_id": lead, "entity_type": "leads"})


def check_leads_unsorted_forms(crm: AmoCRM) -> None:
    crm.leads.unsorted.forms.create({"source_name": "Site", "source_uid": "s-1", "metadata": {"form_id": "f", "form_name": "Order", "form_page": "https://mycompany.example/", "form_sent_at": 1_700_000_000, "ip": "192.0.2.1", "referer": ""}, "_embedded": {"leads": [{"name": "Order"}]}})
    list(crm.leads.unsorted.forms.create_many([{"source_name": "Site", "source_uid": "s-1", "metadata": {"form_id": "f", "form_name": "Order", "form_page": "https://mycompany.example/", "form_sent_at": 1_700_000_000, "ip": "192.0.2.1", "referer": ""}, "_embedded": {"leads": [{"name": "Order"}]}}]))
    crm.leads.unsorted.forms.writable({"source_name": "Site", "source_uid": "s-1", "metadata": {"form_id": "f", "form_name": "Order", "form_page": "https://mycompany.example/", "form_sent_at": 1_700_000_000, "ip": "192.0.2.1", "referer": ""}, "_embedded": {"leads": [{"name": "Order"}]}})


def check_leads_unsorted_calls(crm: AmoCRM) -> None:
    crm.leads.unsorted.calls.create({"source_name": "Phone", "source_uid": "p-1", "metadata": {"from": "79990000000", "phone": "79990000001", "called_at": 1_700_000_000, "duration": 60, "link": "https://pbx.example/1.mp3", "service_code": "pbx", "uniq": "u-1", "is_call_event_needed": True}})
    list(crm.leads.unsorted.calls.create_many([{"source_name": "Phone", "source_uid": "p-1", "metadata": {"from": "79990000000", "phone": "79990000001", "called_at": 1_700_000_000, "duration": 60, "link": "https://pbx.example/1.mp3", "service_code": "pbx", "uniq": "u-1", "is_call_event_needed": True}}]))
    crm.leads.unsorted.calls.writable({"source_name": "Phone", "source_uid": "p-1", "metadata": {"from": "79990000000", "phone": "79990000001", "called_at": 1_700_000_000, "duration": 60, "link": "https://pbx.example/1.mp3", "service_code": "pbx", "uniq": "u-1", "is_call_event_needed": True}})


def check_leads_pipelines(crm: AmoCRM, pipeline: int) -> None:
    crm.leads.pipelines.create({"name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": True})
    list(crm.leads.pipelines.create_many([{"name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": True}]))
    crm.leads.pipelines.delete(pipeline)
    with crm.leads.pipelines.edit(pipeline) as item: item["name"] = "Service"
    crm.leads.pipelines.get(pipeline)
    list(crm.leads.pipelines.list())
    crm.leads.pipelines.named("Repairs")
    crm.leads.pipelines.stage("Discussions")
    crm.leads.pipelines.update(pipeline, {"name": "Service"})
    crm.leads.pipelines.writable({"name": "Repairs", "sort": 20, "is_main": False, "is_unsorted_on": True})
    with crm.leads.pipelines(pipeline).edit() as item: item["name"] = "Service"
    crm.leads.pipelines(pipeline).get()
    crm.leads.pipelines(pipeline).update({"name": "Service"})


def check_leads_pipelines_id_statuses(crm: AmoCRM, pipeline: int, status: int) -> None:
    crm.leads.pipelines(pipeline).statuses.create({"name": "Agreed", "sort": 30, "color": "#fffeb2"})
    list(crm.leads.pipelines(pipeline).statuses.create_many([{"name": "Agreed", "sort": 30, "color": "#fffeb2"}]))
    crm.leads.pipelines(pipeline).statuses.delete(status)
    with crm.leads.pipelines(pipeline).statuses.edit(status) as item: item["name"] = "Signed"
    crm.leads.pipelines(pipeline).statuses.get(status)
    list(crm.leads.pipelines(pipeline).statuses.list())
    crm.leads.pipelines(pipeline).statuses.named("Agreed")
    crm.leads.pipelines(pipeline).statuses.update(status, {"name": "Signed"})
    crm.leads.pipelines(pipeline).statuses.writable({"name": "Agreed", "sort": 30, "color": "#fffeb2"})


def check_leads_loss_reasons(crm: AmoCRM, reason: int) -> None:
    crm.leads.loss_reasons.create({"name": "Too expensive", "sort": 1})
    list(crm.leads.loss_reasons.create_many([{"name": "Too expensive", "sort": 1}]))
    crm.leads.loss_reasons.delete(reason)
    with crm.leads.loss_reasons.edit(reason) as item: item["name"] = "Price"
    crm.leads.loss_reasons.get(reason)
    list(crm.leads.loss_reasons.list())
    crm.leads.loss_reasons.named("Too expensive")
    crm.leads.loss_reasons.update(reason, {"name": "Price"})
    crm.leads.loss_reasons.writable({"name": "Too expensive", "sort": 1})


def check_leads_id_notes(crm: AmoCRM, lead: int, note: int) -> None:
    with crm.leads(lead).notes.changes(checkpoint="changes.json") as changed: list(changed)
    crm.leads(lead).notes.create({"note_type": "common", "params": {"text": "Call back"}})
    list(crm.leads(lead).notes.create_many([{"note_type": "common", "params": {"text": "Call back"}}]))
    with crm.leads(lead).notes.edit(note) as item: item["params"] = {"text": "Called back"}
    crm.leads(lead).notes.get(note)
    list(crm.leads(lead).notes.list(filter={"note_type": ["common"]}))
    crm.leads(lead).notes.update(note, {"note_type": "common", "params": {"text": "Called back"}})
    list(crm.leads(lead).notes.update_many([{"id": note, "note_type": "common", "params": {"text": "Called back"}}]))
    crm.leads(lead).notes.writable({"note_type": "common", "params": {"text": "Call back"}})


def check_leads_id_links(crm: AmoCRM, lead: int, contact: int) -> None:
    crm.leads(lead).links.link([{"to_entity_id": contact, "to_entity_type": "contacts"}])
    list(crm.leads(lead).links.list())
    crm.leads(lead).links.unlink([{"to_entity_id": contact, "to_entity_type": "contacts"}])


def check_leads_id_tags(crm: AmoCRM, lead: int) -> None:
    crm.leads(lead).tags.add("newsletter")
    crm.leads(lead).tags.remove("newsletter")
    crm.leads(lead).tags.set("site", "newsletter")


def check_leads_id_files(crm: AmoCRM, lead: int, file: str) -> None:
    crm.leads(lead).files.attach(file)
    crm.leads(lead).files.detach(file)
    list(crm.leads(lead).files.list())


def check_leads_id_subscriptions(crm: AmoCRM, lead: int) -> None:
    list(crm.leads(lead).subscriptions.list())


def check_contacts(crm: AmoCRM, contact: int) -> None:
    crm.contacts.cf(crm.contacts.get(contact))["PHONE"] = "+7 999 123-45-67"
    with crm.contacts.changes(checkpoint="changes.json") as changed: list(changed)
    crm.contacts.create({"name": "Anna Petrova"})
    list(crm.contacts.create_many([{"name": "Anna Petrova"}]))
    list(crm.contacts.duplicates(by=["phone"]))
    with crm.contacts.edit(contact) as item: item["name"] = "Anna Smirnova"
    crm.contacts.find(phone="8 (999) 123-45-67")
    crm.contacts.find_or_create({"name": "Anna"}, email="anna@example.com").id
    crm.contacts.get(contact)
    list(crm.contacts.list(query="Anna", with_=["leads"]))
    crm.contacts.save(crm.contacts.get(contact), {"name": "Anna Smirnova"})
    list(crm.contacts.save_many([(crm.contacts.get(contact), {"name": "Anna Smirnova"})]))
    crm.contacts.update(contact, {"name": "Anna Smirnova"})
    list(crm.contacts.update_many([{"id": contact, "name": "Anna Smirnova"}]))
    crm.contacts.writable({"name": "Anna Petrova"})
    with crm.contacts(contact).edit() as item: item["name"] = "Anna Smirnova"
    list(crm.contacts(contact).events())
    crm.contacts(contact).get()
    crm.contacts(contact).update({"name": "Anna Smirnova"})


def check_contacts_chats(crm: AmoCRM, contact: int, chat: str) -> None:
    crm.contacts.chats.create({"contact_id": contact, "chat_id": chat})
    list(crm.contacts.chats.create_many([{"contact_id": contact, "chat_id": chat}]))
    list(crm.contacts.chats.list(params={"contact_id": contact}))
    crm.contacts.chats.writable({"contact_id": contact, "chat_id": chat})


def check_companies(crm: AmoCRM, company: int) -> None:
    crm.companies.cf(crm.companies.get(company))["PHONE"] = "+7 999 123-45-67"
    with crm.companies.changes(checkpoint="changes.json") as changed: list(changed)
    crm.companies.create({"name": "Example"})
    list(crm.companies.create_many([{"name": "Example"}]))
    list(crm.companies.duplicates(by=["name"]))
    with crm.companies.edit(company) as item: item["name"] = "Example Ltd"
    crm.companies.find(name="Example Ltd")
    crm.companies.find_or_create({"name": "Example"}, name="Example").id
    crm.companies.get(company)
    list(crm.companies.list(query="Example"))
    crm.companies.save(crm.companies.get(company), {"name": "Example Ltd"})
    list(crm.companies.save_many([(crm.companies.get(company), {"name": "Example Ltd"})]))
    crm.companies.update(company, {"name": "Example Ltd"})
    list(crm.companies.update_many([{"id": company, "name": "Example Ltd"}]))
    crm.companies.writable({"name": "Example"})
    with crm.companies(company).edit() as item: item["name"] = "Example Ltd"
    list(crm.companies(company).events())
    crm.companies(company).get()
    crm.companies(company).update({"name": "Example Ltd"})


def check_customers(crm: AmoCRM, customer: int) -> None:
    crm.customers.cf(crm.customers.get(customer))
    with crm.customers.changes(checkpoint="changes.json") as changed: list(changed)
    crm.customers.create({"name": "Anna Petrova", "next_price": 100})
    list(crm.customers.create_many([{"name": "Anna Petrova", "next_price": 100}]))
    with crm.customers.edit(customer) as item: item["next_price"] = 200
    crm.customers.get(customer)
    list(crm.customers.list())
    crm.customers.save(crm.customers.get(customer), {"next_price": 200})
    list(crm.customers.save_many([(crm.customers.get(customer), {"next_price": 200})]))
    crm.customers.update(customer, {"next_price": 200})
    list(crm.customers.update_many([{"id": customer, "next_price": 200}]))
    crm.customers.writable({"name": "Anna Petrova", "next_price": 100})
    with crm.customers(customer).edit() as item: item["next_price"] = 200
    list(crm.customers(customer).events())
    crm.customers(customer).get()
    crm.customers(customer).update({"next_price": 200})


def check_customers_mode(crm: AmoCRM) -> None:
    crm.customers.mode.set("segments", is_enabled=True)


def check_customers_statuses(crm: AmoCRM, status: int) -> None:
    crm.customers.statuses.create({"name": "Waits", "sort": 30})
    list(crm.customers.statuses.create_many([{"name": "Waits", "sort": 30}]))
    crm.customers.statuses.delete(status)
    with crm.customers.statuses.edit(status) as item: item["name"] = "Thinks"
    crm.customers.statuses.get(status)
    list(crm.customers.statuses.list())
    crm.customers.statuses.named("Waits")
    crm.customers.statuses.update(status, {"name": "Thinks"})
    crm.customers.statuses.writable({"name": "Waits", "sort": 30})


def check_customers_segments(crm: AmoCRM, segment: int) -> None:
    crm.customers.segments.cf(crm.customers.segments.get(segment))
    crm.customers.segments.create({"name": "Regular", "color": "10599d"})
    crm.customers.segments.delete(segment)
    with crm.customers.segments.edit(segment) as item: item["name"] = "Often"
    crm.customers.segments.get(segment)
    list(crm.customers.segments.list())
    crm.customers.segments.named("Regular")
    crm.customers.segments.save(crm.customers.segments.get(segment), {"name": "Often"})
    crm.customers.segments.update(segment, {"name": "Often"})
    crm.customers.segments.writable({"name": "Regular", "color": "10599d"})


def check_customers_segments_custom_fields(crm: AmoCRM, field: int) -> None:
    crm.customers.segments.custom_fields.create({"name": "Region", "type": "text"})
    list(crm.customers.segments.custom_fields.create_many([{"name": "Region", "type": "text"}]))
    crm.customers.segments.custom_fields.delete(field)
    with crm.customers.segments.custom_fields.edit(field) as item: item["name"] = "Area"
    crm.customers.segments.custom_fields.get(field)
    list(crm.customers.segments.custom_fields.list(filter={"type": ["select"]}))
    crm.customers.segments.custom_fields.update(field, {"name": "Area"})
    list(crm.customers.segments.custom_fields.update_many([{"id": field, "name": "Area"}]))
    crm.customers.segments.custom_fields.writable({"name": "Region", "type": "text"})


def check_customers_transactions(crm: AmoCRM, transaction: int) -> None:
    crm.customers.transactions.delete(transaction)
    crm.customers.transactions.get(transaction)
    list(crm.customers.transactions.list())


def check_customers_id_transactions(crm: AmoCRM, customer: int, transaction: int) -> None:
    crm.customers(customer).transactions.create({"price": 100, "comment": "first order"})
    list(crm.customers(customer).transactions.create_many([{"price": 100, "comment": "first order"}]))
    crm.customers(customer).transactions.delete(transaction)
    crm.customers(customer).transactions.get(transaction)
    list(crm.customers(customer).transactions.list())
    crm.customers(customer).transactions.writable({"price": 100, "comment": "first order"})


def check_customers_id_bonus_points(crm: AmoCRM, customer: int) -> None:
    crm.customers(customer).bonus_points.earn(50)
    crm.customers(customer).bonus_points.redeem(20)


def check_catalogs(crm: AmoCRM, catalog: int) -> None:
    crm.catalogs.create({"name": "Cars"})
    list(crm.catalogs.create_many([{"name": "Cars"}]))
    with crm.catalogs.edit(catalog) as item: item["name"] = "Vans"
    crm.catalogs.get(catalog)
    list(crm.catalogs.list())
    crm.catalogs.named("Cars")
    crm.catalogs.update(catalog, {"name": "Vans"})
    list(crm.catalogs.update_many([{"id": catalog, "name": "Vans"}]))
    crm.catalogs.writable({"name": "Cars"})
    with crm.catalogs(catalog).edit() as item: item["name"] = "Vans"
    crm.catalogs(catalog).get()
    crm.catalogs(catalog).update({"name": "Vans"})


def check_catalogs_products(crm: AmoCRM) -> None:
    crm.catalogs.products.get()
    crm.catalogs.products.set(is_enabled=True)


def check_catalogs_id_elements(crm: AmoCRM, catalog: int, element: int) -> None:
    crm.catalogs(catalog).elements.cf(crm.catalogs(catalog).elements.get(element))
    crm.catalogs(catalog).elements.create({"name": "Transit"})
    list(crm.catalogs(catalog).elements.create_many([{"name": "Transit"}]))
    with crm.catalogs(catalog).elements.edit(element) as item: item["name"] = "Sprinter"
    crm.catalogs(catalog).elements.get(element)
    list(crm.catalogs(catalog).elements.list(query="Sprinter"))
    crm.catalogs(catalog).elements.save(crm.catalogs(catalog).elements.get(element), {"name": "Sprinter"})
    list(crm.catalogs(catalog).elements.save_many([(crm.catalogs(catalog).elements.get(element), {"name": "Sprinter"})]))
    crm.catalogs(catalog).elements.update(element, {"name": "Sprinter"})
    list(crm.catalogs(catalog).elements.update_many([{"id": element, "name": "Sprinter"}]))
    crm.catalogs(catalog).elements.writable({"name": "Transit"})


def check_tasks(crm: AmoCRM, lead: int, task: int) -> None:
    with crm.tasks.changes(checkpoint="changes.json") as changed: list(changed)
    crm.tasks.create({"text": "Call", "complete_till": 1_900_000_000, "entity_id": lead, "entity_type": "leads"})
    list(crm.tasks.create_many([{"text": "Call", "complete_till": 1_900_000_000, "entity_id": lead, "entity_type": "leads"}]))
    with crm.tasks.edit(task) as item: item["text"] = "Call back"
    crm.tasks.get(task)
    list(crm.tasks.list(filter={"entity_type": "leads", "entity_id": [lead]}))
    crm.tasks.type("meeting")
    crm.tasks.update(task, {"text": "Call back"})
    list(crm.tasks.update_many([{"id": task, "text": "Call back"}]))
    crm.tasks.writable({"text": "Call", "complete_till": 1_900_000_000, "entity_id": lead, "entity_type": "leads"})
    crm.tasks(task).complete("Called")
    with crm.tasks(task).edit() as item: item["text"] = "Call back"
    crm.tasks(task).get()
    crm.tasks(task).update({"text": "Call back"})


def check_events(crm: AmoCRM, event: str) -> None:
    crm.events.get(event)
    list(crm.events.list(filter={"type": ["lead_added"]}, with_=["lead_name"]))


def check_events_types(crm: AmoCRM) -> None:
    list(crm.events.types.list(params={"language_code": "ru"}))


def check_users(crm: AmoCRM, user: int) -> None:
    crm.users.activate(user)
    crm.users.create({"name": "Boris", "email": "boris@example.com", "password": "Secret1", "lang": "ru"})
    list(crm.users.create_many([{"name": "Boris", "email": "boris@example.com", "password": "Secret1", "lang": "ru"}]))
    crm.users.deactivate(user)
    crm.users.get(user)
    list(crm.users.list(with_=["role"]))
    crm.users.named("boris@example.com")
    crm.users.writable({"name": "Boris", "email": "boris@example.com", "password": "Secret1", "lang": "ru"})


def check_roles(crm: AmoCRM, role: int) -> None:
    crm.roles.create({"name": "Sales", "rights": {"leads": {"view": "A", "edit": "A", "add": "A", "delete": "D", "export": "D"}}})
    list(crm.roles.create_many([{"name": "Sales", "rights": {"leads": {"view": "A", "edit": "A", "add": "A", "delete": "D", "export": "D"}}}]))
    crm.roles.delete(role)
    with crm.roles.edit(role) as item: item["name"] = "Guests"
    crm.roles.get(role)
    list(crm.roles.list())
    crm.roles.named("Sales")
    crm.roles.update(role, {"name": "Guests"})
    crm.roles.writable({"name": "Sales", "rights": {"leads": {"view": "A", "edit": "A", "add": "A", "delete": "D", "export": "D"}}})


def check_webhooks(crm: AmoCRM) -> None:
    crm.webhooks.create({"destination": "https://mycompany.example/hook", "settings": ["add_lead"]})
    crm.webhooks.delete("https://mycompany.example/hook")
    list(crm.webhooks.list(filter={"destination": "https://mycompany.example/hook"}))
    crm.webhooks.writable({"destination": "https://mycompany.example/hook", "settings": ["add_lead"]})


def check_widgets(crm: AmoCRM, bot: int, waiting: int, code: str) -> None:
    crm.widgets.delete(code)
    crm.widgets.get(code)
    crm.widgets.install(code, {"login": "shop"})
    list(crm.widgets.list())
    crm.widgets.resume("salesbot", bot, waiting, {"data": {"status": "ok"}})


def check_calls(crm: AmoCRM) -> None:
    crm.calls.create({"direction": "inbound", "duration": 60, "source": "pbx", "phone": "+79990000000"})
    list(crm.calls.create_many([{"direction": "inbound", "duration": 60, "source": "pbx", "phone": "+79990000000"}]))
    crm.calls.writable({"direction": "inbound", "duration": 60, "source": "pbx", "phone": "+79990000000"})


def check_talks(crm: AmoCRM, talk: int) -> None:
    crm.talks.get(talk)
    list(crm.talks.list())
    crm.talks(talk).close(force=True)
    crm.talks(talk).get()


def check_chat_templates(crm: AmoCRM, template: int, review: int) -> None:
    crm.chat_templates.create({"name": "Hello", "content": "Hello, {{contact.name}}", "type": "waba"})
    list(crm.chat_templates.create_many([{"name": "Hello", "content": "Hello, {{contact.name}}", "type": "waba"}]))
    crm.chat_templates.delete(template)
    crm.chat_templates.delete_many(template)
    with crm.chat_templates.edit(template) as item: item["name"] = "Hi"
    crm.chat_templates.get(template)
    list(crm.chat_templates.list())
    crm.chat_templates.named("Hello")
    crm.chat_templates.update(template, {"name": "Hi"})
    list(crm.chat_templates.update_many([{"id": template, "name": "Hi"}]))
    crm.chat_templates.writable({"name": "Hello", "content": "Hello, {{contact.name}}", "type": "waba"})
    with crm.chat_templates(template).edit() as item: item["name"] = "Hi"
    crm.chat_templates(template).get()
    crm.chat_templates(template).review(review, "approved")
    crm.chat_templates(template).send_to_review()
    crm.chat_templates(template).update({"name": "Hi"})


def check_short_links(crm: AmoCRM, contact: int) -> None:
    crm.short_links.create({"url": "https://mycompany.example/", "metadata": {"entity_type": "contacts", "entity_id": contact}})
    list(crm.short_links.create_many([{"url": "https://mycompany.example/", "metadata": {"entity_type": "contacts", "entity_id": contact}}]))
    crm.short_links.writable({"url": "https://mycompany.example/", "metadata": {"entity_type": "contacts", "entity_id": contact}})


def check_sources(crm: AmoCRM, source: int) -> None:
    crm.sources.create({"name": "Site", "external_id": "s-1"})
    list(crm.sources.create_many([{"name": "Site", "external_id": "s-1"}]))
    crm.sources.delete(source)
    crm.sources.delete_many(source)
    with crm.sources.edit(source) as item: item["name"] = "Shop"
    crm.sources.get(source)
    list(crm.sources.list(filter={"external_id": "s-1"}))
    crm.sources.named("Site")
    crm.sources.update(source, {"name": "Shop"})
    list(crm.sources.update_many([{"id": source, "name": "Shop"}]))
    crm.sources.writable({"name": "Site", "external_id": "s-1"})


def check_website_buttons(crm: AmoCRM, pipeline: int, button: int) -> None:
    crm.website_buttons.create({"pipeline_id": pipeline, "trusted_websites": ["mycompany.example"]})
    with crm.website_buttons.edit(button) as item: item["name"] = "Support"
    crm.website_buttons.get(button)
    list(crm.website_buttons.list())
    crm.website_buttons.update(button, {"name": "Support"})
    crm.website_buttons.writable({"pipeline_id": pipeline, "trusted_websites": ["mycompany.example"]})
    crm.website_buttons(button).add_online_chat()
    with crm.website_buttons(button).edit() as item: item["name"] = "Support"
    crm.website_buttons(button).get()
    crm.website_buttons(button).update({"name": "Support"})


def check_bots(crm: AmoCRM, lead: int, bot: int) -> None:
    crm.bots.get(bot)
    list(crm.bots.list())
    crm.bots.named("Welcome")
    crm.bots.run_legacy([{"bot_id": bot, "entity_id": lead, "entity_type": "leads"}])
    crm.bots.run_many([{"bot_id": bot, "entity_id": lead, "entity_type": "leads"}])
    crm.bots(bot).get()
    crm.bots(bot).run(lead)
    crm.bots(bot).stop(lead)


def check_currencies(crm: AmoCRM) -> None:
    list(crm.currencies.list())


def check_drive(crm: AmoCRM, file: str) -> None:
    crm.drive.activate(file, crm.drive.versions(file)[0]["uuid"])
    crm.drive.delete(file)
    crm.drive.download(file, "offer.pdf")
    with crm.drive.edit(file) as item: item["name"] = "Offer"
    crm.drive.get(file)
    crm.drive.links(file)
    list(crm.drive.list(filter={"extensions": ["pdf"]}))
    crm.drive.rename(file, "Offer for March")
    crm.drive.restore(file)
    crm.drive.update(file, {"name": "Offer"})
    crm.drive.upload(b"%PDF-1.7", name="offer.pdf")
    crm.drive.versions(file)
