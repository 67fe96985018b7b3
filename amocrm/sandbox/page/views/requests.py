"""The log of requests as they come, and one request whole, without secrets."""

from __future__ import annotations

import json

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.request_log import Seen
from amocrm.sandbox.page.paging import page_of
from amocrm.sandbox.page.visit import NoSuchPageError, Visit

SHOWN = 100
"""Requests of one page, the newest first."""


def requests(visit: Visit) -> dict[str, Json]:
    """Return the newest requests, of those that the query names."""
    portal, query = visit.portal, visit.query.get("query", "").strip()[:100]
    seen = portal.log
    found = [one for one in seen if _matches(one, query)] if query else seen
    shown, paging = page_of(found[::-1], visit, SHOWN)
    address = portal.rate_limiter.scopes.get("address")
    return {
        "log": {
            **paging,
            "query": query,
            "requests": [_row(visit, one) for one in shown],
            "refused": sum(1 for one in seen if one.status >= 400),
            "busiest": 0 if address is None else address.busiest,
            "limit": portal.rate_limiter.rps or 0,
        }
    }


def _matches(one: Seen, query: str) -> bool:
    """Tell whether a request has a status, or a text in its method, path or fault."""
    if query.isdecimal() and len(query) == 3:
        return str(one.status) == query
    return query.casefold() in f"{one.method} {one.path} {one.fault} {one.account}".casefold()


def _row(visit: Visit, one: Seen) -> Entity:
    limit = one.limit or 0
    return {
        "number": one.number,
        "time": one.time,
        "method": one.method,
        "path": one.path + (f"?{one.query}" if one.query else ""),
        "status": one.status,
        "duration": duration(one.duration),
        "in_second": one.in_second,
        "limit": limit,
        "share": min(100, round(100 * one.in_second / limit)) if limit else 0,
        "is_over": one.verdict not in ("", "pass"),
        "owner": owner(visit, one),
        "fault": one.fault,
        "account": one.account,
    }


def request(visit: Visit) -> dict[str, Json]:
    """Return one request whole.

    Raises:
        NoSuchPageError: there is none with this number.
    """
    try:
        one, exchange = visit.portal.exchange(visit.id())
    except KeyError:
        raise NoSuchPageError from None
    sent = "" if exchange is None else exchange.sent.text
    answered = "" if exchange is None else exchange.answered.text
    messages = [("sent", list(one.headers.items()), readable(sent))]
    if exchange is not None:
        messages.append(("answered", list(exchange.headers.items()), readable(answered)))
    return {
        "one": {**_row(visit, one), "messages": messages},
        "is_kept": exchange is not None,
        "heading": f"№ {one.number}",
    }


def owner(visit: Visit, one: Seen) -> str:
    """Return whose token a request carried: the user, and the beginning of the integration."""
    if one.user_id is None:
        return ""
    names = {user.id: user.name for each in visit.portal.accounts for user in each.users.values()}
    return f"{names.get(one.user_id, one.user_id)} · {one.client_id[:8]}"


def duration(seconds: float) -> tuple[str, str]:
    """Return a time span as people read it: the number, and the key of its unit.

    >>> duration(0.00042), duration(0.25), duration(12.3)
    (('0.4', 'unit_ms'), ('250', 'unit_ms'), ('12.3', 'unit_s'))
    """
    if seconds >= 10:
        return f"{seconds:.1f}", "unit_s"
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f}", "unit_ms"


def readable(text: str) -> Json:
    """Return a body decoded if it is JSON, so that it is shown indented."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
