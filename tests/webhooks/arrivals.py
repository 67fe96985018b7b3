"""Webhooks that have arrived: what a receiver puts into an inbox."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from amocrm.webhooks import parse
from amocrm.webhooks.event import Event, Kind
from amocrm.webhooks.inbox.inbox import Inbox, Part, RawDelivery

FORM = "application/x-www-form-urlencoded"


def form(entity: str, action: str, *items: dict[str, Any], account: int = 1) -> bytes:
    """The body of an account webhook."""
    pairs = [
        (f"{entity}[{action}][{at}][{name}]", str(value))
        for at, item in enumerate(items)
        for name, value in item.items()
    ]
    return urlencode([*pairs, ("account[id]", account), ("account[subdomain]", "test")]).encode()


def event(entity: str, action: str, **item: Any) -> Event:
    """The only event of an account webhook."""
    (one,) = parse(form(entity, action, item), FORM, kind="account").events
    return one


def put(
    inbox: Inbox,
    body: bytes | dict[str, Any],
    *,
    kind: Kind = "account",
    account: int | None = 1,
    received_at: float = 0.0,
) -> int:
    """Store a delivery as a receiver does; return its id."""
    content_type = FORM if isinstance(body, bytes) else "application/json"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    parsed = parse(raw, content_type, kind=kind, received_at=received_at)
    delivery = RawDelivery(kind, account, f"/{kind}/{account}", content_type, raw, received_at)
    number = inbox.put(delivery, [Part.of(one) for one in parsed.events])
    assert number is not None
    return number
