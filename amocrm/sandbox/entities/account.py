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
    embedded = {name: one for name, one in _embedded(account).items() if name in withs}
    if embedded:
        body["_embedded"] = embedded
    return json_answer(body)


def _plain(account: Account, user_id: int) -> Entity:
    settings = account.settings
    return {
        "id": account.id,
        "name": account.subdomain.capitalize(),
        "subdomain": account.subdomain,
        "created_at": account.created_at,
        "created_by": 0,
        "updated_at": account.created_at,
        "updated_by": 0,
        "current_user_id": user_id,
        **{name: settings[name] for name in ("country", "currency", "currency_symbol")},
        "customers_mode": account.customers_mode,
        "is_unsorted_on": settings["is_unsorted_on"],
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": settings["is_loss_reason_enabled"],
        "is_helpbot_enabled": settings["is_helpbot_enabled"],
        "is_technical_account": False,
        "contact_name_display_order": settings["contact_name_display_order"],
    }


def _optional(call: Call) -> Entity:
    account = call.account
    return {
        "amojo_id": account.amojo_id,
        "uuid": account.uuid,
        "version": 11,
        "drive_url": _drive_url(call),
        "is_api_filter_enabled": account.settings["is_api_filter_enabled"],
        "entity_names": {
            "leads": {"ru": {"gender": "f"}, "en": {"singular_form": {"default": "Lead"}}}
        },
        "invoices_settings": {"lang": "ru", "invoices_catalog_id": 7},
    }


def _drive_url(call: Call) -> str:
    # A client that knows only a local address finds the files there, too.
    is_local = not call.request.host.endswith(f".{call.account.zone}")
    return call.request.origin if is_local else f"https://drive-b.{call.account.zone}"


def _embedded(account: Account) -> Entity:
    return {
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "users_groups": [dict(one) for one in account.shelf("users_groups").values()],
        "task_types": [dict(one) for one in account.shelf("task_types").values()],
        "datetime_settings": dict(account.settings["datetime_settings"]),
    }


ROWS = (Route("GET", "/account", get_account),)
