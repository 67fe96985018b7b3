"""What can be done with a resource. Each verb is written once; a resource names those it has.

Type variables: E an item, N a new one, P a change, A what creating answers, C what changing
answers, F the filter, W the names of `with_`, O those of `order`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from amocrm.errors import NotFoundError
from amocrm.http.messages import Json, Retry
from amocrm.resources.filters import Direction, build_query
from amocrm.resources.resource import Resource

if TYPE_CHECKING:
    from amocrm.bulk.journals.storage import JournalStorage
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.writer import Outcomes
    from amocrm.progress import Report

E = TypeVar("E")
N = TypeVar("N")
P = TypeVar("P")
A = TypeVar("A")
C = TypeVar("C")
F = TypeVar("F")
W = TypeVar("W", bound=str)
O = TypeVar("O", bound=str)  # noqa: E741


class Gets(Resource, Generic[E, W]):
    """Items are read one by one."""

    __slots__ = ()
    _asks: ClassVar[tuple[str, ...]] = ("with",)

    def get(self, id: int | str, *, with_: Iterable[W] | None = None) -> E:  # noqa: A002
        """Return one item.

        Args:
            id: its id, as a number or in digits.
            with_: more parts of it.

        Raises:
            NotFoundError: there is none: it was answered 404, or 204 (reference 3.2).
        """
        asked = build_query(self.endpoint, self._where, lenient=self._api.lenient, with_=with_)
        path = self._item(id)
        response = self._api.request.get(path, asked or None)
        if response.data is None:
            raise NotFoundError(
                f"there is no {self._where}/{id}",
                method="GET", path=path, status=response.info.status_code,
                request_id=response.info.headers.get("X-Request-Id"),
            )  # fmt: skip
        return cast("E", response.data)


class Reads(Resource, Generic[E, W]):
    """There is one, and it is read."""

    __slots__ = ()
    _asks: ClassVar[tuple[str, ...]] = ("with",)

    def get(self, *, with_: Iterable[W] | None = None) -> E:
        """Return it; what `with_` does not name is left out of it."""
        asked = build_query(self.endpoint, self._where, lenient=self._api.lenient, with_=with_)
        return cast("E", self._api.request.get(self._path, asked or None).data)


class Lists(Resource, Generic[E, F, W, O]):
    """Items are read as a listing."""

    __slots__ = ()
    _asks: ClassVar[tuple[str, ...]] = ("filter", "with", "order")

    def list(
        self,
        *,
        filter: F | None = None,  # noqa: A002  the API's own word
        with_: Iterable[W] | None = None,
        order: Mapping[O, Direction] | None = None,
        query: str | int | None = None,
        params: Mapping[str, Json] | None = None,
        limit: int | None = None,
        ahead: int | None = None,
        expect: int | None = None,
        unique: bool = False,
        progress: Report | None = None,
    ) -> Listing[E]:
        """Return the items, all of them: nothing is sent before it is iterated; see `Listing`.

        Args:
            filter: by fields: `{"id": [1, 2], "updated_at": {"from": 1700000000}}`.
            with_: more parts of each item.
            order: one name: `{"updated_at": "asc"}`.
            query: words to look for, where the resource can be searched.
            params: more of the query, sent as it is.
            limit: items per page; the most that the API allows, if none is given.
            ahead: calls under way at once; None follows the latency.
            expect: about how many there are: so many are asked for from the first instant on.
            unique: give out each id once.
            progress: is told how far it has come.

        Raises:
            ConfigurationError: an argument is wrong; the nearest name is suggested. The rest is
                raised while iterating.
        """
        from amocrm.bulk.listing import Listing

        asked = build_query(
            self.endpoint, self._where, lenient=self._api.lenient,
            filter=cast("Mapping[str, Json] | None", filter),
            with_=with_, order=cast("Mapping[str, Json] | None", order), query=query,
        )  # fmt: skip
        return Listing(
            self._api, self._path, {**asked, **(params or {})},
            limit=limit, ahead=ahead, expect=expect, unique=unique, progress=progress,
        )  # fmt: skip


class Creates(Resource, Generic[N, A]):
    """Items are created, one or many in a call."""

    __slots__ = ()

    def create(self, item: N) -> A:
        """Create one, and return what the server says of it.

        Raises:
            ValidationError: the server refuses it, and says which fields.
            OutcomeUnknownError: it may have been created: look for it before you send it again.
        """
        from amocrm.bulk.outcomes import Created, correlate

        with self._explained():
            response = self._api.request.post(self._path, [item])
        (outcome,) = correlate([item], response.data, self._path, Created)
        outcome.unwrap()
        return cast("A", cast("Created", outcome).answer)

    def create_many(
        self,
        items: Iterable[N],
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry = "auto",
        progress: Report | None = None,
    ) -> Outcomes:
        """Create any number, and yield what became of each; see `AmoCRM.create_many`."""
        from amocrm.bulk.outcomes import Created
        from amocrm.bulk.writer import Outcomes, Writer

        writer = Writer(
            self._api, Created, self._path,
            size=size, ahead=ahead, journal=journal, retry=retry, progress=progress,
        )  # fmt: skip
        return Outcomes(writer, items, self._explain)


class CreatesOne(Resource, Generic[N, A]):
    """Items are created one by one: the API takes no array here (reference 3.1)."""

    __slots__ = ()

    def create(self, item: N) -> A:
        """Create one, and return it as the server has it.

        Raises:
            ValidationError: the server refuses it, and says which fields.
        """
        with self._explained():
            return cast("A", self._api.request.post(self._path, item).data)


class Updates(Resource, Generic[P, A]):
    """Items are changed one by one."""

    __slots__ = ()

    def update(self, id: int | str, patch: P) -> A:  # noqa: A002
        """Change one, and return what the server says of it. What `patch` lacks stays as it is.

        Raises:
            NotFoundError: there is none.
            ValidationError: the server refuses it, and says which fields.
        """
        with self._explained():
            return cast("A", self._api.request.patch(self._item(id), patch).data)


class UpdatesMany(Updates[P, A]):
    """Items are changed, one or many in a call."""

    __slots__ = ()

    def update_many(
        self,
        patches: Iterable[P],
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry = "auto",
        progress: Report | None = None,
    ) -> Outcomes:
        """Change any number, each with its `id`, and yield what became of each.

        See `AmoCRM.update_many`.
        """
        from amocrm.bulk.outcomes import Updated
        from amocrm.bulk.writer import Outcomes, Writer

        writer = Writer(
            self._api, Updated, self._path,
            size=size, ahead=ahead, journal=journal, retry=retry, progress=progress,
        )  # fmt: skip
        return Outcomes(writer, patches, self._explain)


class Deletes(Resource):
    """Items are deleted one by one."""

    __slots__ = ()

    def delete(self, id: int | str) -> None:  # noqa: A002
        """Delete one; there is no way back.

        Raises:
            NotFoundError: there is none.
        """
        with self._explained():
            self._api.request.delete(self._item(id))


class Editable(
    Lists[E, F, W, O], Gets[E, W], Creates[N, A], UpdatesMany[P, C], Generic[E, N, P, A, C, F, W, O]
):
    """The commonest resource: listed, read, created, changed."""

    __slots__ = ()
    _asks: ClassVar[tuple[str, ...]] = ("filter", "with", "order")
