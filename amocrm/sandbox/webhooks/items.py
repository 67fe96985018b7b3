"""Items of webhooks about leads, contacts, companies, customers and elements (reference 6.3)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.webhooks.custom_fields import custom_fields
from amocrm.sandbox.webhooks.form import Tree

TYPES = {"contacts": "contact", "companies": "company"}
"""`type` of an item below `contacts`."""

CODES = {"contacts": 1, "leads": 2, "companies": 3, "tasks": 4, "customers": 12}
"""`element_type` of an owner: the numbers of the older API."""


def lead_item(account: Account, lead: Entity, before: Entity | None = None) -> Tree:
    """Return a lead; what was `before` adds the old stage."""
    old: Entity = before or {}
    old_pipeline = old.get("pipeline_id")
    return {
        "id": lead["id"],
        "name": lead["name"],
        "status_id": lead["status_id"],
        "old_status_id": old.get("status_id"),
        "price": int(lead["price"] or 0),
        "responsible_user_id": lead["responsible_user_id"],
        "old_responsible_user_id": None,
        "pipeline_id": lead["pipeline_id"],
        # Assumed (reference 6.3): only of a lead that changed its pipeline.
        "old_pipeline_id": None if old_pipeline == lead["pipeline_id"] else old_pipeline,
        "account_id": account.id,
        "modified_user_id": lead["updated_by"],
        "created_user_id": lead["created_by"],
        "date_create": lead["created_at"],
        "last_modified": lead["updated_at"],
        "created_at": lead["created_at"],
        "updated_at": lead["updated_at"],
        "custom_fields": custom_fields(lead),
        "tags": _tags(account, "leads", lead),
    }


def person_item(account: Account, kind: str, entity: Entity) -> Tree:
    """Return a contact or a company."""
    ties, number = account.ties, entity["id"]
    companies = ties.of("contacts", number, "companies") if kind == "contacts" else []
    name = account.entities["companies"][companies[0]]["name"] if companies else ""
    return {
        "id": number,
        "name": entity["name"],
        "responsible_user_id": entity["responsible_user_id"],
        "old_responsible_user_id": None,
        "date_create": entity["created_at"],
        "last_modified": entity["updated_at"],
        "created_user_id": entity["created_by"],
        "modified_user_id": entity["updated_by"],
        # Assumed (reference 6.3): empty without a company, and of companies.
        "company_name": name,
        "linked_company_id": companies[0] if companies else None,
        "account_id": account.id,
        "custom_fields": custom_fields(entity),
        "linked_leads_id": {str(lead): {"ID": lead} for lead in ties.of(kind, number, "leads")},
        "created_at": entity["created_at"],
        "updated_at": entity["updated_at"],
        "type": TYPES[kind],
    }


def customer_item(account: Account, customer: Entity) -> Tree:
    """Return a customer. Assumed (reference 6.3): all of it, named as leads are."""
    return {
        "id": customer["id"],
        "name": customer["name"],
        "status_id": customer["status_id"],
        "next_price": customer["next_price"],
        "next_date": customer["next_date"],
        "periodicity": customer["periodicity"],
        "responsible_user_id": customer["responsible_user_id"],
        "old_responsible_user_id": None,
        "account_id": account.id,
        "modified_user_id": customer["updated_by"],
        "created_user_id": customer["created_by"],
        "date_create": customer["created_at"],
        "last_modified": customer["updated_at"],
        "created_at": customer["created_at"],
        "updated_at": customer["updated_at"],
        "custom_fields": custom_fields(customer),
        "tags": _tags(account, "customers", customer),
    }


def element_item(element: Entity) -> Tree:
    """Return an element of a list."""
    return {
        "id": element["id"],
        "catalog_id": element["catalog_id"],
        "name": element["name"],
        "deleted": bool(element["is_deleted"]),
        "created_by": element["created_by"],
        "modified_by": element["updated_by"],
        "date_create": element["created_at"],
        "date_modify": element["updated_at"],
        "custom_fields": custom_fields(element),
        "created_at": element["created_at"],
        "updated_at": element["updated_at"],
        "type": "catalog",
    }


def _tags(account: Account, kind: str, entity: Entity) -> list[Tree]:
    known = account.tags[kind]
    return [{"id": one, "name": known[one]["name"]} for one in entity["_tags"]]
