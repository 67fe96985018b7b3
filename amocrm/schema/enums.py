"""Closed sets of values, as the reference lists them. Resources check them before a call."""

from __future__ import annotations

from typing import Literal

EntityType = Literal["leads", "contacts", "companies", "customers"]

LinkedType = Literal["leads", "contacts", "companies", "customers", "catalog_elements"]

NoteType = Literal[
    "common", "call_in", "call_out", "service_message", "extended_service_message",
    "message_cashier", "geolocation", "sms_in", "sms_out", "attachment", "invoice_paid",
    "bill_paid", "targeting_in", "targeting_out", "site_visit", "link_followed", "transaction",
    "amomail_message", "zoom_meeting", "dropbox_attachment", "ai_result", "chat",
]  # fmt: skip
"""Source: reference 5.12."""

FieldType = Literal[
    "text", "numeric", "checkbox", "select", "multiselect", "date", "url", "date_time", "textarea",
    "radiobutton", "streetaddress", "multitext", "smart_address", "birthday", "legal_entity",
    "price", "category", "items", "linked_entity", "supplier", "payer", "tracking_data",
    "chained_list", "monetary", "file", "org_legal_name",
]  # fmt: skip
"""Source: reference 5.13, 5.14."""

StageColor = Literal[
    "#fffeb2", "#fffd7f", "#fff000", "#ffeab2", "#ffdc7f", "#ffce5a", "#ffdbdb", "#ffc8c8",
    "#ff8f92", "#d6eaff", "#c1e0ff", "#98cbff", "#ebffb1", "#deff81", "#87f2c0", "#f9deff",
    "#f3beff", "#ccc8f9", "#eb93ff", "#f2f3f4", "#e6e8ea",
]  # fmt: skip
"""Source: reference 4.5, 4.18."""

TagColor = Literal[
    "EBEBEB", "D0D0D0", "F2DDF7", "D1A4DC", "FF8F92", "FFC8C8", "C7DB8C", "DDEBB5", "8699DA",
    "AABDFF", "FFCE5A", "FFE193", "90CDB0", "C6F4DE", "A9A5D7", "D8D5FF", "86C0FC", "832161",
    "6A0F49", "0C7C59", "10599D", "9D2B32", "247BA0",
]  # fmt: skip
"""Source: reference 4.15."""

SegmentColor = Literal[
    "10599d", "2176ff", "006acc", "07a0c3", "247ba0", "177e89", "046e8f", "598381", "0c7c59",
    "495f41", "00a44b", "08605f", "bf2600", "06d6a0", "e14945", "79b473", "ae003f", "a2ad59",
    "cd0f53", "8e936d", "832161", "2e5339", "bf126f", "6f7c12", "ff5376", "dd1c1a", "bb304e",
    "631d76", "9d2b32", "4a001f", "b118c8", "6a0f49", "6610f2", "b38a58", "8963ba", "4b3666",
    "932f6d", "6b2d5c", "6461a0", "4f517d",
]  # fmt: skip
"""Source: reference 4.18."""

WebhookCode = Literal[
    "add_lead", "update_lead", "delete_lead", "restore_lead", "status_lead", "responsible_lead",
    "note_lead", "add_contact", "update_contact", "delete_contact", "restore_contact",
    "responsible_contact", "note_contact", "add_company", "update_company", "delete_company",
    "restore_company", "responsible_company", "note_company", "add_customer", "update_customer",
    "delete_customer", "responsible_customer", "note_customer", "add_task", "update_task",
    "delete_task", "responsible_task", "add_unsorted", "update_unsorted", "delete_unsorted",
    "add_talk", "update_talk", "add_message", "add_outgoing_message", "add_chat_template_review",
]  # fmt: skip
"""Source: reference 6.2."""

UnsortedCategory = Literal["sip", "mail", "forms", "chats"]
"""Source: reference 4.4."""

CatalogType = Literal["regular", "invoices", "products", "suppliers"]
"""Source: reference 4.9."""

CallDirection = Literal["inbound", "outbound"]
"""Source: reference 4.22."""

BotFunction = Literal["regular", "greeting", "marketing", "nps"]
"""Source: reference 4.31."""

DatePreset = Literal[
    "day", "tomorrow", "yesterday", "week", "previous_week", "next_week", "month", "next_month",
    "previous_month", "quarter", "previous_quarter", "next_quarter", "last_3_days", "next_3_days",
    "last_6_month", "year",
]  # fmt: skip
"""Source: reference 7."""

EventName = Literal[
    "lead_added", "lead_deleted", "lead_restored", "lead_status_changed", "lead_linked",
    "lead_unlinked", "contact_added", "contact_deleted", "contact_restored", "contact_linked",
    "contact_unlinked", "company_added", "company_deleted", "company_restored", "company_linked",
    "company_unlinked", "customer_added", "customer_deleted", "customer_status_changed",
    "customer_linked", "customer_unlinked", "task_added", "task_deleted", "task_completed",
    "task_type_changed", "task_text_changed", "task_deadline_changed", "task_result_added",
    "incoming_call", "outgoing_call", "incoming_chat_message", "outgoing_chat_message",
    "entity_direct_message", "incoming_sms", "outgoing_sms", "entity_tag_added",
    "entity_tag_deleted", "entity_linked", "entity_unlinked", "sale_field_changed",
    "name_field_changed", "ltv_field_changed", "custom_field_value_changed",
    "entity_responsible_changed", "robot_replied", "intent_identified", "nps_rate_added",
    "link_followed", "transaction_added", "common_note_added", "common_note_deleted",
    "attachment_note_added", "targeting_in_note_added", "targeting_out_note_added",
    "geo_note_added", "service_note_added", "site_visit_note_added",
    "message_to_cashier_note_added", "key_action_completed", "entity_merged", "incoming_mail",
    "outgoing_mail", "ai_result", "talk_created", "talk_closed", "conversation_answered",
    "talk_missed_event", "meta_chat_subscription_added", "meta_chat_subscription_removed",
    "page_mention", "video_opened", "video_closed", "picture_opened", "picture_closed",
    "zoom_conference", "dropbox_attachment",
]  # fmt: skip
"""Source: reference 5.11."""

EventEntityType = Literal["lead", "contact", "company", "customer", "task"]
"""Elements of a list are `catalog_7`. Source: reference 4.16."""
