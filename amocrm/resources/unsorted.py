"""Incoming leads that nobody has sorted yet. Source: reference 4.4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NoReturn, TypedDict, cast

from amocrm.http.messages import Json
from amocrm.resources.endpoint import Endpoint
from amocrm.resources.filters import build_query
from amocrm.resources.lazy import LazyResource
from amocrm.resources.one_item import OneReadable
from amocrm.resources.resource import member_types
from amocrm.resources.verbs import Creates, Gets, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import Id, Since, Uid
    from amocrm.resources.filters import Direction
    from amocrm.schema.enums import UnsortedCategory
    from amocrm.schema.unsorted import NewForm, NewSip, Sorted, UnsortedLink, UnsortedSummary
    from amocrm.schema.unsorted import Unsorted as UnsortedLead


class UnsortedOrder(TypedDict, total=False):
    """What incoming leads can be ordered by; one of them."""

    created_at: Direction
    updated_at: Direction


class UnsortedFilter(TypedDict, total=False):
    """What incoming leads can be filtered by."""

    uid: Uid | Iterable[Uid]
    category: UnsortedCategory | Iterable[UnsortedCategory]
    pipeline_id: Id


class SummaryFilter(TypedDict, total=False):
    """What a summary can be limited to."""

    uid: Uid | Iterable[Uid]
    created_at: Since
    pipeline_id: Id


_KINDS: Final = member_types(SummaryFilter)
_SUMMARY: Final = Endpoint("summary", "4.4", _KINDS)


class UnsortedForms(Creates["NewForm", "UnsortedLead"], path="forms", source="4.4"):
    """Incoming leads from a form of a site."""

    __slots__ = ()


class UnsortedCalls(Creates["NewSip", "UnsortedLead"], path="sip", source="4.4"):
    """Incoming leads from a call."""

    __slots__ = ()


class OneUnsorted(OneReadable["UnsortedLead", NoReturn]):
    """What can be done with one incoming lead."""

    __slots__ = ()

    def accept(self, *, user_id: int | None = None, status_id: int | None = None) -> Sorted:
        """Make it a lead.

        Args:
            user_id: who becomes responsible; the token's user, if nobody is named.
            status_id: its stage; the first ordinary one of its pipeline, if none is named.
        """
        sent = _given(user_id=user_id, status_id=status_id)
        done: Sorted = self._api.request.post(f"{self._path}/accept", sent or None).data
        return done

    def decline(self, *, user_id: int | None = None) -> Sorted:
        """Put it into the recycle bin, with its contact."""
        sent = _given(user_id=user_id)
        done: Sorted = self._api.request.delete(f"{self._path}/decline", sent or None).data
        return done

    def link(self, link: UnsortedLink, *, user_id: int | None = None) -> Sorted:
        """Tie it to an entity that is there: `{"entity_id": 7001, "entity_type": "leads"}`."""
        sent = {"link": link, **_given(user_id=user_id)}
        done: Sorted = self._api.request.post(f"{self._path}/link", sent).data
        return done


class Unsorted(
    Lists["UnsortedLead", UnsortedFilter, NoReturn, UnsortedOrder],
    Gets["UnsortedLead", NoReturn],
    path="unsorted", source="4.4", text_id=True,
):  # fmt: skip
    """Leads that came in and wait to be accepted. Their ids are texts, called `uid`."""

    __slots__ = ()

    forms: LazyResource[UnsortedForms] = LazyResource("unsorted.UnsortedForms")
    """Incoming leads from a form of a site."""
    calls: LazyResource[UnsortedCalls] = LazyResource("unsorted.UnsortedCalls")
    """Incoming leads from a call."""

    def __call__(self, id: int | str) -> OneUnsorted:  # noqa: A002
        """Return what can be done with one of them."""
        return self._at(OneUnsorted, id)

    def summary(self, filter: SummaryFilter | None = None) -> UnsortedSummary:  # noqa: A002
        """Return how many came and what became of them; times are in seconds."""
        asked = build_query(
            _SUMMARY, f"{self._where}/summary", lenient=self._api.lenient,
            filter=cast("Mapping[str, Json] | None", filter), facts=self._facts(),
        )  # fmt: skip
        summary: UnsortedSummary = self._api.request.get(
            f"{self._path}/summary", asked or None
        ).data
        return summary


def _given(**parts: Json) -> dict[str, Json]:
    return {name: value for name, value in parts.items() if value is not None}
