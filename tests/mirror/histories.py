"""Random histories of an account: what people do in it, as steps that always make sense."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from amocrm import AmoCRM
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.clock import SystemClock

ENTITIES: Final = ("leads", "contacts", "companies")

Step = tuple[Any, ...]

_kind = st.sampled_from(ENTITIES)
_which = st.integers(0, 3)

STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("create"), _kind),
    st.tuples(st.just("edit"), _kind, _which),
    st.tuples(st.just("stamp"), _kind, _which),
    st.tuples(st.just("move"), _which),
    st.tuples(st.just("link"), _which, _which),
    st.tuples(st.just("unlink"), _which, _which),
    st.tuples(st.just("trash"), _kind, _which),
    st.tuples(st.just("restore"), _kind, _which),
    st.tuples(st.just("merge"), _kind, _which),
    st.tuples(st.just("pass"), st.sampled_from([1, 2, 70, 700])),
)
"""Steps of an account; several happen in one second."""


class History:
    """An account in which steps are done.

    Args:
        portal: it is in its first account.
        crm: a client of it.
        clock: of both.
    """

    def __init__(self, portal: Sandbox, crm: AmoCRM, clock: ManualClock | SystemClock) -> None:
        self.portal = portal
        self.crm = crm
        self.clock = clock
        self._edits = 0

    def do(self, step: Step) -> None:
        """Do a step; nothing, if there is nothing to do it with."""
        getattr(self, f"_{step[0]}")(*step[1:])

    def alive(self, kind: str, deleted: bool = False) -> list[int]:
        """The ids of the entities of a kind, in their order."""
        stored = {"leads": self.portal.leads, "contacts": self.portal.contacts}.get(
            kind, self.portal.companies
        )()
        return sorted(one["id"] for one in stored if bool(one["is_deleted"]) is deleted)

    def _create(self, kind: str) -> None:
        self.portal.add(kind, {"name": f"new {kind}", "tags_to_add": [{"name": "first"}]})

    def _edit(self, kind: str, which: int) -> None:
        if (number := self._pick(kind, which)) is not None:
            self._edits += 1
            tag = {"name": f"tag {self._edits % 3}"}
            patch = {"name": f"edit {self._edits}", "_embedded": {"tags": [tag]}}
            self.crm.request.patch(f"/api/v4/{kind}/{number}", patch)

    def _stamp(self, kind: str, which: int) -> None:
        """Edit as an integration does whose clock is wrong."""
        if (number := self._pick(kind, which)) is not None:
            self._edits += 1
            patch = {"name": f"edit {self._edits}", "updated_at": int(self.clock.time()) + 10**7}
            self.crm.request.patch(f"/api/v4/{kind}/{number}", patch)

    def _move(self, which: int) -> None:
        if (number := self._pick("leads", which)) is not None:
            self._edits += 1
            status = (142, 143)[self._edits % 2]
            self.crm.request.patch(f"/api/v4/leads/{number}", {"status_id": status})

    def _link(self, which: int, other: int, word: str = "link") -> None:
        lead, contact = self._pick("leads", which), self._pick("contacts", other)
        if lead is not None and contact is not None:
            end = {"to_entity_id": contact, "to_entity_type": "contacts"}
            self.crm.request.post(f"/api/v4/leads/{lead}/{word}", [end])

    def _unlink(self, which: int, other: int) -> None:
        self._link(which, other, "unlink")

    def _trash(self, kind: str, which: int) -> None:
        if (number := self._pick(kind, which)) is not None:
            self.portal.trash(kind, number)

    def _restore(self, kind: str, which: int) -> None:
        gone = self.alive(kind, deleted=True)
        if gone:
            self.portal.restore(kind, gone[which % len(gone)])

    def _merge(self, kind: str, which: int) -> None:
        there = self.alive(kind)
        if len(there) > 1:
            into = there[which % len(there)]
            self.portal.merge(kind, into, next(one for one in there if one != into))

    def _pass(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _pick(self, kind: str, which: int) -> int | None:
        there = self.alive(kind)
        return there[which % len(there)] if there else None
