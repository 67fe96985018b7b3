"""The log of requests, without secrets.

Tokens, codes and client secrets never enter the log: an authorization is kept as its kind, a grant
as its type and client id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.rate_limit import SECOND
from amocrm.sandbox.http.request import IncomingRequest

_SECRET_HEADERS = {"x-refresh-token", "x-auth-token", "cookie", "proxy-authorization"}
_SECRET_NAMES = {"code", "client_secret", "refresh_token", "access_token", "signature", "api_key"}
_UPLOAD = "/v1.0/sessions/upload/"
_GRANT_NAMES = ("grant_type", "client_id")


@dataclass(frozen=True)
class Seen:
    """One request as it arrived.

    Attributes:
        number: position in the order of arrival, from 1.
        at: monotonic seconds of the arrival.
        time: unix seconds of the arrival.
        query: the query as sent, with secret values blanked.
        status: the status of the answer; 0 while there is none (lost before its effect, in flight).
        account: subdomain of the account, "" when there was none.
        headers: lower-case names; an authorization is reduced to its kind.
        body: decoded JSON, text, or None; a grant shows its type and client id only.
        fault: name of the fault suffered, "" for none.
    """

    number: int
    at: float
    time: float
    method: str
    host: str
    path: str
    query: str
    status: int
    account: str
    user_agent: str
    headers: Mapping[str, str]
    body: Json
    fault: str

    @property
    def params(self) -> dict[str, str]:
        """The query decoded; of a repeated name the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass
class Log:
    """Requests in the order of arrival, and what was counted."""

    seen: list[Seen] = field(default_factory=list[Seen])
    counters: Counter[str] = field(default_factory=Counter[str])

    def arrive(self, request: IncomingRequest, *, at: float, time: float, fault: str) -> int:
        """Note an arrival and return its number."""
        number = len(self.seen) + 1
        headers = _public_headers(request)
        entry = Seen(
            number=number,
            at=at,
            time=time,
            method=request.method,
            host=request.netloc,
            path=_public_path(request.path),
            query=_public_query(request.query),
            status=0,
            account="",
            user_agent=headers.get("user-agent", ""),
            headers=headers,
            body=_public_body(request),
            fault=fault,
        )
        self.seen.append(entry)
        self.counters["requests"] += 1
        return number

    def settle(self, number: int, *, status: int, account: str) -> None:
        """Note what was answered."""
        entry = self.seen[number - 1]
        self.seen[number - 1] = replace(entry, status=status, account=account)
        if status >= 400:
            self.counters[str(status)] += 1

    def busiest_second(self) -> int:
        """Return the most API requests that arrived within any one second."""
        moments = sorted(entry.at for entry in self.seen if entry.path.startswith("/api/"))
        most = first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - SECOND:
                first += 1
            most = max(most, last - first + 1)
        return most


def _public_headers(request: IncomingRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        name = name.lower()
        if name == "authorization":
            value = value.partition(" ")[0]
        headers[name] = "(secret)" if name in _SECRET_HEADERS else value
    return headers


def _public_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(name in _SECRET_NAMES for name, _ in pairs):
        return query
    return urlencode([(name, "" if name in _SECRET_NAMES else value) for name, value in pairs])


def _public_path(path: str) -> str:
    # The address of a part holds a token.
    return path if not path.startswith(_UPLOAD) else _UPLOAD + "(secret)"


def _public_body(request: IncomingRequest) -> Json:
    if not request.body:
        return None
    if request.path.startswith(_UPLOAD):
        return f"({len(request.body)} bytes)"
    text = request.body.decode("utf-8", errors="replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None if request.path.startswith("/oauth2") else text
    if not request.path.startswith("/oauth"):
        return data
    if not is_object(data):
        data = dict(parse_qsl(text))
    return {name: data[name] for name in _GRANT_NAMES if name in data}
