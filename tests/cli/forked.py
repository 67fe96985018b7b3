"""Runs one command line in a process that is forked from one with all modules, for many commands.

A process of its own takes most of a second to import them. `terminal.py` starts such ones.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.processes import APART

PATIENCE = 60.0
END = b"<the end>"


def _run(
    arguments: tuple[str, ...], variables: dict[str, str], folder: str, terminal: str, stdin: str,
    stdout: str,
) -> None:  # fmt: skip
    """Become the program: with a terminal, a folder and variables of its own."""
    os.setsid()
    fcntl.ioctl(os.open(terminal, os.O_RDWR), termios.TIOCSCTTY, 0)
    for number, path, mode in ((0, stdin, os.O_RDONLY), (1, stdout, os.O_WRONLY),
                               (2, terminal, os.O_WRONLY)):  # fmt: skip
        os.dup2(os.open(path, mode), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.argv = ["amocrm", *arguments]
    from amocrm.cli.entry import main

    main()


class Forked:
    """A command that runs; a context manager that ends it.

    Args:
        arguments: of the command line.
        folder: where it runs.
        variables: all of its environment.
        piped: its standard output goes through a pipe, and its standard error to the terminal.
        stdin: what it can read; without it, it reads from the terminal.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        variables: Mapping[str, str],
        piped: bool = False,
        stdin: str | None = None,
    ) -> None:
        self._terminal, other_side = pty.openpty()
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        name = os.ttyname(other_side)
        read_from, write_to = name, name
        self._open = {self._terminal: b""}
        if piped:
            write_to = str(folder / "stdout.pipe")
            os.mkfifo(write_to)
            self._pipe = os.open(write_to, os.O_RDWR | os.O_NONBLOCK)
            self._open[self._pipe] = b""
        if stdin is not None:
            read_from = str(folder / "stdin.txt")
            Path(read_from).write_text(stdin)
        self.process = APART.Process(
            target=_run,
            args=(arguments, dict(variables), str(folder), name, read_from, write_to),
        )
        self.process.start()
        self._other_side = other_side

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        for handle in (*self._open, self._other_side):
            os.close(handle)

    @property
    def shown(self) -> str:
        """What the terminal has shown."""
        return self._text(self._terminal).replace("\r\n", "\n")

    @property
    def out(self) -> str:
        """What has come through the pipe."""
        return self._text(self._pipe)

    def _text(self, handle: int) -> str:
        return self._open[handle].decode("utf-8", "replace")

    def read_until(self, text: str) -> None:
        """Read until a text was shown or has come."""
        end = time.monotonic() + PATIENCE
        while not any(text.encode() in content for content in self._open.values()):
            assert self._read(end), f"{text!r} was not shown, but: {self._open}"

    def press_ctrl_c(self) -> None:
        os.write(self._terminal, b"\x03")

    def end(self) -> int | None:
        """Read until the program has ended; return its exit code."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        self.process.join(PATIENCE)
        # A terminal may give late what was written to it, but in its order.
        os.write(self._other_side, END)
        while END not in self._open[self._terminal]:
            assert select.select([self._terminal], [], [], PATIENCE)[0], self._open
            self._open[self._terminal] += os.read(self._terminal, 65_536)
        self._open[self._terminal] = self._open[self._terminal].removesuffix(END)
        while self._read(0):
            pass
        return self.process.exitcode

    def _read(self, end: float) -> bool:
        """Read what is there; return whether the program may write more."""
        wait = max(0.0, end - time.monotonic())
        ready, _, _ = select.select([*self._open, self.process.sentinel], [], [], wait)
        for handle in set(ready) & set(self._open):
            self._open[handle] += os.read(handle, 65_536)
        return bool(set(ready) & set(self._open)) or (
            bool(wait) and self.process.sentinel not in ready
        )
