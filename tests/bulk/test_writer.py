"""Many writes: each good item once, each outcome in its place, and no lie about the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    ForbiddenError,
    JournalError,
    RateLimitedError,
    UnreachableError,
)
from amocrm.api_limits import BATCH_LIMIT, BATCH_RECOMMENDED, REQUESTS_PER_SECOND
from amocrm.bulk.outcomes import Created, Refused, Unknown, Updated
from amocrm.bulk.workers import SLACK, UNKNOWN
from amocrm.bulk.writer import UNKNOWN_IN_A_ROW
from amocrm.progress import Progress
from amocrm.rate_limit.limiter import Refusal
from amocrm.sandbox import ManualClock, Sandbox
from tests.canned import Canned
from tests.conftest import workers
from tests.processes import APART, kills
from tests.servers import DATABASES, journal_place, open_journal

LEADS = "/api/v4/leads"
MOST = int(UNKNOWN * REQUESTS_PER_SECOND) + SLACK + 1
"""Chunks that were given out or just came back, before the latency is known."""

pytestmark = pytest.mark.usefixtures("gone")


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)


def leads(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"name": f"Lead {number}"} for number in range(start, start + count)]


def stored(portal: Sandbox) -> Counter[str]:
    return Counter(lead["name"] for lead in portal.leads())


def posts(portal: Sandbox) -> int:
    return sum(one.method == "POST" for one in portal.log)


def calls_for(count: int) -> int:
    """Return the calls of so many items, whose answers are all quick."""
    calls, size = 0, BATCH_RECOMMENDED
    while count > 0:
        calls, count, size = calls + 1, count - size, min(BATCH_LIMIT, 2 * size)
    return calls


def kinds(outcomes: list[Any]) -> Counter[str]:
    return Counter(type(one).__name__ for one in outcomes)


@pytest.mark.parametrize("count", [0, 1, 50, 51, 150, 600, 1001])
def test_every_item_is_created_once_in_its_order(portal: Sandbox, crm: AmoCRM, count: int) -> None:
    run = crm.create_many(LEADS, leads(count))
    outcomes = list(run)
    assert all(isinstance(one, Created) for one in outcomes)
    names = {lead["id"]: lead["name"] for lead in portal.leads()}
    assert [names[one.unwrap()] for one in outcomes] == [f"Lead {at}" for at in range(count)]
    assert run.calls == posts(portal) == calls_for(count)
    assert repr(run) == f"<Outcomes of POST {LEADS}>"


def test_nothing_is_sent_before_it_is_iterated(portal: Sandbox, crm: AmoCRM) -> None:
    crm.create_many(LEADS, leads(3))
    assert portal.log == []


def test_updates(portal: Sandbox, crm: AmoCRM) -> None:
    ids = [one.unwrap() for one in crm.create_many(LEADS, leads(600))]
    run = crm.update_many(LEADS, [{"id": number, "price": at} for at, number in enumerate(ids)])
    outcomes = list(run)
    assert all(isinstance(one, Updated) for one in outcomes)
    assert [one.unwrap() for one in outcomes] == ids
    prices = {lead["id"]: lead["price"] for lead in portal.leads()}
    assert [prices[number] for number in ids] == list(range(600))
    assert run.calls == calls_for(600) == 4


def test_complex_leads_go_by_fifty(portal: Sandbox, crm: AmoCRM) -> None:
    items = [
        {"name": f"Lead {at}", "_embedded": {"contacts": [{"name": f"Person {at}"}]}}
        for at in range(120)
    ]
    run = crm.create_many(f"{LEADS}/complex", items)
    outcomes = [one for one in run if isinstance(one, Created)]
    assert run.calls == 3
    assert len(outcomes) == len(portal.leads()) == len(portal.contacts()) == 120
    assert all(one.answer["contact_id"] for one in outcomes)


def test_a_million_is_not_read_ahead(portal: Sandbox, crm: AmoCRM) -> None:
    read = 0

    def source() -> Iterator[dict[str, Any]]:
        nonlocal read
        for item in leads(100_000):
            read += 1
            yield item

    run = crm.create_many(LEADS, source(), size=10)
    for done, _ in enumerate(run):
        assert read <= done + 10 * MOST
        if done > 300:
            break
    run.close()


def test_refused_items_are_named_and_the_others_are_written_once(
    portal: Sandbox, crm: AmoCRM
) -> None:
    items = leads(700)
    for at in (3, 4, 499):
        items[at]["price"] = "a lot"
    run = crm.create_many(LEADS, items)
    outcomes = list(run)
    refused = {at: one for at, one in enumerate(outcomes) if isinstance(one, Refused)}
    assert set(refused) == {3, 4, 499}
    for at, one in refused.items():
        assert one.item is items[at]
        assert [(field.path, field.code) for field in one.errors] == [("price", "InvalidType")]
        with pytest.raises(AmoCRMError, match="price must be number, got str of length 5"):
            one.unwrap()
    assert kinds(outcomes) == {"Created": 697, "Refused": 3}
    assert set(stored(portal).values()) == {1}
    assert len(stored(portal)) == 697
    assert run.calls == 5 + 2


def test_the_caller_s_own_request_ids_stay_and_tell(portal: Sandbox, crm: AmoCRM) -> None:
    items = [{**item, "request_id": f"r{at}"} for at, item in enumerate(leads(5))]
    items[2]["price"] = "a lot"
    outcomes = list(crm.create_many(LEADS, items))
    assert [type(one) for one in outcomes] == [Created, Created, Refused, Created, Created]
    answers = [one.answer["request_id"] for one in outcomes if isinstance(one, Created)]
    assert answers == ["r0", "r1", "r3", "r4"]


def test_ambiguous_request_ids_are_not_trusted(portal: Sandbox, crm: AmoCRM) -> None:
    # "1" is the first item's own id, and the index of the second, which is the bad one.
    items: list[dict[str, Any]] = [
        {"name": "good", "request_id": "1"}, {"name": "bad", "price": "a lot"},
    ]  # fmt: skip
    outcomes = list(crm.create_many(LEADS, items))
    assert [type(one) for one in outcomes] == [Created, Refused]
    assert stored(portal) == {"good": 1}


@pytest.mark.parametrize(
    "fault", ["lost_after", "half_body", "server_error", "html", "broken_json"]
)
def test_what_is_lost_is_unknown_and_goes_on(portal: Sandbox, crm: AmoCRM, fault: str) -> None:
    portal.inject(fault, method="POST")
    outcomes = list(crm.create_many(LEADS, leads(30), size=10))
    assert kinds(outcomes) == {"Unknown": 10, "Created": 20}
    assert max(stored(portal).values()) == 1
    assert posts(portal) == 3
    lost = next(one for one in outcomes if isinstance(one, Unknown))
    with pytest.raises(AmoCRMError):
        lost.unwrap()


@pytest.mark.parametrize("fault", ["lost_before", "too_many"])
def test_what_surely_was_not_done_is_not_a_loss(portal: Sandbox, crm: AmoCRM, fault: str) -> None:
    portal.inject(fault, method="POST")
    outcomes = list(crm.create_many(LEADS, leads(30), size=10))
    # A call whose answer is lost may have been done, whatever the sandbox knows of it.
    assert kinds(outcomes)["Created"] == (20 if fault == "lost_before" else 30)
    assert len(stored(portal)) == kinds(outcomes)["Created"]


@pytest.mark.parametrize(
    ("lost", "ends"), [(UNKNOWN_IN_A_ROW - 1, False), (UNKNOWN_IN_A_ROW, True)]
)
def test_a_server_that_is_down_ends_it(portal: Sandbox, crm: AmoCRM, lost: int, ends: bool) -> None:
    portal.inject("server_error", method="POST", times=lost)
    outcomes: list[Any] = []
    try:
        outcomes.extend(crm.create_many(LEADS, leads(2000), size=10, ahead=1))
    except AmoCRMError:
        assert ends
        assert kinds(outcomes) == {"Unknown": 10 * lost}
    else:
        assert not ends
        assert kinds(outcomes) == {"Unknown": 10 * lost, "Created": 2000 - 10 * lost}


def test_lost_chunks_between_written_ones_do_not_end_it(portal: Sandbox, crm: AmoCRM) -> None:
    lost = UNKNOWN_IN_A_ROW + 1

    def source() -> Iterator[dict[str, Any]]:
        for number, lead in enumerate(leads(20 * lost)):
            if number % 20 == 10:  # Every second chunk, when it is read to be sent.
                portal.inject("server_error", method="POST")
            yield lead

    outcomes = list(crm.create_many(LEADS, source(), size=10, ahead=1))
    expected = ([Created] * 10 + [Unknown] * 10) * lost
    assert [type(one) for one in outcomes] == expected


def test_no_rights_end_it_after_the_outcomes_of_what_was_sent(portal: Sandbox, crm: AmoCRM) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from leads(20)
        portal.inject("forbidden", method="POST", times=1000)
        yield from leads(2000, 20)

    outcomes: list[Any] = []
    with pytest.raises(ForbiddenError):
        outcomes.extend(crm.create_many(LEADS, source(), size=10, ahead=1))
    assert kinds(outcomes)["Created"] == len(stored(portal)) == 20
    assert 10 <= kinds(outcomes)["Refused"] <= 20


def test_an_error_of_the_source_comes_after_the_outcomes(portal: Sandbox, crm: AmoCRM) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from leads(25)
        raise ZeroDivisionError

    outcomes: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        outcomes.extend(crm.create_many(LEADS, source(), size=10))
    assert kinds(outcomes) == {"Created": 25}
    assert len(stored(portal)) == 25


def test_what_cannot_be_sent_is_refused_and_ends_it(portal: Sandbox, crm: AmoCRM) -> None:
    items = [*leads(10), {"name": {1, 2}}, *leads(9, 10)]
    outcomes: list[Any] = []
    with pytest.raises(ConfigurationError, match="set"):
        outcomes.extend(crm.create_many(LEADS, items, size=10))
    assert kinds(outcomes) == {"Created": 10, "Refused": 10}


def test_leaving_early_stops_the_threads(portal: Sandbox, crm: AmoCRM) -> None:
    run = crm.create_many(LEADS, leads(1000), size=10)
    for one in run:
        assert one.unwrap()
        break
    run.close()
    for thread in workers():
        thread.join(60)
    assert len(stored(portal)) <= 10 * MOST


def test_dropping_it_stops_the_threads(portal: Sandbox, crm: AmoCRM) -> None:
    run = crm.create_many(LEADS, leads(1000), size=10)
    next(run)
    del run
    for thread in workers():
        thread.join(60)
    assert not workers()


def test_progress(portal: Sandbox, crm: AmoCRM) -> None:
    told: list[Progress] = []
    list(crm.create_many(LEADS, leads(25), size=10, progress=told.append))
    assert [one.done for one in told if one.waiting_for is None] == [10, 20, 25]
    assert {one.total for one in told} == {25}
    list(crm.create_many(LEADS, iter(leads(5)), progress=told.append))
    assert told[-1].total is None


@pytest.mark.parametrize("size", [0, 251, True, "x"])
def test_a_size_that_is_none_is_refused_at_once(crm: AmoCRM, size: Any) -> None:
    with pytest.raises(ConfigurationError, match="from 1 to 250"):
        crm.create_many(LEADS, [], size=size)


@pytest.mark.parametrize("items", [{"name": "one"}, "text", b"bytes", None, 5])
def test_what_is_not_many_is_refused_at_once(crm: AmoCRM, items: Any) -> None:
    with pytest.raises(ConfigurationError, match="items must be a list or another iterable, not "):
        crm.create_many(LEADS, items)


@pytest.mark.parametrize(("path", "most"), [(LEADS, 250), (f"{LEADS}/complex", 50)])
def test_the_size_is_the_path_s(crm: AmoCRM, path: str, most: int) -> None:
    crm.create_many(path, [], size=most)
    with pytest.raises(ConfigurationError):
        crm.create_many(path, [], size=most + 1)


def test_a_journal_knows_what_was_done(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    path, items = tmp_path / "journal", leads(30)
    items[7]["price"] = "a lot"
    portal.inject("lost_after", method="POST", times=1)
    first = list(crm.create_many(LEADS, items, size=10, ahead=1, journal=path))
    assert kinds(first) == {"Unknown": 10, "Created": 20}
    sent = posts(portal)
    second = list(crm.create_many(LEADS, items, size=10, journal=path))
    assert [type(one) for one in second] == [type(one) for one in first]
    assert [one.id for one in second if isinstance(one, Created)] == [
        one.id for one in first if isinstance(one, Created)
    ]
    assert posts(portal) == sent
    with pytest.raises(AmoCRMError, match="earlier run"):
        second[0].unwrap()


def test_what_a_journal_knows_as_refused_is_tried_again(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    path, items = tmp_path / "journal", leads(30)
    items[7]["price"] = items[20]["price"] = "a lot"
    assert kinds(list(crm.create_many(LEADS, items, journal=path))) == {"Created": 28, "Refused": 2}
    items[7]["price"] = 5
    again = list(crm.create_many(LEADS, items, journal=path))
    assert [at for at, one in enumerate(again) if isinstance(one, Refused)] == [20]
    assert set(stored(portal).values()) == {1}
    assert len(stored(portal)) == 29


def test_what_was_not_sent_is_no_loss_in_the_journal(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path, clock: ManualClock
) -> None:
    path, items = tmp_path / "journal", leads(5)
    nowhere: Any = {"access_token": "x"}
    with AmoCRM(
        "example", nowhere, base_url="http://127.0.0.1:9", clock=clock, rate_limiter=None
    ) as offline:
        with pytest.raises(UnreachableError):
            list(offline.create_many(LEADS, items, journal=path))
    assert kinds(list(crm.create_many(LEADS, items, journal=path))) == {"Created": 5}


class Closed:
    """A rate limiter that gives a turn to nobody."""

    rate = 7.0

    def wait(self, clock: Any, patience: float) -> Refusal:
        return Refusal(300)

    def hold(self, *_: Any) -> None: ...

    block = hold


def test_a_chunk_that_was_refused_before_it_left_does_not_damage_the_journal(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path, clock: ManualClock
) -> None:
    path, items = tmp_path / "journal", leads(25)
    refused = AmoCRM(
        "example", {"access_token": portal.issue_long_lived()}, session=portal.session(),
        clock=clock, rate_limiter=Closed(),
    )  # fmt: skip
    outcomes: list[Any] = []
    with pytest.raises(RateLimitedError, match="was not sent"):
        outcomes.extend(refused.create_many(LEADS, items, size=10, journal=path))
    assert set(kinds(outcomes)) == {"Refused"}
    assert posts(portal) == 0
    assert kinds(list(crm.create_many(LEADS, items, size=10, journal=path))) == {"Created": 25}


def test_a_journal_of_lost_chunks_does_not_end_a_resumed_run(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    path, items = tmp_path / "journal", leads(100)
    portal.inject("server_error", method="POST", times=UNKNOWN_IN_A_ROW)
    with pytest.raises(AmoCRMError):
        list(crm.create_many(LEADS, items, size=10, ahead=1, journal=path))
    outcomes = list(crm.create_many(LEADS, items, size=10, journal=path))
    assert kinds(outcomes) == {"Unknown": 50, "Created": 50}


def test_leaving_early_waits_for_the_journal(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    path, items = tmp_path / "journal", leads(200)
    run = crm.create_many(LEADS, items, size=10, journal=path)
    next(run)
    run.close()
    written = stored(portal)
    outcomes = list(crm.create_many(LEADS, items, size=10, journal=path))
    assert kinds(outcomes) == {"Created": 200}
    assert len(written) <= 10 * MOST
    assert set(stored(portal).values()) == {1}


ENDED = """
import sys
from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
portal = Sandbox(rps=None)
auth = {"access_token": portal.issue_long_lived()}
crm = AmoCRM("example", auth, session=portal.session(), rate_limiter=None)
items = [{"name": f"Lead {at}"} for at in range(1000)]
run = crm.create_many("/api/v4/leads", items, size=5, journal=sys.argv[1])
next(run)
"""


def test_a_program_may_end_in_the_middle_and_the_journal_is_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDED, str(tmp_path / "journal")],
        capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = (tmp_path / "journal").read_text().splitlines()
    sent, known = (sum(word in line for line in lines) for word in ('"sent"', '"done"'))
    assert sent == known > 0


def test_as_many_chunks_as_a_second_needs_leave_before_the_first_answer(
    clock: ManualClock,
) -> None:
    together = threading.Barrier(MOST - 1)

    def answer(path: str, query: dict[str, str]) -> Any:
        together.wait(60)
        return {"_embedded": {"leads": [{"id": 1}]}}

    session = Canned(answer).session()
    crm = AmoCRM("example", {"access_token": "x"}, session=session, clock=clock, rate_limiter=None)
    run = crm.create_many(LEADS, leads(MOST - 1), size=1)
    assert kinds(list(run)) == {"Created": MOST - 1}


class Turnstile:
    """A rate limiter that lets so many through as it is told."""

    rate = 7.0
    waited = held = 0.0

    def __init__(self) -> None:
        self.asked, self.free = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, clock: Any, patience: float) -> Turnstile:
        self.asked.release()
        assert self.free.acquire(timeout=60)
        return self

    def hold(self, *_: Any, **__: Any) -> None:
        """Nothing; as for a block, and for all that is told of a turn."""

    block = opening = leaving = sent = done = hold


def test_a_chunk_that_waits_for_its_turn_is_not_yet_in_the_journal(
    portal: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    rate_limiter, path = Turnstile(), tmp_path / "journal"
    auth: Any = {"access_token": portal.issue_long_lived()}
    crm = AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=rate_limiter)
    run = crm.create_many(LEADS, leads(60), size=10, ahead=4, journal=path)
    rate_limiter.free.release(2)
    assert [type(next(run)) for _ in range(20)] == [Created] * 20
    for _ in range(6):
        assert rate_limiter.asked.acquire(timeout=60), "all of them have begun"
    assert path.read_text().count('"sent"') == 2
    rate_limiter.free.release(4)
    assert kinds(list(run)) == {"Created": 40}
    assert path.read_text().count('"sent"') == path.read_text().count('"done"') == 6


def test_a_chunk_that_is_tried_again_is_announced_once(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    portal.inject("too_many", method="POST", times=2)
    path = tmp_path / "journal"
    assert kinds(list(crm.create_many(LEADS, leads(10), journal=path))) == {"Created": 10}
    assert posts(portal) == 3
    assert path.read_text().count('"sent"') == 1


class Failing:
    """A place for a journal that takes so many records, and no more."""

    def __init__(self, takes: int) -> None:
        self.takes, self.records = takes, list[str]()

    def open(self) -> Failing:
        return self

    def read(self) -> list[str]:
        return self.records

    def append(self, record: str) -> None:
        if len(self.records) == self.takes:
            raise JournalError("the journal is full")
        self.records.append(record)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("takes", "created", "refused"),
    [(0, 0, 0), (1, 0, 10), (2, 10, 0), (3, 10, 10), (4, 20, 0)],
)
def test_a_journal_that_cannot_be_written_ends_it_and_nothing_is_untold(
    portal: Sandbox, crm: AmoCRM, takes: int, created: int, refused: int
) -> None:
    outcomes: list[Any] = []
    with pytest.raises(JournalError, match="is full"):
        outcomes.extend(crm.create_many(LEADS, leads(50), size=10, ahead=1, journal=Failing(takes)))
    assert kinds(outcomes) == Counter(
        {kind: count for kind, count in (("Created", created), ("Refused", refused)) if count}
    )
    assert len(stored(portal)) == created


def test_a_refusal_that_cannot_be_noted_stays_one(portal: Sandbox, crm: AmoCRM) -> None:
    items = leads(10)
    items[4]["price"] = "a lot"
    outcomes: list[Any] = []
    with pytest.raises(JournalError, match=r"is (full|closed)"):
        outcomes.extend(crm.create_many(LEADS, items, journal=Failing(2)))
    assert kinds(outcomes) == {"Refused": 10}
    assert stored(portal) == {}


def updates(portal: Sandbox, count: int) -> list[dict[str, Any]]:
    return [{"id": portal.add("leads", {"name": "x"}), "price": at} for at in range(count)]


def patches(portal: Sandbox) -> int:
    return sum(one.method == "PATCH" for one in portal.log)


def test_the_caller_may_have_lost_updates_sent_again(portal: Sandbox, crm: AmoCRM) -> None:
    items = updates(portal, 30)
    portal.inject("lost_after", method="PATCH", times=2)
    outcomes = list(crm.update_many(LEADS, items, size=10, ahead=1, retry="always"))
    assert kinds(outcomes) == {"Updated": 30}
    assert patches(portal) == 5
    assert sorted(lead["price"] for lead in portal.leads()) == list(range(30))


def test_what_an_earlier_run_lost_is_sent_again_when_the_caller_says_so(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    path, items = tmp_path / "journal", updates(portal, 30)
    portal.inject("lost_after", method="PATCH")
    lost = crm.update_many(LEADS, items, size=10, ahead=1, journal=path)
    assert kinds(list(lost)) == {"Unknown": 10, "Updated": 20}
    assert kinds(list(crm.update_many(LEADS, items, size=10, journal=path))) == {
        "Unknown": 10, "Updated": 20,
    }  # fmt: skip
    assert patches(portal) == 3
    for sent in (4, 4):
        run = crm.update_many(LEADS, items, size=10, journal=path, retry="always")
        assert kinds(list(run)) == {"Updated": 30}
        assert patches(portal) == sent


@pytest.mark.parametrize("fault", ["forbidden", "too_many"])
def test_what_may_have_been_written_is_not_called_refused(
    portal: Sandbox, crm: AmoCRM, fault: str
) -> None:
    items = updates(portal, 10)
    portal.inject("lost_after", method="PATCH")
    portal.inject(fault, method="PATCH", times=9)
    outcomes = list(crm.update_many(LEADS, items, retry="always"))
    assert kinds(outcomes) == {"Unknown": 10}


def test_nothing_is_repeated_when_the_caller_says_so(portal: Sandbox, crm: AmoCRM) -> None:
    portal.inject("too_many", method="POST")
    outcomes: list[Any] = []
    with pytest.raises(RateLimitedError):
        outcomes.extend(crm.create_many(LEADS, leads(10), retry="never"))
    assert kinds(outcomes) == {"Refused": 10}
    assert posts(portal) == 1


def test_a_retry_that_does_not_exist_is_refused_at_once(crm: AmoCRM) -> None:
    with pytest.raises(ConfigurationError, match="'auto', 'always' or 'never'"):
        crm.create_many(LEADS, [], retry="often")  # type: ignore[arg-type]


def write_leads(url: str, token: str, kind: str, place: str, pipe: Pipe) -> None:
    """Be a program that imports leads with a journal, and tells of each outcome."""
    os.environ["NO_PROXY"] = "*"
    crm = AmoCRM("example", {"access_token": token}, base_url=url, rate_limiter=None)
    # Patient: a busy server may not notice at once that the program before has died.
    journal = open_journal(kind, place, patience=60)
    for one in crm.create_many(LEADS, leads(400), size=5, journal=journal):
        pipe.send(type(one).__name__)
    pipe.close()


def begin(*args: Any) -> tuple[BaseProcess, Pipe]:
    ours, theirs = APART.Pipe(duplex=False)
    process = APART.Process(target=write_leads, args=(*args, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def told(pipe: Pipe) -> Iterator[str]:
    """Give what a program tells until its end."""
    with suppress(EOFError):
        while True:
            yield pipe.recv()


@pytest.mark.parametrize("kind", ["file", *kills("sqlite", *DATABASES)])
@pytest.mark.parametrize("after", [120, *kills(1, 37, 311)])
def test_killed_at_any_moment_it_goes_on_without_a_double(
    tmp_path: Path, after: int, kind: str
) -> None:
    portal = Sandbox(rps=None)
    with portal.serve() as served, journal_place(kind, tmp_path) as place:
        program = (served.url, portal.issue_long_lived(), kind, place)
        first, pipe = begin(*program)
        for _ in range(after):
            pipe.recv()
        first.kill()
        first.join()
        second, pipe = begin(*program)
        outcomes = list(told(pipe))
        second.join(60)
        assert second.exitcode == 0
    there = stored(portal)
    assert len(outcomes) == 400
    assert set(there.values()) == {1}, "nothing is written twice"
    for at, outcome in enumerate(outcomes):
        assert outcome in ("Created", "Unknown")
        assert outcome == "Unknown" or f"Lead {at}" in there
    assert outcomes.count("Unknown") <= 5 * MOST
