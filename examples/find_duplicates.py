"""Find contacts that share a phone or an e-mail, and settle them.

The API cannot merge contacts. It can give the leads, customers, open tasks and missing field values
of the newer contacts to the oldest one, and tag the newer ones, so that a person can merge or
delete them in amoCRM. Notes stay where they are.

python examples/find_duplicates.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop import shop

from amocrm import AmoCRM, DuplicateGroup, normalize_email, normalize_phone

if TYPE_CHECKING:
    from amocrm.types import Contact, FieldValues, NewContact, NewLink, TaskPatch

TAG = "duplicate"


def settle_all(crm: AmoCRM) -> int:
    """Settle every group of duplicates; return how many contacts were tagged."""
    # Read all groups first: settling changes the contacts that are being read.
    groups = list(crm.contacts.duplicates())
    return sum(settle(crm, group) for group in groups)


def settle(crm: AmoCRM, group: DuplicateGroup) -> int:
    """Give everything of the newer contacts to the oldest; return how many were tagged."""
    found = [crm.contacts.get(number, with_=["leads", "customers"]) for number in group.ids]
    oldest, *others = [contact for contact in found if not is_settled(contact)] or [found[0]]
    for other in others:
        move_links(crm, other, oldest)
        move_tasks(crm, other, oldest)
        copy_fields(crm, other, oldest)
        # The tag comes last: a run that was stopped before it settles this contact again.
        crm.contacts.update(other["id"], {"tags_to_add": [{"name": TAG}]})
        print(f"{group.by}: {other['name']} ({other['id']}) -> {oldest['name']} ({oldest['id']})")
    return len(others)


def is_settled(contact: Contact) -> bool:
    """Tell whether an earlier run, or an earlier group, has settled a contact."""
    return any(tag["name"] == TAG for tag in contact["_embedded"]["tags"])


def move_links(crm: AmoCRM, other: Contact, oldest: Contact) -> None:
    """Link the leads and customers of a contact to the oldest one instead."""
    parts = other["_embedded"]
    all_links = [crm.leads(lead["id"]).links for lead in parts.get("leads", [])]
    all_links += [crm.customers(one["id"]).links for one in parts.get("customers", [])]
    for links in all_links:
        contacts = {
            one["to_entity_id"]: one["metadata"] or {}
            for one in links.list()
            if one["to_entity_type"] == "contacts"
        }
        link: NewLink = {"to_entity_id": oldest["id"], "to_entity_type": "contacts"}
        if contacts.get(other["id"], {}).get("main_contact"):
            link["metadata"] = {"is_main": True}
        # Link before unlinking: whatever stops this, the lead keeps a contact.
        if oldest["id"] not in contacts or "metadata" in link:
            links.link([link])
        links.unlink([{"to_entity_id": other["id"], "to_entity_type": "contacts"}])


def move_tasks(crm: AmoCRM, other: Contact, oldest: Contact) -> None:
    """Give the open tasks of a contact to the oldest one."""
    tasks = crm.tasks.list(
        filter={"entity_type": "contacts", "entity_id": other["id"], "is_completed": 0}
    )
    patches: list[TaskPatch] = [
        {"id": task["id"], "entity_type": "contacts", "entity_id": oldest["id"]}
        for task in list(tasks)
    ]
    for outcome in crm.tasks.update_many(patches):
        outcome.unwrap()


def copy_fields(crm: AmoCRM, other: Contact, oldest: Contact) -> None:
    """Copy field values that the oldest contact lacks; of phones and e-mails each new one."""
    with crm.contacts.edit(oldest["id"]) as contact:
        items = contact["custom_fields_values"] = contact["custom_fields_values"] or []
        known = {item.get("field_id"): item for item in items}
        for item in other["custom_fields_values"] or []:
            mine = known.get(item.get("field_id"))
            if mine is None:
                items.append(item)
            elif item.get("field_code") in ("PHONE", "EMAIL"):
                add_values(mine, item)


def add_values(mine: FieldValues, theirs: FieldValues) -> None:
    """Add the phones or e-mails that are not there in any form."""
    normalize = normalize_phone if mine.get("field_code") == "PHONE" else normalize_email
    values = mine["values"] = list(mine["values"] or [])
    for value in theirs["values"] or []:
        if normalize(value["value"]) not in [normalize(one["value"]) for one in values]:
            values.append(value)


PEOPLE = [
    ("Anna Petrova", "8 (999) 123-45-67", "anna@example.com"),
    ("Boris", "+7 999 000-00-01", ""),
    ("Anna", "+7 999 1234567", "petrova@example.com"),
    ("A. Petrova", "", "Anna@Example.com"),
]


def main() -> None:
    """Create contacts and their leads, settle the duplicates, and see that nothing is left."""
    with shop() as crm:
        for name, phone, email in PEOPLE:
            person: NewContact = {"name": name}
            fields = crm.contacts.cf(person)
            if phone:
                fields["PHONE"] = phone
            if email:
                fields["EMAIL"] = email
            contact = crm.contacts.create(person)["id"]
            crm.leads.create(
                {"name": f"Order of {name}", "_embedded": {"contacts": [{"id": contact}]}}
            )
        print(f"{settle_all(crm)} settled")
        print(f"{settle_all(crm)} settled in the second run")


if __name__ == "__main__":
    main()
