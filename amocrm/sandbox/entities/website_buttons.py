"""Website buttons, and short links to contacts (reference 4.25, 4.26)."""

from __future__ import annotations

import re

from amocrm.api_limits import PAGE_LIMIT
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_model, read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, Json, json_answer
from amocrm.sandbox.http.problem import ProblemError

MOST_WEBSITES = 10
"""Trusted domains of one button (reference 3.5)."""

_DOMAIN = re.compile(r"(?:[\w-]+\.)+[\w-]{2,}")
_NEW: Schema = {
    "pipeline_id": "int!",
    "trusted_websites": Prop("array", longest=MOST_WEBSITES, each="string"),
    "is_used_in_app": "bool",
    "name": Prop("string", filled=True, longest=255),
}
_PATCH: Schema = {
    "trusted_websites": Prop("object", inner={"add": Prop("array", required=True, each="string")}),
    "name": Prop("string", filled=True, longest=255),
}


def create_button(call: Call) -> Answer:
    """Answer `POST /website_buttons`: the button itself is made a moment later."""

    def check(model: Entity, errors: ValidationErrors) -> None:
        if model.get("pipeline_id", 0) not in (0, *call.account.pipelines):
            errors.no_choice("pipeline_id")
        if not errors.found and not (model.get("trusted_websites") or model.get("is_used_in_app")):
            errors.blank("trusted_websites")
        _check_domains(model.get("trusted_websites", []), "trusted_websites", errors)

    model = read_model(call.request.json(), _NEW, check=check)
    number = call.ids.take("sources")
    call.account.shelf("website_buttons")[number] = {
        "id": number,
        "account_id": call.account.id,
        "source_id": number,
        "button_id": call.ids.take("website_buttons"),
        "is_duplication_control_enabled": False,
        "name": model.get("name", f"Button {number}"),
        "pipeline_id": model["pipeline_id"],
        "is_deleted": False,
        "_trusted": list(dict.fromkeys(model.get("trusted_websites", ()))),
        "_made_at": call.now,
        "_has_chat": False,
    }
    body = {"source_id": number, "trusted_websites": model.get("trusted_websites", [])}
    return json_answer(body, status=202)


def add_chat(call: Call, number: int) -> Answer:
    """Answer `POST /website_buttons/{source_id}/online_chat`."""
    button = call.account.shelf("website_buttons").get(number)
    if button is None:
        raise ProblemError(404, "Not found")
    button["_has_chat"] = True
    return Answer(202)


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    added = model.get("trusted_websites", {}).get("add", [])
    _check_domains(added, "trusted_websites.add", errors)
    known = entity["_trusted"] if entity is not None else []
    if len({*known, *added}) > MOST_WEBSITES:
        text = f"This collection should contain {MOST_WEBSITES} elements or less."
        errors.add("TooHigh", "trusted_websites.add", text)


def _check_domains(domains: list[Json], at: str, errors: ValidationErrors) -> None:
    for place, one in enumerate(domains):
        if not _DOMAIN.fullmatch(one):
            errors.add("InvalidFormat", f"{at}.{place}", "This value is not a valid domain.")


def _change(operation: Operation, button: Entity, model: Entity) -> None:
    operation.change(button, {name: one for name, one in model.items() if name == "name"})
    added = model.get("trusted_websites", {}).get("add", [])
    button["_trusted"] = list(dict.fromkeys([*button["_trusted"], *added]))


def _show(operation: Operation, button: Entity, listing: ListingQuery) -> Entity:
    # Assumed (reference 4.25): in the second of its creation a button is still being made.
    is_made = operation.call.now > button["_made_at"]
    shown: Entity = {name: button[name] for name in BUTTONS.keys if name in button}
    shown["button_id"] = button["button_id"] if is_made else None
    shown["creation_status"] = "created" if is_made else "creation_pending"
    if "scripts" in listing.withs:
        script = f"<script>amo_social_button({button['button_id']})</script>"
        shown["script"] = script if is_made else None
    if "deleted" in listing.withs:
        shown["is_deleted"] = button["is_deleted"]
    shown["_links"] = {"self": {"href": operation.href(button)}}
    return shown


BUTTONS = Collection(
    path="/website_buttons",
    key="website_buttons",
    verbs={
        "list": Verb(admin=True),
        "one": Verb(admin=True),
        "change_one": Verb(echo="no", admin=True),
    },
    keys=(
        *("account_id", "source_id", "button_id", "is_duplication_control_enabled", "name"),
        *("creation_status", "pipeline_id"),
    ),
    with_keys=("script", "is_deleted", "trusted_websites"),
    patch=_PATCH,
    page_default=PAGE_LIMIT,
    unknown=404,
    check=_check,
    change=_change,
    show=_show,
)


_SHORT_LINK: Schema = {
    "url": "string!",
    # Assumed (reference 4.26): contacts only, as in the example.
    "metadata": Prop(
        "object",
        required=True,
        inner={
            "entity_type": Prop("string", required=True, choices=("contacts",)),
            "entity_id": "int!",
        },
    ),
    "request_id": "string",
    **ignoring("account_id"),
}


def shorten(call: Call) -> Answer:
    """Answer `POST /short_links`: a contact has one link, and a second call returns it again."""

    def check(model: Entity, errors: ValidationErrors) -> None:
        if not re.fullmatch(r"https?://[^\s/]\S*", model.get("url", "http://a")):
            errors.add("InvalidFormat", "url", "This value is not a valid URL.")
        owner = model.get("metadata")
        if owner is not None and owner["entity_id"] not in call.account.shelf("contacts"):
            errors.no_choice("metadata.entity_id")

    models = read_models(call.request.json(), _SHORT_LINK, check=check)
    items = [_shortened(call, model) for model in models]
    # Relative, as published.
    links = {"self": {"href": "/api/v4/short_links"}}
    return json_answer({"_links": links, "_embedded": {"short_links": items}})


def _shortened(call: Call, model: Entity) -> Entity:
    number = model["metadata"]["entity_id"]
    shelf = call.account.shelf("short_links")
    # Assumed (reference 4.26): a new address replaces the old one behind the same link.
    known = shelf.setdefault(number, {"url": f"https://amo.sh/{call.ids.take('short_links'):x}"})
    known["_target"] = model["url"]
    return {"url": known["url"], "account_id": call.account.id, "metadata": model["metadata"]}


ROWS = (
    Route("POST", "/website_buttons", create_button, admin=True),
    Route("POST", "/website_buttons/<int:number>/online_chat", add_chat, admin=True),
    BUTTONS,
    Route("POST", "/short_links", shorten),
)
