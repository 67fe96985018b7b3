"""Changes: what was created or edited since the last time, by `updated_at`, none of it missed.

The items are walked in the order of their change, and each page begins at the instant where the
last one ended: an item that is edited meanwhile moves to the end and is seen again, and what
follows it is not skipped, as it would be by page numbers. A second that holds more than a page has
to be read by page numbers; it is read again until that brings nothing new. Source: reference 3.1,
4.2.1.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from os import PathLike
from typing import Final, Generic, TypeVar, cast

from amocrm.bulk.changes_checkpoint import Checkpoint
from amocrm.bulk.context import ApiContext, path_alone, read_count
from amocrm.bulk.pages import Page, ShapeError, page_limit, take_page
from amocrm.errors import ConfigurationError, UnexpectedReplyError
from amocrm.http.messages import Json
from amocrm.http.query import advice
from amocrm.progress import ProgressMeter, Report

OVERLAP: Final = 60.0
"""Seconds before the last change that are read once more the next time: nobody documents how soon
a write appears in listings. What was seen there is remembered, and not given out twice."""

E = TypeVar("E")


class Changes(Generic[E]):
    """What was created or edited, oldest change first, until there is no more.

    Each iteration goes on where the checkpoint stands; without one each begins at `since`. The
    checkpoint is saved after each page and when the iteration ends, however it ends, and covers
    only items that the consumer moved on from: the item at which a program dies is given out again.
    An item comes again when it is edited again, and never in the same state.
    """

    def __init__(
        self,
        api: ApiContext,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        limit: int | None = None,
        since: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        overlap: float = OVERLAP,
        progress: Report | None = None,
    ) -> None:
        self._path = path_alone(path if "/" in path else f"/api/v4/{path}")
        self._params = dict(params or {})
        if clash := {"order", "page", "limit"} & set(self._params):
            raise ConfigurationError(f"changes set {sorted(clash)[0]!r} by themselves")
        self._filter = self._params.pop("filter", None) or {}
        if not isinstance(self._filter, Mapping) or "updated_at" in self._filter:
            raise ConfigurationError("filter must be a dict without updated_at: that is `since`")
        self._api = api
        self._since = _read_seconds("since", 0.0 if since is None else since)
        most = page_limit(self._path)
        self._limit = read_count("limit", limit, 1, most) or most
        self._file = checkpoint
        self._overlap = _read_seconds("overlap", overlap)
        self._progress = progress

    def __repr__(self) -> str:
        return f"<Changes of {self._path}>"

    def __iter__(self) -> Iterator[E]:
        whose = f"{self._api.account}{self._path}"
        asked = {**self._params, "filter": self._filter}
        kept = Checkpoint(self._file, whose, asked, self._since, self._overlap)
        meter = ProgressMeter(self._progress, self._api.clock)
        try:
            for items in self._walk(kept, meter):
                for item in items:
                    yield cast("E", item)  # the caller's type of what the server sends
                    # Only now is it surely dealt with.
                    kept.passed(item)
                kept.save()
        finally:
            kept.save()

    def _walk(self, kept: Checkpoint, meter: ProgressMeter) -> Generator[list[Json], None, None]:
        begin, number, stirred, before = kept.begin, 1, False, Page([])
        while True:
            meter.wait(f"changes from {begin} on")
            page = self._read(begin, number)
            if number > 1 and page.items and page.items == before.items:
                raise self._odd("the page before it once more")
            before = page
            new = [item for item in page.items if not kept.knows(item)]
            meter.add(len(new))
            yield new
            last = page.items[-1]["updated_at"] if page.items else begin
            stirred = stirred or bool(new)
            if page.next is not None and last == begin:
                number += 1
            elif number > 1 and stirred:
                # A second of several pages: what was edited meanwhile has moved the others up.
                number, stirred = 1, False
            else:
                kept.reached(last)
                if page.next is None:
                    return
                begin, number, stirred = last, 1, False

    def _read(self, begin: int, number: int) -> Page:
        params = {
            **self._params,
            "filter": {**self._filter, "updated_at": {"from": begin}},
            "order": {"updated_at": "asc"},
            "limit": self._limit,
            "page": number,
        }
        response = self._api.request.get(self._path, params)
        rid = response.info.headers.get("X-Request-Id")
        try:
            page = take_page(response.data, self._path, str(response.info.url))
        except ShapeError as error:
            raise self._odd(str(error), rid) from None
        if not all(_is_dated(one) for one in page.items):
            raise self._odd("an item without id or updated_at", rid)
        instants = [one["updated_at"] for one in page.items]
        if instants and instants[0] < begin:
            hint = "filters are a paid function of amoCRM: see is_api_filter_enabled of the account"
            raise self._odd("items from before filter[updated_at][from]", rid, hint)
        if instants != sorted(instants):
            raise self._odd("items that are not in the order of updated_at", rid)
        return page

    def _odd(self, what: str, request_id: str | None = None, hint: str | None = None) -> Exception:
        return UnexpectedReplyError(
            f"GET {self._path} was answered 200 with {what}",
            method="GET", path=self._path, status=200, request_id=request_id, hint=hint,
        )  # fmt: skip


def _is_dated(item: Json) -> bool:
    return isinstance(item, Mapping) and "id" in item and type(item.get("updated_at")) is int


def _read_seconds(name: str, value: float) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
        return value
    raise ConfigurationError(f"{name} must be a number of seconds", hint=advice(value))
