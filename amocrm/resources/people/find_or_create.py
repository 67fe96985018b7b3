"""Finds contacts and companies by phone, e-mail or name, or creates them once.

A phone is stored as it was typed: `8 (999) 123-45-67`. Whether the API's search ignores the
separators is not documented, so a phone is searched by its last ten digits first, which is enough
where it does; a phone that this finds nobody for is searched as its end is usually written
(`written_forms`). Each entity found is compared by its normalized phones. Source: reference 3.1.

Searches: one for each phone, e-mail and name, and six more for a phone that the first search found
nobody for. Each search is one call, if it finds at most 250 entities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Literal, Protocol, TypeAlias

from amocrm.bulk.context import ApiContext
from amocrm.bulk.listing import Listing
from amocrm.bulk.outcomes import Created
from amocrm.bulk.pages import ShapeError, find_list
from amocrm.errors import ConfigurationError, OutcomeUnknownError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.resources.people.contact_keys import (
    Ambiguous,
    ContactKeys,
    Found,
    Normal,
    phones_of,
    read_contact_keys,
)
from amocrm.resources.people.normalize import normalize_phone, written_forms

Kind: TypeAlias = Literal["contacts", "companies"]

_KINDS: Final = ("contacts", "companies")

_Texts: TypeAlias = str | Iterable[str] | None


class Lock(Protocol):
    """Lets one of all who share it at a time work with a text."""

    def __call__(self, *texts: str) -> AbstractContextManager[object]:
        """Hold the locks of all the texts."""
        ...


def find(
    api: ApiContext,
    kind: Kind,
    *,
    phone: _Texts = None,
    email: _Texts = None,
    name: str | None = None,
    normal: Normal = normalize_phone,
) -> list[dict[str, Json]]:
    """Return all entities that have one of the phones or e-mails, or the name, by id.

    Raises:
        ConfigurationError: there is nothing to find by, or one of them is not valid.
    """
    return _search(api, _checked(kind, name), read_contact_keys(phone, email, name, normal))


def find_or_create(
    api: ApiContext,
    lock: Lock,
    kind: Kind,
    model: Mapping[str, Json],
    *,
    phone: _Texts = None,
    email: _Texts = None,
    name: str | None = None,
    normal: Normal = normalize_phone,
) -> Found | Created | Ambiguous:
    """Find the entity that has a phone, an e-mail or a name, or create it.

    An entity that was found is not changed. While this searches and creates, all others who share
    the store and look for the same wait, so that two processes do not create the same entity twice;
    provided that the server's search finds at once what was just created, which is not documented.

    Args:
        api: makes the calls.
        lock: makes the others wait.
        kind: `contacts` or `companies`.
        model: what is created besides the phones and e-mails, such as `{"name": "Ann"}`.
        phone: one or several; any of them is enough.
        email: one or several; any of them is enough.
        name: of a company.
        normal: normalizes a phone; see `amocrm.phones`.

    Returns:
        `Found` with the entity, `Created` with the id, or `Ambiguous` with all who have it.

    Raises:
        ConfigurationError: there is nothing to find by, or one of them is not valid.
        TokenStoreError: the lock could not be taken; nothing was sent.
        OutcomeUnknownError: it may have been created: find it again before you create it.
    """
    checked, keys = _checked(kind, name), read_contact_keys(phone, email, name, normal)
    with lock(*(f"{checked} {text}" for text in keys.texts)):
        found = _search(api, checked, keys)
        if not found:
            return _create(api, checked, keys.model(model))
    return Found(found[0]) if len(found) == 1 else Ambiguous(found)


def _checked(kind: str, name: str | None) -> str:
    if kind not in _KINDS:
        raise ConfigurationError(f"{kind!r} have no phones", hint="contacts or companies")
    if name is not None and kind != "companies":
        raise ConfigurationError(
            "contacts are not found by name: different people have the same name",
            hint="give a phone or an e-mail",
        )
    return kind


def _search(api: ApiContext, kind: str, keys: ContactKeys) -> list[dict[str, Json]]:
    found: dict[int, dict[str, Json]] = {}

    def look_for(query: str) -> None:
        for entity in Listing[Json](api, f"/api/v4/{kind}", {"query": query}):
            if isinstance(entity, dict) and keys.match(entity):
                found.setdefault(entity_id(entity, kind), entity)

    for query in keys.queries:
        look_for(query)
    for phone in keys.phones:
        if not any(phone in phones_of(entity, keys.normal) for entity in found.values()):
            for form in written_forms(phone):
                look_for(form)
    return [found[number] for number in sorted(found)]


def entity_id(entity: Mapping[str, Json], kind: str) -> int:
    """Return the id of an entity.

    Raises:
        UnexpectedReplyError: it has none.
    """
    number = entity.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise unexpected_response("GET", f"/api/v4/{kind}", "an entity without an id")
    return number


def _create(api: ApiContext, kind: str, model: dict[str, Json]) -> Created:
    path = f"/api/v4/{kind}"
    response = api.request.post(path, [model])
    try:
        (answer,) = find_list(response.data, path)
        return Created(int(answer["id"]), model, answer)
    except (ShapeError, ValueError, TypeError, LookupError):
        raise OutcomeUnknownError(
            f"POST {path} returned {response.info.status_code} without the id of the new entity",
            method="POST", path=path, data=model,
        ) from None  # fmt: skip
