"""Which listing tells of changes, and what is refused before a call."""

from __future__ import annotations

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.bulk.changes_query import changes_query, deletions_query
from amocrm.sandbox import ManualClock, Sandbox
from tests.bulk.test_changes import START, client
from tests.resources.table import walk


@pytest.mark.parametrize(
    ("path", "is_ordered", "order"),
    [
        ("leads", True, None), ("contacts", True, None), ("companies", True, None),
        ("leads/notes", True, None), ("customers/notes", True, None),
        ("contacts/42/notes", True, None), ("customers", False, None), ("tasks", False, "id"),
    ],
)  # fmt: skip
def test_what_changes_can_be_read_of(path: str, is_ordered: bool, order: str | None) -> None:
    query = changes_query(f"/api/v4/{path}", {"with": "x"}, lenient=False)
    assert (query.is_ordered, query.order) == (is_ordered, order)
    assert (query.path, query.params, query.member) == (
        f"/api/v4/{path}", {"with": "x"}, "updated_at",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("events", r"crm\.events\.list"), ("leads/unsorted", r"crm\.leads\.unsorted\.list"),
        ("catalogs/7/elements", "elements"), ("users", "whole listing"),
        ("leads/pipelines", "whole listing"), ("leads/42", "whole listing"),
        ("lead", "whole listing"), ("leads/x/notes", "common_note_deleted"),
    ],
)  # fmt: skip
def test_others_are_refused_before_a_call_with_what_to_use(
    clock: ManualClock, path: str, instead: str
) -> None:
    portal = Sandbox(clock=clock)
    crm = client(portal, clock)
    with pytest.raises(ConfigurationError, match=f"no filter by updated_at.*{instead}"):
        crm.changes(path)
    with pytest.raises(ConfigurationError, match=f"does not tell of them.*{instead}"):
        crm.changes(path, deleted=True)
    assert portal.log == []


def test_lenient_lets_an_unknown_path_through() -> None:
    assert changes_query("/api/v4/new", {}, lenient=True).is_ordered
    portal = Sandbox(rps=None)
    auth: dict[str, str] = {"access_token": portal.issue_long_lived()}
    with AmoCRM("example", auth, session=portal.session(), lenient=True) as crm:  # type: ignore[arg-type]
        assert (
            repr(crm.changes("catalogs/7/elements")) == "<Changes of /api/v4/catalogs/7/elements>"
        )


@pytest.mark.parametrize("path", ["contacts", "tasks"])
@pytest.mark.parametrize("params", [{"filter": {"id": 1}}, {"with": "leads"}])
def test_deletions_that_are_events_take_no_filter(path: str, params: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="take no filter and no with"):
        deletions_query(f"/api/v4/{path}", params)


def test_deleted_leads_take_a_filter_and_no_with() -> None:
    query = deletions_query("/api/v4/leads", {"filter": {"pipeline_id": 1}})
    assert query.params == {"filter": {"pipeline_id": 1}, "with": "only_deleted"}
    with pytest.raises(ConfigurationError, match="take no with"):
        deletions_query("/api/v4/leads", {"with": "contacts"})


def test_notes_are_read_by_the_short_path(clock: ManualClock) -> None:
    portal = Sandbox(clock=clock, rps=None)
    crm = client(portal, clock)
    lead = portal.add("leads", {"name": "L"})
    for text in ("one", "two"):
        crm.leads(lead).notes.create({"note_type": "common", "params": {"text": text}})
    assert [one["params"]["text"] for one in crm.changes("leads/notes")] == ["one", "two"]
    assert [one["params"]["text"] for one in crm.changes(f"leads/{lead}/notes")] == ["one", "two"]
    assert list(crm.changes("leads/notes", since=START + 10**8)) == []


def test_each_resource_that_has_changes_reads_its_own(clock: ManualClock) -> None:
    portal = Sandbox(clock=clock, rps=None)
    crm = client(portal, clock)
    with_changes = {seat.path for seat in walk() if hasattr(seat.kind, "changes")}
    paths = {"leads", "contacts", "companies", "customers"}
    notes = {f"/{one}/notes" for one in paths} | {f"/{one}/{{id}}/notes" for one in paths}
    assert with_changes == {f"/{one}" for one in paths} | notes | {"/tasks"}
    assert repr(crm.leads(7).notes.changes()) == "<Changes of /api/v4/leads/7/notes>"
    lead = portal.add("leads", {"name": "L"})
    assert [one["id"] for one in crm.leads.changes()] == [lead]
    assert list(crm.leads.changes(filter={"name": "M"})) == []
    assert [one["_embedded"].get("contacts") for one in crm.leads.changes(with_=["contacts"])] == [
        []
    ]
    tasks = list(crm.tasks.changes(filter={"is_completed": False}))
    assert tasks == []
    assert "is_completed%5D=0" in portal.log[-1].query
    portal.trash("leads", lead)
    assert [one["id"] for one in crm.leads.changes(deleted=True)] == [lead]
    calls = len(portal.log)
    with pytest.raises(ConfigurationError, match="did you mean 'pipeline_id'"):
        crm.leads.changes(filter={"pipline_id": 1})  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError, match="that is `since`"):
        crm.leads.changes(filter={"updated_at": {"from": 1}})
    with pytest.raises(ConfigurationError, match="deletions of leads/notes"):
        crm.leads.notes.changes(deleted=True)
    assert len(portal.log) == calls
