"""Phones and e-mails as people write them → one form of each, to compare them by.

By hand, and for Russia and Kazakhstan first, where the same number is written with +7, 7, 8, or
without any. What has another country's code is that country's; a number without a code is equal
to itself alone. `amocrm.phones` knows the rules of every country.
"""

from __future__ import annotations

import re
from typing import Final

SHORTEST: Final = 5
LONGEST: Final = 15
"""Digits of a number: the longest that telephony knows, and the shortest that means one person."""

TAIL: Final = 10
"""Digits that a number is searched by: those that are there, however its beginning is written."""

_EXTENSION: Final = re.compile(
    r"(?<=\d)[\s(]*(?:[#;,]|доб|вн|ext|[xх]\s*\d).*", re.IGNORECASE | re.DOTALL
)


def normalize_phone(text: str) -> str | None:
    """Return the one form of a phone: `+79001234567`; without a plus if its country is unknown.

    An extension is left out.

    >>> normalize_phone("8 (900) 123-45-67, доб. 5")
    '+79001234567'
    >>> normalize_phone("+49 151 1234567")
    '+491511234567'
    >>> normalize_phone("no phone") is None
    True
    """
    main = _EXTENSION.sub("", text.strip())
    digits = "".join(str(int(letter)) for letter in main if letter.isdecimal())
    if not SHORTEST <= len(digits) <= LONGEST + len("00"):
        return None
    plus = main.lstrip(" (").startswith(("+", "＋"))
    if not plus and digits.startswith("00"):
        plus, digits = True, digits[2:]
    if not SHORTEST <= len(digits) <= LONGEST:
        return None
    return _with_country(digits, plus)


def _with_country(digits: str, plus: bool) -> str:
    if len(digits) == 11 and (digits.startswith("89") or (digits[0] == "8" and not plus)):
        return f"+7{digits[1:]}"  # No country has the code 89, so +8 900 is a slip for 8 900.
    if len(digits) == 10 and digits[0] == "9" and not plus:
        return f"+7{digits}"
    return f"+{digits}" if plus or len(digits) > TAIL else digits


def normalize_email(text: str) -> str | None:
    """Return the one form of an e-mail: in small letters, without spaces around it.

    >>> normalize_email(" Ann@Example.ORG ")
    'ann@example.org'
    """
    plain = text.strip()
    name, _, host = plain.rpartition("@")
    return plain.casefold() if name and host and not re.search(r"\s", plain) else None
