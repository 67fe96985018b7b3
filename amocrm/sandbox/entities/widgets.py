"""Widgets: what is installed, and with which settings (reference 4.21)."""

from __future__ import annotations

from dataclasses import replace

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validate import read_model
from amocrm.sandbox.http.answer import Answer, json_answer
from amocrm.sandbox.http.problem import ProblemError


def install(call: Call, code: str) -> Answer:
    """Answer `POST /widgets/{code}`: settings by the keys of the template."""
    widget = call.account.shelf("widgets").get(code)
    if widget is None:
        raise ProblemError(404, "Not found")
    model = read_model(call.request.json(), _settings(widget["settings_template"]))
    widget |= {"is_active_in_account": True, "settings": model}
    return json_answer(_shown(Operation(call, WIDGETS, {}), widget, is_owner=True))


def _uninstall(operation: Operation, widget: Entity) -> None:
    if not widget["is_active_in_account"]:
        raise ProblemError(404, "Not found")  # Assumed (reference 4.21): nothing to uninstall.
    widget |= {"is_active_in_account": False, "settings": None}


_LOGIN: Schema = {"login": "string!", "password": "string!"}
_KINDS = {
    "text": Prop("string"),
    "pass": Prop("string"),
    "custom": Prop("any"),
    "users": Prop("object", each="string"),
    "users_lp": Prop("object", each=Prop("object", inner=_LOGIN)),
}
"""Values of settings by the type that the template names."""


def _settings(template: list[Entity]) -> Schema:
    """Return what the settings of a widget may hold."""
    return {
        one["key"]: replace(
            _KINDS[one["type"]], required=one["is_required"], filled=one["is_required"]
        )
        for one in template
    }


def _show(operation: Operation, widget: Entity, listing: ListingQuery) -> Entity:
    # Settings are for the integration that the widget belongs to.
    is_owner = widget["client_uuid"] == operation.call.grant.client_id
    return _shown(operation, widget, is_owner=is_owner)


def _shown(operation: Operation, widget: Entity, *, is_owner: bool) -> Entity:
    shown: Entity = {name: widget[name] for name in WIDGETS.keys if name != "settings"}
    if is_owner:
        shown["settings"] = widget["settings"]
    shown["_links"] = {"self": {"href": f"{operation.call.root}/widgets/{widget['code']}"}}
    return shown


WIDGETS = Collection(
    path="/widgets",
    key="widgets",
    verbs={"list": Verb(), "one": Verb(), "delete": Verb(status=204, admin=True)},
    keys=(
        *("id", "code", "version", "rating", "settings_template", "is_lead_source"),
        *("is_work_with_dp", "is_crm_template", "client_uuid", "is_active_in_account"),
        *("pipeline_id", "settings"),
    ),
    defaults={
        "version": "1.0.0",
        "rating": "2,8",
        "settings_template": [],
        "is_lead_source": False,
        "is_work_with_dp": False,
        "is_crm_template": False,
        "is_active_in_account": False,
    },
    number="<number>",
    unknown=404,
    drop=_uninstall,
    show=_show,
)

ROWS = (WIDGETS, Route("POST", "/widgets/<code>", install, admin=True))
