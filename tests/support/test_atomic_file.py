"""A file is replaced in one step, or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from amocrm._support.atomic_file import replace, replacement


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_old_content_stays_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacement(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_it_stays_for_good_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacement(str(path)) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 250, "ж" * 125])
def test_a_name_as_long_as_any_may_be_is_written(tmp_path: Path, name: str) -> None:
    replace(str(tmp_path / name), b"whole")
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"whole"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_who_may_read_it_is_the_caller_s_choice(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace(str(tmp_path / "private"), b"x")
        with replacement(str(tmp_path / "usual")) as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "private") == 0o600
    assert mode(tmp_path / "usual") == 0o640


KILLED = """
import os, signal, sys
from amocrm._support.atomic_file import replacement

with replacement(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="locks that tell the living are POSIX's")
def test_what_a_killed_writer_left_is_removed_by_the_next_one_and_a_living_one_is_not_disturbed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    others = [tmp_path / name for name in ("a.new", "b.4711.01234567.new", "a.4711.01234567.new.x")]
    for other in others:
        other.touch()
    folder = tmp_path / "a.4711.01234567.new"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as writer:  # fmt: skip
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        replace(str(path), b"ours")
        assert len(list(tmp_path.iterdir())) == 6, "the file of a living writer is gone"
        writer.kill()
    assert path.read_bytes() == b"ours"
    with replacement(str(path)) as one:
        one.write(b"one")
        with replacement(str(path)) as two:
            two.write(b"two")
    assert path.read_bytes() == b"one"
    assert sorted(tmp_path.iterdir()) == sorted([path, folder, *others])
