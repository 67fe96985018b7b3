"""What is only a file's: it can be removed, be another boot's, or not be there to be opened."""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path

import pytest

from amocrm import AmoCRM, RateLimiterError
from amocrm.rate_limit.base import TakenSlot
from amocrm.rate_limit.file import LOCK_PATIENCE, SAME_BOOT, FileRateLimiter
from amocrm.rate_limit.limiter import Refusal
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make

posix = pytest.mark.skipif(os.name != "posix", reason="modes and FIFOs are POSIX's")


class Boot(ManualClock):
    """A machine whose monotonic time began at an instant of its own."""

    def __init__(self, booted: float, up: float) -> None:
        super().__init__(booted)
        self.advance(up)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pace"


def is_full(rate_limiter: FileRateLimiter, clock: ManualClock) -> bool:
    return isinstance(rate_limiter.wait(clock, 0), Refusal)


def test_instants_of_another_boot_mean_nothing(path: Path) -> None:
    before = Boot(1_000_000, 5000)
    assert isinstance(FileRateLimiter(path, 1).wait(before, 0), TakenSlot)
    assert is_full(FileRateLimiter(path, 1), before)
    assert not is_full(FileRateLimiter(path, 1), Boot(1_900_000, 30))


@pytest.mark.parametrize(("moved", "full"), [(SAME_BOOT - 1, True), (SAME_BOOT + 1, False)])
def test_a_wall_clock_may_be_set_a_little(path: Path, moved: float, full: bool) -> None:
    assert isinstance(FileRateLimiter(path, 1).wait(Boot(1_000_000, 5000), 0), TakenSlot)
    assert is_full(FileRateLimiter(path, 1), Boot(1_000_000 + moved, 5000)) is full
    assert is_full(FileRateLimiter(path, 1), Boot(1_000_000 + moved, 5000))


def test_a_removed_file_is_made_again_for_all(path: Path, clock: ManualClock) -> None:
    one, two = FileRateLimiter(path, 1), FileRateLimiter(path, 1)
    slot = one.wait(clock, 0)
    assert isinstance(slot, TakenSlot)
    path.unlink()
    slot.done(0.5)
    assert not is_full(two, clock)
    assert is_full(one, clock)


def test_a_file_that_another_one_has_replaced_is_left_by_all(
    path: Path, clock: ManualClock
) -> None:
    one, two = FileRateLimiter(path, 1), FileRateLimiter(path, 1)
    for rate_limiter in (one, two):
        rate_limiter.wait(clock, 0)
    fresh = path.with_name("fresh")
    fresh.touch(0o600)
    fresh.rename(path)
    assert not is_full(one, clock)
    assert is_full(two, clock)
    clock.advance(10)
    assert not is_full(two, clock)
    assert is_full(one, clock)


SIZE = 32_424
"""Bytes of the numbers in files of versions before: a boot, four of a window, 2,024 slots."""


def before_the_mark(boot: float) -> bytes:
    """A file as versions without a mark have left it: one turn was taken."""
    return array("d", [boot, 1.0]).tobytes().ljust(SIZE, b"\0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(SIZE),
        before_the_mark(7e8),
        before_the_mark(7e8) + b"amocrm pace 2\r\n\0",
        b"amocrm limits 1\0" + b"\1" * SIZE,
    ],
)
def test_an_empty_file_and_one_of_versions_before_are_taken_over(
    path: Path, clock: ManualClock, content: bytes
) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    assert not is_full(FileRateLimiter(path, 1), clock)
    assert is_full(FileRateLimiter(path, 1), clock)
    assert path.stat().st_size > SIZE


NAN = array("d", [1e9, math.nan]).tobytes().ljust(SIZE, b"\0")


@pytest.mark.parametrize(
    "content",
    [b"rubbish", b"x" * 100_000, b"\0", NAN, b"x" * SIZE, bytes(SIZE) + b"amocrm pace 3\r\n\0"],
)
def test_a_file_that_is_no_pace_is_refused_and_left_as_it_is(
    path: Path, clock: ManualClock, content: bytes
) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(RateLimiterError, match="not a rate limiter's file"):
        FileRateLimiter(path, 1).wait(clock, 0)
    assert path.read_bytes() == content


@posix
def test_who_cuts_the_file_kills_nobody(path: Path, clock: ManualClock) -> None:
    rate_limiter = FileRateLimiter(path, 1)
    assert not is_full(rate_limiter, clock)
    os.truncate(path, 4096)
    with pytest.raises(RateLimiterError, match="not a rate limiter's file"):
        rate_limiter.wait(clock, 0)
    os.truncate(path, 0)
    assert not is_full(rate_limiter, clock)
    assert is_full(FileRateLimiter(path, 1), clock)


def test_those_who_had_it_open_go_on_in_a_file_put_in_its_place(
    path: Path, clock: ManualClock
) -> None:
    one, two = FileRateLimiter(path, 1), FileRateLimiter(path, 1)
    assert not is_full(one, clock)
    assert is_full(two, clock)
    FileRateLimiter(f"{path}.new", 1).hold(clock, 0)
    os.replace(f"{path}.new", path)
    assert not is_full(one, clock)
    assert is_full(two, clock)


@posix
@pytest.mark.parametrize("mode", [0o604, 0o660])
def test_a_pace_that_others_can_read_is_refused_with_the_command_to_run(
    path: Path, clock: ManualClock, mode: int
) -> None:
    rate_limiter = FileRateLimiter(path)
    rate_limiter.wait(clock, 0)
    path.chmod(mode)
    with pytest.raises(RateLimiterError, match=f"run: chmod 600 '{path}'"):
        rate_limiter.wait(clock, 0)


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_another_user_s_pace_is_refused(path: Path, clock: ManualClock) -> None:
    rate_limiter = FileRateLimiter(path)
    rate_limiter.wait(clock, 0)
    os.chown(path, 12345, -1)
    with pytest.raises(RateLimiterError, match=r"another user \(run this as that user, or: chown"):
        rate_limiter.wait(clock, 0)


@posix
@pytest.mark.parametrize("end", ["", ".lock"])
def test_what_is_no_file_is_no_pace(path: Path, clock: ManualClock, end: str) -> None:
    os.mkfifo(f"{path}{end}")
    with pytest.raises(RateLimiterError, match=rf"not a regular file \(move '{path}{end}' away"):
        FileRateLimiter(path).wait(clock, 0)


def test_the_file_is_its_owner_s(path: Path, clock: ManualClock) -> None:
    FileRateLimiter(path).wait(clock, 0)
    assert path.stat().st_mode & 0o777 == 0o600
    assert repr(FileRateLimiter(path)) == f"FileRateLimiter({str(path)!r})"


def test_a_file_that_cannot_be_opened_is_told_before_anything_is_sent(
    make: Make, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    auth = {"access_token": sandbox.issue_long_lived()}
    for path in (tmp_path / "folder", tmp_path / "nowhere" / "pace"):
        crm: AmoCRM = make(auth, rate_limiter=FileRateLimiter(path))
        with pytest.raises(RateLimiterError, match="cannot be opened or locked"):
            crm.request.get("/api/v4/account")
    assert sandbox.log == []


def test_trouble_after_the_answer_does_not_cost_the_answer(
    make: Make, sandbox: Sandbox, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=FileRateLimiter(path))
    crm.on("connection:checkToken", lambda _: None)
    session = sandbox.session()

    def lock_out(*_: object, **__: object) -> None:
        os.unlink(f"{path}.lock")
        os.mkdir(f"{path}.lock")

    session.hooks["response"] = [lock_out]
    crm = make(
        {"access_token": sandbox.issue_long_lived()},
        rate_limiter=FileRateLimiter(path),
        session=session,
    )
    assert crm.request.get("/api/v4/account").data["name"]
    assert f"the rate limiter {path} cannot be opened or locked: Is a directory" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_a_lock_that_is_not_free_in_time_is_a_rate_limiter_error(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(handle: int, operation: int) -> None:
        raise TimeoutError("locked")  # in the stead of ten seconds of waiting

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(RateLimiterError, match="the rate limiter cannot be locked: locked"):
        FileRateLimiter(path, 1).wait(clock, 0)
    assert LOCK_PATIENCE == 10
