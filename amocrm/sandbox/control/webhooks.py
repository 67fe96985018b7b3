"""Actions on webhooks: subscriptions and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlunsplit

from amocrm.sandbox.control.action import (
    ACCOUNT,
    AFTER,
    LIMIT,
    Action,
    Parameter,
    RefusedError,
    Values,
    account_of,
)
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.exchange import Body
from amocrm.sandbox.http.masking import mask_headers, mask_query
from amocrm.sandbox.values.addresses import split_address
from amocrm.sandbox.webhooks.delivery import Delivery

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_CHANGES = ("deliveries",)
_NUMBER = Parameter("number", "int", True, "Of the webhook, from 1.", "Номер вебхука, с 1.", low=1)
_DESTINATION = Parameter("destination", "text", True, "The address.", "Адрес.")


def shown_delivery(delivery: Delivery) -> Json:
    """Return a webhook as the list shows it, without the secrets of its address."""
    parts = split_address(delivery.url)
    return {
        "number": delivery.number,
        "kind": delivery.kind,
        "codes": list(delivery.codes),
        "account": delivery.account,
        "url": urlunsplit(parts._replace(query=mask_query(parts.query))),
        "method": delivery.method,
        "queued_at": delivery.queued_at,
        "state": delivery.state,
        "due": delivery.due,
        "copy_of": delivery.copy_of,
        "attempts": [
            {"at": one.at, "status": one.status, "error": one.error, "body": one.body}
            for one in delivery.attempts
        ],
    }


def _subscriptions(portal: Sandbox, values: Values) -> Json:
    found = portal.call_api("GET", "/webhooks", account=account_of(portal, values))
    return {"webhooks": found["_embedded"]["webhooks"] if found else []}


def _subscribe(portal: Sandbox, values: Values) -> Json:
    settings = values["settings"]
    if isinstance(settings, str):
        settings = [one.strip() for one in settings.split(",") if one.strip()]
    model = {"destination": values["destination"], "settings": settings}
    made = portal.call_api("POST", "/webhooks", model, account=account_of(portal, values))
    return {name: made[name] for name in ("id", "destination", "settings", "disabled")}


def _unsubscribe(portal: Sandbox, values: Values) -> Json:
    model = {"destination": values["destination"]}
    portal.call_api("DELETE", "/webhooks", model, account=account_of(portal, values))
    return {}


def _list(portal: Sandbox, values: Values) -> Json:
    after, limit = values.get("after", 0), values.get("limit", 100)
    with portal.locked():
        found = [one for one in portal.webhooks.deliveries if one.number > after][-limit:]
        return {"deliveries": [shown_delivery(one) for one in found]}


def _show(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        for one in portal.webhooks.deliveries:
            if one.number == values["number"]:
                body = Body.of(one.body)
                return {
                    **shown_delivery(one),
                    "headers": mask_headers(list(one.headers.items())),
                    "body": {"text": body.text, "size": body.size, "is_whole": body.is_whole},
                    "form": one.form if one.is_form and body.is_whole else None,
                }
    raise RefusedError(404, f"number: there is no webhook {values['number']}")


def _resend(portal: Sandbox, values: Values) -> Json:
    try:
        return shown_delivery(portal.webhooks.resend(values["number"]))
    except KeyError:
        raise RefusedError(404, f"number: there is no webhook {values['number']}") from None


def _deliver(portal: Sandbox, values: Values) -> Json:
    return {"deliveries": [shown_delivery(one) for one in portal.webhooks.deliver()]}


ACTIONS = (
    Action(
        "list_subscriptions", "GET", "/_sandbox/webhooks",
        "List the webhook subscriptions of an account.", "Подписки аккаунта на вебхуки.",
        (ACCOUNT,), _subscriptions,
    ),
    Action(
        "subscribe", "POST", "/_sandbox/webhooks",
        "Subscribe an address to events.", "Подписать адрес на события.",
        (
            ACCOUNT, _DESTINATION,
            Parameter(
                "settings", "json", True,
                "Codes of events: a list, or text with commas.",
                "Коды событий: список или текст через запятую.",
            ),
        ),
        _subscribe, _CHANGES,
    ),
    Action(
        "unsubscribe", "POST", "/_sandbox/webhooks/remove",
        "Remove the subscription of an address.", "Удалить подписку адреса.",
        (ACCOUNT, _DESTINATION), _unsubscribe, _CHANGES,
    ),
    Action(
        "list_deliveries", "GET", "/_sandbox/deliveries",
        "List the latest webhooks and their attempts.", "Последние вебхуки и попытки отправки.",
        (AFTER, LIMIT), _list,
    ),
    Action(
        "show_delivery", "GET", "/_sandbox/deliveries/{number}",
        "Show one webhook with its body.", "Один вебхук с телом.",
        (_NUMBER,), _show,
    ),
    Action(
        "resend_delivery", "POST", "/_sandbox/deliveries/{number}/resend",
        "Send a webhook once more.", "Отправить вебхук ещё раз.",
        (_NUMBER,), _resend, _CHANGES,
    ),
    Action(
        "deliver", "POST", "/_sandbox/deliver",
        "Make every attempt that is due now.", "Выполнить все попытки, время которых пришло.",
        (), _deliver, _CHANGES,
    ),
)  # fmt: skip
