"""Files: up, down, renamed, deleted, attached, through the sandbox."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import stat
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    LostReplyError,
    NotFoundError,
    OutcomeUnknownError,
    ServerError,
    UnexpectedReplyError,
    UnreachableError,
    ValidationError,
)
from amocrm.http.request import origin_at, usual_timeout
from amocrm.http.retry import RETRIES
from amocrm.progress import Progress
from amocrm.resources.files.host import ASK_REST, LONGEST, SLOWEST, time_for
from amocrm.resources.files.uploads import SESSIONS
from amocrm.sandbox import ManualClock, Sandbox

PARTS = "/v1.0/sessions/upload/"
PART = 8


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    portal = Sandbox(clock=clock, rps=None)
    portal.account().drive.max_part_size = PART
    return portal


Connect = Callable[..., AmoCRM]


@pytest.fixture
def connect(portal: Sandbox, clock: ManualClock) -> Connect:
    def connect(**settings: Any) -> AmoCRM:
        auth: Any = {"access_token": portal.issue_long_lived()}
        settings = {"session": portal.session(), "rate_limiter": None, "clock": clock, **settings}
        return AmoCRM("example", auth, **settings)

    return connect


@pytest.fixture
def crm(connect: Connect) -> AmoCRM:
    return connect()


@pytest.fixture(params=["in process", "over TCP"])
def anywhere(request: pytest.FixtureRequest, portal: Sandbox, crm: AmoCRM) -> Iterator[AmoCRM]:
    """A client of the sandbox, in this process or over TCP."""
    if request.param == "in process":
        yield crm
        return
    auth: Any = {"access_token": portal.issue_long_lived()}
    with portal.serve() as served:
        with AmoCRM(
            "example", auth, base_url=served.url, rate_limiter=None, clock=crm._api.clock
        ) as there:
            yield there


def data(size: int) -> bytes:
    return bytes(at % 251 for at in range(size))


def asked(portal: Sandbox, path: str) -> int:
    return sum(one.path.startswith(path) for one in portal.log)


def stored(portal: Sandbox) -> list[bytes]:
    return [one.version.content for one in portal.account().drive.files.values()]


# Up and down -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 2 * PART, 5 * PART + 3])
def test_a_file_goes_up_and_comes_down(anywhere: AmoCRM, tmp_path: Path, size: int) -> None:
    source = tmp_path / "Смета.txt"
    source.write_bytes(data(size))
    file = anywhere.drive.upload(source)
    assert (file["name"], file["size"]) == ("Смета", size)
    assert file["metadata"] == {"extension": "txt", "mime_type": "text/plain"}
    target = anywhere.drive.download(file, tmp_path / "back")
    assert target == tmp_path / "back"
    assert target.read_bytes() == data(size)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["back", "Смета.txt"]


@pytest.mark.parametrize(
    "source",
    [
        lambda: data(20),
        lambda: bytearray(data(20)),
        lambda: io.BytesIO(data(20)),
        lambda: iter([data(3), data(20)[3:19], b"", data(20)[19:]]),
        lambda: [data(20)],
    ],
    ids=["bytes", "bytearray", "file", "iterator", "list"],
)
@pytest.mark.parametrize("size", [None, 20])
def test_whatever_holds_bytes_is_uploaded(
    crm: AmoCRM, portal: Sandbox, source: Callable[[], Any], size: int | None
) -> None:
    crm.drive.upload(source(), name="a.bin", size=size)
    assert stored(portal) == [data(20)]
    assert asked(portal, PARTS) == 3


def test_a_part_is_as_large_as_the_session_lets_it_be(crm: AmoCRM, portal: Sandbox) -> None:
    crm.drive.upload(data(PART + 1), name="a.png", content_type="image/x")
    bodies = [one for one in portal.log if one.path.startswith(PARTS)]
    assert [one.headers["content-length"] for one in bodies] == [str(PART), "1"]
    assert {one.headers["content-type"] for one in bodies} == {"image/x"}
    assert {one.headers["authorization"] for one in bodies} == {"Bearer"}
    (session,) = (one.body for one in portal.log if one.path == "/v1.0/sessions")
    assert session == {"file_name": "a.png", "file_size": PART + 1, "content_type": "image/x"}


def test_what_the_server_cannot_guess_is_left_to_it(crm: AmoCRM, portal: Sandbox) -> None:
    crm.drive.upload(b"x", name="noextension")
    (session,) = (one.body for one in portal.log if one.path == "/v1.0/sessions")
    assert session == {"file_name": "noextension", "file_size": 1}
    assert portal.log[-1].headers["content-type"] == "application/octet-stream"


def test_progress_is_told_in_bytes(crm: AmoCRM, tmp_path: Path) -> None:
    told: list[Progress] = []
    file = crm.drive.upload(data(20), name="a.bin", progress=told.append)
    assert [(one.done, one.total, one.waiting_for) for one in told] == [
        (0, 20, "part 1"), (8, 20, None), (8, 20, "part 2"), (16, 20, None),
        (16, 20, "part 3"), (20, 20, None),
    ]  # fmt: skip
    told.clear()
    crm.drive.download(file, tmp_path / "a", progress=told.append)
    assert [(one.done, one.total) for one in told] == [(20, 20)]


def test_progress_begins_anew_with_the_upload(crm: AmoCRM, portal: Sandbox) -> None:
    told: list[tuple[int, str | None]] = []
    fault = at_part(portal, 2, "lost_after")

    def report(progress: Progress) -> None:
        told.append((progress.done, progress.waiting_for))
        fault(progress)

    crm.drive.upload(data(20), name="a.bin", progress=report)
    assert told == [
        (0, "part 1"), (8, None), (8, "part 2"), (0, "a new session"),
        (0, "part 1"), (8, None), (8, "part 2"), (16, None), (16, "part 3"), (20, None),
    ]  # fmt: skip


def test_versions_come_and_are_chosen(crm: AmoCRM, tmp_path: Path) -> None:
    first = crm.drive.upload(b"one", name="plan.txt")
    second = crm.drive.upload(b"second", name="plan.txt", new_version_of=first["uuid"])
    assert (second["uuid"], second["has_multiple_versions"]) == (first["uuid"], True)
    versions = crm.drive.versions(first["uuid"])
    assert [one["uuid"] for one in versions] == [first["version_uuid"], second["version_uuid"]]
    for version, content in ((None, b"second"), (first["version_uuid"], b"one")):
        target = crm.drive.download(first["uuid"], tmp_path / "a", version=version)
        assert target.read_bytes() == content
    # A model means the content that it tells of, whatever is active now.
    assert crm.drive.download(first, tmp_path / "b").read_bytes() == b"one"
    assert crm.drive.activate(first["uuid"], first["version_uuid"])["size"] == 3
    with pytest.raises(NotFoundError, match="there is no version zzz of files/"):
        crm.drive.download(first["uuid"], tmp_path / "c", version="zzz")
    with pytest.raises(ValidationError, match="version_uuid"):
        crm.drive.activate(first["uuid"], "zzz")


def test_files_are_listed_renamed_deleted_and_restored(crm: AmoCRM, portal: Sandbox) -> None:
    files = [crm.drive.upload(b"x", name=f"{name}.txt") for name in "abc"]
    first = files[0]["uuid"]
    assert crm.drive.get(first)["name"] == "a"
    assert crm.drive.rename(first, "Отчёт")["name"] == "Отчёт"
    listing = crm.drive.list(filter={"extensions": ["txt"]}, limit=2, ahead=0)
    assert [one["name"] for one in listing] == ["c", "b", "Отчёт"]
    crm.drive.delete(first, files[1]["uuid"])
    assert [one["name"] for one in crm.drive.list()] == ["c"]
    assert {one["name"] for one in crm.drive.list(filter={"deleted": True})} == {"b", "Отчёт"}
    assert [one["is_trashed"] for one in crm.drive.restore(first)] == [False]
    assert len(list(crm.drive.list())) == 2
    with pytest.raises(ValidationError):
        crm.drive.delete("nobody")
    before = len(portal.log)
    crm.drive.delete()
    assert crm.drive.restore() == []
    assert len(portal.log) == before


def test_an_empty_drive_is_an_empty_listing(crm: AmoCRM, portal: Sandbox) -> None:
    assert list(crm.drive.list()) == []
    assert portal.log[-1].params == {"limit": "50", "page": "1"}
    with pytest.raises(ConfigurationError, match="limit must be a whole number from 1 to 50"):
        crm.drive.list(limit=51)


def test_a_listing_asks_nobody_before_it_is_read(crm: AmoCRM, portal: Sandbox) -> None:
    crm.drive.list()
    assert portal.log == []


def test_a_file_is_attached_to_a_lead(anywhere: AmoCRM) -> None:
    crm = anywhere
    one, two = (crm.drive.upload(b"x", name=f"{name}.txt")["uuid"] for name in "ab")
    lead = crm.leads.create({"name": "A"})["id"]
    files = crm.leads(lead).files
    files.attach(one, two)
    files.attach()
    assert [link["file_uuid"] for link in files.list()] == [two, one]
    owners = crm.drive.links(one)
    assert [(owner["entity_type"], owner["id"]) for owner in owners] == [("leads", lead)]
    files.detach(one)
    files.detach()
    assert [link["file_uuid"] for link in files.list()] == [two]
    assert crm.drive.links(one) == []
    with pytest.raises(ValidationError):
        files.attach("nobody")
    with pytest.raises(AmoCRMError, match="400"):
        crm.drive.links("nobody")


@pytest.mark.parametrize("entity", ["contacts", "companies", "customers"])
def test_so_it_is_to_the_other_entities(crm: AmoCRM, entity: str) -> None:
    uuid = crm.drive.upload(b"x", name="a.txt")["uuid"]
    number = getattr(crm, entity).create({"name": "A"})["id"]
    files = getattr(crm, entity)(number).files
    files.attach(uuid)
    assert [link["file_uuid"] for link in files.list()] == [uuid]


def test_pages_of_attached_files_are_followed_by_their_cursor(crm: AmoCRM) -> None:
    uuids = [crm.drive.upload(b"x", name="a.txt")["uuid"] for _ in range(5)]
    files = crm.leads(crm.leads.create({"name": "A"})["id"]).files
    files.attach(*uuids)
    assert [link["file_uuid"] for link in files.list(limit=2)] == uuids[::-1]


def test_an_unknown_file_is_not_found_whatever_the_status(
    crm: AmoCRM, portal: Sandbox, tmp_path: Path
) -> None:
    for call in (crm.drive.get, crm.drive.versions, lambda one: crm.drive.rename(one, "b")):
        with pytest.raises(NotFoundError, match="404"):
            call("no/body")
    with pytest.raises(NotFoundError):
        crm.drive.download("nobody", tmp_path / "a")
    portal.inject("empty", "GET", "/v1.0/files/", status=204)
    with pytest.raises(NotFoundError, match="there is no files/nobody"):
        crm.drive.get("nobody")
    with pytest.raises(ConfigurationError, match="an id of files is a text"):
        crm.drive.get("")
    with pytest.raises(ConfigurationError, match="an id of files is a text"):
        crm.drive.delete(["a"])  # type: ignore[arg-type]


def test_a_file_in_the_bin_is_not_downloaded(crm: AmoCRM, tmp_path: Path) -> None:
    file = crm.drive.upload(b"x", name="a.txt")
    crm.drive.delete(file["uuid"])
    with pytest.raises(NotFoundError):
        crm.drive.download(file, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


# What is not uploaded ----------------------------------------------------------------------------


def test_an_empty_file_is_refused_unsent(crm: AmoCRM, portal: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=r"a\.txt is empty"):
        crm.drive.upload(b"", name="a.txt")
    with pytest.raises(ConfigurationError, match="is empty"):
        crm.drive.upload(iter([]), name="a.txt")
    assert portal.log == []


def test_a_nameless_source_is_refused_unsent(crm: AmoCRM, portal: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="the source has no name"):
        crm.drive.upload(b"x")
    assert portal.log == []


def test_too_large_a_file_is_refused(crm: AmoCRM, portal: Sandbox) -> None:
    portal.account().drive.max_file_size = 10
    with pytest.raises(ValidationError, match="file_size"):
        crm.drive.upload(data(11), name="a")
    crm.drive.upload(data(10), name="a")
    portal.account().drive.max_file_size = 11
    assert crm.drive.upload(data(11), name="b")["size"] == 11, "the limit has risen"


def test_no_part_goes_to_a_session_that_is_too_small(portal: Sandbox, connect: Connect) -> None:
    crm = connect(session=forged(portal, b'"max_file_size":314572800', b'"max_file_size":9'))
    with pytest.raises(ConfigurationError, match="amoCRM takes 9 at most"):
        crm.drive.upload(data(10), name="a")
    assert asked(portal, PARTS) == 0


@pytest.mark.parametrize(("size", "words"), [(9, "there is more"), (11, "it ended after 10")])
@pytest.mark.parametrize("kind", [io.BytesIO, lambda content: iter([content])])
def test_a_source_of_another_size_leaves_no_file(
    crm: AmoCRM, portal: Sandbox, size: int, words: str, kind: Callable[[bytes], Any]
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        crm.drive.upload(kind(data(10)), name="a", size=size)
    assert stored(portal) == []


# Answers that are lost ---------------------------------------------------------------------------


def at_part(portal: Sandbox, number: int, fault: str, **options: Any) -> Callable[[Progress], None]:
    """Let a part meet its fate, once or `times`."""

    def report(progress: Progress) -> None:
        if progress.waiting_for == f"part {number}" and options.get("left", 1) > 0:
            options["left"] = options.get("left", 1) - 1
            more = {name: value for name, value in options.items() if name != "left"}
            portal.inject(fault, "POST", PARTS, **more)

    return report


@pytest.mark.parametrize(
    "fault", ["lost_before", "lost_after", "server_error", "html", "half_body"]
)
@pytest.mark.parametrize("number", [1, 2])
def test_an_upload_begins_anew_when_nobody_knows_of_a_part(
    crm: AmoCRM, portal: Sandbox, clock: ManualClock, fault: str, number: int
) -> None:
    began = clock.monotonic()
    crm.drive.upload(data(20), name="a", progress=at_part(portal, number, fault))
    assert stored(portal) == [data(20)]
    assert asked(portal, PARTS) == number + 3
    assert clock.monotonic() > began


def test_it_begins_anew_when_its_session_has_ended(crm: AmoCRM, portal: Sandbox) -> None:
    def report(progress: Progress) -> None:
        if progress.waiting_for == "part 2" and len(portal.log) < 5:
            portal.account().drive.uploads.clear()

    crm.drive.upload(data(20), name="a", progress=report)
    assert stored(portal) == [data(20)]


@pytest.mark.parametrize(("times", "ends"), [(SESSIONS - 1, True), (SESSIONS, False)])
def test_it_begins_anew_only_so_often(crm: AmoCRM, portal: Sandbox, times: int, ends: bool) -> None:
    report = at_part(portal, 2, "lost_after", left=times)
    if ends:
        crm.drive.upload(data(20), name="a", progress=report)
        assert stored(portal) == [data(20)]
        return
    with pytest.raises(LostReplyError, match="the file is not uploaded") as caught:
        crm.drive.upload(data(20), name="a", progress=report)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert caught.value.retryable
    assert stored(portal) == []
    assert asked(portal, "/v1.0/sessions") - asked(portal, PARTS) == SESSIONS


def test_a_stream_cannot_begin_anew(crm: AmoCRM, portal: Sandbox) -> None:
    stream = iter([data(20)])
    with pytest.raises(LostReplyError, match="the file is not uploaded"):
        crm.drive.upload(stream, name="a", size=20, progress=at_part(portal, 2, "lost_after"))
    assert asked(portal, PARTS) == 2
    assert stored(portal) == []


def test_what_was_never_sent_is_sent_to_the_same_address(crm: AmoCRM, portal: Sandbox) -> None:
    crm.drive.upload(data(20), name="a", progress=at_part(portal, 2, "too_many"))
    assert asked(portal, PARTS) == 4
    assert stored(portal) == [data(20)]


@pytest.mark.parametrize("fault", ["lost_after", "half_body", "broken_json"])
@pytest.mark.parametrize("is_version", [False, True])
def test_a_file_whose_last_answer_was_lost_is_found_by_its_session(
    crm: AmoCRM, portal: Sandbox, fault: str, is_version: bool
) -> None:
    old = crm.drive.upload(b"old", name="a.txt")["uuid"] if is_version else None
    report = at_part(portal, 3, fault)
    file = crm.drive.upload(data(20), name="a.txt", new_version_of=old, progress=report)
    assert file["size"] == 20
    assert stored(portal) == [data(20)]
    assert asked(portal, PARTS) == 3 + is_version


@pytest.mark.parametrize("is_version", [False, True])
def test_a_file_that_is_not_found_may_be_there(
    crm: AmoCRM, portal: Sandbox, is_version: bool
) -> None:
    old = crm.drive.upload(b"old", name="a.txt")["uuid"] if is_version else None
    report = at_part(portal, 3, "lost_before")
    with pytest.raises(OutcomeUnknownError, match="it may have been carried out") as caught:
        crm.drive.upload(data(20), name="a.txt", new_version_of=old, progress=report)
    assert caught.value.data == data(20)[16:]
    assert asked(portal, PARTS) == 3 + is_version


def test_it_stays_unknown_when_it_cannot_be_looked_for(crm: AmoCRM, portal: Sandbox) -> None:
    def report(progress: Progress) -> None:
        if progress.waiting_for == "part 1":
            portal.inject("lost_after", "POST", PARTS)
            portal.inject("server_error", "GET", "/v1.0/files", times=RETRIES + 1)

    with pytest.raises(OutcomeUnknownError):
        crm.drive.upload(b"x", name="a.txt", progress=report)


@pytest.mark.parametrize("fault", ["lost_after", "server_error"])
def test_a_session_that_was_opened_for_nothing_does_no_harm(
    crm: AmoCRM, portal: Sandbox, fault: str
) -> None:
    portal.inject(fault, "POST", "/v1.0/sessions")
    crm.drive.upload(b"x", name="a")
    assert stored(portal) == [b"x"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"max_part_size":8', b'"max_part_size":0', "no size of a part"),
        (b'"max_part_size":8', b'"max_part_size":"8"', "no size of a part"),
        (b'"upload_url"', b'"upload"', "with no upload_url"),
        (b'"next_url"', b'"next"', "with no next_url"),
        (b"/sessions/upload/", b"/sessions/upload/#", "upload_url: it is no address that can be"),
        (b"/sessions/upload/", b"/../upload/", "upload_url: it is no address that can be"),
        (b"/sessions/upload/", b"/sessions/upload/\\u0001", "unusable upload_url: "),
        (b"/sessions/upload/", b"/sessions/upload/\\ud800", "unusable upload_url: "),
        (b'"uuid"', b'"id_"', "no file after the last part"),
        (b'"size":9', b'"size":8', "a file of 8 bytes instead of all"),
    ],
)
def test_answers_of_another_shape_are_told(
    portal: Sandbox, connect: Connect, old: bytes, new: bytes, words: str
) -> None:
    crm = connect(session=forged(portal, old, new))
    with pytest.raises(UnexpectedReplyError, match=words) as caught:
        crm.drive.upload(data(9), name="a")
    assert "eyJ" not in str(caught.value)


# Downloads that go wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "half_body", "server_error"])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_download_that_breaks_off_is_read_again(
    crm: AmoCRM, portal: Sandbox, tmp_path: Path, fault: str, is_open: bool
) -> None:
    portal.account().drive.max_part_size = 200_000
    file = crm.drive.upload(data(200_000), name="a")
    portal.inject(fault, "GET", "/download/", times=2)
    digest = hashlib.sha256(data(200_000)).hexdigest()
    told: list[int] = []
    options: Any = {"sha256": digest.upper(), "progress": lambda one: told.append(one.done)}
    if is_open:
        target = io.BytesIO(b"before")
        target.seek(6)
        crm.drive.download(file, target, **options)
        assert target.getvalue() == b"before" + data(200_000)
    else:
        assert crm.drive.download(file, tmp_path / "a", **options).read_bytes() == data(200_000)
    assert asked(portal, "/download/") == 3
    assert told == sorted(told)
    assert told[-1] == 200_000


def test_it_is_read_again_only_so_often(crm: AmoCRM, portal: Sandbox, tmp_path: Path) -> None:
    file = crm.drive.upload(data(20), name="a")
    target = tmp_path / "a"
    target.write_bytes(b"before")
    portal.inject("half_body", "GET", "/download/", times=RETRIES + 1)
    with pytest.raises(LostReplyError):
        crm.drive.download(file, target)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"before"]


@pytest.mark.parametrize(("size", "words"), [(19, "more than the 19"), (21, "20 bytes instead")])
def test_a_content_of_another_size_is_not_kept(
    crm: AmoCRM, tmp_path: Path, size: int, words: str
) -> None:
    file = crm.drive.upload(data(20), name="a")
    file["size"] = size
    with pytest.raises(UnexpectedReplyError, match=words):
        crm.drive.download(file, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_an_endless_answer_fills_no_disk(crm: AmoCRM, portal: Sandbox, tmp_path: Path) -> None:
    file = crm.drive.upload(data(20), name="a")
    portal.inject("huge", "GET", "/download/")
    with pytest.raises(UnexpectedReplyError, match="more than the 20 bytes"):
        crm.drive.download(file, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_content_of_another_hash_is_not_kept(crm: AmoCRM, tmp_path: Path) -> None:
    file = crm.drive.upload(data(20), name="a")
    with pytest.raises(UnexpectedReplyError, match="a content of another sha256"):
        crm.drive.download(file, tmp_path / "a", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []
    for wrong in ("0" * 63, "g" * 64, 5):
        with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
            crm.drive.download(file, tmp_path / "a", sha256=wrong)  # type: ignore[arg-type]


def test_an_answer_without_content_is_no_file(crm: AmoCRM, portal: Sandbox, tmp_path: Path) -> None:
    file = crm.drive.upload(data(20), name="a")
    portal.inject("empty", "GET", "/download/", status=204)
    with pytest.raises(UnexpectedReplyError, match="returned 204 with no content"):
        crm.drive.download(file, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_silent_server_is_left(
    crm: AmoCRM, portal: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    file = crm.drive.upload(data(20), name="a")
    portal.inject("trickle", "GET", "/download/", times=RETRIES + 1, seconds=21.0, pad=0)
    with pytest.raises(LostReplyError, match="read timed out"):
        crm.drive.download(file, tmp_path / "a")


@pytest.mark.parametrize(("seconds", "ends"), [(1.0, True), (19.0, False)])
def test_what_trickles_too_slowly_is_left(
    crm: AmoCRM, portal: Sandbox, tmp_path: Path, seconds: float, ends: bool
) -> None:
    file = crm.drive.upload(data(20), name="a")
    portal.inject("trickle", "GET", "/download/", times=RETRIES + 1, seconds=seconds, pad=0)
    if ends:
        assert crm.drive.download(file, tmp_path / "a").read_bytes() == data(20)
        return
    with pytest.raises(LostReplyError, match="the call timed out before the response was complete"):
        crm.drive.download(file, tmp_path / "a")


def test_the_time_of_a_call_grows_with_its_bytes(crm: AmoCRM, connect: Connect) -> None:
    usual = usual_timeout(crm.request)
    assert time_for(crm.request, 0) == usual
    assert time_for(crm.request, 10 * SLOWEST) == usual._replace(total=usual.total + 10)
    assert time_for(crm.request, 10**15).total == LONGEST
    patient = usual_timeout(crm.request)._replace(total=LONGEST + 5)
    slow = connect(timeout=patient)
    assert time_for(slow.request, 10**15).total == LONGEST + 5


class Full(io.RawIOBase):
    """Takes so many bytes, and no more."""

    def __init__(self, room: int, *, silently: bool) -> None:
        self.room, self.silently = room, silently

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        if len(piece) > self.room and not self.silently:
            raise OSError(28, "No space left on device")
        taken = min(self.room, len(piece))
        self.room -= taken
        return taken


@pytest.mark.parametrize("silently", [False, True])
def test_a_full_disk_is_told_and_nothing_is_tried_again(
    anywhere: AmoCRM, portal: Sandbox, silently: bool
) -> None:
    file = anywhere.drive.upload(data(20), name="a")
    with pytest.raises(OSError, match=r"No space left|19 of 20 bytes"):
        anywhere.drive.download(file, Full(19, silently=silently))
    assert asked(portal, "/download/") == 1
    # The connection was not left half read.
    target = io.BytesIO()
    anywhere.drive.download(file, target)
    assert target.getvalue() == data(20)


def test_a_folder_is_no_target(crm: AmoCRM, portal: Sandbox, tmp_path: Path) -> None:
    file = crm.drive.upload(data(20), name="a")
    with pytest.raises(ConfigurationError, match="is a folder"):
        crm.drive.download(file, tmp_path)
    assert asked(portal, "/download/") == 0


def test_what_is_downloaded_is_counted(crm: AmoCRM, portal: Sandbox) -> None:
    portal.account().drive.max_part_size = 20_000
    file = crm.drive.upload(data(20_000), name="a")
    before = crm.stats
    crm.drive.download(file, io.BytesIO())
    assert crm.stats.received - before.received == 20_000
    assert crm.stats.calls - before.calls == 1


# Where the token goes ----------------------------------------------------------------------------


class Forger(HTTPAdapter):
    """The sandbox, with some words of its answers replaced."""

    def __init__(self, portal: Sandbox, old: bytes, new: bytes) -> None:
        super().__init__()
        self._inner = portal.session().get_adapter("https://")
        self._old, self._new = old, new

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        answer = self._inner.send(request, *args, **kwargs)
        body = answer.content.replace(self._old, self._new)
        headers = {name: text for name, text in answer.headers.items() if name != "Content-Length"}
        raw = HTTPResponse(
            body=io.BytesIO(body), status=answer.status_code, headers=headers,
            preload_content=False,
        )  # fmt: skip
        return self.build_response(request, raw)


def forged(portal: Sandbox, old: bytes, new: bytes) -> requests.Session:
    session = requests.Session()
    session.mount("https://", Forger(portal, old, new))
    session.mount("http://", Forger(portal, old, new))
    return session


ELSEWHERE = [
    b"https://evil.example",
    b"https://drive-b.amocrm.ru.evil.example",
    b"https://drive-b.amocrm.ru@evil.example",
    b"https://evil.amocrm.ru",
    b"http://drive-b.amocrm.ru",
    b"https://drive-b.amocrm.ru:8443",
    b"//evil.example",
    b"evil",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_forged_host_of_files_gets_no_token(
    portal: Sandbox, connect: Connect, address: bytes
) -> None:
    crm = connect(session=forged(portal, b"https://drive-b.amocrm.ru", address))
    for call in (
        lambda: crm.drive.upload(b"x", name="a"),
        lambda: list(crm.drive.list()),
        lambda: crm.drive.get("u"),
        lambda: crm.drive.delete("u"),
    ):
        with pytest.raises(
            UnexpectedReplyError, match="unusable drive_url: it leads to a host where"
        ):
            call()
    assert {one.host for one in portal.log} == {"example.amocrm.ru"}


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("name", ["upload_url", "next_url"])
def test_a_forged_address_of_a_part_gets_no_token(
    portal: Sandbox, connect: Connect, address: bytes, name: str
) -> None:
    old = f'"{name}":"https://drive-c.amocrm.ru'.encode()
    crm = connect(session=forged(portal, old, f'"{name}":"'.encode() + address))
    with pytest.raises(
        UnexpectedReplyError, match=f"unusable {name}: it leads to a host where"
    ) as caught:
        crm.drive.upload(data(9), name="a")
    assert {one.host for one in portal.log} <= {
        "example.amocrm.ru", "drive-b.amocrm.ru", "drive-c.amocrm.ru"
    }  # fmt: skip
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_forged_download_link_gets_no_token(
    portal: Sandbox, crm: AmoCRM, address: bytes, tmp_path: Path
) -> None:
    file = crm.drive.upload(b"x", name="a")
    link = file["_links"]["download_version"]
    link["href"] = link["href"].replace("https://drive-c.amocrm.ru", address.decode())
    before = len(portal.log)
    with pytest.raises(UnexpectedReplyError, match="download link leads to a host where"):
        crm.drive.download(file, tmp_path / "a")
    assert len(portal.log) == before
    link["href"] = ""
    with pytest.raises(UnexpectedReplyError, match="download link is missing"):
        crm.drive.download(file, tmp_path / "a")


def test_a_test_server_keeps_the_token(portal: Sandbox, connect: Connect) -> None:
    crm = connect(
        base_url="http://portal.test",
        session=forged(portal, b'"http://portal.test"', b'"https://drive-b.amocrm.ru"'),
    )
    with pytest.raises(UnexpectedReplyError, match="leads to a host where"):
        crm.drive.upload(b"x", name="a")
    assert {one.host for one in portal.log} == {"portal.test"}
    assert origin_at(crm.request, "https://drive-b.amocrm.ru") is None
    assert origin_at(crm.request, "http://portal.test/x") == "http://portal.test"


def test_an_account_without_files_is_told(portal: Sandbox, connect: Connect) -> None:
    crm = connect(session=forged(portal, b'"drive_url"', b'"drive"'))
    with pytest.raises(UnexpectedReplyError, match=r"no drive_url.*scope `files`"):
        crm.drive.get("u")


def test_another_user_s_files_are_asked_for_in_that_user_s_name(
    crm: AmoCRM, portal: Sandbox, tmp_path: Path
) -> None:
    user = next(one for one in portal.account().users.values() if not one.is_admin)
    drive = crm.as_user(user.id).drive
    file = drive.upload(data(PART * 3), name="a.bin")
    drive.rename(file["uuid"], "b.bin")
    list(drive.list())
    drive.download(file["uuid"], tmp_path / "b.bin")
    calls = [one for one in portal.log if "drive" in one.host]
    assert {one.method for one in calls} == {"GET", "POST", "PATCH"}
    assert {one.headers.get("x-context-user-id") for one in calls} == {str(user.id)}


def test_the_host_is_asked_for_once(crm: AmoCRM, portal: Sandbox) -> None:
    crm.drive.upload(b"x", name="a")
    list(crm.drive.list())
    list(crm.as_user(portal.account().admin.id).drive.list())
    assert asked(portal, "/api/v4/account") == 1
    assert origin_at(crm.request, "https://drive-c.amocrm.ru/x") == "https://drive-c.amocrm.ru"


@pytest.mark.parametrize(("later", "times"), [(ASK_REST, 2), (ASK_REST - 1, 1)])
def test_an_unknown_file_makes_it_ask_again_but_not_often(
    crm: AmoCRM, portal: Sandbox, clock: ManualClock, later: float, times: int
) -> None:
    list(crm.drive.list())
    clock.advance(later)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            crm.drive.get("nobody")
    assert asked(portal, "/api/v4/account") == times


class Moving(Forger):
    """Files at drive-b, until they move to drive-d; the old host then answers in some other way."""

    def __init__(self, portal: Sandbox, gone: str) -> None:
        super().__init__(portal, b"", b"")
        self._portal, self._gone, self.moved = portal, gone, False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        host = "drive-d" if self.moved else "drive-b"
        self._old, self._new = b"https://drive-b.", f"https://{host}.".encode()
        if self.moved and "//drive-b." in str(request.url):
            if self._gone == "unreachable":
                raise requests.exceptions.ConnectTimeout
            request.url = f"https://drive-b.amocrm.ru/{self._gone}"
            if self._gone == "redirect":
                self._portal.inject("redirect", path="/redirect", location="/")
            if self._gone == "401":
                request.url = "https://drive-b.amocrm.ru/v1.0/files/restore"
                request.method = "POST"
                request.headers.pop("Authorization")
        return super().send(request, *args, **kwargs)


@pytest.mark.parametrize("gone", ["404", "401", "redirect", "unreachable"])
@pytest.mark.parametrize("is_write", [False, True])
def test_files_that_have_moved_are_found(
    portal: Sandbox, connect: Connect, clock: ManualClock, gone: str, is_write: bool
) -> None:
    moving = Moving(portal, gone)
    session = requests.Session()
    session.mount("https://", moving)
    crm = connect(session=session)
    uuid = crm.drive.upload(b"x", name="a.txt")["uuid"]
    moving.moved = True
    clock.advance(ASK_REST)
    if is_write:
        crm.drive.rename(uuid, "b")
    assert [one["name"] for one in crm.drive.list()] == ["b" if is_write else "a"]
    assert portal.log[-1].host == "drive-d.amocrm.ru"
    assert asked(portal, "/api/v4/account") == 2


def test_the_first_trouble_is_told_when_the_account_does_not_answer(
    portal: Sandbox, crm: AmoCRM, clock: ManualClock
) -> None:
    list(crm.drive.list())
    clock.advance(ASK_REST)
    portal.inject("server_error", "GET", "/api/v4/account", times=1)
    with pytest.raises(NotFoundError):
        crm.drive.get("nobody")
    assert portal.log[-1].path == "/api/v4/account"
    assert list(crm.drive.list()) == []
    assert asked(portal, "/api/v4/account") == 2


def test_what_opens_a_file_is_in_no_message_and_no_log(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "amocrm")
    seen: list[str] = []
    crm.on("request:done", lambda done: seen.append(repr(done)))
    file = crm.drive.upload(data(9), name="a")
    secrets = [file["uuid"], *portal.account().drive.uploads]

    def told(call: Callable[[], object]) -> None:
        with pytest.raises(AmoCRMError) as caught:
            call()
        seen.extend(traceback.format_exception(caught.value))

    for fault in ("lost_after", "half_body", "html", "server_error", "redirect", "forbidden"):
        portal.inject(fault, "GET", "/download/", times=RETRIES + 1)
        told(lambda: crm.drive.download(file, tmp_path / "a"))
        portal.inject(fault, "POST", PARTS, times=1)
        portal.inject("server_error", "GET", "/v1.0/files", times=RETRIES + 1)
        told(lambda: crm.drive.upload(iter([b"x"]), name="a", size=1))
    gone = file["_links"]["download_version"]
    gone["href"] = gone["href"].replace("/download/", "/download/x")
    told(lambda: crm.drive.download(file, tmp_path / "a"))
    dead = requests.Session()
    with AmoCRM("example", {"access_token": portal.issue_long_lived()}, session=dead) as away:
        dead.mount("https://", Unreachable())
        told(lambda: away.drive.download(file, tmp_path / "a"))
    text = "\n".join(seen) + caplog.text
    assert "/download/..." in text
    assert "/upload/..." in text
    for secret in (*secrets, file["uuid"], file["version_uuid"], "eyJ"):
        assert secret not in text


class Unreachable(HTTPAdapter):
    """Fails as urllib3 does, with the address in its words."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        raise requests.exceptions.ConnectTimeout(f"Max retries exceeded with url: {request.url}")


def test_an_unreachable_host_is_told_as_such(crm: AmoCRM, portal: Sandbox) -> None:
    file = crm.drive.upload(b"x", name="a")
    session = requests.Session()
    session.mount("https://", Unreachable())
    auth: Any = {"access_token": portal.issue_long_lived()}
    with AmoCRM("example", auth, session=session, clock=ManualClock()) as away:
        with pytest.raises(UnreachableError):
            away.drive.download(file, io.BytesIO())


def test_server_errors_of_a_download_are_server_errors(crm: AmoCRM, portal: Sandbox) -> None:
    file = crm.drive.upload(b"x", name="a")
    portal.inject("server_error", "GET", "/download/", times=RETRIES + 1)
    with pytest.raises(ServerError):
        crm.drive.download(file, io.BytesIO())


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
def test_a_download_leaves_modes_and_links_as_they_are(crm: AmoCRM, tmp_path: Path) -> None:
    uuid = crm.drive.upload(b"new", name="a.txt")["uuid"]
    secret, link, pipe = tmp_path / "secret", tmp_path / "link", tmp_path / "pipe"
    secret.write_bytes(b"old")
    secret.chmod(0o600)
    link.symlink_to(secret)
    crm.drive.download(uuid, link)
    assert link.is_symlink()
    assert (secret.read_bytes(), stat.S_IMODE(secret.stat().st_mode)) == (b"new", 0o600)
    secret.chmod(0o666)
    crm.drive.download(uuid, secret)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o666, "whatever the mask"
    secret.chmod(0o7755)
    crm.drive.download(uuid, secret)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o755, "new content runs as nobody's"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="no file to replace"):
        crm.drive.download(uuid, pipe)


@pytest.mark.parametrize("tail", ["#a", "/../a", "\x01", "\ud800"])
def test_a_download_link_that_cannot_be_called_is_no_fault_of_the_caller(
    crm: AmoCRM, portal: Sandbox, tail: str
) -> None:
    file = crm.drive.upload(b"x", name="a")
    file["_links"]["download_version"]["href"] += tail
    before = len(portal.log)
    with pytest.raises(UnexpectedReplyError, match="a file whose download link ") as caught:
        crm.drive.download(file, io.BytesIO())
    assert file["uuid"] not in str(caught.value)
    assert len(portal.log) == before


@pytest.mark.parametrize("size", [None, "1", True, -1])
def test_a_file_without_a_size_is_not_downloaded(crm: AmoCRM, portal: Sandbox, size: Any) -> None:
    file = crm.drive.upload(b"x", name="a")
    before = len(portal.log)
    with pytest.raises(UnexpectedReplyError, match="a file without a size"):
        crm.drive.download({**file, "size": size}, io.BytesIO())
    assert len(portal.log) == before


class Splicer(HTTPAdapter):
    """The sandbox, but the first download breaks off half way, in a content of its own."""

    def __init__(self, portal: Sandbox, first: bytes, size: int) -> None:
        super().__init__()
        self._inner = portal.session().get_adapter("https://")
        self._first, self._size, self._left = first, size, 1

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        if "/download/" not in str(request.url) or not self._left:
            return self._inner.send(request, *args, **kwargs)
        self._left = 0
        raw = HTTPResponse(
            body=io.BytesIO(self._first), status=200, preload_content=False,
            headers={"Content-Length": str(self._size)}, enforce_content_length=True,
            request_method="GET",
        )  # fmt: skip
        return self.build_response(request, raw)


@pytest.mark.parametrize("is_same", [True, False])
def test_two_contents_are_never_joined(
    portal: Sandbox, connect: Connect, tmp_path: Path, is_same: bool
) -> None:
    size = 200_000
    portal.account().drive.max_part_size = size
    session = requests.Session()
    first = data(size)[: size // 2] if is_same else bytes(size // 2)
    session.mount("https://", Splicer(portal, first, size))
    crm = connect(session=session)
    file = crm.drive.upload(data(size), name="a")
    if is_same:
        assert crm.drive.download(file, tmp_path / "a").read_bytes() == data(size)
    else:
        with pytest.raises(UnexpectedReplyError, match="another content than before"):
            crm.drive.download(file, tmp_path / "a")
        assert list(tmp_path.iterdir()) == []
    assert asked(portal, "/download/") == 1


class Reshaped(HTTPAdapter):
    """Answers as the Files service, with addresses of a shape of their own; parts are refused."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        status, host = 200, "https://drive-c.amocrm.ru"
        if "/api/v4/account" in str(request.url):
            body = f'{{"drive_url":"{host}"}}'
        elif str(request.url).endswith("/v1.0/sessions"):
            body = f'{{"upload_url":"{host}/v2/put/TOKEN","max_part_size":8}}'
        else:
            status, body = 403, '{"title":"Forbidden","status":403}'
        raw = HTTPResponse(
            body=io.BytesIO(body.encode()), status=status, preload_content=False,
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        return self.build_response(request, raw)


def test_what_opens_a_file_is_hidden_whatever_its_shape(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = requests.Session()
    session.mount("https://", Reshaped())
    crm = connect(session=session)
    seen: list[str] = []
    crm.on("request:done", lambda event: seen.append(repr(event)))
    model: Any = {
        "uuid": "u", "version_uuid": "v", "size": 1,
        "_links": {"download_version": {"href": "https://drive-c.amocrm.ru/v2/get/TOKEN"}},
    }  # fmt: skip
    for call, shown in (
        (lambda: crm.drive.upload(b"x", name="a"), "/upload/..."),
        (lambda: crm.drive.download(model, io.BytesIO()), "/download/..."),
    ):
        with pytest.raises(AmoCRMError, match="403") as caught:
            call()
        assert shown in str(caught.value)
        seen.extend(traceback.format_exception(caught.value))
    assert len(seen) > 2
    assert "TOKEN" not in "\n".join(seen) + caplog.text
