"""Finds the contacts and companies that cells name: by id, phone, e-mail or name.

What a cell is tells its text: up to nine digits are an id, what has no letters is a phone. Each
text is searched once; ids are asked for together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, cast

from amocrm.cli.resources import find_resource
from amocrm.cli.words import is_number
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.people.normalize import normalize_email, normalize_name, normalize_phone

if TYPE_CHECKING:
    from amocrm.cli.entity_kinds import Many
    from amocrm.client import AmoCRM
    from amocrm.resources.contacts import Companies, Contacts

By: TypeAlias = Literal["id", "phone", "email", "name"]

_ID_DIGITS: Final = 9
"""Digits of an id at most; more of them are a phone."""
_PHONE: Final = re.compile(r"[+(]?[0-9][0-9 ()\-.\u00a0]*")
_AT_ONCE: Final = 6
_KEPT: Final = 50_000
"""Texts whose ids are kept; when there are more, all are dropped."""
_SHOWN: Final = 5
_ONE: Final = {"contacts": "contact", "companies": "company"}


class Reference(NamedTuple):
    """What a cell names: the kind of the entity, and its id, phone, e-mail or name."""

    kind: str
    text: str


class _Known(NamedTuple):
    id: int | None = None
    error: str = ""
    hint: str | None = None


class LinkLookup:
    """Looks up the contacts and companies of one account.

    Args:
        crm: its client.
    """

    def __init__(self, crm: AmoCRM) -> None:
        self._crm = crm
        self._known: dict[Reference, _Known] = {}

    def prepare(self, references: Iterable[Reference]) -> None:
        """Ask for those that are not known yet, several at once."""
        if len(self._known) > _KEPT:
            self._known.clear()
        missing = [one for one in dict.fromkeys(references) if one not in self._known]
        by_id = [one for one in missing if key_of(one.text) == "id"]
        for kind in _ONE:
            self._read_ids(kind, [one for one in by_id if one.kind == kind])
        rest = [one for one in missing if one not in self._known]
        if rest:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                self._known.update(zip(rest, pool.map(self._search, rest), strict=True))

    def id_of(self, reference: Reference) -> int:
        """Return the id of an entity.

        Raises:
            ConfigurationError: there is none, or several have the phone, e-mail or name. The
                message does not contain it.
        """
        if reference not in self._known:
            self.prepare([reference])
        found = self._known[reference]
        if found.id is None:
            raise ConfigurationError(found.error, hint=found.hint)
        return found.id

    def _read_ids(self, kind: str, references: list[Reference]) -> None:
        if not references:
            return
        listed = cast("Many", find_resource(self._crm, kind))
        ids = sorted({int(one.text) for one in references})
        there = {one["id"] for one in listed.list(filter={"id": ids})}
        for one in references:
            number = int(one.text)
            missing = f"there is no {_ONE[kind]} {number}"
            self._known[one] = _Known(number) if number in there else _Known(error=missing)

    def _search(self, reference: Reference) -> _Known:
        by = key_of(reference.text)
        ids = sorted({int(one["id"]) for one in self._matching(reference, by)})
        if len(ids) == 1:
            return _Known(ids[0])
        what = "e-mail" if by == "email" else by
        if not ids:
            return _Known(error=f"no {_ONE[reference.kind]} has this {what}")
        shown = ", ".join(map(str, ids[:_SHOWN]))
        return _Known(
            error=f"{len(ids)} {reference.kind} have this {what}: {shown}",
            hint="merge them, or give the id",
        )

    def _matching(self, reference: Reference, by: By) -> Iterable[dict[str, Json]]:
        kind, text = reference
        resource = cast("Contacts | Companies", find_resource(self._crm, kind))
        if by == "phone":
            return resource.find(phone=text)
        if by == "email":
            return resource.find(email=text)
        listed = cast("Iterable[dict[str, Json]]", resource.list(query=" ".join(text.split())))
        wanted = normalize_name(text)
        return [one for one in listed if normalize_name(str(one.get("name") or "")) == wanted]


def key_of(text: str) -> By:
    """Tell what a text is: an id, a phone, an e-mail or a name."""
    if is_number(text) and len(text) <= _ID_DIGITS:
        return "id"
    if normalize_email(text) is not None:
        return "email"
    is_phone = _PHONE.fullmatch(text) is not None and normalize_phone(text) is not None
    return "phone" if is_phone else "name"
