"""Items of webhooks about what comes in: talks, messages, incoming leads (reference 6.3).

Reviews of chat templates are here, too.
"""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.webhooks.custom_fields import custom_fields
from amocrm.sandbox.webhooks.form import Tree

_ELEMENTS = {"lead": 2, "customer": 12}
_FORM_NAMES = {
    **{"form_id": "form_id", "form_type": "form_type", "form_name": "form_name"},
    **{"form_page": "from", "form_sent_at": "date"},
}
"""Metadata of a form, and how a webhook names it. Assumed (reference 6.3): the last two."""

_TALK = (
    *("talk_id", "created_at", "updated_at", "rate", "contact_id", "chat_id", "entity_id"),
    *("entity_type", "is_in_work", "is_read", "origin"),
)
_TEMPLATE = (
    *("id", "type", "account_id", "name", "content", "created_at", "updated_at", "is_editable"),
    *("reviews", "is_on_review", "waba_footer", "waba_category", "waba_language"),
)


def talk_item(account: Account, talk: Entity) -> Tree:
    """Return a talk."""
    item: Tree = {name: talk[name] for name in _TALK}
    if item["contact_id"] is None:
        links = account.shelf("contact_chats").values()
        for one in links:
            if one["chat_id"] == talk["chat_id"]:
                item["contact_id"] = one["contact_id"]
    return item


def message_item(account: Account, message: Entity) -> Tree:
    """Return a message of a chat."""
    talks = account.shelf("talks").values()
    talk: Entity = next((one for one in talks if one["chat_id"] == message["chat_id"]), {})
    body, sender, is_outgoing = message["body"], message["sender"], message["is_outgoing"]
    is_plain = body["type"] == "text"
    entity_type = talk.get("entity_type")
    return {
        "id": message["id"],
        "chat_id": message["chat_id"],
        "talk_id": talk.get("talk_id"),
        "contact_id": message["contact_id"],
        "text": body.get("text", ""),
        "created_at": message["created_at"],
        "element_type": _ELEMENTS.get(entity_type or ""),
        "entity_type": entity_type,
        "element_id": talk.get("entity_id"),
        "entity_id": talk.get("entity_id"),
        # Assumed (reference 6.3): the words of a message from the account.
        "type": "outgoing" if is_outgoing else "incoming",
        "message_type": body["type"] if account.zone == "kommo.com" else None,
        "author": {
            "id": sender["id"],
            "type": "internal" if is_outgoing else "external",
            "name": sender.get("name"),
            "avatar_url": sender.get("avatar"),
        },
        "origin": message["origin"],
        "attachment": None if is_plain else {"type": body["type"], "link": body.get("media")},
    }


def unsorted_item(account: Account, item: Entity, *, is_update: bool = False) -> Tree:
    """Return an incoming lead."""
    lead, contact = (_end(account, item, kind) for kind in ("leads", "contacts"))
    data: Tree = {"leads": [_lead(lead, is_update=is_update)] if lead else []}
    if contact:
        fields = custom_fields(contact)
        data["contacts"] = [{"id": contact["id"], "name": contact["name"], "custom_fields": fields}]
    return {
        "uid": item["uid"],
        "category": item["category"],
        "source": item["source_name"],
        "source_data": _source_data(item),
        "data": data,
        "pipeline_id": item["pipeline_id"],
        "account_id": account.id,
        "user_id": item["_user"],
        "date_create": item["created_at"],
        "source_id": item["source_uid"],
        "lead_id": item["_ends"]["leads"],
        "created_at": item["created_at"],
        "request_id": item["uid"],
    }


def sorted_item(item: Entity) -> Tree:
    """Return an incoming lead that was accepted or declined."""
    is_accepted = item["_outcome"] == "accepted"
    # One that was linked to a known entity names that entity.
    ends: Tree = item.get("_target") or item["_ends"]
    kinds = ("leads", "contacts", "customers") if is_accepted else ("leads",)
    result = {kind: [ends[kind]] for kind in kinds if ends.get(kind) is not None}
    return {
        "action": "accept" if is_accepted else "decline",
        "uid": item["uid"],
        "category": item["category"],
        "created_at": item["created_at"],
        "modified_user_id": item["_sorted_by"],
        "accept_result" if is_accepted else "decline_result": result,
    }


def template_item(template: Entity) -> Tree:
    """Return a chat template that was sent to review."""
    reviews: list[Tree] = template["_reviews"]
    on_review = any(one["status"] == "review" for one in reviews)
    whole = {**template, "reviews": reviews, "is_on_review": on_review}
    return {name: whole[name] for name in _TEMPLATE}


def _end(account: Account, item: Entity, kind: str) -> Entity | None:
    return account.shelf(kind).get(item["_ends"].get(kind))


def _lead(lead: Entity, *, is_update: bool) -> Tree:
    names = ("id", "status_id", "pipeline_id", "name") if is_update else ("id", "name", "price")
    shown: Tree = {name: lead[name] for name in names}
    if not is_update:
        shown["custom_fields"] = custom_fields(lead)
    return shown


def _source_data(item: Entity) -> Tree:
    metadata: dict[str, Json] = item["metadata"]
    if item["category"] != "forms":
        return metadata  # Assumed (reference 6.3): as it is read.
    shown: Tree = {name: metadata.get(known) for known, name in _FORM_NAMES.items()}
    shown["origin"] = {
        "ip": metadata.get("ip"),
        "referer": metadata.get("referer"),
        "datetime": metadata.get("form_sent_at"),
        "visitor_uid": metadata.get("visitor_uid"),
    }
    return shown
