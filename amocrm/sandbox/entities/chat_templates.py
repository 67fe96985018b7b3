"""Templates of chat messages, and their reviews (reference 4.27)."""

from __future__ import annotations

from amocrm.api_limits import TEMPLATES_PAGE_LIMIT
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Route, Verb
from amocrm.sandbox.engine.filters import many
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.entities.sources import own_sources
from amocrm.sandbox.http.answer import Answer, Json, json_answer
from amocrm.sandbox.http.problem import ProblemError

MOST_TEMPLATES = 1000
"""Of one integration. Assumed (reference 4.27): there is a limit, its number is not published."""

_BUTTON: Schema = {
    "type": Prop("string", required=True, choices=("inline", "url")),
    "text": Prop("string", required=True, filled=True),
    "url": "string",
}
_ATTACHMENT: Schema = {
    "id": "string!",
    "name": "string!",
    "type": Prop("string", required=True, choices=("picture", "file", "document", "video")),
    "is_external": "bool",
}
_CATEGORIES = ("UTILITY", "AUTHENTICATION", "MARKETING")
_CREATE: Schema = {
    "name": NAME,
    "content": Prop("string", required=True, filled=True),
    "is_editable": "bool",
    "type": Prop("string", choices=("amocrm", "waba")),
    "buttons": Prop("array", null=True, inner=_BUTTON),
    "attachment": Prop("object", null=True, inner=_ATTACHMENT),
    "external_id": "string?",
    "waba_footer": "string?",
    "waba_category": Prop("string", null=True, choices=_CATEGORIES),
    "waba_language": "string?",
    "waba_examples": "object",
    "waba_header": Prop("string", null=True, longest=60),
    "waba_header_type": Prop("string", null=True, choices=("text", "media")),
}
_REVIEW: Schema = {
    "status": Prop("string", required=True, choices=("approved", "paused", "rejected")),
    "reject_reason": Prop("string", null=True, longest=65535),
    **ignoring("id", "source_id", "_links"),
}


def _own(call: Call) -> Entities:
    # An integration sees only what it made itself.
    return call.account.shelf(f"chat_templates/{call.grant.client_id}")


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    for place, one in enumerate(model.get("buttons") or ()):
        if one["type"] == "url" and not one.get("url"):
            errors.missing(f"buttons.{place}.url")
    file = model.get("attachment")
    if file and not file.get("is_external") and file["id"] not in operation.account.drive.files:
        errors.no_choice("attachment.id")
    if entity is not None and entity["type"] == "waba" and _status(entity) != "draft":
        # Assumed (reference 4.27): how a change of a reviewed template is refused.
        errors.no_choice("id")


def _show(operation: Operation, template: Entity, listing: ListingQuery) -> Entity:
    shown = operation.show(template)
    if "reviews" in listing.withs:
        reviews: list[Json] = template["_reviews"]
        shown["review_status"] = _status(template)
        shown["is_on_review"] = any(one["status"] == "review" for one in reviews)
        shown["_embedded"] = {"reviews": reviews}
    return shown


def _status(template: Entity) -> str:
    # Assumed (reference 4.27): the last review decides; without one it is a draft.
    reviews: list[Entity] = template["_reviews"]
    return str(reviews[-1]["status"]) if reviews else "draft"


def send_to_review(call: Call, number: int) -> Answer:
    """Answer `POST /chats/templates/{id}/review`: a review for each WhatsApp source."""
    template = _known(call, number)
    if template["type"] != "waba":
        raise ProblemError(400, "Only WhatsApp templates are reviewed")  # Assumed: the refusal.
    sources = [
        one["id"]
        for one in own_sources(call).values()
        if any(service.get("params", {}).get("waba") for service in one["services"])
    ]
    template["_reviews"] = [
        {
            "id": call.ids.take("reviews"),
            "source_id": source,
            "status": "review",
            "reject_reason": "",
        }
        # Assumed (reference 4.27): without a source there is one review all the same.
        for source in sources or [None]
    ]
    call.account.changes.add("chat_templates", template)
    return json_answer({"_embedded": {"reviews": template["_reviews"]}})


def review(call: Call, number: int, review_id: int) -> Answer:
    """Answer `POST /chats/templates/{id}/review/{review_id}`."""
    reviews: list[Entity] = _known(call, number)["_reviews"]
    found = next((one for one in reviews if one["id"] == review_id), None)
    if found is None:
        raise ProblemError(404, "Not found")
    model = read_model(call.request.json(), _REVIEW)
    found |= {"status": model["status"], "reject_reason": model.get("reject_reason") or ""}
    return json_answer(found)


def _known(call: Call, number: int) -> Entity:
    template = _own(call).get(number)
    if template is None:
        raise ProblemError(404, "Not found")
    return template


def _make(operation: Operation, model: Entity) -> Entity:
    template = operation.make(_read(model))
    template["_reviews"] = []
    return template


def _change(operation: Operation, template: Entity, model: Entity) -> None:
    operation.change(template, _read(model))


def _read(model: Entity) -> Entity:
    # No buttons are an empty list, and no samples too (reference 4.27).
    return {
        name: one or [] if name in ("buttons", "waba_examples") else one
        for name, one in model.items()
    }


TEMPLATES = Collection(
    path="/chats/templates",
    key="chat_templates",
    verbs={
        "list": Verb(admin=True),
        "one": Verb(admin=True),
        "create": Verb(admin=True),
        "change": Verb(admin=True),
        "change_one": Verb(admin=True),
        "delete": Verb(status=204, admin=True),
        "delete_many": Verb(status=204, admin=True),
    },
    keys=(
        *("id", "account_id", "name", "content", "is_editable", "type", "buttons", "attachment"),
        *("created_at", "updated_at", "external_id", "waba_footer", "waba_category"),
        *("waba_language", "waba_examples", "waba_header", "waba_header_type"),
    ),
    with_keys=("review_status", "is_on_review"),
    embeds=("reviews",),
    create=_CREATE,
    defaults={"is_editable": False, "type": "amocrm", "buttons": [], "waba_examples": []},
    filters={"external_id": many("external_id")},
    page=TEMPLATES_PAGE_LIMIT,
    unknown=404,
    capacity=MOST_TEMPLATES,
    stored=lambda operation: _own(operation.call),
    check=_check,
    make=_make,
    change=_change,
    show=_show,
)

_REVIEWS = "/chats/templates/<int:number>/review"
ROWS = (
    TEMPLATES,
    Route("POST", _REVIEWS, send_to_review, admin=True),
    Route("POST", f"{_REVIEWS}/<int:review_id>", review, admin=True),
)
