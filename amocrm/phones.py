"""Phones by the rules of every country: the one importer of `phonenumbers`. Needs the extra."""

from __future__ import annotations

from amocrm.errors import ConfigurationError
from amocrm.resources.people.contact_keys import Normal
from amocrm.resources.people.normalize import normalize_phone

try:
    import phonenumbers
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "phones by country need phonenumbers", hint="run: pip install 'amocrm-python[phones]'"
    ) from missing

__all__ = ["phones_of"]


def phones_of(region: str) -> Normal:
    """Return a function that normalizes phones, for `find_or_create(normal=...)`.

    A text that is not a possible number by the country's rules is read by `normalize_phone`.

    Args:
        region: two letters of the country whose numbers are written without its code: `DE`.

    Raises:
        ConfigurationError: there is no such country.
    """
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigurationError(f"there is no country {region!r}", hint="two letters, such as DE")

    def normal(text: str) -> str | None:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return normalize_phone(text)
        if not phonenumbers.is_possible_number(number):
            return normalize_phone(text)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return normal
