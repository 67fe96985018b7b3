"""Listings: all items, in order, with as few calls as the rule allows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from amocrm import AmoCRM, ConfigurationError, ServerError, UnexpectedReplyError
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.bulk.context import REMEMBERED, PageCounts
from amocrm.bulk.workers import SLACK, UNKNOWN
from amocrm.http.retry import RETRIES
from amocrm.progress import Progress
from amocrm.sandbox import ManualClock, Sandbox
from tests.canned import HOST, Answer, Canned, book, listing
from tests.conftest import end_workers, workers

LEADS = "/api/v4/leads"
UNKNOWN_DEPTH = int(UNKNOWN * REQUESTS_PER_SECOND) + SLACK

pytestmark = pytest.mark.usefixtures("gone")


def client_of(session: requests.Session, clock: Any, **settings: Any) -> AmoCRM:
    settings = {"rate_limiter": None, **settings}
    return AmoCRM("example", {"access_token": "x"}, session=session, clock=clock, **settings)


@pytest.fixture
def real(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)


def canned(answer: Answer, clock: ManualClock) -> tuple[AmoCRM, Canned]:
    server = Canned(answer)
    return client_of(server.session(), clock), server


def fill(portal: Sandbox, count: int) -> None:
    for number in range(count):
        portal.add("leads", {"name": f"Lead {number}"})


def gets(portal: Sandbox) -> int:
    return sum(one.method == "GET" for one in portal.log)


def test_nothing_is_sent_before_it_is_iterated_and_again_each_time(
    portal: Sandbox, real: AmoCRM
) -> None:
    fill(portal, 3)
    leads = real.listing(LEADS)
    assert repr(leads) == "<Listing of /api/v4/leads>"
    assert portal.log == []
    assert [one["name"] for one in leads] == ["Lead 0", "Lead 1", "Lead 2"]
    portal.add("leads", {"name": "Lead 3"})
    assert len(list(leads)) == 4
    assert gets(portal) == 2


@pytest.mark.parametrize("ahead", [0, 1, 2, 7, 32, None])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 95, 101])
def test_all_of_them_in_order(portal: Sandbox, real: AmoCRM, count: int, ahead: int | None) -> None:
    fill(portal, count)
    leads = real.listing(LEADS, {"order": {"id": "asc"}}, limit=10, ahead=ahead)
    assert [one["name"] for one in leads] == [f"Lead {at}" for at in range(count)]


@pytest.mark.parametrize("count", [0, 1, 249, 250])
def test_one_page_costs_one_call_and_no_thread(portal: Sandbox, real: AmoCRM, count: int) -> None:
    fill(portal, count)
    before = threading.active_count()
    for _ in real.listing(LEADS):
        assert threading.active_count() == before
    assert gets(portal) == 1


@pytest.mark.parametrize("pages", [1, 2, 3, 4, 5, 8, 13, 40])
def test_what_is_asked_for_beyond_the_end(clock: ManualClock, pages: int) -> None:
    crm, server = canned(book(pages), clock)
    assert len(list(crm.listing(LEADS))) == 2 * pages
    asked = server.pages
    assert sorted(set(asked)) == sorted(asked), "no page is asked for twice"
    assert set(range(1, pages + 1)) <= set(asked)
    beyond = [page for page in asked if page > pages]
    assert len(beyond) <= (0 if pages == 1 else min(pages + 1, SLACK + 3))


@pytest.mark.parametrize("ahead", [1, 2, 6, 7, 32])
def test_after_n_pages_n_and_half_the_depth_are_asked_for(clock: ManualClock, ahead: int) -> None:
    pages, there = book(40), {number: threading.Event() for number in range(1, 80)}

    def last(read: int) -> int:
        return read + min(ahead, read + ahead // 2)

    def answer(path: str, query: dict[str, str]) -> Any:
        number = int(query["page"])
        there[number].set()
        if 1 < number <= 20:
            # It is answered when the last one is there that may be asked for meanwhile.
            assert there[last(number - 1)].wait(60)
        return pages(path, query)

    crm, server = canned(answer, clock)
    for read, _ in enumerate(crm.listing(LEADS, ahead=ahead).pages(), 1):
        assert max(server.pages) <= (1 if read == 1 else last(read - 1))


def together(pages: Answer, first: int, last: int) -> Answer:
    """Pages that are answered only when all of some numbers have been asked for."""
    gate = threading.Barrier(last - first + 1)

    def answer(path: str, query: dict[str, str]) -> Any:
        if first <= int(query["page"]) <= last:
            gate.wait(60)
        return pages(path, query)

    return answer


@pytest.mark.parametrize("items", [7, 8])
def test_pages_that_are_expected_are_asked_for_from_the_first_instant_on(
    clock: ManualClock, items: int
) -> None:
    crm, server = canned(together(book(4), 1, 4), clock)
    assert list(crm.listing(LEADS, limit=2, expect=items).ids()) == list(range(8))
    assert sorted(server.pages) == [1, 2, 3, 4]


def test_expected_pages_begin_where_the_listing_does(clock: ManualClock) -> None:
    crm, server = canned(together(book(9), 5, 9), clock)
    found = crm.listing(f"{LEADS}?limit=2&page=5", expect=10)
    assert list(found.ids()) == list(range(8, 18))
    assert sorted(server.pages) == [5, 6, 7, 8, 9]


def test_no_more_of_them_than_the_depth(clock: ManualClock) -> None:
    crm, server = canned(together(book(40), 1, UNKNOWN_DEPTH), clock)
    found = crm.listing(LEADS, limit=2, expect=80).pages()
    next(found)
    assert max(server.pages) <= UNKNOWN_DEPTH + 1
    assert len(list(found)) == 39
    assert sorted(server.pages) == list(range(1, 41))


@pytest.mark.parametrize("expect", [0, 1, 2, 3, 7, 81])
@pytest.mark.parametrize("ahead", [0, 1, 4, None])
def test_a_wrong_expectation_costs_calls_and_no_items(
    clock: ManualClock, expect: int, ahead: int | None
) -> None:
    crm, server = canned(book(6), clock)
    found = crm.listing(LEADS, limit=2, expect=expect, ahead=ahead)
    assert list(found.ids()) == list(range(12))
    most = UNKNOWN_DEPTH if ahead is None else ahead
    assert 6 <= len(server.pages) <= 6 + most
    assert sorted(set(server.pages)) == sorted(server.pages)


@pytest.mark.parametrize(("expect", "calls"), [(2, 1), (3, 2)])
def test_one_expected_page_costs_one_call(clock: ManualClock, expect: int, calls: int) -> None:
    crm, server = canned(together(book(1), 1, calls), clock)
    assert len(list(crm.listing(LEADS, limit=2, expect=expect))) == 2
    assert len(server.pages) == calls


def forget_asked(server: Canned) -> None:
    """Forget what was asked for, also by threads that are about to ask beyond an end."""
    end_workers()
    server.asked.clear()


def test_a_listing_that_was_read_before_is_known(clock: ManualClock) -> None:
    crm, server = canned(book(4), clock)
    leads = crm.listing(LEADS, {"with": "contacts"})
    assert list(leads.ids()) == list(range(8))
    for again in (leads, crm.listing(LEADS, {"with": "contacts"})):
        forget_asked(server)
        server.answer = together(book(4), 1, 4)
        assert list(again.ids()) == list(range(8))
        assert sorted(server.pages) == [1, 2, 3, 4]
    forget_asked(server)
    server.answer, other = book(1), crm.listing(LEADS, {"with": "tags"})
    assert len(list(other)) == 2
    assert server.pages == [1]


def test_a_listing_that_has_shrunk_is_known_anew(clock: ManualClock) -> None:
    crm, server = canned(book(4), clock)
    leads = crm.listing(LEADS)
    list(leads)
    server.answer = together(book(1), 1, 4)
    assert list(leads.ids()) == [0, 1]
    forget_asked(server)
    server.answer = book(1)
    assert list(leads.ids()) == [0, 1]
    assert server.pages == [1]


def test_a_listing_that_was_left_is_not_known(clock: ManualClock) -> None:
    crm, server = canned(book(40), clock)
    leads = crm.listing(LEADS)
    for number in leads.ids():
        if number == 8:
            break
    forget_asked(server)
    next(leads.pages())
    assert server.pages == [1]


@pytest.mark.parametrize(("others", "known"), [(REMEMBERED - 1, 7), (REMEMBERED, 0)])
def test_so_many_lengths_are_remembered(others: int, known: int) -> None:
    page_counts = PageCounts()
    page_counts.note("first", 7)
    for number in range(others):
        page_counts.note(f"{number}", 2)
    assert page_counts.get("first") == known
    assert page_counts.get("0") == (2 if known else 0)
    assert page_counts.get(f"{others - 1}") == 2


@pytest.mark.parametrize("expect", [-1, True, "x", 10**9 + 1])
def test_an_expectation_that_is_none_is_refused_at_once(clock: ManualClock, expect: Any) -> None:
    with pytest.raises(ConfigurationError, match="expect must be"):
        client_of(requests.Session(), clock).listing(LEADS, expect=expect)


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_no_more_than_that_many_are_under_way(clock: ManualClock, ahead: int) -> None:
    lock, now, most = threading.Lock(), 0, 0
    pages = book(30)

    def answer(path: str, query: dict[str, str]) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        try:
            return pages(path, query)
        finally:
            with lock:
                now -= 1

    crm, server = canned(answer, clock)
    for page, _ in enumerate(crm.listing(LEADS, ahead=ahead).pages(), 1):
        assert max(server.pages) <= page + ahead
    assert most <= ahead


def test_pages_are_read_side_by_side(clock: ManualClock) -> None:
    # The second page is answered only when the third is there, too.
    together = threading.Barrier(2)
    pages = book(4)

    def answer(path: str, query: dict[str, str]) -> Any:
        if query["page"] in ("2", "3"):
            together.wait(60)
        return pages(path, query)

    crm, _ = canned(answer, clock)
    assert list(crm.listing(LEADS).ids()) == list(range(8))


def test_ahead_0_reads_one_after_the_other(clock: ManualClock) -> None:
    crm, server = canned(book(5), clock)
    before = set(workers())  # Threads of another test may be about to end.
    for page, _ in enumerate(crm.listing(LEADS, ahead=0).pages(), 1):
        assert server.pages == list(range(1, page + 1))
        assert set(workers()) <= before


def test_the_error_of_a_page_comes_after_the_items_before_it(portal: Sandbox, real: AmoCRM) -> None:
    fill(portal, 200)
    portal.faults.latency = 0.0
    pages: list[int] = []
    listing = real.listing(LEADS, {"order": {"id": "asc"}}, limit=10)

    def read() -> None:
        for number, items in enumerate(listing.pages(), 1):
            pages.append(number)
            assert len(items) == 10
            if number == 12:
                portal.inject("server_error", path=LEADS, times=1000)

    with pytest.raises(ServerError):
        read()
    assert pages == list(range(1, len(pages) + 1))
    assert 12 <= len(pages) < 20
    assert len(set(pages)) == len(pages)


@pytest.mark.parametrize("ahead", [0, 3])
@pytest.mark.parametrize("fault", ["broken_json", "html", "half_body", "server_error"])
def test_a_page_that_came_broken_is_asked_for_again(
    portal: Sandbox, real: AmoCRM, fault: str, ahead: int
) -> None:
    fill(portal, 50)
    listing = real.listing(LEADS, {"order": {"id": "asc"}}, limit=10, ahead=ahead)
    portal.inject(fault, path=LEADS)  # the first page, and then one in the middle
    names = []
    for one in listing:
        names.append(one["name"])
        if len(names) == 1:
            portal.inject(fault, path=LEADS)
    assert names == [f"Lead {at}" for at in range(50)]
    assert gets(portal) >= 5 + 2


def test_a_page_that_stays_broken_is_told(portal: Sandbox, real: AmoCRM) -> None:
    fill(portal, 5)
    portal.inject("broken_json", path=LEADS, times=1000)
    with pytest.raises(UnexpectedReplyError, match="broken JSON"):
        list(real.listing(LEADS))
    assert gets(portal) == 1 + 1 + RETRIES


def test_a_bad_page_beyond_the_end_is_nobody_s_business(clock: ManualClock) -> None:
    pages = book(2)

    def answer(path: str, query: dict[str, str]) -> Any:
        return pages(path, query) if int(query["page"]) <= 2 else {"odd": True}

    crm, _ = canned(answer, clock)
    assert len(list(crm.listing(LEADS))) == 4


def test_breaking_off_stops_the_threads(clock: ManualClock) -> None:
    crm, server = canned(book(1000), clock)
    for number in crm.listing(LEADS).ids():
        if number == 21:
            break
    for thread in workers():
        thread.join(60)
    assert not workers()
    assert max(server.pages) <= 11 + SLACK + 4


def test_raising_stops_the_threads(clock: ManualClock) -> None:
    crm, _ = canned(book(1000), clock)
    with pytest.raises(ZeroDivisionError):
        [1 // (one["id"] - 21) for one in crm.listing(LEADS)]


def test_dropping_a_half_read_iterator_stops_the_threads(clock: ManualClock) -> None:
    crm, _ = canned(book(1000), clock)
    items = iter(crm.listing(LEADS))
    for _ in range(21):
        next(items)
    assert workers()
    del items


def test_a_program_may_end_in_the_middle_of_a_listing() -> None:
    import subprocess
    import sys

    script = (
        "from amocrm import AmoCRM\n"
        "from tests.canned import Canned, book\n"
        "crm = AmoCRM('example', {'access_token': 'x'}, session=Canned(book(99)).session(),"
        " rate_limiter=None)\n"
        "items = iter(crm.listing('/api/v4/leads'))\n"
        "print([next(items)['id'] for _ in range(9)][-1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=Path(__file__).parents[2],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "8\n", "")


def test_other_links_are_followed_one_by_one(clock: ManualClock) -> None:
    def answer(path: str, query: dict[str, str]) -> Any:
        at = int(query.get("cursor", "0"))
        body = listing(path, {}, [{"id": at}], more=False)
        if at < 4:
            body["_links"] = {"next": {"href": f"{HOST}{path}?cursor={at + 1}"}}
        return body

    crm, server = canned(answer, clock)
    assert list(crm.listing(LEADS).ids()) == [0, 1, 2, 3, 4]
    assert len(server.asked) == 5


def test_a_link_that_changes_its_kind_is_followed_from_there(clock: ManualClock) -> None:
    pages = book(9)

    def answer(path: str, query: dict[str, str]) -> Any:
        body = pages(path, query)
        if query["page"] == "3":
            body["_links"]["next"]["href"] += "&from=x"
        return body

    crm, _ = canned(answer, clock)
    assert list(crm.listing(LEADS).ids()) == list(range(18))


def test_a_circle_is_noticed(clock: ManualClock) -> None:
    def answer(path: str, query: dict[str, str]) -> Any:
        following = {"a": "b", "b": "c", "c": "b"}[query.get("cursor", "a")]
        body = listing(path, {}, [{"id": 1}], more=False)
        body["_links"] = {"next": {"href": f"{HOST}{path}?cursor={following}"}}
        return body

    crm, server = canned(answer, clock)
    with pytest.raises(UnexpectedReplyError, match="read before"):
        list(crm.listing(LEADS))
    assert len(server.asked) == 3


def test_a_page_that_names_itself_as_the_next_is_noticed(clock: ManualClock) -> None:
    def answer(path: str, query: dict[str, str]) -> Any:
        return listing(path, {**query, "page": str(int(query["page"]) - 1)}, [{"id": 1}], more=True)

    crm, server = canned(answer, clock)
    with pytest.raises(UnexpectedReplyError, match="read before"):
        list(crm.listing(LEADS))
    assert len(server.asked) == 1


def test_a_link_to_another_host_is_not_followed(clock: ManualClock) -> None:
    def answer(path: str, query: dict[str, str]) -> Any:
        body = listing(path, query, [{"id": 1}], more=True)
        body["_links"]["next"]["href"] = "https://evil.example/api/v4/leads?limit=250&page=2"
        return body

    crm, server = canned(answer, clock)
    with pytest.raises(UnexpectedReplyError, match=r"another host.*\[request abc\]"):
        list(crm.listing(LEADS))
    assert len(server.asked) == 1


def test_what_is_no_listing_is_said_to_be_none(clock: ManualClock) -> None:
    crm, _ = canned(lambda path, query: {"id": 1}, clock)
    with pytest.raises(UnexpectedReplyError, match="not a listing"):
        list(crm.listing("/api/v4/account"))


@pytest.mark.parametrize(
    ("path", "limit"),
    [(LEADS, "250"), ("/api/v4/events", "100"), ("/api/v4/chats/templates", "50")],
)
def test_the_page_is_as_large_as_the_path_allows(clock: ManualClock, path: str, limit: str) -> None:
    crm, server = canned(book(1), clock)
    list(crm.listing(path))
    assert server.asked[0]["limit"] == limit
    with pytest.raises(ConfigurationError, match=f"from 1 to {limit}"):
        crm.listing(path, limit=int(limit) + 1)
    list(crm.listing(path, limit=int(limit)))
    list(crm.listing(path, limit=1))
    assert server.asked[-1]["limit"] == "1"
    with pytest.raises(ConfigurationError):
        crm.listing(path, limit=0)


def test_the_query_is_the_caller_s(clock: ManualClock) -> None:
    crm, server = canned(book(5), clock)
    params = {"filter": {"id": [7, 8]}, "order": {"id": "asc"}, "with": "contacts", "page": 2}
    assert list(crm.listing(f"{LEADS}?limit=2&query=x", params).ids()) == list(range(2, 10))
    for query in server.asked:
        assert query.pop("page") in "23456789"
        assert query == {
            "limit": "2", "query": "x", "filter[id][0]": "7", "filter[id][1]": "8",
            "order[id]": "asc", "with": "contacts",
        }  # fmt: skip


def test_first_is_one_call_for_one_item(portal: Sandbox, real: AmoCRM) -> None:
    assert real.listing(LEADS).first() is None
    fill(portal, 3)
    newest = real.listing(LEADS, {"order": {"id": "desc"}}).first()
    assert newest is not None
    assert newest["name"] == "Lead 2"
    assert gets(portal) == 2


def test_count_where_the_api_tells(portal: Sandbox, real: AmoCRM) -> None:
    assert real.listing(LEADS).count() == 0
    fill(portal, 2)
    assert real.listing(LEADS).count() is None
    fields = real.listing("/api/v4/leads/custom_fields")
    assert fields.count() == len(list(fields)) > 0
    with pytest.raises(TypeError):
        len(fields)  # type: ignore[arg-type]


def test_an_item_without_an_id_has_none(clock: ManualClock) -> None:
    crm, _ = canned(lambda path, query: listing(path, query, [{"to": 1}], more=False), clock)
    assert list(crm.listing("/api/v4/leads/7/links")) == [{"to": 1}]
    with pytest.raises(UnexpectedReplyError, match="without an id"):
        list(crm.listing("/api/v4/leads/7/links").ids())


def test_what_shifts_comes_twice_or_once_if_asked(portal: Sandbox, real: AmoCRM) -> None:
    fill(portal, 20)
    newest: dict[str, Any] = {"order": {"id": "desc"}}

    def read(unique: bool) -> list[object]:
        seen: list[object] = []
        for number in real.listing(LEADS, newest, limit=5, ahead=0, unique=unique).ids():
            seen.append(number)
            if len(seen) == 7:
                fill(portal, 1)
        return seen

    twice, once = read(False), read(True)
    assert len(twice) == len(set(twice)) + 1
    assert len(once) == len(set(once)) == 21


def test_items_without_an_id_are_all_new(clock: ManualClock) -> None:
    crm, _ = canned(lambda path, query: listing(path, query, [{"a": 1}, 5], more=False), clock)
    assert list(crm.listing(LEADS, unique=True)) == [{"a": 1}, 5]


def test_progress_is_told_in_the_consumer_s_thread(portal: Sandbox, real: AmoCRM) -> None:
    fill(portal, 30)
    told: list[Progress] = []

    def report(progress: Progress) -> None:
        assert threading.current_thread() is threading.main_thread()
        told.append(progress)

    list(real.listing(LEADS, limit=10, expect=31, progress=told.append))
    assert {one.total for one in told} == {31}
    told.clear()
    list(real.listing(LEADS, {"with": "contacts"}, limit=10, progress=report))
    assert told[0] == Progress(0, None, 0.0, "page 1")
    assert [one.done for one in told if one.waiting_for is None] == [10, 20, 30]
    fields = real.listing("/api/v4/leads/custom_fields", progress=told.append)
    total = len(list(fields))
    assert (told[-1].done, told[-1].total) == (total, total)


@pytest.mark.parametrize("path", ["https://example.amocrm.ru/api/v4/leads", "", "//x", "/a/../b"])
def test_a_path_that_is_none_is_refused_at_once(clock: ManualClock, path: str) -> None:
    with pytest.raises(ConfigurationError):
        client_of(requests.Session(), clock).listing(path)


@pytest.mark.parametrize("ahead", [-1, 33, True, "x", 1.5])
def test_a_depth_that_is_none_is_refused_at_once(clock: ManualClock, ahead: Any) -> None:
    with pytest.raises(ConfigurationError, match="ahead must be"):
        client_of(requests.Session(), clock).listing(LEADS, ahead=ahead)


def test_a_token_that_expires_in_the_middle_is_renewed_once(clock: ManualClock) -> None:
    portal = Sandbox(clock=clock, rps=None)
    one = portal.integration
    auth: Any = {
        "client_id": one.client_id, "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri, "code": portal.issue_code(),
    }  # fmt: skip
    crm = AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)
    fill(portal, 200)
    count = 0
    for _ in crm.listing(LEADS, limit=10):
        count += 1
        if count == 55:
            clock.advance(86_400)
    assert count == 200
    assert portal.counters["grants.refresh"] == 1


def test_a_429_in_the_middle_is_waited_out(portal: Sandbox, real: AmoCRM) -> None:
    fill(portal, 100)
    portal.inject("too_many", path=LEADS, times=3)
    assert len(list(real.listing(LEADS, limit=10))) == 100


def test_what_a_listing_is_not_is_said_with_what_to_use(clock: ManualClock) -> None:
    server = Canned(book(2))
    with client_of(server.session(), clock) as crm:
        found: Any = crm.listing(LEADS)
        with pytest.raises(TypeError, match=r"use len\(list\(listing\)\)"):
            len(found)
        with pytest.raises(TypeError, match=r"listing\.first\(\) is not None"):
            bool(found)
        for key in (0, slice(2)):
            with pytest.raises(TypeError, match=r"use listing\.first\(\), or list\(listing\)"):
                found[key]
        assert server.asked == []
        assert [one["id"] for one in list(found)] == [0, 1, 2, 3]
