"""Contacts and companies by phone or e-mail: found, or created once, and never a stranger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Literal, Protocol, TypeAlias

from amocrm.bulk.context import Way
from amocrm.bulk.listing import Listing
from amocrm.bulk.outcomes import Created
from amocrm.bulk.pages import ShapeError, find_list
from amocrm.errors import ConfigurationError, OutcomeUnknownError
from amocrm.http.messages import Json
from amocrm.resources.people.contact_keys import Ambiguous, Found, Normal, Reach, read_reach
from amocrm.resources.people.phone import normal_phone

Kind: TypeAlias = Literal["contacts", "companies"]

_KINDS: Final = ("contacts", "companies")

_Texts: TypeAlias = str | Iterable[str] | None


class Lock(Protocol):
    """Keeps all who share it from doing the same with one of the texts meanwhile."""

    def __call__(self, *texts: str) -> AbstractContextManager[object]:
        """Hold the locks of all the texts."""
        ...


def find(
    way: Way,
    kind: Kind,
    *,
    phone: _Texts = None,
    email: _Texts = None,
    normal: Normal = normal_phone,
) -> list[dict[str, Json]]:
    """Return all who have one of the phones or e-mails, each once, by id.

    The search finds what has the text anywhere; here it counts only in the entity's own phones and
    e-mails. What the search does not find is not found: a phone is searched by its last ten
    digits, so one that was saved with spaces in them may be missed.

    Raises:
        ConfigurationError: there is nothing to find by, or it is no phone or e-mail.
    """
    return _search(way, _checked(kind), read_reach(phone, email, normal))


def find_or_create(
    way: Way,
    lock: Lock,
    kind: Kind,
    model: Mapping[str, Json],
    *,
    phone: _Texts = None,
    email: _Texts = None,
    normal: Normal = normal_phone,
) -> Found | Created | Ambiguous:
    """Find the one who has a phone or an e-mail, or create them.

    Nothing is ever written to who was found. While it searches and creates, all others who share
    the store and look for the same wait, so that two processes do not create the same twice; as
    far as the server's search finds at once what was just created, which is not documented.

    Args:
        way: what it asks through.
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
    checked, reach = _checked(kind), read_reach(phone, email, normal)
    with lock(*(f"{checked} {text}" for text in reach.texts)):
        found = _search(way, checked, reach)
        if not found:
            return _create(way, checked, reach.model(model))
    return Found(found[0]) if len(found) == 1 else Ambiguous(found)


def _checked(kind: str) -> str:
    if kind not in _KINDS:
        raise ConfigurationError(f"{kind!r} have no phones", hint="contacts or companies")
    return kind


def _search(way: Way, kind: str, reach: Reach) -> list[dict[str, Json]]:
    found: dict[int, dict[str, Json]] = {}
    for query in reach.queries:
        for entity in Listing[dict[str, Json]](way, f"/api/v4/{kind}", {"query": query}):
            if reach.is_of(entity):
                found.setdefault(int(entity["id"]), entity)
    return [found[number] for number in sorted(found)]


def _create(way: Way, kind: str, model: dict[str, Json]) -> Created:
    path = f"/api/v4/{kind}"
    response = way.request.post(path, [model])
    try:
        (answer,) = find_list(response.data, path)
        return Created(int(answer["id"]), model, answer)
    except (ShapeError, ValueError, TypeError, LookupError):
        raise OutcomeUnknownError(
            f"POST {path} was answered {response.info.status_code} without the id of one entity",
            method="POST", path=path, data=model,
        ) from None  # fmt: skip
