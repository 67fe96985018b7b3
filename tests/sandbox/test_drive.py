"""The Files service: uploads, files, versions, the bin, downloads (reference 7)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.drive.store import MAX_FILE_SIZE, MAX_PART_SIZE

Call = Callable[..., requests.Response]
Upload = Callable[..., dict[str, Any]]
DRIVE = "https://drive-b.amocrm.ru"


@pytest.fixture
def ask(portal: Sandbox, session: requests.Session) -> Call:
    """Send a request with an administrator's token to an address or a path of the service."""
    token = portal.issue_long_lived()

    def ask(method: str, address: str, **options: Any) -> requests.Response:
        url = address if address.startswith("https:") else f"{DRIVE}/v1.0{address}"
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return session.request(method, url, headers=headers, **options)

    return ask


@pytest.fixture
def upload(ask: Call) -> Upload:
    """Upload a file in parts of a size; return its model."""

    def upload(name: str, data: bytes, part: int = MAX_PART_SIZE, **more: Any) -> dict[str, Any]:
        wanted = {"file_name": name, "file_size": len(data), **more}
        answer = ask("POST", "/sessions", json=wanted).json()
        address = answer["upload_url"]
        for start in range(0, len(data), part):
            answer = ask("POST", address, data=data[start : start + part]).json()
            address = answer.get("next_url")
        return dict(answer)

    return upload


def test_the_account_tells_the_host(portal: Sandbox, call: Call) -> None:
    assert call("GET", "/account", params={"with": "drive_url"}).json()["drive_url"] == DRIVE


def test_a_file_goes_up_in_parts_each_to_the_address_told_last(ask: Call) -> None:
    wanted = {"file_name": "Scan.PNG", "file_size": 6, "content_type": "image/png"}
    opened = ask("POST", "/sessions", json=wanted)
    body = opened.json()
    assert (opened.status_code, opened.headers["Content-Type"]) == (200, "application/json")
    assert set(body) == {"session_id", "upload_url", "max_file_size", "max_part_size"}
    assert (body["max_file_size"], body["max_part_size"]) == (314572800, 524288)
    # The address may name another host than the account told.
    assert body["upload_url"].startswith("https://drive-c.amocrm.ru/v1.0/sessions/upload/")
    first = ask("POST", body["upload_url"], data=b"abcd", headers={"Content-Type": "image/png"})
    assert set(first.json()) == {"session_id", "next_url"}
    assert first.json()["next_url"] != body["upload_url"]
    model = ask("POST", first.json()["next_url"], data=b"ef").json()
    assert set(model) == {
        *("id", "uuid", "version_uuid", "type", "name", "sanitized_name", "size", "is_trashed"),
        *("has_multiple_versions", "source_id", "session_id", "created_at", "updated_at"),
        *("deleted_at", "created_by", "updated_by", "deleted_by", "metadata", "previews", "_links"),
    }
    assert (model["type"], model["name"], model["size"]) == ("image", "Scan", 6)
    assert model["metadata"] == {"extension": "png", "mime_type": "image/png"}
    assert model["session_id"] == body["session_id"]
    assert ask("GET", model["_links"]["self"]["href"]).json()["uuid"] == model["uuid"]


def test_the_upload_token_is_a_jwt_and_stays_out_of_the_log(portal: Sandbox, ask: Call) -> None:
    address = ask("POST", "/sessions", json={"file_name": "a.txt", "file_size": 1}).json()
    token = address["upload_url"].rpartition("/")[2]
    head, claims, _ = (one + "=" * (-len(one) % 4) for one in token.split("."))
    assert json.loads(base64.urlsafe_b64decode(head))["alg"] == "HS256"
    assert json.loads(base64.urlsafe_b64decode(claims))["part_num"] == 1
    ask("POST", address["upload_url"], data=b"x")
    assert token not in repr(portal.log)
    assert portal.log[-1].body == "(1 bytes)"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"file_name": None}, "file_name"),
        ({"file_name": " "}, "file_name"),
        ({"file_size": None}, "file_size"),
        ({"file_size": "1"}, "file_size"),
        ({"file_size": 0}, "file_size"),
        ({"file_size": MAX_FILE_SIZE + 1}, "file_size"),
        ({"file_uuid": "nobody"}, "file_uuid"),
        ({"with_preview": 1}, "with_preview"),
        ({"created_by": {"id": 5}}, "created_by.type"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_session_is_checked(ask: Call, change: dict[str, Any], path: str) -> None:
    model = {"file_name": "a.txt", "file_size": 1, **change}
    model = {name: value for name, value in model.items() if value is not None}
    answer = ask("POST", "/sessions", json=model)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
    assert answer.json()["validation-errors"][0]["errors"][0]["path"] == path


@pytest.mark.parametrize("size", [1, MAX_FILE_SIZE])
def test_a_session_takes_any_size_up_to_the_largest(ask: Call, size: int) -> None:
    answer = ask("POST", "/sessions", json={"file_name": "a", "file_size": size})
    assert answer.status_code == 200


def test_a_part_is_of_the_told_size_at_most(ask: Call) -> None:
    wanted = {"file_name": "a.bin", "file_size": 2 * MAX_PART_SIZE}
    address = ask("POST", "/sessions", json=wanted).json()["upload_url"]
    assert ask("POST", address, data=bytes(MAX_PART_SIZE + 1)).status_code == 400
    assert ask("POST", address, data=b"").status_code == 400
    assert ask("POST", address, data=bytes(MAX_PART_SIZE)).status_code == 200


def test_no_byte_passes_beyond_the_announced_end(ask: Call) -> None:
    address = ask("POST", "/sessions", json={"file_name": "a", "file_size": 3}).json()["upload_url"]
    assert ask("POST", address, data=b"1234").status_code == 400
    assert ask("POST", address, data=b"123").json()["size"] == 3


def test_an_address_is_good_for_one_part(ask: Call) -> None:
    address = ask("POST", "/sessions", json={"file_name": "a", "file_size": 3}).json()["upload_url"]
    assert ask("POST", address, data=b"1").status_code == 200
    again = ask("POST", address, data=b"1")
    assert (again.status_code, again.json()["detail"]) == (404, "Session not found")


@pytest.mark.parametrize(("seconds", "status"), [(86399, 200), (86400, 404)])
def test_an_upload_lives_a_day(clock: ManualClock, ask: Call, seconds: int, status: int) -> None:
    address = ask("POST", "/sessions", json={"file_name": "a", "file_size": 3}).json()["upload_url"]
    clock.advance(seconds)
    assert ask("POST", address, data=b"123").status_code == status


def test_a_new_version_becomes_the_active_one(ask: Call, upload: Upload) -> None:
    first = upload("plan.txt", b"one")
    second = upload("plan.txt", b"second", file_uuid=first["uuid"])
    assert (second["uuid"], second["id"]) == (first["uuid"], first["id"])
    assert (second["size"], second["has_multiple_versions"]) == (6, True)
    body = ask("GET", f"/files/{first['uuid']}/versions").json()
    assert body["_count"] == 2
    assert [one["is_main"] for one in body["_embedded"]["versions"]] == [False, True]
    back = ask("PATCH", f"/files/{first['uuid']}", json={"version_uuid": first["version_uuid"]})
    assert (back.json()["size"], back.json()["version_uuid"]) == (3, first["version_uuid"])
    old, new = (one["_links"]["download"]["href"] for one in body["_embedded"]["versions"])
    assert (ask("GET", old).content, ask("GET", new).content) == (b"one", b"second")


def test_a_file_is_downloaded_without_a_token(session: requests.Session, upload: Upload) -> None:
    data = bytes(range(256)) * 3
    file = upload("данные.bin", data, part=100)
    for name in ("download", "download_version"):
        answer = session.get(file["_links"][name]["href"])
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["Content-Length"] == "768"
    assert session.get(file["_links"]["download"]["href"] + "x").status_code == 404


def test_a_picture_has_a_preview_when_asked(session: requests.Session, upload: Upload) -> None:
    (preview,) = upload("a.png", b"png", with_preview=True)["previews"]
    assert set(preview) == {"download_link", "width", "height"}
    assert session.get(preview["download_link"]).content == b"png"
    assert upload("a.png", b"png")["previews"] is None
    assert upload("a.txt", b"txt", with_preview=True)["previews"] is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image"),
        ("a.mp4", "video"),
        ("a.mp3", "audio"),
        ("a.pdf", "document"),
        ("a.txt", "document"),
        ("a.zip", "file"),
        ("noextension", "file"),
    ],
)
def test_the_type_follows_the_mime_type(upload: Upload, name: str, kind: str) -> None:
    assert upload(name, b"x")["type"] == kind


def test_a_file_is_renamed(ask: Call, upload: Upload) -> None:
    uuid = upload("a.txt", b"x")["uuid"]
    file = ask("PATCH", f"/files/{uuid}", json={"name": "Отчёт"}).json()
    assert file["name"] == "Отчёт"
    assert file["sanitized_name"].isascii()


@pytest.mark.parametrize(
    "model", [{}, {"name": ""}, {"name": "a", "version_uuid": "b"}, {"version_uuid": "b"}, {"x": 1}]
)
def test_a_change_is_checked(ask: Call, upload: Upload, model: dict[str, Any]) -> None:
    uuid = upload("a.txt", b"x")["uuid"]
    assert ask("PATCH", f"/files/{uuid}", json=model).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/files/no"), ("PATCH", "/files/no"), ("GET", "/files/no/versions")],
)
def test_an_unknown_file_is_404(ask: Call, method: str, path: str) -> None:
    answer = ask(method, path, json={"name": "a"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")


def test_deleted_files_can_be_restored(ask: Call, upload: Upload) -> None:
    file = upload("a.txt", b"x")
    named = [{"uuid": file["uuid"]}]
    gone = ask("DELETE", "/files", json=named)
    assert (gone.status_code, gone.content) == (204, b"")
    assert ask("GET", "/files").status_code == 204
    trashed = ask("GET", f"/files/{file['uuid']}").json()
    assert trashed["is_trashed"] is True
    assert trashed["deleted_by"] == file["created_by"]
    assert ask("GET", file["_links"]["download"]["href"]).status_code == 404
    (listed,) = ask("GET", "/files", params={"filter[deleted]": ""}).json()["_embedded"]["files"]
    assert listed["uuid"] == file["uuid"]
    assert ask("GET", "/files", params={"with": "deleted"}).json()["_count"] == 1
    body = ask("POST", "/files/restore", json=named).json()
    assert (body["_count"], body["_embedded"]["files"][0]["is_trashed"]) == (1, False)
    assert ask("GET", file["_links"]["download"]["href"]).content == b"x"


@pytest.mark.parametrize(("days", "status"), [(29.99, 200), (30, 400)])
def test_the_bin_is_emptied(
    clock: ManualClock, ask: Call, upload: Upload, days: float, status: int
) -> None:
    named = [{"uuid": upload("a.txt", b"x")["uuid"]}]
    ask("DELETE", "/files", json=named)
    clock.advance(days * 86400)
    assert ask("POST", "/files/restore", json=named).status_code == status


@pytest.mark.parametrize("data", [[], {}, [1], [{}], [{"uuid": 1}], [{"uuid": "no"}]])
@pytest.mark.parametrize(("method", "path"), [("DELETE", "/files"), ("POST", "/files/restore")])
def test_names_of_files_are_checked(ask: Call, method: str, path: str, data: Any) -> None:
    assert ask(method, path, json=data).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "scopes", "status"),
    [
        ("GET", "/files", ["crm"], 403),
        ("GET", "/files", ["files"], 204),
        ("DELETE", "/files", ["files"], 403),
        ("POST", "/files/restore", ["files"], 403),
        ("POST", "/files/restore", ["files_delete"], 403),
        ("POST", "/files/restore", ["files", "files_delete"], 400),
        ("POST", "/sessions", ["crm"], 403),
    ],
)
def test_scopes_are_checked(
    portal: Sandbox, session: requests.Session, method: str, path: str, scopes: Any, status: int
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(scopes=scopes)}"}
    answer = session.request(method, f"{DRIVE}/v1.0{path}", headers=headers, json=[])
    assert answer.status_code == status


def test_without_a_token_nothing_but_a_download_is_answered(session: requests.Session) -> None:
    assert session.get(f"{DRIVE}/v1.0/files").status_code == 401
    assert session.post(f"{DRIVE}/v1.0/sessions", json={}).status_code == 401
    assert session.get(f"{DRIVE}/download/a/b/c").status_code == 404


def test_an_unpaid_account_gets_no_files(portal: Sandbox, ask: Call) -> None:
    portal.account().is_paid = False
    assert ask("GET", "/files").status_code == 402


def test_paths_and_methods_are_strict(ask: Call) -> None:
    assert ask("GET", "/nothing").status_code == 404
    assert ask("PUT", "/files").status_code == 405
    assert ask("HEAD", "/files").status_code == 405
    assert ask("GET", f"{DRIVE}/api/v4/account").status_code == 404
    assert ask("GET", "https://example.amocrm.ru/v1.0/files").status_code == 404
    assert ask("GET", "https://drive-b.kommo.com/v1.0/files").status_code == 401


def test_every_drive_host_of_the_zone_answers(ask: Call, upload: Upload) -> None:
    upload("a.txt", b"x")
    assert ask("GET", "https://drive.amocrm.ru/v1.0/files").status_code == 200


def test_accounts_do_not_see_each_others_files(clock: ManualClock) -> None:
    portal = Sandbox(("one", "two"), clock=clock, rps=None)
    with portal.session() as session:
        for name, size in (("one", 1), ("two", 2)):
            headers = {"Authorization": f"Bearer {portal.issue_long_lived(name)}"}
            wanted: Any = {"file_name": name, "file_size": size}
            opened = session.post(f"{DRIVE}/v1.0/sessions", json=wanted, headers=headers).json()
            session.post(opened["upload_url"], data=bytes(size), headers=headers)
            files = session.get(f"{DRIVE}/v1.0/files", headers=headers).json()
            assert [one["name"] for one in files["_embedded"]["files"]] == [name]


def test_over_tcp_one_origin_serves_the_files_too() -> None:
    portal = Sandbox(rps=None)
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with portal.serve() as served:
        account = requests.get(
            f"{served.url}/api/v4/account?with=drive_url", headers=headers, timeout=10
        ).json()
        assert account["drive_url"] == served.url
        opened = requests.post(
            f"{account['drive_url']}/v1.0/sessions",
            json={"file_name": "a.txt", "file_size": 3},
            headers=headers,
            timeout=10,
        ).json()
        file = requests.post(opened["upload_url"], data=b"abc", headers=headers, timeout=10).json()
        assert requests.get(file["_links"]["download"]["href"], timeout=10).content == b"abc"
