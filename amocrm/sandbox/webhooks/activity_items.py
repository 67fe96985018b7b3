"""Items of webhooks about tasks and notes (reference 6.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.webhooks.custom_fields import local_time
from amocrm.sandbox.webhooks.form import Tree
from amocrm.sandbox.webhooks.items import CODES

_MOMENT = "%Y-%m-%d %H:%M:%S"

NOTE_NUMBERS: Mapping[str, int] = {
    **{"common": 4, "attachment": 5, "call_in": 10, "call_out": 11},
    **{"service_message": 25, "sms_in": 102, "sms_out": 103},
    # Assumed (reference 6.3): these are not published.
    **{"extended_service_message": 25, "message_cashier": 17, "geolocation": 20},
    **{"invoice_paid": 21, "bill_paid": 22, "targeting_in": 23, "targeting_out": 24},
}
"""Types of notes as webhooks number them."""


def task_item(account: Account, task: Entity, before: Entity | None = None) -> Tree:
    """Return a task; what was `before` adds what an update tells."""
    item: Tree = {
        "id": task["id"],
        "element_id": task["entity_id"],
        "element_type": CODES.get(task["entity_type"]),
        "task_type": task["task_type_id"],
        "date_create": local_time(task["created_at"], _MOMENT),
        "text": task["text"],
        "status": int(bool(task["is_completed"])),
        "account_id": account.id,
        "created_user_id": task["created_by"],
        "last_modified": local_time(task["updated_at"], _MOMENT),
        "responsible_user_id": task["responsible_user_id"],
        "complete_till": local_time(task["complete_till"], _MOMENT),
        "complete_before": task["complete_till"],
        "created_at": task["created_at"],
        "updated_at": task["updated_at"],
    }
    if before is None:
        return item
    item["action_close"] = int(bool(task["is_completed"] and not before["is_completed"]))
    item["old_text"] = before["text"]
    if task["result"]:
        item["result"] = {"id": task.get("_result_id"), "text": task["result"].get("text")}
    if task["responsible_user_id"] != before["responsible_user_id"]:
        item["main_user"] = task["responsible_user_id"]
        item["modified_by"] = task["updated_by"]
        item["old_responsible_user_id"] = before["responsible_user_id"]
    return item


def note_item(account: Account, kind: str, note: Entity) -> Tree:
    """Return a note of an entity of the given kind."""
    params: Entity = note["params"]
    author = account.users.get(note["created_by"])
    # Assumed (reference 6.3): what is in the metadata besides the key `event_source`.
    source = {"type": 1, "author_name": "" if author is None else author.name}
    text = params.get("text")
    return {
        "id": note["id"],
        # Assumed (reference 6.3): a note without a text has its params there.
        "text": json.dumps(params, ensure_ascii=False) if text is None else text,
        "attachement": params.get("original_name", ""),
        "date_create": local_time(note["created_at"], _MOMENT),
        "note_type": NOTE_NUMBERS[note["note_type"]],
        "element_type": CODES[kind],
        "element_id": note["entity_id"],
        "catalog_id": "",
        "group_id": note["group_id"],
        "timestamp_x": local_time(note["updated_at"], _MOMENT),
        "account_id": account.id,
        "metadata": json.dumps({"event_source": source}, ensure_ascii=False),
        "created_by": note["created_by"],
        "modified_by": note["updated_by"],
        "main_user_id": note["responsible_user_id"],
        "created_at": note["created_at"],
        "updated_at": note["updated_at"],
    }
