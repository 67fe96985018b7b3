"""Phones, e-mails and names that an entity is found by, and the comparison with what was found.

The API's search looks for a text anywhere in an entity, so each entity it returns is compared.
Source: reference 3.1, 5.2, 5.13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.people.normalize import (
    normalize_email,
    normalize_name,
    normalize_phone,
    search_tail,
)

PHONE: Final = "PHONE"
EMAIL: Final = "EMAIL"

Normal: TypeAlias = Callable[[str], str | None]
"""Returns the normal form of a text; None if it is not a phone, or not an e-mail."""


class Found(NamedTuple):
    """Exactly one entity has the phone, e-mail or name. Nothing was written.

    Attributes:
        entity: as it was read.
    """

    entity: dict[str, Json]

    @property
    def id(self) -> int:
        """The id of the entity."""
        return int(self.entity["id"])


class Ambiguous(NamedTuple):
    """Several entities have the phone, e-mail or name; none was created: a person has to choose.

    Attributes:
        entities: as they were read, in the order of their ids.
    """

    entities: list[dict[str, Json]]

    @property
    def id(self) -> int:
        """The id of the oldest entity."""
        return min(self.ids)

    @property
    def ids(self) -> list[int]:
        """The ids of the entities."""
        return [int(one["id"]) for one in self.entities]


class ContactKeys(NamedTuple):
    """What an entity is found by: any of them is enough.

    Attributes:
        phones: normalized, such as `+79001234567`.
        emails: in lower case.
        name: as it was given; None to compare no names.
        normal: normalizes phones.
    """

    phones: tuple[str, ...]
    emails: tuple[str, ...]
    name: str | None = None
    normal: Normal = normalize_phone

    @property
    def texts(self) -> list[str]:
        """All of them, each once: what is locked during the search."""
        texts = {f"{PHONE} {one}" for one in self.phones} | {
            f"{EMAIL} {one}" for one in self.emails
        }
        if self.name is not None:
            texts.add(f"name {normalize_name(self.name)}")
        return sorted(texts)

    @property
    def queries(self) -> list[str]:
        """What is searched first: of a phone its last digits."""
        tails = [search_tail(phone) for phone in self.phones]
        names = [] if self.name is None else [" ".join(self.name.split())]
        return list(dict.fromkeys([*tails, *self.emails, *names]))

    def match(self, entity: Mapping[str, Json]) -> bool:
        """Tell whether an entity has one of them in its own phones, e-mails or name."""
        if self.name is not None:
            name = entity.get("name")
            if isinstance(name, str) and normalize_name(name) == normalize_name(self.name):
                return True
        phones = phones_of(entity, self.normal)
        return not phones.isdisjoint(self.phones) or not emails_of(entity).isdisjoint(self.emails)

    def model(self, more: Mapping[str, Json]) -> dict[str, Json]:
        """Return a model to create, with the phones, e-mails and name that it lacks."""
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
        name = {} if self.name is None else {"name": self.name}
        return {**name, **more, "custom_fields_values": items}


def phones_of(entity: Mapping[str, Json], normal: Normal) -> set[str]:
    """Return the normalized phones of an entity."""
    found = {normal(text) for text in _texts(entity, PHONE)}
    return {one for one in found if one is not None}


def emails_of(entity: Mapping[str, Json]) -> set[str]:
    """Return the normalized e-mails of an entity."""
    found = {normalize_email(text) for text in _texts(entity, EMAIL)}
    return {one for one in found if one is not None}


def read_contact_keys(
    phone: str | Iterable[str] | None,
    email: str | Iterable[str] | None,
    name: str | None = None,
    normal: Normal = normalize_phone,
) -> ContactKeys:
    """Read phones, e-mails and a name as people write them.

    Raises:
        ConfigurationError: there is none, or one of them is not valid.
    """
    phones = _read("phone", "number", phone, normal)
    emails = _read("e-mail", "address", email, normalize_email)
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise ConfigurationError("name must be a text that is not empty")
    if not phones and not emails and name is None:
        raise ConfigurationError("there is nothing to find by: give a phone or an e-mail")
    return ContactKeys(phones, emails, name, normal)


def _read(
    what: str, valid: str, given: str | Iterable[str] | None, normal: Normal
) -> tuple[str, ...]:
    several = isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))
    texts = list(given or ()) if several or given is None else [given]
    found: list[str] = []
    for at, text in enumerate(texts, 1):
        if text is None or (isinstance(text, str) and not text.strip()):
            continue  # A field of a form that was left empty.
        one = normal(text) if isinstance(text, str) else None
        if one is None:
            # Which one, but not its value: messages end up in logs.
            which = what if len(texts) == 1 else f"{what} {at} of {len(texts)}"
            kind = "" if isinstance(text, str) else f": expected str, got {type(text).__name__}"
            raise ConfigurationError(f"{which} is not a valid {valid}{kind}")
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
