"""The account itself (reference 4.1)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Route
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.http.answer import Answer, json_answer


def get_account(call: Call) -> Answer:
    """Answer `GET /account`; optional members appear only when `with` names them."""
    account, withs = call.account, ListingQuery.of(call.request).withs
    body = _plain(account, call.grant.user_id)
    body |= {name: value for name, value in _optional(call).items() if name in withs}
    body["_links"] = {"self": {"href": f"{call.root}/account"}}
    embedded = {name: one for name, one in _embedded().items() if name in withs}
    if embedded:
        body["_embedded"] = embedded
    return json_answer(body)


def _plain(account: Account, user_id: int) -> Entity:
    is_russian = account.zone.endswith(".ru")
    return {
        "id": account.id,
        "name": account.subdomain.capitalize(),
        "subdomain": account.subdomain,
        "created_at": account.created_at,
        "created_by": 0,
        "updated_at": account.created_at,
        "updated_by": 0,
        "current_user_id": user_id,
        "country": "RU" if is_russian else "US",
        "currency": "RUB" if is_russian else "USD",
        "currency_symbol": "₽" if is_russian else "$",
        "customers_mode": account.customers_mode,
        "is_unsorted_on": True,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
    }


def _optional(call: Call) -> Entity:
    account = call.account
    return {
        "amojo_id": account.amojo_id,
        "uuid": account.uuid,
        "version": 11,
        "drive_url": _drive_url(call),
        "is_api_filter_enabled": True,
        "entity_names": {
            "leads": {"ru": {"gender": "f"}, "en": {"singular_form": {"default": "Lead"}}}
        },
        "invoices_settings": {"lang": "ru", "invoices_catalog_id": 7},
    }


def _drive_url(call: Call) -> str:
    # A client that knows only a local address finds the files there, too.
    is_local = not call.request.host.endswith(f".{call.account.zone}")
    return call.request.origin if is_local else f"https://drive-b.{call.account.zone}"


def _embedded() -> Entity:
    kind = {"color": None, "icon_id": None}
    return {
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "users_groups": [{"id": 0, "name": "Отдел продаж", "uuid": None}],
        "task_types": [
            {"id": 1, "name": "Связаться", **kind, "code": "FOLLOW_UP"},
            {"id": 2, "name": "Встреча", **kind, "code": "MEETING"},
        ],
        "datetime_settings": {
            "date_pattern": "d.m.Y H:i",
            "short_date_pattern": "d.m.Y",
            "short_time_pattern": "H:i",
            "date_format": "d.m.Y",
            "time_format": "H:i:s",
            "timezone": "Europe/Moscow",
            "timezone_offset": "+03:00",
        },
    }


ROWS = (Route("GET", "/account", get_account),)
