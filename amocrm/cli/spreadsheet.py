"""Texts that a spreadsheet would run as formulas ↔ texts that it shows.

A cell that begins with one of `= + - @` is a formula to Excel, LibreOffice and Google Sheets, and
somebody else may have typed it into the CRM. An apostrophe before it makes it a text.

A spreadsheet that expects another delimiter takes no notice of our quotes, and begins a new cell
after each of `; ,` and after a line break; so a text is made safe there, too. Spreadsheets keep
spaces, so a formula after a space is a text already.

A text that has such an apostrophe of its own gets another one. So `original(harmless(text))` is
always the text.
"""

from __future__ import annotations

import re
from typing import Final

# A formula begins with one of = + - @ and two blanks; the wide ones count in Japanese and Chinese
# versions.
_RUNNING: Final = re.compile("((?:^|[;,\t\r\n])\"*)('*[=+\\-@\t\r＝＋－＠])")
_HARMLESS: Final = re.compile("((?:^|[;,\t\r\n])\"*)'('*[=+\\-@\t\r＝＋－＠])")
_FIRST: Final = re.compile("'*[=+\\-@\t\r＝＋－＠]")


def harmless(text: str) -> str:
    """Return a text that no spreadsheet runs.

    >>> harmless("=1+1"), harmless("plain"), harmless("'=1+1")
    ("'=1+1", 'plain', "''=1+1")
    """
    return _RUNNING.sub(r"\1'\2", text)


def original(text: str) -> str:
    """Return the text that `harmless` was given.

    >>> original("'=1+1"), original("it's"), original("=1+1")
    ('=1+1', "it's", '=1+1')
    """
    return _HARMLESS.sub(r"\1\2", text)


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet would run a text that is a cell of its own."""
    return _FIRST.match(text) is not None
