"""What is only a file's: it can be removed, be another boot's, or not be there to be opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from amocrm import AmoCRM, PaceError
from amocrm.clock import SystemClock
from amocrm.errors import TokenStoreError
from amocrm.filelock import FileLock
from amocrm.paces import Refusal
from amocrm.paces.file import LOCK_PATIENCE, SAME_BOOT, FilePace
from amocrm.paces.keeper import KeptTurn
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make


class Boot(ManualClock):
    """A machine whose monotonic time began at an instant of its own."""

    def __init__(self, booted: float, up: float) -> None:
        super().__init__(booted)
        self.advance(up)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pace"


def is_full(pace: FilePace, clock: ManualClock) -> bool:
    return isinstance(pace.wait(clock, 0), Refusal)


def test_instants_of_another_boot_mean_nothing(path: Path) -> None:
    before = Boot(1_000_000, 5000)
    assert isinstance(FilePace(path, 1).wait(before, 0), KeptTurn)
    assert is_full(FilePace(path, 1), before)
    assert not is_full(FilePace(path, 1), Boot(1_900_000, 30))


@pytest.mark.parametrize(("moved", "full"), [(SAME_BOOT - 1, True), (SAME_BOOT + 1, False)])
def test_a_wall_clock_may_be_set_a_little(path: Path, moved: float, full: bool) -> None:
    assert isinstance(FilePace(path, 1).wait(Boot(1_000_000, 5000), 0), KeptTurn)
    assert is_full(FilePace(path, 1), Boot(1_000_000 + moved, 5000)) is full
    assert is_full(FilePace(path, 1), Boot(1_000_000 + moved, 5000))


def test_a_removed_file_is_made_again_for_all(path: Path, clock: ManualClock) -> None:
    one, two = FilePace(path, 1), FilePace(path, 1)
    turn = one.wait(clock, 0)
    assert isinstance(turn, KeptTurn)
    path.unlink()
    turn.done(0.5)
    assert not is_full(two, clock)
    assert is_full(one, clock)


def test_a_file_that_another_one_has_replaced_is_left_by_all(
    path: Path, clock: ManualClock
) -> None:
    one, two = FilePace(path, 1), FilePace(path, 1)
    for pace in (one, two):
        pace.wait(clock, 0)
    fresh = path.with_name("fresh")
    fresh.touch(0o600)
    fresh.rename(path)
    assert not is_full(one, clock)
    assert is_full(two, clock)
    clock.advance(10)
    assert not is_full(two, clock)
    assert is_full(one, clock)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff" * 100_000])
def test_a_file_that_is_no_pace_is_begun_anew(
    path: Path, clock: ManualClock, content: bytes
) -> None:
    path.write_bytes(content)
    assert not is_full(FilePace(path, 1), clock)
    assert is_full(FilePace(path, 1), clock)


def test_the_file_is_its_owner_s(path: Path, clock: ManualClock) -> None:
    FilePace(path).wait(clock, 0)
    assert path.stat().st_mode & 0o777 == 0o600
    assert repr(FilePace(path)) == f"FilePace({str(path)!r})"


def test_a_file_that_cannot_be_opened_is_told_before_anything_is_sent(
    make: Make, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    auth = {"access_token": sandbox.issue_long_lived()}
    for path in (tmp_path / "folder", tmp_path / "nowhere" / "pace"):
        crm: AmoCRM = make(auth, pace=FilePace(path))
        with pytest.raises(PaceError, match=r"cannot be (opened|shared)"):
            crm.request.get("/api/v4/account")
    assert sandbox.log == []


def test_trouble_after_the_answer_does_not_cost_the_answer(
    make: Make, sandbox: Sandbox, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()}, pace=FilePace(path))
    crm.on("connection:checkToken", lambda _: None)
    session = sandbox.session()

    def lock_out(*_: object, **__: object) -> None:
        os.unlink(f"{path}.lock")
        os.mkdir(f"{path}.lock")

    session.hooks["response"] = [lock_out]
    crm = make({"access_token": sandbox.issue_long_lived()}, pace=FilePace(path), session=session)
    assert crm.request.get("/api/v4/account").data["name"]
    assert "the pace cannot be shared" in caplog.text


def test_whoever_holds_the_lock_for_ever_is_told_of(path: Path, clock: ManualClock) -> None:
    class Slow(SystemClock):
        pass

    lock = FileLock(f"{path}.lock")
    with lock.hold(1), pytest.raises(TokenStoreError):
        with FileLock(f"{path}.lock").hold(0.01):
            pass
    assert LOCK_PATIENCE == 10
