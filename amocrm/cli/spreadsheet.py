"""Cells that a spreadsheet would run as formulas, made harmless and back again."""

from __future__ import annotations

from typing import Final

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """Return a text that no spreadsheet runs: one that begins like a formula gets an apostrophe.

    >>> harmless("=1+1"), harmless("Region")
    ("'=1+1", 'Region')
    """
    return f"'{text}" if text.lstrip("'").startswith(_DANGEROUS) else text


def original(text: str) -> str:
    """Return the text that `harmless` was given."""
    is_made = text[:1] == "'" and text.lstrip("'").startswith(_DANGEROUS)
    return text[1:] if is_made else text
