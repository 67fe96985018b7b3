"""Looks through a text file before it is read: its encoding, and whether it can be read at all.

Excel saves CSV in the code page of the country: windows-1251 in Russia. So what is not UTF-8 is
taken for that, if it can be; unless most of it is UTF-8, which a few bytes have damaged. One pass
over blocks of bytes finds what no row may have: a line without an end, a NUL. It takes little
memory, whatever the file is.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from amocrm.errors import ConfigurationError

LONGEST_LINE: Final = 1 << 20
"""Characters of a line at most."""
LARGEST_ROW: Final = 4 << 20
"""Characters of a row at most, which may go over several lines."""

_BLOCK: Final = 1 << 16
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, ""), (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_RUSSIAN: Final = "windows-1251"


class TextFile(NamedTuple):
    """A text file that was looked through.

    Attributes:
        path: of the file.
        encoding: that it can be read in.
    """

    path: str
    encoding: str


def look_through(path: str, encoding: str | None = None) -> TextFile:
    """Find the encoding of a file.

    Args:
        path: of the file.
        encoding: that it has; None finds it out.

    Raises:
        ConfigurationError: it cannot be read as text.
    """
    if encoding is not None:
        encoding = _known(encoding)
    else:
        with open(path, "rb") as file:
            head = file.read(4)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), None)
        if encoding == "":
            raise ConfigurationError(f"{path} is in UTF-32", hint="save it as UTF-8")
    candidates = ["utf-8", _RUSSIAN] if encoding is None else [encoding]
    at = 0
    for candidate in candidates:
        at = _first_wrong(path, candidate)
        if not at:
            return TextFile(path, candidate)
        if encoding is None and candidate == "utf-8" and _is_mostly_utf8(path):
            raise ConfigurationError(
                f"{path} is UTF-8, but its line {at} cannot be read",
                hint="mend the line, or name the encoding of the file: --encoding",
            )
    named = encoding or "UTF-8 nor windows-1251"
    raise ConfigurationError(
        f"{path} is {'not' if encoding else 'neither'} {named}: line {at} cannot be read",
        hint="name its encoding: --encoding" if encoding is None else "save it as UTF-8",
    )


def read_lines(file: TextFile) -> Iterator[str]:
    """Yield the lines of a file with their ends, whatever these are.

    Raises:
        ConfigurationError: it was changed meanwhile, and cannot be read any more.
    """
    try:
        with open(file.path, encoding=file.encoding, newline="") as text:
            while line := text.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE or "\0" in line:
                    raise ConfigurationError(f"{file.path} has changed while it was read")
                yield line
    except UnicodeError as error:
        raise ConfigurationError(f"{file.path} has changed while it was read") from error


def _first_wrong(path: str, encoding: str) -> int:
    """Return the number of the first line that cannot be decoded; 0 if there is none.

    Raises:
        ConfigurationError: a line is too long, or has a NUL.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    number, length = 1, 0
    with open(path, "rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as error:
                start = error.start if isinstance(error, UnicodeDecodeError) else 0
                return number + block[:start].count(b"\n")
            if "\0" in text:
                number += text[: text.index("\0")].count("\n")
                raise ConfigurationError(
                    f"{path}: line {number} has a NUL character", hint="is it a text file?"
                )
            number, length = _measure(text, number, length, path)
            if not block:
                return 0


def _is_mostly_utf8(path: str) -> bool:
    """Tell whether more letters of a file are UTF-8 than are not, ASCII left aside."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    right = wrong = 0
    with open(path, "rb") as file:
        while True:
            block = file.read(_BLOCK)
            text = decoder.decode(block, final=not block)
            unread = text.count("\ufffd")
            wrong += unread
            right += len(text) - unread - len(text.encode("ascii", "ignore"))
            if not block:
                return right > wrong


def _measure(text: str, number: int, length: int, path: str) -> tuple[int, int]:
    """Return the number of the last line of a text, and how long it is so far."""
    for at, part in enumerate(text.split("\n")):
        if at:
            number, length = number + 1, 0
        length += len(part)
        if length >= LONGEST_LINE:
            raise ConfigurationError(
                f"{path}: line {number} has more than {LONGEST_LINE} characters",
                hint="is it a text file, and are all quotes closed?",
            )
    return number, length


def _known(encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise ConfigurationError(
            f"there is no encoding {encoding!r}", hint="such as utf-8, windows-1251, utf-16"
        ) from None
    if not getattr(info, "_is_text_encoding", True):
        raise ConfigurationError(f"{encoding!r} is not an encoding of text")
    return "utf-8-sig" if info.name == "utf-8" else info.name


def check_is_file(path: str) -> None:
    """Check that a file is there, and is a regular one.

    Raises:
        ConfigurationError: it is not.
    """
    if not os.path.exists(path):
        raise ConfigurationError(f"there is no file {path}")
    if not os.path.isfile(path):
        raise ConfigurationError(f"{path} is not a regular file")
