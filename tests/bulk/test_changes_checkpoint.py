"""A checkpoint: what it remembers, and what it does not let through."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from amocrm.bulk.changes_checkpoint import Checkpoint
from amocrm.errors import ConfigurationError

PATH = "/api/v4/leads"


HUGE = '{"checkpoint": 1, "walk": "/api/v4/leads", "updated_at": 1e999, "params": {}, "seen": {}}'


def lead(number: int, at: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "updated_at": at, **more}


def test_without_a_file_it_begins_at_since(tmp_path: Path) -> None:
    assert Checkpoint(None, PATH, {}, 1000.9, 60).begin == 1000
    assert Checkpoint(tmp_path / "none", PATH, {}, 0, 60).begin == 0


def test_it_goes_on_an_overlap_before_the_last_one(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "kept", PATH, {}, 900, 60)
    kept.passed(lead(1, 1000))
    assert kept.begin == 900
    kept.reached(1000)
    kept.reached(990)
    kept.passed(lead(2, 990))
    assert kept.begin == 940
    kept.save()
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600
    again = Checkpoint(tmp_path / "kept", PATH, {}, 0, 60)
    assert again.begin == 940
    assert again.knows(lead(1, 1000))
    assert again.knows(lead(2, 990))
    assert not again.knows(lead(3, 1000))


def test_since_is_the_earliest(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "kept", PATH, {}, 980, 60)
    kept.reached(1000)
    assert kept.begin == 980


def test_an_edit_is_new_even_within_the_same_second() -> None:
    kept = Checkpoint(None, PATH, {}, 0, 60)
    kept.passed(lead(1, 1000, name="a"))
    assert kept.knows(lead(1, 1000, name="a"))
    assert not kept.knows(lead(1, 1000, name="b"))
    assert not kept.knows(lead(1, 1001, name="a"))


@pytest.mark.parametrize(("at", "kept_then"), [(939, False), (940, True)])
def test_it_forgets_what_is_older_than_the_overlap(at: int, kept_then: bool) -> None:
    kept = Checkpoint(None, PATH, {}, 0, 60)
    kept.passed(lead(1, at))
    kept.reached(1000)
    assert kept.knows(lead(1, at)) == kept_then


@pytest.mark.parametrize(
    "content", ["[" * 100_000, HUGE, "", "{}", "[]", '{"checkpoint": 1, "walk": "x"}']
)
def test_a_damaged_one_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "kept").write_text(content)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Checkpoint(tmp_path / "kept", PATH, {}, 0, 60)


def test_another_walk_s_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "kept", PATH, {}, 0, 60).save()
    with pytest.raises(ConfigurationError, match="was saved for /api/v4/leads"):
        Checkpoint(tmp_path / "kept", "/api/v4/contacts", {}, 0, 60)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"with": "contacts", "filter": {"name": "B", "price": {"from": 1, "to": 2}}}, "filter"),
        ({"with": "tags", "filter": {"name": "A", "price": {"from": 1, "to": 2}}}, "with"),
        ({"filter": {"name": "A", "price": {"from": 1, "to": 2}}}, "with"),
        ({"with": "contacts", "filter": {}}, "filter"),
        ({"with": "contacts"}, "filter"),
        ({}, "filter and with"),
        (
            {"with": "contacts", "filter": {"name": "A", "price": {"from": 1, "to": 2}}, "x": None},
            "x",
        ),
    ],
)
def test_a_walk_with_other_params_is_refused(
    tmp_path: Path, params: dict[str, Any], name: str
) -> None:
    first = {"with": "contacts", "filter": {"name": "A", "price": {"from": 1, "to": 2}}}
    Checkpoint(tmp_path / "kept", PATH, first, 0, 60).save()
    assert '"A"' not in (tmp_path / "kept").read_text()
    same = {"filter": {"price": {"to": 2, "from": 1}, "name": "A"}, "with": "contacts"}
    assert Checkpoint(tmp_path / "kept", PATH, same, 0, 60).begin == 0
    with pytest.raises(ConfigurationError, match=f"was saved with another {name} "):
        Checkpoint(tmp_path / "kept", PATH, params, 0, 60)


def test_no_filter_is_an_empty_one(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "kept", PATH, {"filter": {}}, 0, 60).save()
    assert Checkpoint(tmp_path / "kept", PATH, {}, 0, 60).begin == 0


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Checkpoint(tmp_path / "none" / "kept", PATH, {}, 0, 60).save()


@pytest.mark.skipif(os.name != "posix", reason="FIFOs and links are POSIX's")
def test_what_is_no_file_of_ours_is_no_checkpoint(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "kept", tmp_path / "elsewhere"
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        Checkpoint(path, PATH, {}, 0, 60)
    path.unlink()
    Checkpoint(elsewhere, PATH, {}, 0, 60).save()
    path.symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="symbolic links"):
        Checkpoint(path, PATH, {}, 0, 60)
    if os.geteuid() == 0:  # Only root can give files away.
        os.chown(elsewhere, 12345, -1)
        with pytest.raises(
            ConfigurationError, match=r"another user \(run this as that user, or: chown"
        ):
            Checkpoint(elsewhere, PATH, {}, 0, 60)


def test_what_killed_writers_left_is_removed_by_the_next_save(tmp_path: Path) -> None:
    left = tmp_path / "kept.4711.01234567.new"
    left.write_text("half")
    Checkpoint(tmp_path / "kept", PATH, {}, 0, 60).save()
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_a_checkpoint_is_its_owner_s_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Checkpoint(tmp_path / "kept", PATH, {}, 0, 60).save()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600
