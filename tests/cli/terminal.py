"""A real terminal of a size, in which the program runs."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from types import TracebackType

from tests.cli.conftest import start

PATIENCE = 60.0


class Terminal:
    """Runs the program in a pty; a context manager that ends it.

    Args:
        arguments: of the command line.
        columns: of the window.
        variables: of the environment.
        stdout: instead of the terminal.
    """

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        variables: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns)
        settings = {"TERM": "xterm", "NO_COLOR": "", "COLUMNS": "", "BROWSER": "", "DISPLAY": ""}

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process: subprocess.Popen[bytes] = start(
            *arguments, variables={**settings, **(variables or {})},
            stdin=slave, stdout=slave if stdout is None else stdout, stderr=slave,
            preexec_fn=own_terminal,
        )  # fmt: skip
        os.close(slave)
        self.shown = self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._is_open = True

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def resize(self, columns: int) -> None:
        """Make the window as wide; the program is told."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read_until(self, text: str) -> str:
        """Read until a text is shown; return everything so far."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            if not self._read(end):
                raise AssertionError(f"{text!r} was not shown, but: {self.shown}")
        return self.shown

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, f"{text}\n".encode())

    def read_again(self, text: str, times: int = 1) -> str:
        """Read until a text is shown so many times more; return what was shown meanwhile."""
        before, end = len(self.shown), time.monotonic() + PATIENCE
        while self.shown.count(text, before) < times:
            if not self._read(end):
                raise AssertionError(f"{text!r} was not shown again, but: {self.shown[before:]}")
        return self.shown[before:]

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C once."""
        os.write(self._master, b"\x03")

    def interrupt(self) -> int:
        """Press Ctrl-C until the program ends; return its exit code.

        Python's readline does not hear the first one if it comes just before it waits for a line.
        """
        for _ in range(20):
            if self._is_open:
                self.press_ctrl_c()
            end = time.monotonic() + 0.5
            while self._read(end):
                pass
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(timeout=0.2 if self._is_open else PATIENCE)
        raise AssertionError("Ctrl-C does not end the program")

    def end(self) -> int:
        """Read everything until the program ends; return its exit code."""
        end = time.monotonic() + PATIENCE
        while self._is_open and self._read(end):
            pass
        return self.process.wait(timeout=PATIENCE)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        try:
            content = os.read(self._master, 65536) if ready else b""
        except OSError:  # Linux: nobody has the other side open any more.
            content = b""
            self._is_open = False
        # What is read may end within a letter, and within the end of a line.
        text = self._rest + self._decoder.decode(content, final=not content)
        self._rest = "\r" if content and text.endswith("\r") else ""
        self.shown += text.removesuffix(self._rest).replace("\r\n", "\n")
        return bool(content)


_CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def screen(shown: str) -> list[str]:
    """Return the lines that a terminal has in the end, without colors.

    It knows what a progress bar needs: back to the left, up, and erase the line.
    """
    lines, row, column, at = [""], 0, 0, 0
    while at < len(shown):
        control = _CONTROL.match(shown, at)
        if control is not None:
            at = control.end()
            if control[2] == "A":
                row = max(0, row - int(control[1] or 1))
            elif control[2] == "K":
                lines[row] = ""
            continue
        letter, at = shown[at], at + 1
        if letter == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif letter == "\r":
            column = 0
        else:
            kept = lines[row].ljust(column)
            lines[row] = kept[:column] + letter + kept[column + 1 :]
            column += 1
    return lines
