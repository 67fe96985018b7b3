"""What is uploaded, read part by part."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from amocrm import ConfigurationError
from amocrm.resources.files.upload_source import UploadSource


def test_a_path_is_opened_read_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abcde")
    for given in (path, str(path)):
        with UploadSource(given) as source:
            assert (source.name, source.size, source.rewindable) == ("a.txt", 5, True)
            assert list(source.parts(2)) == [b"ab", b"cd", b"e"]
            assert list(source.parts(5)) == [b"abcde"]
        with pytest.raises(ValueError, match="closed file"):
            next(source.parts(1))


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        UploadSource(tmp_path / "a.txt")


def test_a_file_is_read_from_where_it_stands_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abcde")
    with path.open("rb") as file:
        file.seek(2)
        with UploadSource(file) as source:
            assert (source.name, source.size) == ("a.txt", 3)
            assert list(source.parts(2)) == list(source.parts(2)) == [b"cd", b"e"]
        assert not file.closed
        file.seek(9)
        assert UploadSource(file).size == 0


def test_a_file_opened_by_its_number_has_no_name() -> None:
    with open(os.dup(0), "rb") as file:
        assert UploadSource(file, 0).name is None
    assert UploadSource(b"x").name is None


def test_a_pipe_gives_what_it_has_and_parts_are_full_all_the_same() -> None:
    for size in (None, 5):
        reading, writing = os.pipe()

        def feed(end: int = writing) -> None:
            with open(end, "wb", buffering=0) as pipe:
                for piece in (b"a", b"bc", b"de"):
                    pipe.write(piece)

        thread = threading.Thread(target=feed)
        thread.start()
        with open(reading, "rb", buffering=0) as pipe, UploadSource(pipe, size) as source:
            assert source.rewindable is (size is None)
            assert (source.size, list(source.parts(2))) == (5, [b"ab", b"cd", b"e"])
        thread.join(60)


def test_an_iterable_of_known_size_is_read_as_it_is_sent() -> None:
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(4):
            taken.append(number)
            yield bytes(8)

    parts = UploadSource(pieces(), 32).parts(8)
    assert taken == []
    next(parts)
    assert taken == [0]
    assert len(list(parts)) == 3


def test_an_iterable_of_unknown_size_is_kept_until_it_is_closed() -> None:
    with UploadSource(iter([b"ab", b"c", b"de"])) as source:
        assert (source.size, source.rewindable, source.name) == (5, True, None)
        assert list(source.parts(3)) == list(source.parts(3)) == [b"abc", b"de"]


@pytest.mark.parametrize("size", [None, 5])
def test_pieces_of_all_kinds_of_bytes_are_bytes(size: int | None) -> None:
    pieces: Any = iter([b"ab", bytearray(b"c"), memoryview(b"de")])
    with UploadSource(pieces, size) as source:
        parts = list(source.parts(2))
    assert parts == [b"ab", b"cd", b"e"]
    assert {type(part) for part in parts} == {bytes}


@pytest.mark.parametrize("content", [5, None, object()])
def test_what_holds_no_bytes_is_refused(content: Any) -> None:
    with pytest.raises(ConfigurationError, match="a path, bytes, a binary file or an iterable"):
        UploadSource(content)


@pytest.mark.parametrize("size", [None, 2])
def test_text_is_refused(size: int | None) -> None:
    with pytest.raises(ConfigurationError, match=r'a file of text \(open it as "rb"\)'):
        UploadSource(io.StringIO("ab"), size)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="gives str, not bytes"):
        list(UploadSource(iter(["ab"]), size).parts(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [-1, True, 1.0, "1"])
def test_a_size_is_a_number_of_bytes(size: Any) -> None:
    with pytest.raises(ConfigurationError, match="size must be a number of bytes"):
        UploadSource(b"x", size)


@pytest.mark.parametrize(
    ("content", "size", "parts"),
    [
        (b"abcd", 3, [b"ab"]),
        (b"abcd", 4, [b"ab", b"cd"]),
        (b"abcd", 5, [b"ab", b"cd"]),
        (b"abc", 5, [b"ab"]),
        (b"", 5, []),
    ],
)
def test_a_part_that_is_not_whole_is_not_given(
    content: bytes, size: int, parts: list[bytes]
) -> None:
    given: list[bytes] = []
    is_right = size == len(content)
    with nullcontext() if is_right else pytest.raises(ConfigurationError, match="is not of"):
        given.extend(UploadSource(content, size).parts(2))
    assert given == parts


@pytest.mark.parametrize("size", [None, 11, 20])
def test_nothing_yet_is_not_the_end(size: int | None) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    os.write(theirs, b"first half;")
    with open(theirs, "wb"), open(ours, "rb", buffering=0) as file:
        if size == 11:
            with UploadSource(file, size) as source:
                assert list(source.parts(20)) == [b"first half;"], "it is not asked for more"
            return
        with pytest.raises(ConfigurationError, match="nothing to read yet"):
            with UploadSource(file, size) as source:
                list(source.parts(20))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_with_a_name_is_read_as_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"abc"))
    writer.start()
    with UploadSource(path) as source:
        writer.join()
        assert (source.size, list(source.parts(2))) == (3, [b"ab", b"c"])
