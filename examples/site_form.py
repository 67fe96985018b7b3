"""Create leads from a form on a site, in two ways.

The first is for orders: the contact is found or created, and gets a lead with its UTM tags and a
note. The second is for requests that somebody has to check first: they become incoming leads, which
are accepted or declined.

    python examples/site_form.py
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from shop import shop

from amocrm import AmoCRM

if TYPE_CHECKING:
    from amocrm.schema.contacts import NewContact
    from amocrm.schema.leads import NewLead


class Form(NamedTuple):
    """What a visitor entered, and where the visit came from."""

    name: str
    phone: str
    email: str
    text: str
    utm: dict[str, str]


def find_contact(crm: AmoCRM, form: Form) -> int:
    """Return the id of the contact; if several match, that of the oldest."""
    person = crm.contacts.find_or_create(
        {"name": form.name},
        phone=form.phone or None,  # an empty field is not searched for
        email=form.email or None,
    )
    assert isinstance(person.id, int)
    return person.id


def new_lead(crm: AmoCRM, form: Form) -> NewLead:
    """Return a new lead with its UTM tags."""
    lead: NewLead = {"name": "Order from the site", "tags_to_add": [{"name": "site"}]}
    fields = crm.leads.cf(lead)
    for name, value in form.utm.items():
        fields[name] = value
    return lead


def create_lead(crm: AmoCRM, form: Form) -> int:
    """Create a lead of a contact that may exist already; return its id."""
    lead = new_lead(crm, form)
    lead["_embedded"] = {"contacts": [{"id": find_contact(crm, form)}]}
    number = crm.leads.create(lead)["id"]
    crm.leads(number).notes.create({"note_type": "common", "params": {"text": form.text}})
    return number


def create_incoming_lead(crm: AmoCRM, form: Form) -> str:
    """Create an incoming lead; return its uid."""
    person: NewContact = {"name": form.name}
    crm.contacts.cf(person).update(PHONE=form.phone, EMAIL=form.email)
    entered = crm.leads.unsorted.forms.create({
        "source_name": "mycompany.example",
        "source_uid": "question-form",
        "metadata": {
            "form_id": "question",
            "form_name": "Question",
            "form_page": "https://mycompany.example/question",
            "form_sent_at": int(time.time()),
            "ip": "192.0.2.1",
            "referer": "https://mycompany.example/",
        },
        "_embedded": {"leads": [new_lead(crm, form)], "contacts": [person]},
    })  # fmt: skip
    return entered["uid"]


def main() -> None:
    """Process three forms."""
    utm = {"UTM_SOURCE": "yandex", "UTM_CAMPAIGN": "spring"}
    first = Form("Anna Petrova", "8 (999) 123-45-67", "anna@example.com", "Call after six", utm)
    again = Form("Anna", "+7 999 123 45 67", "", "And a spoon, please", {})
    other = Form("Boris", "+7 999 000-00-01", "boris@example.com", "Do you sell samovars?", {})
    with shop() as crm:
        for form in (first, again):
            lead = crm.leads.get(create_lead(crm, form), with_=["contacts"])
            contacts = lead["_embedded"].get("contacts", [])
            print(f"lead {lead['id']} of contact {contacts[0]['id']}: {form.text}")

        uid = create_incoming_lead(crm, other)
        print(f"{crm.leads.unsorted.summary()['total']} incoming lead")
        stage = crm.leads.pipelines.stage("New", pipeline="Sales")
        done = crm.leads.unsorted(uid).accept(status_id=stage["status_id"])
        print(f"accepted as lead {done['_embedded']['leads'][0]['id']}")


if __name__ == "__main__":
    main()
