"""What identifies a delivery, a queue and an event's code in every database."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from amocrm.webhooks.inbox.inbox import RawDelivery

LONGEST: Final = 100
"""The largest number of characters of a stored name."""

_BIGGEST: Final = 2**63
_PLAIN: Final = re.compile(r"(?!~)[!-~]+")


def digest_of(delivery: RawDelivery) -> str:
    """Return a digest of account, path and body: a repeated delivery has the same one."""
    path = delivery.path.encode("utf-8", "surrogatepass")
    head = f"{delivery.account_id} {len(path)} ".encode()
    return hashlib.sha256(head + path + delivery.body).hexdigest()


def name_of(text: str) -> str:
    """Return a key or a code as it is stored: itself, or a digest if it is long or unusual.

    Databases differ in what they call equal: case, spaces at the end, forms of one letter; some
    store no NUL, and none has an index of texts of any length.
    """
    if len(text) <= LONGEST and _PLAIN.fullmatch(text):
        return text
    return f"~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def escaped(text: str) -> str:
    """Return any text in ASCII; `unescaped` returns the text."""
    return text.encode("unicode_escape").decode("ascii")


def unescaped(text: str) -> str:
    """Return the text of `escaped`."""
    return text.encode("ascii").decode("unicode_escape")


def stored_number(number: int | None) -> int | None:
    """Return a number that a column of 64 bits can hold; None for others."""
    return number if number is not None and -_BIGGEST <= number < _BIGGEST else None
