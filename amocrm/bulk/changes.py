"""Changes: what was created, edited or deleted since the last run, none of it missed.

Where the listing can be ordered by the time of the change, each page begins at the instant where
the one before it ended: an item that is edited meanwhile moves to the end and is returned again,
and the items after it are not skipped, as they would be by page numbers. Where it cannot, it is
read in windows of time, each of which fits into one page; a window that does not is split. So it is
where a filter of many ids takes several calls: a window is a page of each of them. A second that
holds more than one page has to be read by page numbers; it is read again until that brings nothing
new. Source: reference 3.1, 4.2.1, 4.13, 4.16.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from os import PathLike
from types import TracebackType
from typing import Final, Generic, TypeVar, cast

from amocrm._support.arguments import check_function, check_path
from amocrm.bulk.changes_checkpoint import Checkpoint
from amocrm.bulk.changes_query import changes_query, deletions_query
from amocrm.bulk.context import ApiContext, path_alone, read_count
from amocrm.bulk.pages import Page, ShapeError, page_limit, take_page
from amocrm.bulk.split_query import SPLIT, split_query
from amocrm.errors import ConfigurationError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.http.query import advice, check_params
from amocrm.progress import ProgressMeter, Report

OVERLAP: Final = 60.0
"""Seconds before the last change that are read once more the next time: nobody documents how soon
a write appears in listings. The items that were given out from there are not given out twice."""

E = TypeVar("E")


class Changes(Generic[E]):
    """What was created or edited, oldest change first, until there is no more.

    With a checkpoint it is read in a block, which saves the checkpoint when it ends without an
    exception. So an item counts as dealt with when the block is left, and a program that is stopped
    or fails before gets the same items again::

        with crm.changes("leads", checkpoint="leads.checkpoint") as changed:
            rows = list(changed)
            database.save(rows)

    `commit()` saves inside the block, for work in portions. A second iteration in a block goes on
    after the first. Without a checkpoint there is nothing to save: each iteration begins at
    `since`, and needs no block.

    An item comes again when it was edited again, and never in the same state.
    """

    def __init__(
        self,
        api: ApiContext,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        deleted: bool = False,
        limit: int | None = None,
        since: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        overlap: float = OVERLAP,
        progress: Report | None = None,
    ) -> None:
        asked = path_alone(path if isinstance(path, str) and path[:1] == "/" else f"/api/v4/{path}")
        if params is not None:
            check_params(params)
        check_path("checkpoint", checkpoint)
        check_function("progress", progress)
        params = dict(params or {})
        if clash := {"order", "page", "limit"} & set(params):
            raise ConfigurationError(f"changes set {sorted(clash)[0]!r} by themselves")
        own = params.get("filter")
        if own is not None and (not isinstance(own, Mapping) or "updated_at" in own):
            raise ConfigurationError("filter must be a dict without updated_at: that is `since`")
        query = (
            deletions_query(asked, params)
            if deleted
            else changes_query(asked, params, lenient=api.lenient)
        )
        self._name = f"{asked}{' (deleted)' if deleted else ''}"
        self._path = query.path
        self._filter: Mapping[str, Json] = query.params.pop("filter", None) or {}
        filters = [one["filter"] for one in split_query({"filter": self._filter}, SPLIT)]
        self._filters: list[Mapping[str, Json]] = filters
        # Pages of several calls are in no common order.
        self._query = query if len(filters) == 1 else query.in_windows()
        self._api = api
        self._since = _read_seconds("since", 0.0 if since is None else since)
        most = page_limit(self._path)
        self._limit = read_count("limit", limit, 1, most) or most
        self._file = checkpoint
        self._overlap = _read_seconds("overlap", overlap)
        self._progress = progress
        self._checkpoint: Checkpoint | None = None

    def __repr__(self) -> str:
        return f"<Changes of {self._name}>"

    def __enter__(self) -> Changes[E]:
        if self._checkpoint is not None:
            raise ConfigurationError("these changes are being read in a block already")
        self._checkpoint = self._load()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        checkpoint, self._checkpoint = self._checkpoint, None
        if kind is None and checkpoint is not None:
            checkpoint.save()

    def commit(self) -> None:
        """Save the checkpoint now: every item given out so far has been dealt with.

        The item of the current turn of the loop is one of them.

        Raises:
            ConfigurationError: outside the block, or the file cannot be written.
        """
        if self._checkpoint is None:
            raise ConfigurationError("commit() belongs into the block", hint=_BLOCK)
        self._checkpoint.save()

    def __iter__(self) -> Iterator[E]:
        if self._checkpoint is None and self._file is not None:
            raise ConfigurationError(
                "changes with a checkpoint are read in a with block, which saves it at its end",
                hint=_BLOCK,
            )
        return self._read_all(self._checkpoint or self._load())

    def _load(self) -> Checkpoint:
        whose = f"{self._api.account}{self._name}"
        asked = {**self._query.params, "filter": self._filter}
        member = self._query.member
        return Checkpoint(self._file, whose, asked, self._since, self._overlap, member)

    def _read_all(self, checkpoint: Checkpoint) -> Iterator[E]:
        meter = ProgressMeter(self._progress, self._api.clock)
        walk = self._walk_in_order if self._query.is_ordered else self._walk_in_windows
        for page in walk(checkpoint, meter):
            for item in page:
                checkpoint.passed(item)
                yield cast("E", item)  # the caller's type of what the server sends

    def _walk_in_order(
        self, checkpoint: Checkpoint, meter: ProgressMeter
    ) -> Generator[list[Json], None, None]:
        """Yield the new items of each page; it begins at the instant where the last one ended."""
        begin, number, is_moving, before = checkpoint.begin, 1, False, Page([])
        while True:
            meter.wait(f"changes from {begin} on")
            page = self._read(begin, None, number, before)
            before = page
            new = _new(page, checkpoint, meter)
            yield new
            last = self._time(page.items[-1]) if page.items else begin
            is_moving = is_moving or bool(new)
            if page.next is not None and last == begin:
                number += 1
            elif number > 1 and is_moving:
                # A second of several pages: an edit meanwhile has moved the other items up.
                number, is_moving = 1, False
            else:
                checkpoint.reached(last)
                if page.next is None:
                    return
                begin, number, is_moving = last, 1, False

    def _walk_in_windows(
        self, checkpoint: Checkpoint, meter: ProgressMeter
    ) -> Generator[list[Json], None, None]:
        """Yield the new items of windows of time, oldest first; each fits into one page.

        A window of more than one page is split at the median of its first page, whatever order the
        listing has; this takes four calls for each page of items at most. A window ends before an
        instant that the server has named, so it is surely over; this machine's clock may be ahead
        of the server's. The last window has no end.
        """
        windows: list[tuple[int, int | None]] = [(checkpoint.begin, None)]
        while windows:
            begin, end = windows.pop()
            meter.wait(f"changes from {begin} on")
            page = self._read(begin, end)
            times = sorted(self._time(item) for item in page.items)
            if page.next is not None and end != begin:
                middle = max(begin, min(times[len(times) // 2], times[-1] - 1))
                windows += [(middle + 1, end), (begin, middle)]
                continue
            if page.next is None:
                page.items.sort(key=self._time)
                yield _new(page, checkpoint, meter)
            else:
                yield from self._walk_second(begin, checkpoint, meter)
            checkpoint.reached(max([begin, *times]) if end is None else end)

    def _walk_second(
        self, second: int, checkpoint: Checkpoint, meter: ProgressMeter
    ) -> Generator[list[Json], None, None]:
        """Yield the new items of a second that holds several pages, until none is new."""
        is_moving = True
        while is_moving:
            is_moving, number, page = False, 0, Page([], "")
            while page.next is not None:
                number += 1
                page = self._read(second, second, number, page)
                new = _new(page, checkpoint, meter)
                is_moving = is_moving or bool(new)
                yield new

    def _time(self, item: Json) -> int:
        return int(item[self._query.member])

    def _read(
        self, begin: int, end: int | None, number: int = 1, before: Page | None = None
    ) -> Page:
        """Read a page of a window, and check that it is one.

        Args:
            begin: Unix seconds, included.
            end: Unix seconds, included; None for no end.
            number: of the page.
            before: the page before it, which it must differ from.
        """
        parts = [self._read_part(own, begin, end, number) for own in self._filters]
        items = [item for part in parts for item in part.items]
        if number > 1 and before is not None and items and items == before.items:
            raise self._odd("the page before it once more")
        return Page(items, next((part.next for part in parts if part.next is not None), None))

    def _read_part(self, own: Mapping[str, Json], begin: int, end: int | None, number: int) -> Page:
        """Read a page of one of the calls that a filter takes, and check it."""
        window = {"from": begin} if end is None else {"from": begin, "to": end}
        name = self._query.member
        params = {
            **self._query.params,
            "filter": {**own, name: window},
            "limit": self._limit,
            "page": number,
        }
        order = name if self._query.is_ordered else self._query.order
        if order is not None:
            params["order"] = {order: "asc"}
        response = self._api.request.get(self._path, params)
        rid = response.info.headers.get("X-Request-Id")
        try:
            page = take_page(response.data, self._path, str(response.info.url))
        except ShapeError as error:
            raise self._odd(str(error), rid) from None
        if not all(_is_dated(one, name) for one in page.items):
            raise self._odd(f"an item without id or {name}", rid)
        if page.next is not None and not page.items:
            raise self._odd("a page without items before another one", rid)
        times = [self._time(one) for one in page.items]
        if any(at < begin or (end is not None and at > end) for at in times):
            hint = "filters are a paid function of amoCRM: see is_api_filter_enabled of the account"
            raise self._odd(f"items from outside of filter[{name}]", rid, hint)
        if self._query.is_ordered and times != sorted(times):
            raise self._odd(f"items that are not in the order of {name}", rid)
        return page

    def _odd(self, what: str, request_id: str | None = None, hint: str | None = None) -> Exception:
        return unexpected_response("GET", self._path, what, request_id=request_id, hint=hint)


_BLOCK: Final = "with crm.changes(..., checkpoint=...) as changed: for item in changed: ..."


def _new(page: Page, checkpoint: Checkpoint, meter: ProgressMeter) -> list[Json]:
    """Return the items of a page that were not given out before in the same state."""
    new = [item for item in page.items if not checkpoint.knows(item)]
    meter.add(len(new))
    return new


def _is_dated(item: Json, member: str) -> bool:
    return isinstance(item, Mapping) and "id" in item and type(item.get(member)) is int


def _read_seconds(name: str, value: float) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
        return value
    raise ConfigurationError(f"{name} must be a number of seconds", hint=advice(value))
