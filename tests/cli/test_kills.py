"""Exports and imports are killed in the middle, and run again: the same files, nothing twice."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.cli.exporting.export import Export
from amocrm.cli.exporting.export import run as run_export
from amocrm.cli.exporting.partial_file import PAGES_BETWEEN
from amocrm.cli.importing.import_file import Import, prepare
from amocrm.cli.importing.import_file import run as run_import
from amocrm.progress import Progress
from amocrm.sandbox import Sandbox
from tests.processes import APART, kills

PAGE = 250
LEADS = PAGE * (PAGES_BETWEEN * 2 + 1) + 7


LAST = "the last run"


def client(token: str, url: str, **settings: Any) -> AmoCRM:
    auth: Any = {"access_token": token}
    return AmoCRM("example", auth, base_url=url, rate_limiter=None, **settings)


def dying_at(moment: int) -> Callable[[Progress], None]:
    """Return a report that kills this process as soon as so many items are done."""

    def report(progress: Progress) -> None:
        if progress.done >= moment:
            os.kill(os.getpid(), signal.SIGKILL)

    return report


def export_until(token: str, url: str, path: str, moment: int) -> None:
    run_export(client(token, url), Export("leads", path), dying_at(moment))


def import_until(token: str, url: str, job: Import, moment: int) -> None:
    plan = prepare(client(token, url), job)
    run_import(plan, progress=dying_at(moment))


def killed(target: Callable[..., None], *arguments: Any) -> None:
    child = APART.Process(target=target, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL


@pytest.fixture
def served() -> Iterator[tuple[Sandbox, str, str]]:
    sandbox = Sandbox(rps=None)
    with sandbox.serve() as server:
        yield sandbox, sandbox.issue_long_lived(), server.url


LATER = [
    pytest.param(end, moment, marks=pytest.mark.endurance)
    for end in ("jsonl", "csv", "xlsx", "parquet")
    for moment in (1, *(LEADS * tenth // 10 for tenth in range(1, 11)))
]


@pytest.mark.parametrize(("end", "moment"), [("csv", LEADS * 2 // 3), *LATER])
def test_a_killed_export_gives_the_same_file(
    served: tuple[Sandbox, str, str], tmp_path: Path, end: str, moment: int
) -> None:
    sandbox, token, url = served
    with client(token, url) as crm:
        for made in crm.leads.create_many({"name": f"=Lead {at}"} for at in range(LEADS)):
            made.unwrap()
        whole, path = tmp_path / f"whole.{end}", tmp_path / f"leads.{end}"
        run_export(crm, Export("leads", str(whole)))
        killed(export_until, token, url, str(path), moment)
        killed(export_until, token, url, str(path), 1)  # The second run is killed, too.
        assert not path.exists()
    with client(token, url, user_agent=LAST) as crm:
        done = run_export(crm, Export("leads", str(path)))
        assert done.rows == LEADS
        assert path.read_bytes() == whole.read_bytes()
        noted = moment // PAGE // PAGES_BETWEEN * PAGES_BETWEEN
        assert done.resumed_at >= (noted - PAGES_BETWEEN) * PAGE
        assert pages(sandbox, LAST) <= LEADS // PAGE + 2 - done.resumed_at // PAGE
        assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, whole.name]


def pages(sandbox: Sandbox, agent: str) -> int:
    """Count the pages that a client has read. Those of a killed one may still be answered."""
    return sum(
        (one.method, one.path, one.headers["user-agent"]) == ("GET", "/api/v4/leads", agent)
        for one in sandbox.log
    )


def test_what_is_deleted_between_two_runs_hides_nothing(
    served: tuple[Sandbox, str, str], tmp_path: Path
) -> None:
    sandbox, token, url = served
    with client(token, url) as crm:
        made = crm.leads.create_many({"name": f"Lead {at}"} for at in range(LEADS))
        ids = sorted(int(str(one.unwrap())) for one in made)
        path = tmp_path / "leads.jsonl"
        killed(export_until, token, url, str(path), LEADS * 2 // 3)
        noted = PAGE * PAGES_BETWEEN
        # What is deleted before the place moves the rest; what is deleted behind it was written
        # behind the noted length.
        for number in ids[: PAGE + 10] + ids[noted + 10 :]:
            sandbox.trash("leads", number)
        new: Any = crm.leads.create({"name": "new"})
        run_export(crm, Export("leads", str(path)))
    found = [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert found == [*ids[: noted + 10], new["id"]]


ROWS = 700


def people(sandbox: Sandbox, kind: str) -> Counter[str]:
    return Counter(str(one["name"]) for one in getattr(sandbox, kind)())


@pytest.mark.parametrize("moment", [ROWS // 2, *kills(1, 50, 51, 200, 500, ROWS - 1)])
def test_a_killed_import_writes_nothing_twice(
    served: tuple[Sandbox, str, str], tmp_path: Path, moment: int
) -> None:
    sandbox, token, url = served
    path = tmp_path / "leads.csv"
    path.write_text("name,price\n" + "".join(f"Lead {at},{at}\n" for at in range(ROWS)))
    job = Import("leads", str(path), journal=str(tmp_path / "journal"),
                 outcomes=str(tmp_path / "outcomes"))  # fmt: skip
    killed(import_until, token, url, job, moment)
    with client(token, url) as crm:
        log = run_import(prepare(crm, job))
        first = Path(job.outcomes).read_bytes()
        run_import(prepare(crm, job))
    assert Path(job.outcomes).read_bytes() == first
    outcomes = [json.loads(line) for line in first.splitlines()]
    assert [one["row"] for one in outcomes] == list(range(2, ROWS + 2))
    found = people(sandbox, "leads")
    assert max(found.values()) == 1
    assert log.counts["refused"] == 0
    for one in outcomes:
        if one["outcome"] == "created":
            assert found[f"Lead {one['row'] - 2}"] == 1


@pytest.mark.parametrize("moment", [120, *kills(1, 50, 51, 100, 149)])
def test_a_killed_import_links_everybody(
    served: tuple[Sandbox, str, str], tmp_path: Path, moment: int
) -> None:
    sandbox, token, url = served
    rows = 150
    with client(token, url) as crm:
        firm: Any = crm.companies.create({"name": "Firm"})
        path = tmp_path / "people.csv"
        path.write_text("name,company\n" + "".join(f"Person {at},firm\n" for at in range(rows)))
        job = Import("contacts", str(path), journal=str(tmp_path / "journal"),
                     outcomes=str(tmp_path / "outcomes"))  # fmt: skip
        killed(import_until, token, url, job, moment)
        log = run_import(prepare(crm, job))
        writes = sum(one.method != "GET" for one in sandbox.log)
        run_import(prepare(crm, job))
        assert sum(one.method != "GET" for one in sandbox.log) == writes
        outcomes = [json.loads(line) for line in Path(job.outcomes).read_text().splitlines()]
        assert log.counts.total() == len(outcomes) == rows
        found = {one["id"] for one in outcomes if one["outcome"] == "created"}
        assert max(people(sandbox, "contacts").values()) == 1
        linked: Any = crm.companies(firm["id"]).links.list()
        assert {one["to_entity_id"] for one in linked} == found


@pytest.mark.parametrize("moment", [3, *kills(1, 2, 5, 8, 11)])
def test_a_killed_matching_import_writes_nothing_twice(
    served: tuple[Sandbox, str, str], tmp_path: Path, moment: int
) -> None:
    sandbox, token, url = served
    path = tmp_path / "people.csv"
    rows = [f"Person {at},+7900123{at % 9:04}\n" for at in range(12)]
    path.write_text("name,PHONE\n" + "".join(rows))
    job = Import("contacts", str(path), match="phone", journal=str(tmp_path / "journal"),
                 outcomes=str(tmp_path / "outcomes"))  # fmt: skip
    killed(import_until, token, url, job, moment)
    with client(token, url) as crm:
        log = run_import(prepare(crm, job))
        writes = sum(one.method != "GET" for one in sandbox.log)
        run_import(prepare(crm, job))
    assert sum(one.method != "GET" for one in sandbox.log) == writes
    assert log.counts.total() == 12
    assert not log.counts["refused"] + log.counts["unknown"]
    assert sorted(people(sandbox, "contacts")) == sorted(f"Person {at}" for at in range(3, 12))
