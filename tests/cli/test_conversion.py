"""The final file of an export is written in a thread while its lines are read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from amocrm.cli.exporting.conversion import converting
from amocrm.errors import ConfigurationError


def upper(lines: Iterator[bytes], target: BinaryIO) -> None:
    for line in lines:
        target.write(line.upper())


def test_lines_of_before_and_of_now_are_converted_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with converting(str(path), upper, iter([b"a\n", b"b\n"])) as conversion:
        assert conversion is not None
        for number in range(100):
            conversion.feed(f"x{number}\ny{number}\n".encode())
        assert not path.exists()
        conversion.finish()
        expected = ["A", "B", *(f"{it}{at}" for at in range(100) for it in "XY")]
        assert path.read_text().split() == expected


def test_a_failure_is_told_to_the_reader_and_leaves_nothing(tmp_path: Path) -> None:
    def refuse(lines: Iterator[bytes], target: BinaryIO) -> None:
        target.write(next(lines))
        raise ConfigurationError("a cell is too long")

    def feed() -> None:
        with converting(str(tmp_path / "a.txt"), refuse, iter([b"a\n"])) as conversion:
            assert conversion is not None
            for _ in range(100):
                conversion.feed(b"b\n")

    with pytest.raises(ConfigurationError, match="too long"):
        feed()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fed", [0, 3, 8])
def test_an_export_that_ends_early_leaves_no_file_and_no_thread(tmp_path: Path, fed: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    before = threading.active_count()

    def end_early() -> None:
        with converting(str(path), upper, iter([])) as conversion:
            assert conversion is not None
            for _ in range(fed):
                conversion.feed(b"b\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end_early()
    assert threading.active_count() == before
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
