"""Actions on the log of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm.sandbox.control.action import AFTER, LIMIT, Action, Parameter, RefusedError, Values
from amocrm.sandbox.control.feed import PARTS
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.exchange import Body
from amocrm.sandbox.http.request_log import Seen

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

MOST_SECONDS = 25
"""How long one question for changes may wait."""

_NUMBER = Parameter("number", "int", True, "Of the request, from 1.", "Номер запроса, с 1.", low=1)
_WAIT = Parameter(
    "wait", "number", False,
    f"Seconds to wait for a change, at most {MOST_SECONDS}.",
    f"Сколько секунд ждать изменений, не больше {MOST_SECONDS}.", low=0, high=MOST_SECONDS,
)  # fmt: skip


def shown_request(seen: Seen) -> Json:
    """Return a request as the list shows it."""
    return {
        "number": seen.number,
        "time": seen.time,
        "method": seen.method,
        "host": seen.host,
        "path": seen.path,
        "query": seen.query,
        "status": seen.status,
        "account": seen.account,
        "client_id": seen.client_id,
        "user_id": seen.user_id,
        "user_agent": seen.user_agent,
        "fault": seen.fault,
        "verdict": seen.verdict,
        "in_second": seen.in_second,
        "limit": seen.limit,
        "size": seen.size,
        "duration": round(seen.duration, 6),
    }


def _list(portal: Sandbox, values: Values) -> Json:
    after, limit = values.get("after", 0), values.get("limit", 100)
    found = portal.latest_requests(after, limit)
    return {"requests": [shown_request(one) for one in found]}


def _show(portal: Sandbox, values: Values) -> Json:
    try:
        seen, exchange = portal.exchange(values["number"])
    except KeyError:
        raise RefusedError(404, f"number: there is no request {values['number']}") from None
    shown = {**shown_request(seen), "headers": dict(seen.headers)}
    if exchange is None:
        return {**shown, "body": None, "answer": None}
    answer = {"headers": exchange.headers, "body": _body(exchange.answered)}
    return {**shown, "body": _body(exchange.sent), "answer": answer}


def _body(body: Body) -> Json:
    return {"text": body.text, "size": body.size, "is_whole": body.is_whole}


def _count(portal: Sandbox, values: Values) -> Json:
    with portal.locked():
        counters = dict(sorted(portal.counters.items()))
        return {"counters": counters, "busiest_second": portal.busiest_second()}


def _changes(portal: Sandbox, values: Values) -> Json:
    news = portal.feed.wait(values.get("after", 0), values.get("wait", 0))
    return {"number": news.number, "changed": list(news.parts), "has_room": news.has_room}


ACTIONS = (
    Action(
        "list_requests", "GET", "/_sandbox/requests",
        "List the latest requests of the log, in the order of arrival.",
        "Последние запросы из журнала, по порядку.",
        (AFTER, LIMIT), _list,
    ),
    Action(
        "show_request", "GET", "/_sandbox/requests/{number}",
        "Show one request and its answer whole, without secrets.",
        "Один запрос и ответ целиком, без секретов.",
        (_NUMBER,), _show,
    ),
    Action(
        "count_requests", "GET", "/_sandbox/counters",
        "Show what was counted: requests, grants, refusals, the busiest second.",
        "Счётчики: запросы, выдача токенов, отказы, самая нагруженная секунда.",
        (), _count,
    ),
    Action(
        "wait_for_changes", "GET", "/_sandbox/changes",
        f"Wait for a change after a number; tell which of {', '.join(PARTS)} changed.",
        f"Ждать изменений после номера и узнать, что изменилось: {', '.join(PARTS)}.",
        (AFTER, _WAIT), _changes,
    ),
)  # fmt: skip
