"""A `requests` session whose responses a test defines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

HOST = "https://example.amocrm.ru"

Answer = Callable[[str, dict[str, str]], Any]
"""Returns the body for a path and a query; None for 204."""


class Canned(HTTPAdapter):
    """Responds with the value of a function, and remembers the queries."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[dict[str, str]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(str(request.url))
        query = dict(parse_qsl(parts.query))
        self.asked.append(query)
        data = self.answer(parts.path, query)
        body = b"" if data is None else json.dumps(data).encode()
        raw = HTTPResponse(
            body=io.BytesIO(body),
            status=204 if data is None else 200,
            headers={"Content-Type": "application/hal+json", "X-Request-Id": "abc"},
            preload_content=False,
        )
        return self.build_response(request, raw)

    @property
    def pages(self) -> list[int]:
        """The numbers of the requested pages, in the order of arrival."""
        return [int(query.get("page", "1")) for query in self.asked]

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self)
        return session


def listing(path: str, query: dict[str, str], items: list[Any], *, more: bool) -> dict[str, Any]:
    """One page in the format of the API; `next` is the same query with the next number."""
    following = {**query, "page": str(int(query.get("page", "1")) + 1)}
    text = "&".join(f"{name}={value}" for name, value in following.items())
    links = {"next": {"href": f"{HOST}{path}?{text}"}} if more else {}
    return {"_links": links, "_embedded": {path.rpartition("/")[2]: items}}


def book(pages: int, size: int = 2) -> Answer:
    """A listing of so many pages of numbered items, followed by 204."""

    def answer(path: str, query: dict[str, str]) -> Any:
        page = int(query.get("page", "1"))
        first = (page - 1) * size
        items = [{"id": first + at} for at in range(size)]
        return listing(path, query, items, more=page < pages) if page <= pages else None

    return answer
