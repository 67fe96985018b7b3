"""Subscriptions to webhooks, what was sent, and what the receivers answered."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.page.paging import page_of
from amocrm.sandbox.page.visit import NoSuchPageError, Visit
from amocrm.sandbox.values.addresses import split_address
from amocrm.sandbox.webhooks.delivery import FORM, Delivery

SHOWN = 100
"""Deliveries of one page, the newest first."""


def webhooks(visit: Visit) -> dict[str, Json]:
    """Return the subscriptions of the account and the newest deliveries of the portal."""
    deliveries = visit.portal.webhooks.deliveries
    shown, paging = page_of(deliveries[::-1], visit, SHOWN)
    return {
        "subscriptions": [
            {
                "url": address(one["destination"]),
                "settings": list(one["settings"]),
                "disabled": one["disabled"],
            }
            for one in visit.account.shelf("webhooks").values()
        ],
        "deliveries": [_row(one) for one in shown],
        "found": paging,
        "next_due": visit.portal.webhooks.next_due,
    }


def delivery(visit: Visit) -> dict[str, Json]:
    """Return one delivery with its attempts.

    Raises:
        NoSuchPageError: there is none with this number.
    """
    number = visit.id()
    one = next((one for one in visit.portal.webhooks.deliveries if one.number == number), None)
    if one is None:
        raise NoSuchPageError
    # The fields of a form are easier to read one below the other.
    form = one.form if one.headers.get("Content-Type", "").startswith(FORM) else {}
    return {
        "delivery": {
            **_row(one),
            "kind": one.kind,
            "method": one.method,
            "account": one.account,
            "copy_of": one.copy_of,
            "due": one.due,
            "tries": [
                {"at": each.at, "status": each.status, "error": each.error, "body": each.body}
                for each in one.attempts
            ],
            "form": list(form.items())[:500],
            "body": "" if form else one.body.decode("utf-8", errors="replace"),
        },
        "heading": f"№ {number}",
    }


def address(url: str) -> str:
    """Return an address without what may be a secret: the query, and long parts of the path.

    >>> address("https://example.com/in/0123456789abcdef?key=1")
    'https://example.com/in/…?…'
    """
    parts = split_address(url)
    path = "/".join(one if len(one) < 13 else "…" for one in parts.path.split("/"))
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{path}{'?…' if parts.query else ''}"


def _row(one: Delivery) -> Entity:
    return {
        "number": one.number,
        "codes": list(one.codes),
        "url": address(one.url),
        "state": one.state,
        "statuses": one.statuses,
        "queued_at": one.queued_at,
        "error": one.attempts[-1].error if one.attempts else "",
    }
