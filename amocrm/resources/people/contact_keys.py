"""Whose phone or e-mail it is: what to search by, and whether what was found really has it.

The API's search looks for a text anywhere in an entity, so what it finds is looked at again.
Source: reference 3.1, 5.2, 5.13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.people.phone import TAIL, normalize_email, normalize_phone

PHONE: Final = "PHONE"
EMAIL: Final = "EMAIL"

Normal: TypeAlias = Callable[[str], str | None]
"""Returns the one form of a text; None if it is no such thing."""


class Found(NamedTuple):
    """There is exactly one who has it. Nothing was written.

    Attributes:
        entity: as it was read.
    """

    entity: dict[str, Json]

    @property
    def id(self) -> int:
        """The id of the entity."""
        return int(self.entity["id"])


class Ambiguous(NamedTuple):
    """There are several who have it, and none was created: a person has to choose.

    Attributes:
        entities: as they were read.
    """

    entities: list[dict[str, Json]]

    @property
    def ids(self) -> list[int]:
        """The ids of the entities."""
        return [int(one["id"]) for one in self.entities]


class ContactKeys(NamedTuple):
    """How somebody is reached: phones and e-mails, each in its one form.

    Attributes:
        phones: such as `+79001234567`.
        emails: in small letters.
        normal: what makes phones so.
    """

    phones: tuple[str, ...]
    emails: tuple[str, ...]
    normal: Normal = normalize_phone

    @property
    def texts(self) -> list[str]:
        """All of them, each once: what is locked while they are searched for."""
        return sorted(
            {f"{PHONE} {one}" for one in self.phones} | {f"{EMAIL} {one}" for one in self.emails}
        )

    @property
    def queries(self) -> list[str]:
        """What to search by: the end of a phone, for its beginning is written in many ways."""
        tails = [phone.lstrip("+")[-TAIL:] for phone in self.phones]
        return list(dict.fromkeys([*tails, *self.emails]))

    def is_of(self, entity: Mapping[str, Json]) -> bool:
        """Tell whether one of them stands in the entity's own phones or e-mails."""
        phones = {self.normal(text) for text in _texts(entity, PHONE)}
        emails = {normalize_email(text) for text in _texts(entity, EMAIL)}
        return not phones.isdisjoint(self.phones) or not emails.isdisjoint(self.emails)

    def model(self, more: Mapping[str, Json]) -> dict[str, Json]:
        """Return a model to create, with the phones and e-mails that it does not have itself."""
        items: list[Json] = list(more.get("custom_fields_values") or ())
        for code, texts, normal in (
            (PHONE, self.phones, self.normal), (EMAIL, self.emails, normalize_email)
        ):  # fmt: skip
            own = {normal(text) for text in _texts({"custom_fields_values": items}, code)}
            added = [{"value": one} for one in texts if one not in own]
            at = next((at for at, one in enumerate(items) if _is_of(one, code)), None)
            if added and at is None:
                items.append({"field_code": code, "values": added})
            elif added and at is not None:
                items[at] = {**items[at], "values": [*(items[at].get("values") or ()), *added]}
        return {**more, "custom_fields_values": items}


def read_contact_keys(
    phone: str | Iterable[str] | None,
    email: str | Iterable[str] | None,
    normal: Normal = normalize_phone,
) -> ContactKeys:
    """Read phones and e-mails as people write them.

    Raises:
        ConfigurationError: there is none, or one of them is no phone or no e-mail.
    """
    phones, emails = _read("phone", phone, normal), _read("e-mail", email, normalize_email)
    if not phones and not emails:
        raise ConfigurationError("there is neither a phone nor an e-mail to find somebody by")
    return ContactKeys(phones, emails, normal)


def _read(what: str, given: str | Iterable[str] | None, normal: Normal) -> tuple[str, ...]:
    several = isinstance(given, Iterable) and not isinstance(given, str)
    texts = list(given or ()) if several or given is None else [given]
    found: list[str] = []
    for at, text in enumerate(texts, 1):
        if text is None or (isinstance(text, str) and not text.strip()):
            continue  # A field of a form that was left empty.
        one = normal(text) if isinstance(text, str) else None
        if one is None:
            # Which one, but not what it is: messages end up in logs.
            raise ConfigurationError(f"the {what} number {at} of {len(texts)} is no {what}")
        found.append(one)
    return tuple(dict.fromkeys(found))


def _texts(entity: Mapping[str, Json], code: str) -> list[str]:
    return [
        value["value"]
        for item in _list(entity.get("custom_fields_values"))
        if isinstance(item, Mapping) and item.get("field_code") == code
        for value in _list(item.get("values"))
        if isinstance(value, Mapping) and isinstance(value.get("value"), str)
    ]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _is_of(item: Json, code: str) -> bool:
    return isinstance(item, Mapping) and item.get("field_code") == code
