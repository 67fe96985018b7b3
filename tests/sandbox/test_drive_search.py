"""The list of files and its filters, and files at entities (reference 7, 4.29)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.drive import periods

Call = Callable[..., requests.Response]
FILES = "https://drive-b.amocrm.ru/v1.0/files"


@pytest.fixture
def stored(portal: Sandbox, session: requests.Session, clock: ManualClock) -> dict[str, str]:
    """Three files, a day apart; return their uuids by name."""
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    uuids: dict[str, str] = {}
    for name, data in (("Plan.pdf", b"1"), ("plan two.TXT", bytes(2048)), ("photo.png", b"123")):
        wanted: Any = {"file_name": name, "file_size": len(data)}
        if name == "photo.png":
            wanted["created_by"] = {"id": 0, "type": "internal"}
        root = FILES.removesuffix("/files")
        opened = session.post(f"{root}/sessions", json=wanted, headers=headers).json()
        uuids[name] = session.post(opened["upload_url"], data=data, headers=headers).json()["uuid"]
        clock.advance(86400)
    return uuids


@pytest.fixture
def names(portal: Sandbox, session: requests.Session) -> Callable[..., list[str]]:
    """List names of files under filters."""
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}

    def names(**filters: Any) -> list[str]:
        params = {f"filter{name}": value for name, value in filters.items()}
        answer = session.get(FILES, params=params, headers=headers)
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json()["_embedded"]["files"]]

    return names


def test_files_are_paged(
    portal: Sandbox, session: requests.Session, stored: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    first = session.get(FILES, params={"limit": 2}, headers=headers).json()
    assert (first["_count"], set(first["_links"])) == (2, {"self", "next"})
    last = session.get(first["_links"]["next"]["href"], headers=headers).json()
    assert (last["_count"], set(last["_links"])) == (1, {"self", "prev"})
    assert session.get(FILES, params={"page": 3, "limit": 2}, headers=headers).status_code == 204


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, ["photo", "plan two", "Plan"]),
        ({"[name]": "Plan"}, ["Plan"]),
        ({"[extensions][]": ["txt", "png"]}, ["photo", "plan two"]),
        ({"[term]": "PLAN"}, ["plan two", "Plan"]),
        ({"[source_id]": 5}, []),
        ({"[deleted]": "1"}, []),
        ({"[size][from]": 2}, ["photo", "plan two"]),
        ({"[size][from]": 2, "[size][to]": 3}, ["photo"]),
        ({"[size][unit]": "kb", "[size][from]": 2}, ["plan two"]),
        ({"[size][unit]": "kb", "[size][from]": 2.1}, []),
        ({"[created_by][]": 0}, ["photo"]),
        ({"[updated_by][]": [0, -1]}, ["photo"]),
        ({"[unknown]": 1}, ["photo", "plan two", "Plan"]),
    ],
)
def test_filters(
    stored: dict[str, str],
    names: Callable[..., list[str]],
    filters: dict[str, Any],
    wanted: list[str],
) -> None:
    assert names(**filters) == wanted


def test_uuids_are_separated_by_commas(
    stored: dict[str, str], names: Callable[..., list[str]]
) -> None:
    assert names(**{"[uuid]": f"{stored['Plan.pdf']},{stored['photo.png']}"}) == ["photo", "Plan"]


def test_dates_are_a_range_or_a_preset(
    stored: dict[str, str], names: Callable[..., list[str]], clock: ManualClock
) -> None:
    now = int(clock.time())
    assert names(**{"[date][from]": now - 86400}) == ["photo"]
    assert names(**{"[date][from]": now - 86400 + 1}) == []
    assert names(**{"[date][type]": "updated_at", "[date][to]": now - 3 * 86400}) == ["Plan"]
    assert names(**{"[date][date_preset]": "yesterday"}) == ["photo"]
    assert names(**{"[date][date_preset]": "day"}) == []


@pytest.mark.parametrize(
    "params",
    [
        {"filter[size][unit]": "miles"},
        {"filter[size][from]": "much"},
        {"filter[date][type]": "born_at"},
        {"filter[date][date_preset]": "someday"},
        {"filter[date][to]": "late"},
    ],
)
def test_a_filter_without_sense_is_refused(
    portal: Sandbox, session: requests.Session, params: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    assert session.get(FILES, params=params, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        # Wednesday, 15 November 2023, 01:13:20 in Moscow is the moment 1700000000.
        ("day", "2023-11-15", "2023-11-15"),
        ("tomorrow", "2023-11-16", "2023-11-16"),
        ("yesterday", "2023-11-14", "2023-11-14"),
        ("week", "2023-11-13", "2023-11-19"),
        ("previous_week", "2023-11-06", "2023-11-12"),
        ("next_week", "2023-11-20", "2023-11-26"),
        ("month", "2023-11-01", "2023-11-30"),
        ("next_month", "2023-12-01", "2023-12-31"),
        ("previous_month", "2023-10-01", "2023-10-31"),
        ("quarter", "2023-10-01", "2023-12-31"),
        ("previous_quarter", "2023-07-01", "2023-09-30"),
        ("next_quarter", "2024-01-01", "2024-03-31"),
        ("last_3_days", "2023-11-13", "2023-11-15"),
        ("next_3_days", "2023-11-15", "2023-11-17"),
        ("last_6_month", "2023-06-01", "2023-11-30"),
        ("year", "2023-01-01", "2023-12-31"),
    ],
)
def test_presets(name: str, first: str, last: str) -> None:
    zone = timezone(timedelta(hours=3))
    low, high = (datetime.fromtimestamp(one, zone) for one in periods.bounds(name, 1700000000))
    assert (low.isoformat(), high.isoformat()) == (
        f"{first}T00:00:00+03:00",
        f"{last}T23:59:59+03:00",
    )


@pytest.mark.parametrize("entity_type", ["leads", "contacts", "companies"])
def test_a_file_is_attached_and_detached(
    portal: Sandbox, call: Call, stored: dict[str, str], entity_type: str
) -> None:
    number, uuid = portal.add(entity_type, {"name": "Roof"}), stored["Plan.pdf"]
    path = f"/{entity_type}/{number}/files"
    assert call("GET", path).status_code == 204
    put = call("PUT", path, json=[{"file_uuid": uuid}])
    assert (put.status_code, put.content) == (202, b"")
    assert call("PUT", path, json=[{"file_uuid": uuid}]).status_code == 202
    body = call("GET", path).json()
    (link,) = body["_embedded"]["files"]
    assert (link["file_uuid"], set(link)) == (uuid, {"file_uuid", "id"})
    owners = call("GET", f"/files/{uuid}/links").json()
    assert owners["file_uuid"] == uuid
    (owner,) = owners["entities"]
    assert (owner["id"], owner["name"], owner["entity_type"]) == (number, "Roof", entity_type)
    gone = call("DELETE", path, json=[{"file_uuid": uuid}])
    assert (gone.status_code, gone.content) == (202, b"")
    assert call("GET", path).status_code == 204
    assert call("GET", f"/files/{uuid}/links").json()["entities"] == []


def test_a_file_is_attached_to_a_list_element(
    portal: Sandbox, call: Call, stored: dict[str, str]
) -> None:
    portal.account().shelf("elements")[77] = {"id": 77, "catalog_id": 5, "name": "Bike"}
    uuid = stored["Plan.pdf"]
    assert call("PUT", "/catalogs/5/77/files", json=[{"file_uuid": uuid}]).status_code == 202
    (link,) = call("GET", "/catalogs/5/77/files").json()["_embedded"]["files"]
    assert link["file_uuid"] == uuid
    (owner,) = call("GET", f"/files/{uuid}/links").json()["entities"]
    assert (owner["entity_type"], owner["id"], owner["name"]) == ("catalogs", 77, "Bike")
    assert call("GET", "/catalogs/6/77/files").status_code == 404
    assert call("DELETE", "/catalogs/5/77/files", json=[{"file_uuid": uuid}]).status_code == 202
    assert call("GET", "/catalogs/5/77/files").status_code == 204


def test_attached_files_are_walked_with_a_cursor(
    portal: Sandbox, call: Call, stored: dict[str, str]
) -> None:
    path = f"/leads/{portal.add('leads', {})}/files"
    call("PUT", path, json=[{"file_uuid": one} for one in stored.values()])
    first = call("GET", path, params={"limit": 2}).json()
    top, last = (one["id"] for one in first["_embedded"]["files"])
    assert top > last
    assert first["_links"]["next"]["href"].endswith(f"limit=2&before_id={last}")
    rest = call("GET", path, params={"limit": 2, "before_id": last}).json()
    assert [one["file_uuid"] for one in rest["_embedded"]["files"]] == [stored["Plan.pdf"]]
    assert "next" not in rest["_links"]


def test_the_name_of_an_owner_finds_a_file(
    portal: Sandbox, call: Call, stored: dict[str, str], names: Callable[..., list[str]]
) -> None:
    path = f"/leads/{portal.add('leads', {'name': 'Roof'})}/files"
    call("PUT", path, json=[{"file_uuid": stored["photo.png"]}])
    assert names(**{"[term]": "roof"}) == ["photo"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "data", [[], {}, [3], [{}], [{"file_uuid": 1}], [{"file_uuid": "no"}], [{"uuid": "no"}]]
)
def test_attachments_are_checked(portal: Sandbox, call: Call, method: str, data: Any) -> None:
    path = f"/leads/{portal.add('leads', {})}/files"
    assert call(method, path, json=data).status_code == 400


def test_attachments_need_an_entity_a_cursor_and_a_scope(
    portal: Sandbox, call: Call, session: requests.Session
) -> None:
    path = f"/leads/{portal.add('leads', {})}/files"
    for method in ("GET", "PUT", "DELETE"):
        assert call(method, "/leads/1/files", json=[]).status_code == 404
    assert call("GET", path, params={"before_id": "last"}).status_code == 400
    assert call("GET", "/files/no/links").status_code == 400
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(scopes=['crm'])}"}
    for one in (path, "/files/no/links"):
        answer = session.get(f"https://example.amocrm.ru/api/v4{one}", headers=headers)
        assert answer.status_code == 403
