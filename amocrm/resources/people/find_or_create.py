"""Contacts and companies by phone or e-mail: found, or created once, and never a stranger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Literal, Protocol, TypeAlias

from amocrm.bulk.context import ApiContext
from amocrm.bulk.listing import Listing
from amocrm.bulk.outcomes import Created
from amocrm.bulk.pages import ShapeError, find_list
from amocrm.errors import ConfigurationError, OutcomeUnknownError, UnexpectedReplyError
from amocrm.http.messages import Json
from amocrm.resources.people.contact_keys import (
    Ambiguous,
    ContactKeys,
    Found,
    Normal,
    read_contact_keys,
)
from amocrm.resources.people.phone import normalize_phone

Kind: TypeAlias = Literal["contacts", "companies"]

_KINDS: Final = ("contacts", "companies")

_Texts: TypeAlias = str | Iterable[str] | None


class Lock(Protocol):
    """Keeps all who share it from doing the same with one of the texts meanwhile."""

    def __call__(self, *texts: str) -> AbstractContextManager[object]:
        """Hold the locks of all the texts."""
        ...


def find(
    api: ApiContext,
    kind: Kind,
    *,
    phone: _Texts = None,
    email: _Texts = None,
    normal: Normal = normalize_phone,
) -> list[dict[str, Json]]:
    """Return all who have one of the phones or e-mails, each once, by id.

    The search finds what has the text anywhere; here it counts only in the entity's own phones and
    e-mails. What the search does not find is not found: a phone is searched by its last ten
    digits, so one that was saved with spaces in them may be missed.

    Raises:
        ConfigurationError: there is nothing to find by, or it is no phone or e-mail.
    """
    return _search(api, _checked(kind), read_contact_keys(phone, email, normal))


def find_or_create(
    api: ApiContext,
    lock: Lock,
    kind: Kind,
    model: Mapping[str, Json],
    *,
    phone: _Texts = None,
    email: _Texts = None,
    normal: Normal = normalize_phone,
) -> Found | Created | Ambiguous:
    """Find the one who has a phone or an e-mail, or create them.

    Nothing is ever written to who was found. While it searches and creates, all others who share
    the store and look for the same wait, so that two processes do not create the same twice; as
    far as the server's search finds at once what was just created, which is not documented.

    Args:
        api: what it asks through.
        lock: what the others are kept out by.
        kind: `contacts` or `companies`.
        model: what is created besides the phones and e-mails, such as `{"name": "Ann"}`.
        phone: one or several; any of them is enough.
        email: the same.
        normal: brings a phone into its one form; see `amocrm.phones`.

    Returns:
        `Found` with the entity, `Created` with the id, or `Ambiguous` with all who have it.

    Raises:
        ConfigurationError: there is nothing to find by, or it is no phone or e-mail.
        TokenStoreError: the others could not be kept out; nothing was sent.
        OutcomeUnknownError: it may have been created: find it again before you create it.
    """
    checked, keys = _checked(kind), read_contact_keys(phone, email, normal)
    with lock(*(f"{checked} {text}" for text in keys.texts)):
        found = _search(api, checked, keys)
        if not found:
            return _create(api, checked, keys.model(model))
    return Found(found[0]) if len(found) == 1 else Ambiguous(found)


def _checked(kind: str) -> str:
    if kind not in _KINDS:
        raise ConfigurationError(f"{kind!r} have no phones", hint="contacts or companies")
    return kind


def _search(api: ApiContext, kind: str, keys: ContactKeys) -> list[dict[str, Json]]:
    found: dict[int, dict[str, Json]] = {}
    for query in keys.queries:
        for entity in Listing[Json](api, f"/api/v4/{kind}", {"query": query}):
            if isinstance(entity, dict) and keys.is_of(entity):
                found.setdefault(_id(entity, kind), entity)
    return [found[number] for number in sorted(found)]


def _id(entity: Mapping[str, Json], kind: str) -> int:
    number = entity.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        path = f"/api/v4/{kind}"
        raise UnexpectedReplyError(
            f"GET {path} was answered 200 with an entity without an id",
            method="GET", path=path, status=200,
        )  # fmt: skip
    return number


def _create(api: ApiContext, kind: str, model: dict[str, Json]) -> Created:
    path = f"/api/v4/{kind}"
    response = api.request.post(path, [model])
    try:
        (answer,) = find_list(response.data, path)
        return Created(int(answer["id"]), model, answer)
    except (ShapeError, ValueError, TypeError, LookupError):
        raise OutcomeUnknownError(
            f"POST {path} was answered {response.info.status_code} without the id of one entity",
            method="POST", path=path, data=model,
        ) from None  # fmt: skip
