"""Addresses that the portal is given: which of them are any, and their parts."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

# Domains in other letters are not supported (reference 6.1). Assumed: they are refused here.
_ADDRESS = re.compile(r"https?://[!-.0-~]+(?:/\S*)?")


def is_address(text: str) -> bool:
    """Tell whether a text is an address of the web.

    >>> [is_address(one) for one in ("http://a/b", "http://[::1", "http://a:port", "file:///a")]
    [True, False, False, False]
    """
    try:
        parts = urlsplit(text)
        return bool(_ADDRESS.fullmatch(text) and parts.hostname and parts.port != 0)
    except ValueError:
        return False


def split_address(text: str) -> SplitResult:
    """Return the parts of an address; a text that is none has a path and a query."""
    try:
        return urlsplit(text)
    except ValueError:
        path, _, query = text.partition("?")
        return SplitResult("", "", path, query, "")
