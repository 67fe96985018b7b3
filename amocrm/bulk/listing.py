"""Listings: all items of a path, read as fast as the rate limiter allows.

If the `next` of a page differs from the page only in the page number, the following pages are
requested by number, several at the same time, and never more than the depth (`Concurrency.calls`).

If the length of a listing is unknown, its first page is requested alone, so one page costs one
call. After n pages, up to n + depth / 2 more are requested before it is known that they exist. So a
listing of p > 1 pages costs at most p - 2 + depth / 2 unnecessary calls, each answered 204, and
always fewer than the depth. While the first page is requested alone, slots of the rate limiter
remain unused. This is avoided if the caller says how long the listing is (`expect`), or if the
client has read it before. Then as many pages as the depth are requested from the beginning, and
none after the expected last page until the listing proves to be longer. If there are fewer pages
than expected, at most as many calls as the depth were unnecessary.

If `next` differs in anything else, it is followed link by link.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar, cast

from amocrm._support.arguments import check_function
from amocrm.bulk.context import ApiContext, check_is_path, read_count
from amocrm.bulk.pages import (
    Page,
    ShapeError,
    limit_of,
    number_of,
    page_limit,
    part_page,
    take_page,
)
from amocrm.bulk.workers import DEEPEST, Concurrency, OrderedPool
from amocrm.errors import UnexpectedReplyError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.http.paths import resolve
from amocrm.http.reply_body import NotJSONError, parse
from amocrm.http.request import Response, fetch, usual_retry
from amocrm.progress import ProgressMeter, Report

MANY: Final = 10**9
"""The largest value of `expect`."""

E = TypeVar("E")


class Listing(Generic[E]):
    """The items of a path. No request is sent before the iteration; each iteration reads again.

    There is no `len`: few listings of the API contain their number of items (see `count`).
    """

    def __init__(
        self,
        api: ApiContext,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        limit: int | None = None,
        ahead: int | None = None,
        expect: int | None = None,
        unique: bool = False,
        progress: Report | None = None,
    ) -> None:
        check_function("progress", progress)
        target, self._path = _target(path, params, limit)
        self._base, self._start = part_page(target)
        self._api = api
        self._ahead = read_count("ahead", ahead, 0, DEEPEST)
        self._expect = read_count("expect", expect, 0, MANY)
        self._unique = unique
        self._progress = progress

    def __repr__(self) -> str:
        return f"<Listing of {self._path}>"

    def __iter__(self) -> Iterator[E]:
        for items in self.pages():
            yield from items

    if not TYPE_CHECKING:  # A checker refuses all three; at run time a hint helps.

        def __len__(self) -> NoReturn:
            raise TypeError(
                "a listing has no length, because it is not read yet: "
                "use len(list(listing)), or listing.count() where the API tells the number"
            )

        def __bool__(self) -> NoReturn:
            raise TypeError(
                "a listing is neither true nor false, because it is not read yet: "
                "use listing.first() is not None"
            )

        def __getitem__(self, key: object) -> NoReturn:
            raise TypeError(
                "a listing has no items by number, because it is not read yet: "
                "use listing.first(), or list(listing)"
            )

    def pages(self) -> Iterator[list[E]]:
        """Yield the items page by page, in the server's order; an empty listing has no pages."""
        seen: set[object] = set()
        for page in self._read_all(ProgressMeter(self._progress, self._api.clock, self._expect)):
            items = page.items
            if self._unique:
                items = [one for one in items if _is_new(one, seen)]
            if items:
                yield cast("list[E]", items)  # the caller's type of what the server sends

    def first(self) -> E | None:
        """Return the first item, with one call; None if there is none."""
        items = self._peek().items
        return cast("E", items[0]) if items else None

    def ids(self) -> Iterator[int | str]:
        """Yield the `id` of each item.

        Raises:
            UnexpectedReplyError: an item has none.
        """
        for item in self:
            number = item.get("id") if isinstance(item, Mapping) else None
            if not isinstance(number, (int, str)):
                raise self._unexpected("an item without an id")
            yield number

    def count(self) -> int | None:
        """Return the number of items, with one call; None if the API does not send it.

        The API sends it for pipelines, custom fields, users, tags and the like, but not for leads,
        contacts and companies, which must be read to be counted. Source: reference 3.2.
        """
        page = self._peek()
        return page.total if page.items else 0

    def _peek(self) -> Page:
        return self._read(resolve("", self._base, {"limit": 1})[0], Concurrency(self._api.rate))

    def _read_all(self, meter: ProgressMeter) -> Generator[Page, None, None]:
        concurrency, number = Concurrency(self._api.rate), self._start
        last = self._last_expected()
        if last:
            page = yield from self._read_ahead(number, last, concurrency, meter)
        else:  # Nothing is read ahead of the first page, and most listings have no other one.
            page = self._read_here(number, concurrency, meter)
            yield page
            if self._is_followed(page, number):
                page = yield from self._read_ahead(number + 1, last, concurrency, meter)
        yield from self._follow(page, concurrency, meter)

    def _read_ahead(
        self, first: int, last: int, concurrency: Concurrency, meter: ProgressMeter
    ) -> Generator[Page, None, Page]:
        """Yield pages by number; return the first one that is not followed by the next number.

        Args:
            first: number of the first page to yield.
            last: number of the expected last page; 0 if it is unknown.
            concurrency: how many calls are in flight.
            meter: counts the items.
        """
        asked = number = first - 1
        with OrderedPool[int, Response](
            lambda wanted: self._ask(self._address(wanted), concurrency)
        ) as pool:
            while True:
                most = concurrency.calls if self._ahead is None else self._ahead
                for wanted in range(asked + 1, self._last_to_request(number, most, last) + 1):
                    pool.ask(asked := wanted)
                number += 1
                if asked < number:  # This thread would wait for the page, so it needs no worker.
                    asked, page = number, self._read_here(number, concurrency, meter)
                else:
                    if not pool.ready:
                        meter.wait(f"page {number}")
                    page = self._decode(pool.take())
                    meter.add(len(page.items), page.total)
                yield page
                if not self._is_followed(page, number):
                    return page

    def _read_here(self, number: int, concurrency: Concurrency, meter: ProgressMeter) -> Page:
        """Read a page in this thread."""
        meter.wait(f"page {number}")
        page = self._read(self._address(number), concurrency)
        meter.add(len(page.items), page.total)
        return page

    def _last_expected(self) -> int:
        """Return the number of the expected last page; 0 if it is unknown."""
        if self._expect is None:
            last = self._api.page_counts.get(self._base)
        else:
            size = limit_of(self._base) or page_limit(self._path)
            last = self._start - 1 + math.ceil(self._expect / size)
        return last if last > self._start else 0

    def _last_to_request(self, number: int, most: int, last: int) -> int:
        """Return the number of the last page to request after a page was read.

        Args:
            number: of the page that was read.
            most: the largest number of concurrent calls.
            last: number of the expected last page.
        """
        if number < last:
            return min(last, number + most)
        read = number - self._start + 1
        return number + min(most, read + most // 2) if read else number

    def _follow(
        self, page: Page, concurrency: Concurrency, meter: ProgressMeter
    ) -> Generator[Page, None, None]:
        """Yield the pages after a page, link by link."""
        seen = {self._address(self._start)}
        while (address := page.next) is not None:
            if address in seen:
                raise self._unexpected("a next page that was read before")
            seen.add(address)
            meter.wait("the next page")
            page = self._read(address, concurrency)
            meter.add(len(page.items), page.total)
            yield page

    def _read(self, address: str, concurrency: Concurrency) -> Page:
        return self._decode(self._ask(address, concurrency))

    def _ask(self, address: str, concurrency: Concurrency) -> Response:
        """Get a page without decoding it, so that pages read ahead take little memory."""
        response = fetch(self._api.request, address)
        concurrency.note(response.info.elapsed.total_seconds())
        return response

    def _decode(self, response: Response) -> Page:
        """Decode a page; one that is not JSON is requested again, as any call would be."""
        url = str(response.info.url)
        try:
            data = None if response.data is None else parse(response.data)
        except NotJSONError as error:
            if usual_retry(self._api.request) == "never":
                raise self._unexpected(str(error), response) from None
            data = self._api.request.get(url[url.index("/", 8) :]).data
        try:
            return take_page(data, self._path, url)
        except ShapeError as error:
            raise self._unexpected(str(error), response) from None

    def _is_followed(self, page: Page, number: int) -> bool:
        """Whether the next page is the one with the next number; if not, this was the last one."""
        if page.next is not None and number_of(page.next, self._base) == number + 1:
            return True
        self._api.page_counts.note(self._base, number)
        return False

    def _address(self, number: int) -> str:
        return f"{self._base}{'&' if '?' in self._base else '?'}page={number}"

    def _unexpected(self, what: str, response: Response | None = None) -> UnexpectedReplyError:
        request_id = None if response is None else response.info.headers.get("X-Request-Id")
        return unexpected_response("GET", self._path, what, request_id=request_id)


def _target(path: str, params: Json, limit: int | None) -> tuple[str, str]:
    """Return path and query of a listing with a `limit`, and the path alone.

    The limit is the largest one, if none is given.
    """
    check_is_path(path)
    most = page_limit(path)
    size = read_count("limit", limit, 1, most)
    if params is None or isinstance(params, Mapping):
        params = {**(params or {})}
        has_limit = "limit" in params or ("?" in path and re.search(r"[?&]limit=", path))
        if size is not None or not has_limit:
            params["limit"] = size or most
    return resolve("", path, params)


def _is_new(item: Json, seen: set[object]) -> bool:
    """Whether an item's id was not seen before; an item without an id is always new."""
    number = item.get("id") if isinstance(item, Mapping) else None
    if number is None or number not in seen:
        seen.add(number)
        return True
    return False
