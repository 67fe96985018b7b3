"""Explains amoCRM's numeric error codes, which the older API used and v4 still sends at times.

Source: reference 3.3, 4.22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.http.messages import Json

UNKNOWN_PHONE: Final = 263
"""A call whose phone number belongs to nobody. Source: reference 4.22."""

_MEANINGS: Final[Mapping[int, str]] = {
    101: "the account does not exist: check domain",
    110: "the login or the password is wrong",
    111: "too many failed sign-ins: sign in in a browser and enter the captcha",
    112: "the user is turned off or does not belong to the account",
    113: "the account's list of allowed IP addresses does not contain this one",
    202: "the user has no right to add contacts",
    203: "amoCRM could not process the custom fields",
    204: "a custom field does not exist: check its id",
    205: "amoCRM did not create the contact",
    212: "amoCRM did not update the contact",
    219: "the search failed: repeat it later",
    225: "the event does not exist",
    231: "the task does not exist",
    233: "some of the contacts do not exist: check their ids",
    234: "some of the leads do not exist: check their ids",
    235: "the task names no entity type: set entity_type",
    236: "some of the contacts do not exist: check their ids",
    237: "some of the leads do not exist: check their ids",
    244: "the user has no right to add this, or the account's plan has ended",
    UNKNOWN_PHONE: "no contact or company has this phone number: create one with it, for instance "
    "with crm.contacts.find_or_create, and send the call again",
    281: "amoCRM did not delete the list",
    282: "the list or its element does not exist",
    288: "the user has no right to customers",
    330: "the entity is linked to too many others",
    402: "the account's plan does not include customers, or is not paid",
    425: "customers are not available in this account",
    426: "customers are turned off in this account",
}


def legacy_code(problem: Mapping[str, Json], status: int) -> int | None:
    """Return the numeric code in the body of an error response, if it has one that is known.

    Args:
        problem: the body, or an item of its `errors`.
        status: HTTP status of the response; a code equal to it says nothing new.
    """
    nested = problem.get("response")
    for part in (problem, nested if isinstance(nested, Mapping) else {}):
        for name in ("error_code", "code", "status"):
            code = _number(part.get(name))
            if code in _MEANINGS and code != status:
                return code
    return None


def explain_code(code: object) -> str | None:
    """Return the meaning of a numeric code, a number or its digits; None if it is unknown."""
    number = _number(code)
    meaning = None if number is None else _MEANINGS.get(number)
    return None if meaning is None else f"amoCRM's code {number}: {meaning}"


def _number(code: object) -> int | None:
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 5:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None
