"""Types of notes, and the params of each (reference 5.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amocrm.sandbox.engine.schema import Prop, Schema, ignoring


@dataclass(frozen=True)
class NoteType:
    """One type of notes that can be made through the API.

    Attributes:
        params: what its `params` hold.
        event: the type of the event that its creation leaves; None leaves none.
        editable: whether a PATCH may change it.
    """

    params: Schema
    event: str | None = None
    editable: bool = True


# Assumed (reference 5.12): which params are required. The text is, where there is one.
_TEXT: Schema = {"text": "string!"}
_CALL: Schema = {
    "uniq": "string",
    "duration": Prop("int", required=True, low=0),
    "source": "string!",
    "link": "string",
    "phone": "string!",
    "call_responsible": "scalar?",
    "call_result": "string",
    "call_status": Prop("int", choices=tuple(range(1, 9))),
}
_SERVICE: Schema = {"service": "string!", **_TEXT}
_CASHIER: Schema = {
    "status": Prop("string", required=True, choices=("created", "shown", "canceled")),
    **_TEXT,
}
_PLACE: Schema = {
    **_TEXT,
    "address": "string!",
    "longitude": "string!",
    "latitude": "string!",
}
_SMS: Schema = {**_TEXT, "phone": "string!"}
_FILE: Schema = {
    "file_uuid": "string!",
    "file_name": "string!",
    "version_uuid": "string",
    **ignoring("is_drive_attachment", "text", "original_name"),
}
_PAID: Schema = {**_TEXT, "service": "string!", "icon_url": "string"}
_TARGETING: Schema = {"service": "string!", "campaign": "any", "contacts": "any"}

NOTE_TYPES: Mapping[str, NoteType] = {
    "common": NoteType(_TEXT, "common_note_added"),
    "call_in": NoteType(_CALL, "incoming_call"),
    "call_out": NoteType(_CALL, "outgoing_call"),
    "service_message": NoteType(_SERVICE, "service_note_added"),
    "extended_service_message": NoteType(_SERVICE, "service_note_added"),
    "message_cashier": NoteType(_CASHIER, "message_to_cashier_note_added"),
    "geolocation": NoteType(_PLACE, "geo_note_added"),
    "sms_in": NoteType(_SMS, "incoming_sms"),
    "sms_out": NoteType(_SMS, "outgoing_sms"),
    "attachment": NoteType(_FILE, "attachment_note_added"),
    # Assumed (reference 5.11, 5.12): no event of the list belongs to a paid invoice.
    "invoice_paid": NoteType(_PAID, editable=False),
    "bill_paid": NoteType(_PAID, editable=False),
    "targeting_in": NoteType(_TARGETING, "targeting_in_note_added", editable=False),
    "targeting_out": NoteType(_TARGETING, "targeting_out_note_added", editable=False),
}
"""Types that can be made; the others of reference 5.12 are only read."""
