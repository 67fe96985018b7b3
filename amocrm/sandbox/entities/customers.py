"""Customers, their mode and their bonus points (reference 4.18, 5.3)."""

from __future__ import annotations

from dataclasses import replace

from amocrm.sandbox.data.customer_stages import customer_statuses
from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.state import Account, Entity, linked
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.filters import numbers, span
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop
from amocrm.sandbox.engine.validate import check_members, read_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.engine.view import show
from amocrm.sandbox.entities.main_entities import entity_row
from amocrm.sandbox.http.answer import Answer, json_answer
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import EMPTY_DATA

_CUSTOMERS = ENTITY_TYPES["customers"]
_MODE: dict[str, str | Prop] = {
    "mode": Prop("string", required=True, choices=("segments", "periodicity")),
    "is_enabled": "bool!",
}
_POINTS: dict[str, str | Prop] = {"earn": Prop("int", low=1), "redeem": Prop("int", low=1)}


def need_mode(account: Account, *modes: str) -> None:
    """Refuse what an account cannot do in its mode.

    Raises:
        ProblemError: 402 when customers are switched off or not paid for, 422 in another mode.
    """
    # Assumed (reference 3.3, 4.18): 402 is documented for a plan without customers; the older 425
    # and 426 are not sent.
    if account.customers_mode in ("unavailable", "disabled"):
        raise ProblemError(402, "Payment required")
    if account.customers_mode not in modes:
        raise ProblemError(422, f"Customers are in {account.customers_mode} mode")


def set_mode(call: Call) -> Answer:
    """Answer `PATCH /customers/mode`."""
    model = read_model(call.request.json(), _MODE)
    if call.account.customers_mode == "unavailable":
        raise ProblemError(402, "Payment required")
    call.account.customers_mode = model["mode"] if model["is_enabled"] else "disabled"
    links = {"self": {"href": f"{call.root}/customers/mode"}}
    return json_answer({"mode": model["mode"], "is_enabled": model["is_enabled"], "_links": links})


def give_points(call: Call, number: int) -> Answer:
    """Answer `POST /customers/{id}/bonus_points`: exactly one of `earn` and `redeem`."""
    customer = call.account.shelf("customers").get(number)
    if customer is None:
        raise ProblemError(404, "Not found")  # Assumed (reference 4.33): not documented.
    points = customer.get("_points", 0)

    def check(model: Entity, errors: ValidationErrors) -> None:
        if len(model) > 1:
            errors.unexpected("redeem")
        elif model.get("redeem", 0) > points:
            # Assumed (reference 4.18): what is not there cannot be redeemed.
            errors.add("TooHigh", "redeem", f"This value should be {points} or less.")

    model = read_model(call.request.json(), _POINTS, check=check)
    if not model:
        raise ProblemError(400, EMPTY_DATA)
    customer["_points"] = points + model.get("earn", 0) - model.get("redeem", 0)
    return json_answer({"bonus_points": customer["_points"]})


def customers_on(operation: Operation) -> None:
    """Refuse a call when customers are off.

    Raises:
        ProblemError: 402.
    """
    need_mode(operation.account, "segments", "periodicity")


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    check_members(model, _CUSTOMERS, operation.account, errors)
    periodic = operation.account.customers_mode == "periodicity"
    if periodic and entity is None and model.get("next_date") is None:
        errors.missing("next_date")
    if model.get("status_id") is not None:
        if not periodic:
            errors.unexpected("status_id")  # Assumed (reference 5.3): only in periodicity mode.
        elif model["status_id"] not in customer_statuses(operation.account, operation.call.ids):
            errors.no_choice("status_id")


def _show(operation: Operation, customer: Entity, listing: ListingQuery) -> Entity:
    shown = show(operation.account, _CUSTOMERS, customer, listing.withs, operation.call.root)
    if "_embedded" in shown:
        known = operation.account.shelf("segments")
        segments = linked(
            [one for one in customer["_segments"] if one in known],
            f"{operation.call.root}/customers/segments",
        )
        shown["_embedded"] = {"segments": segments, **shown["_embedded"]}
    return shown


_ROW = entity_row(_CUSTOMERS)
CUSTOMERS: Collection = replace(
    _ROW,
    verbs={
        **_ROW.verbs,
        # The published answer shows a `request_id`.
        "change": Verb(shape=("id", "updated_at")),
        "change_one": Verb(shape=("id", "updated_at")),
    },
    filters={
        **_ROW.filters,
        "status_id": numbers("status_id"),
        "next_price": span("next_price"),
        "next_date": span("next_date"),
    },
    guard=customers_on,
    check=_check,
    show=_show,
)

ROWS = (
    Route("PATCH", "/customers/mode", set_mode, admin=True),
    CUSTOMERS,
    Route("POST", "/customers/<int:number>/bonus_points", give_points),
)
