"""Normalizes phones, e-mails and names, so that they can be compared, and lists a phone's forms.

The rules are those of Russia and Kazakhstan, where the same number is written with +7, 7, 8, or
without any of them. A number with the code of another country keeps it; a number without a code
equals only itself. `amocrm.phones` knows the rules of every country.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

SHORTEST: Final = 5
LONGEST: Final = 15
"""Digits of a number: at least as many as identify one person, at most as telephony allows."""

_TAIL: Final = 10
"""Last digits that a number is searched by: what stands before them is written in many ways."""

_GROUPS: Final = {
    7: ((3, 2, 2), (3, 4)),
    6: ((2, 2, 2), (3, 3)),
    5: ((1, 2, 2), (3, 2)),
}
"""How the last digits of a number are grouped, by how many they are."""

_SEPARATORS: Final = ("-", " ")

_EXTENSION: Final = re.compile(
    r"(?<=\d)[\s(]*(?:[#;,]|доб|вн|ext|[xх]\s*\d).*", re.IGNORECASE | re.DOTALL
)


def normalize_phone(text: str) -> str | None:
    """Return a phone in its normal form: `+79001234567`; without a plus if its country is unknown.

    An extension is left out. What is not a phone gives None.

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
    return f"+{digits}" if plus or len(digits) > _TAIL else digits


def normalize_email(text: str) -> str | None:
    """Return an e-mail in its normal form: in lower case, without spaces around it; or None.

    >>> normalize_email(" Ann@Example.ORG ")
    'ann@example.org'
    """
    plain = text.strip()
    name, _, host = plain.rpartition("@")
    return plain.casefold() if name and host and not re.search(r"\s", plain) else None


def normalize_name(text: str) -> str:
    """Return a name as it is compared: in lower case, with single spaces.

    >>> normalize_name("ООО  Ромашка ")
    'ооо ромашка'
    """
    return " ".join(text.casefold().split())


def search_tail(phone: str) -> str:
    """Return the digits that a normalized phone is searched by first: its last ten."""
    return phone.lstrip("+")[-_TAIL:]


def written_forms(phone: str) -> list[str]:
    """Return the ends of a normalized phone as people usually write them, without the tail.

    For a search that finds texts as they are stored: whatever the country and area codes look
    like, a number usually ends in one of these.

    >>> written_forms("+79991234567")
    ['1234567', '123-45-67', '123 45 67', '123-4567', '123 4567', '123.45.67']
    """
    digits = phone.lstrip("+")[-max(_GROUPS) :]
    if len(digits) not in _GROUPS or not digits.isdecimal():
        return []  # A `normal` of the caller's own has other forms.
    first, second = _GROUPS[len(digits)]
    forms = [digits]
    forms += [_joined(digits, sizes, by) for sizes in (first, second) for by in _SEPARATORS]
    forms.append(_joined(digits, first, "."))
    return [form for form in forms if form != search_tail(phone)]


def _joined(digits: str, sizes: tuple[int, ...], separator: str) -> str:
    ends = list(accumulate(sizes))
    return separator.join(digits[end - size : end] for size, end in zip(sizes, ends, strict=True))
