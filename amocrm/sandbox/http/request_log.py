"""The log of requests, without secrets.

Tokens, codes and client secrets never enter the log: an authorization is kept as its kind, a grant
as its type and client id.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl

from amocrm.sandbox.http.answer import Answer, Json, is_object
from amocrm.sandbox.http.exchange import Exchange
from amocrm.sandbox.http.masking import mask_headers, mask_query
from amocrm.sandbox.http.rate_limit import SECOND
from amocrm.sandbox.http.request import IncomingRequest

_UPLOAD = "/v1.0/sessions/upload/"
_EXCHANGES = 256
"""Requests of which it is kept what was sent and answered."""

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
        verdict: of the rate limiter, "" for what it does not judge.
        in_second: requests in the second before, this one included, of the scope that is nearest to
            its limit.
        limit: of that scope, None if there is none.
        client_id: of the token's integration, "" without a token that was ever issued.
        user_id: whose token it is, None without one.
        size: bytes of the body of the answer.
        duration: seconds from the client's first byte to the answer's first, latency included.
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
    verdict: str = ""
    in_second: int = 0
    limit: int | None = None
    client_id: str = ""
    user_id: int | None = None
    size: int = 0
    duration: float = 0.0

    @property
    def params(self) -> dict[str, str]:
        """The query decoded; of a repeated name the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


class Arrival(NamedTuple):
    """What is known of a request before it is answered; see `Seen`."""

    at: float
    time: float
    fault: str
    verdict: str = ""
    in_second: int = 0
    limit: int | None = None
    client_id: str = ""
    user_id: int | None = None


@dataclass
class Log:
    """Requests in the order of arrival, and what was counted.

    All of them stay, as tests count them; what was sent and answered only of the last ones.
    """

    seen: list[Seen] = field(default_factory=list[Seen])
    counters: Counter[str] = field(default_factory=Counter[str])
    _first: int = 1
    _exchanges: deque[Exchange] = field(
        default_factory=lambda: deque[Exchange](maxlen=_EXCHANGES), repr=False
    )

    @property
    def next_number(self) -> int:
        """The number of the next request."""
        return self._first + len(self.seen)

    def add(
        self, request: IncomingRequest, arrival: Arrival, answer: Answer, *,
        status: int, account: str, duration: float,
    ) -> None:  # fmt: skip
        """Note a request and its answer."""
        headers = mask_headers(list(request.headers))
        number = self.next_number
        entry = Seen(
            number=number,
            at=arrival.at,
            time=arrival.time,
            method=request.method,
            host=request.netloc,
            path=_public_path(request.path),
            query=mask_query(request.query),
            status=status,
            account=account,
            user_agent=headers.get("user-agent", ""),
            headers=headers,
            body=_public_body(request),
            fault=arrival.fault,
            verdict=arrival.verdict,
            in_second=arrival.in_second,
            limit=arrival.limit,
            client_id=arrival.client_id,
            user_id=arrival.user_id,
            size=0 if answer.ending == "none" else answer.length,
            duration=duration,
        )
        self.seen.append(entry)
        self._exchanges.append(Exchange(number, request.body, answer))
        self.counters["requests"] += 1
        if status >= 400:
            self.counters[str(status)] += 1

    def entry(self, number: int) -> Seen:
        """Return a request by its number.

        Raises:
            KeyError: there is none, or it was forgotten.
        """
        place = number - self._first
        if not 0 <= place < len(self.seen):
            raise KeyError(f"no request {number}")
        return self.seen[place]

    def exchange(self, number: int) -> Exchange | None:
        """Return what was sent and answered, None if it is not kept any more."""
        return next((one for one in self._exchanges if one.number == number), None)

    def clear(self) -> None:
        """Forget every request; numbers go on."""
        self._first = self.next_number
        self.seen.clear()
        self._exchanges.clear()
        self.counters.clear()

    def busiest_second(self) -> int:
        """Return the most API requests that arrived within any one second."""
        moments = sorted(entry.at for entry in self.seen if entry.path.startswith("/api/"))
        most = first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - SECOND:
                first += 1
            most = max(most, last - first + 1)
        return most


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
