"""Finds secrets that an error tracker would send: variables of all frames of an error's chain."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from amocrm._support.frames import related

TESTS = str(Path(__file__).parent)
DEPTH = 3
"""Levels of nested containers that are searched."""


class Leak(NamedTuple):
    """A secret at a place where an error tracker finds it.

    Attributes:
        secret: its name.
        module: of the frame; empty where no frame has it.
        function: of the frame.
        name: of the local, or what else of an error holds it.
    """

    secret: str
    module: str
    function: str
    name: str


def leaks(error: BaseException, secrets: Mapping[str, str]) -> list[Leak]:
    """Find the secrets that an error shows; frames of the tests themselves are left out.

    Every error of the chain is looked at: its words, its arguments, its attributes, and the frames
    of its traceback, as `traceback` renders their locals and value by value.
    """
    found = set()
    for one in related(error):
        for name, text in _texts(one):
            found |= {Leak(secret, "", type(one).__name__, name) for secret in _in(text, secrets)}
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename.startswith(TESTS):
                continue
            for local, value in frame.f_locals.items():
                for text in _shown(value, DEPTH):
                    for secret in _in(text, secrets):
                        found.add(Leak(secret, *_place(frame), local))
    return sorted(found)


def rendered(error: BaseException) -> str:
    """Render an error and its chain with the variables of all frames except those of tests."""
    lines: list[str] = []
    todo: list[traceback.TracebackException | None] = [
        traceback.TracebackException.from_exception(error, capture_locals=True)
    ]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        todo += [one.__cause__, one.__context__]
        one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(TESTS)]
        lines += one.format(chain=False)
    return "".join(lines)


def assert_silent(error: BaseException, secrets: Mapping[str, str]) -> None:
    """Fail if a secret is found; the message names the places, not the secrets."""
    assert leaks(error, secrets) == []
    text = rendered(error)
    assert [name for name, secret in secrets.items() if secret in text] == []


def _place(frame: FrameType) -> tuple[str, str]:
    return str(frame.f_globals.get("__name__")), frame.f_code.co_name


def _texts(error: BaseException) -> Iterator[tuple[str, str]]:
    yield "str", str(error)
    yield "repr", repr(error)
    for text in _shown(error.args, DEPTH):
        yield "args", text
    for name, value in vars(error).items():
        # The caller may see the sent data and the server's response.
        if name not in ("data", "fields"):
            for text in _shown(value, DEPTH):
                yield name, text


def _shown(value: Any, depth: int) -> Iterator[str]:
    """Render a value and its items."""
    if isinstance(value, (bytes, bytearray)):
        yield value.decode("latin-1")
    elif isinstance(value, str):
        yield str(value)
    else:
        try:
            yield repr(value)
        except Exception:
            return
    if not depth:
        return
    if isinstance(value, Mapping):
        for item in (*value.keys(), *value.values()):
            yield from _shown(item, depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _shown(item, depth - 1)


def _in(text: str, secrets: Mapping[str, str]) -> set[str]:
    return {name for name, secret in secrets.items() if secret in text}
