"""Runs one command of the documents in this process, as a terminal shows it."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys

import pytest

from amocrm.cli import application

_BAR = re.compile(r"\x1b\[\?25l.*?\x1b\[\?25h(?:\r?\x1b\[1A\x1b\[2K)?", re.DOTALL)
"""A progress bar, which a command shows when the machine is slow, and erases."""


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what is shown."""

    def isatty(self) -> bool:
        return True


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run one command; return what it shows."""
    words = [os.path.expandvars(one) for one in shlex.split(command)]
    given = ""
    if words[0] == "echo":
        given, words = f"{words[1]}\n", words[3:]
    target = words[-1] if ">" in words else None
    words = words[: words.index(">")] if target else words
    assert words[0] == "amocrm", f"{command!r} is no command of ours"
    shown = io.BytesIO()
    terminal = Terminal(shown, "utf-8", write_through=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8"))
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        if target:
            with open(target, "w", encoding="utf-8") as file:
                patch.setattr(sys, "stdout", file)
                application.run(words[1:])
        else:
            application.run(words[1:])
    return _BAR.sub("", shown.getvalue().decode())
