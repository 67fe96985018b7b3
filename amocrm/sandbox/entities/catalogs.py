"""Lists of the account, and the settings of products (reference 4.9, 4.11)."""

from __future__ import annotations

from amocrm.sandbox.data.catalog_fields import PREDEFINED
from amocrm.sandbox.data.defaults import add_field, open_fields
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.filters import many
from amocrm.sandbox.engine.schema import NAME, Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, is_array, is_object, json_answer

_TYPES = ("regular", "invoices", "products", "suppliers")
_SINGLE = ("invoices", "products")
_WRITE: Schema = {
    "sort": "int",
    "can_add_elements": "bool",
    "can_show_in_cards": "bool",
    "can_link_multiple": "bool",
}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    kind = model.get("type")
    if entity is None and kind in _SINGLE:
        sent = operation.call.request.json()
        models = [one for one in sent if is_object(one)] if is_array(sent) else []
        same = [*operation.shelf.values(), *models]
        if sum(one.get("type") == kind for one in same) > 1:
            errors.no_choice("type")  # one list of invoices, one of products


def _make(operation: Operation, model: Entity) -> Entity:
    catalog = operation.make(model)
    catalog["can_be_deleted"] = catalog["type"] == "regular"
    entity_type = f"catalogs/{catalog['id']}"
    open_fields(operation.account, entity_type)
    for sort, wanted in enumerate(PREDEFINED.get(catalog["type"], ()), start=1):
        definition = {**wanted, "sort": sort, "is_predefined": True, "is_deletable": False}
        add_field(operation.account, entity_type, definition, operation.call.ids)
    return catalog


CATALOGS = Collection(
    path="/catalogs",
    key="catalogs",
    verbs={
        "list": Verb(),
        "one": Verb(),
        # Assumed (reference 4.33): 403 is documented, the right is not named.
        "create": Verb(admin=True),
        "change": Verb(admin=True),
        "change_one": Verb(echo="id", admin=True),
    },
    keys=(
        *("id", "name", "created_by", "updated_by", "created_at", "updated_at", "sort", "type"),
        *("can_add_elements", "can_show_in_cards", "can_link_multiple", "can_be_deleted"),
        *("sdk_widget_code", "account_id"),
    ),
    create={"name": NAME, "type": Prop("string", choices=_TYPES), **_WRITE},
    patch={"name": Prop("string", filled=True, longest=255), "type": "string", **_WRITE},
    fixed=("type",),
    # Assumed (reference 4.9): what a list is that says nothing of itself.
    defaults={
        "sort": 10,
        "type": "regular",
        "can_add_elements": True,
        "can_show_in_cards": False,
        "can_link_multiple": True,
        "can_be_deleted": True,
    },
    bare={"type": many("type")},
    # Assumed (reference 4.33): 400, since 422 is not among the documented codes.
    capacity=10,
    overfull=400,
    check=_check,
    make=_make,
)


def get_products(call: Call) -> Answer:
    """Answer `GET /catalogs/products/settings`."""
    return json_answer(_settings(call))


def patch_products(call: Call) -> Answer:
    """Answer `PATCH /catalogs/products/settings`: switching on makes the list of products."""
    schema: Schema = {"is_enabled": "bool!", **ignoring("catalog_id", "_links")}
    model = read_model(call.request.json(), schema)
    if model["is_enabled"] and _products(call) is None:
        operation = Operation(call, CATALOGS, {})
        name = "Товары" if call.account.zone.endswith(".ru") else "Products"
        _make(operation, {"name": name, "type": "products"})
    # Assumed (reference 4.11): the list stays when products are switched off.
    call.account.has_products = model["is_enabled"]
    return json_answer(_settings(call))


def _settings(call: Call) -> Entity:
    catalog = _products(call)
    found = {} if catalog is None else {"catalog_id": catalog["id"]}
    return {"is_enabled": call.account.has_products, **found}


def _products(call: Call) -> Entity | None:
    lists = call.account.shelf("catalogs").values()
    return next((one for one in lists if one["type"] == "products"), None)


ROWS = (
    Route("GET", "/catalogs/products/settings", get_products),
    # Assumed (reference 4.11): an account-wide switch is for administrators.
    Route("PATCH", "/catalogs/products/settings", patch_products, admin=True),
    CATALOGS,
)
