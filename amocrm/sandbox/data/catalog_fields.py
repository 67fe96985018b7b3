"""Fields that lists of a special kind begin with (reference 4.10, 5.15)."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json


def _field(code: str, kind: str, **more: Json) -> Entity:
    return {"code": code, "name": code.replace("_", " ").capitalize(), "type": kind, **more}


def _choices(code: str, *codes: str) -> Entity:
    enums = [{"value": one.replace("_", " ").capitalize(), "code": one} for one in codes]
    return _field(code, "select", enums=enums)


# Assumed (reference 4.10, 5.15): the types, where the reference names the codes only.
PREDEFINED: Mapping[str, tuple[Entity, ...]] = {
    "products": (
        _field("SKU", "text"),
        _field("DESCRIPTION", "textarea"),
        _field("PRICE", "price"),
        _field("GROUP", "category", nested=[]),
        _field("EXTERNAL_ID", "text", is_visible=False),
    ),
    "invoices": (
        _choices("BILL_STATUS", "created", "paid", "paid_in_advance", "partially_paid"),
        _field("LEGAL_ENTITY", "legal_entity"),
        _field("SUPPLIER", "supplier"),
        _field("PAYER", "payer"),
        _field("ITEMS", "items"),
        _choices("BILL_VAT_TYPE", "vat_exempt", "vat_included", "vat_not_included"),
        _field("BILL_REASON_FOR_NO_VAT", "text"),
        _field("BILL_PAYMENT_DATE", "date_time"),
        _field("BILL_COMMENT", "textarea"),
        _field("BILL_PRICE", "numeric"),
    ),
    "suppliers": tuple(
        _field(f"SUPPLIER_{code}", "text")
        for code in (
            *("VAT_ID", "TAX_REGISTRATION_REASON_CODE", "PRIMARY_STATE_REGISTRATION_NUMBER"),
            *("BANK_IDENTIFICATION_CODE", "ACCOUNT_NUMBER", "LEGAL_ADDRESS", "REAL_ADDRESS"),
            *("DIRECTOR_NAME", "DIRECTOR_POST", "ACCOUNTANT_NAME", "ACCOUNTANT_POST", "PHONE"),
        )
    ),
}
