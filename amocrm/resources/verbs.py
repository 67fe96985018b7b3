"""What can be done with a resource. Each verb is written once; a resource names those it has.

Type variables: E an item, N a new one, P a change, A what creating answers, C what changing
answers, F the filter, W the names of `with_`, O the order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar, cast

from amocrm.bulk.split_query import SPLIT, split_query
from amocrm.errors import ConfigurationError, ConflictError, NotFoundError
from amocrm.http.messages import Json, Retry, Timeout
from amocrm.http.query import check_params
from amocrm.resources import lazy
from amocrm.resources.filter_values import NO_FACTS
from amocrm.resources.filters import build_query
from amocrm.resources.item_checks import (
    check_has_id,
    check_item,
    check_shape,
    with_plain_numbers,
)
from amocrm.resources.one_item import OneEditable, OneReadable
from amocrm.resources.resource import Resource, members

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
O = TypeVar("O")  # noqa: E741


class Gets(Resource, Generic[E, W]):
    """Items are read one by one."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("item", "with")

    def __call__(self, id: int | str) -> OneReadable[E, W]:  # noqa: A002
        """Return one item by its id, with what can be done with it."""
        return self._at(OneReadable[E, W], id)

    def get(
        self,
        id: int | str,  # noqa: A002
        *,
        with_: Iterable[W] | None = None,
        retry: Retry | None = None,
        timeout: float | Timeout | None = None,
    ) -> E:
        """Return one item.

        Args:
            id: its id, as a number or in digits.
            with_: more parts of it.
            retry: `never` repeats nothing; see `crm.request`.
            timeout: seconds for each attempt, or a `Timeout`.

        Raises:
            NotFoundError: there is none: it was answered 404, or 204 (reference 3.2).
        """
        asked = build_query(self.endpoint, self._where, lenient=self._api.lenient, with_=with_)
        path = self._item(id)
        response = self._api.request.get(path, asked or None, retry=retry, timeout=timeout)
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
    _arguments: ClassVar[tuple[str, ...]] = ("item", "with")

    def get(
        self,
        *,
        with_: Iterable[W] | None = None,
        retry: Retry | None = None,
        timeout: float | Timeout | None = None,
    ) -> E:
        """Return it; what `with_` does not name is left out of it."""
        asked = build_query(self.endpoint, self._where, lenient=self._api.lenient, with_=with_)
        response = self._api.request.get(self._path, asked or None, retry=retry, timeout=timeout)
        return cast("E", response.data)


class Lists(Resource, Generic[E, F, W, O]):
    """Items are read as a listing."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("item", "filter", "with", "order")
    _split: ClassVar[Mapping[str, int]] = SPLIT

    def list(
        self,
        *,
        filter: F | None = None,  # noqa: A002  the API's own word
        with_: Iterable[W] | None = None,
        order: O | None = None,
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
        asked = build_query(
            self.endpoint, self._where, lenient=self._api.lenient,
            filter=cast("Mapping[str, Json] | None", filter),
            with_=with_, order=cast("Mapping[str, Json] | None", order), query=query,
            facts=NO_FACTS if filter is None else self._facts(),
        )  # fmt: skip
        if params is not None:
            check_params(params)
        more = params or {}
        if not self._api.lenient and "filter" not in more:
            self._check_filter(asked.get("filter", {}))
        queries = split_query({**asked, **more}, {} if "filter" in more else self._split)
        parts: list[Listing[E]] = [
            lazy.listing.Listing(
                self._api, self._path, one, limit=limit, ahead=ahead,
                expect=expect if len(queries) == 1 else None, unique=unique, progress=progress,
            )
            for one in queries
        ]  # fmt: skip
        if len(parts) == 1:
            return parts[0]
        return lazy.joined_listing.JoinedListing(parts, asked.get("order"), expect)

    def _check_filter(self, asked: Mapping[str, Json]) -> None:
        """Refuse filters that mean nothing without each other."""


class _WritesMany(Resource):
    """Items are written many in a call."""

    __slots__ = ()

    def _prepared(self, what: Literal["new", "patch"]) -> Callable[[Json], Json]:
        """Return what checks one of many items, and returns it as it is sent."""
        kind, where, api = type(self), self._where, self._api

        def prepare(item: Json) -> Json:
            check_item(kind, what, item, where, api)
            if what == "patch" and not api.lenient:
                check_has_id(item, where)
            return with_plain_numbers(item)

        return prepare


class Creates(_WritesMany, Generic[N, A]):
    """Items are created, one or many in a call."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("new", "created")

    def create(
        self, item: N, *, retry: Retry | None = None, timeout: float | Timeout | None = None
    ) -> A:
        """Create one, and return what the server says of it.

        Args:
            item: a dict.
            retry: `always` repeats it after a lost response too, so it may be created twice.
            timeout: seconds for each attempt, or a `Timeout`.

        Raises:
            ValidationError: the server refuses it, and says which fields.
            OutcomeUnknownError: it may have been created: look for it before you send it again.
        """
        check_item(type(self), "new", item, self._where, self._api)
        body = with_plain_numbers(item)
        with self._explained():
            response = self._api.request.post(self._path, [body], retry=retry, timeout=timeout)
        (outcome,) = lazy.outcomes.correlate(
            [item], response.data, self._path, lazy.outcomes.Created
        )
        outcome.unwrap()
        return cast("A", cast("lazy.outcomes.Created", outcome).answer)

    def create_many(
        self,
        items: Iterable[N],
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry | None = None,
        progress: Report | None = None,
    ) -> Outcomes:
        """Create any number, and yield what became of each; see `AmoCRM.create_many`.

        Each item is checked as `create` checks it, when its turn comes. A wrong one is not sent: it
        is `Refused`, with a ConfigurationError that names it, and the others are created.
        """
        writer = lazy.writer.Writer(
            self._api, lazy.outcomes.Created, self._path,
            size=size, ahead=ahead, journal=journal, retry=retry, progress=progress,
        )  # fmt: skip
        return lazy.writer.Outcomes(writer, items, self._explain, self._prepared("new"))

    def writable(self, model: Mapping[str, object]) -> N:
        """Return a model without what cannot be written, so that it can be created again.

        In another account, too: ids of choices, tags and stages are left out, and so are nulls. Ids
        of users, pipelines and custom fields are those of the account that it was read in.
        """
        check_shape(self._where, model)
        return cast("N", lazy.writable.writable(type(self), model))


class CreatesOne(Resource, Generic[N, A]):
    """Items are created one by one: the API takes no array here (reference 3.1)."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("new", "created")

    def create(
        self, item: N, *, retry: Retry | None = None, timeout: float | Timeout | None = None
    ) -> A:
        """Create one, and return it as the server has it; see `Creates.create`.

        Raises:
            ValidationError: the server refuses it, and says which fields.
        """
        check_item(type(self), "new", item, self._where, self._api)
        body = with_plain_numbers(item)
        with self._explained():
            response = self._api.request.post(self._path, body, retry=retry, timeout=timeout)
        return cast("A", response.data)

    def writable(self, model: Mapping[str, object]) -> N:
        """Return a model without what cannot be written; see `Creates.writable`."""
        check_shape(self._where, model)
        return cast("N", lazy.writable.writable(type(self), model))


class Updates(Resource, Generic[P, A]):
    """Items are changed one by one."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("patch", "changed")

    def update(
        self,
        id: int | str,  # noqa: A002
        patch: P,
        *,
        retry: Retry | None = None,
        timeout: float | Timeout | None = None,
    ) -> A:
        """Change one, and return what the server says of it. What `patch` lacks stays as it is.

        Args:
            id: its id, as a number or in digits.
            patch: what to change.
            retry: `always` repeats it after a lost response too; right for a change that may be
                made twice.
            timeout: seconds for each attempt, or a `Timeout`.

        Raises:
            NotFoundError: there is none.
            ValidationError: the server refuses it, and says which fields.
        """
        path = self._item(id)
        check_item(type(self), "patch", patch, self._where, self._api)
        body = with_plain_numbers(patch)
        with self._explained():
            response = self._api.request.patch(path, body, retry=retry, timeout=timeout)
        return cast("A", response.data)


class UpdatesMany(_WritesMany, Updates[P, A]):
    """Items are changed, one or many in a call."""

    __slots__ = ()

    def update_many(
        self,
        patches: Iterable[P],
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry | None = None,
        progress: Report | None = None,
    ) -> Outcomes:
        """Change any number, each with its `id`, and yield what became of each.

        See `AmoCRM.update_many`. Each is checked as `update` checks it; see `create_many`.
        """
        writer = lazy.writer.Writer(
            self._api, lazy.outcomes.Updated, self._path,
            size=size, ahead=ahead, journal=journal, retry=retry, progress=progress,
        )  # fmt: skip
        return lazy.writer.Outcomes(writer, patches, self._explain, self._prepared("patch"))


class Deletes(Resource):
    """Items are deleted one by one."""

    __slots__ = ()

    def delete(
        self,
        id: int | str,  # noqa: A002
        *,
        retry: Retry | None = None,
        timeout: float | Timeout | None = None,
    ) -> None:
        """Delete one; there is no way back.

        Raises:
            NotFoundError: there is none.
        """
        with self._explained():
            self._api.request.delete(self._item(id), retry=retry, timeout=timeout)


class Edits(Gets[E, W], Updates[P, C], Generic[E, W, P, C]):
    """Items are read and changed one by one, so they can be edited in a block."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("item", "with", "patch", "changed")
    _id_name: ClassVar[str] = "id"
    _together: ClassVar[tuple[str, ...]] = ()
    """Members of which none means anything without the others."""

    def __call__(self, id: int | str) -> OneEditable[E, W, P, C]:  # noqa: A002
        """Return one item by its id, with what can be done with it."""
        return self._at(OneEditable[E, W, P, C], id)

    def edit(
        self, item: int | str | Mapping[str, object], *, if_unchanged: bool = False
    ) -> AbstractContextManager[E]:
        """Read an item, let a block change it, and send what the block has changed, in one call.

        `with crm.leads.edit(42) as lead: lead["price"] = 5000`. The block gets a plain dict; custom
        fields are set in it by `crm.leads.cf(lead)["Region"] = "north"`. When the block ends, only
        the members, custom fields and tags that differ are sent, so that what others change
        meanwhile stays. If nothing differs, nothing is sent. If the block raises, nothing is sent
        and the exception goes on.

        In an account with minor units the block gets a lead's `price` with its fraction.

        Each block has a copy of its own: blocks within a block, of the same item too, each send
        what was changed in their own copy.

        Args:
            item: its id; or the item itself as it was read, and then it is not read again. The
                block gets a copy of it. Custom fields and tags of an item that was read without
                them (embedded in another one, from a webhook) cannot be changed, because nobody
                knows which of their values would be lost.
            if_unchanged: read the item's `updated_at` again before sending, and send nothing if it
                is another one. It has a resolution of one second, and a change between this read
                and the write is not noticed.

        Raises:
            NotFoundError: there is none.
            ConfigurationError: the block has changed what a PATCH cannot change, or removed a
                member; or `if_unchanged` is asked for where items have no `updated_at`. Nothing
                is sent.
            ConflictError: `updated_at` is another one by now. Nothing is sent.
            ValidationError: the server refuses it, and says which fields.
        """
        if if_unchanged and "updated_at" not in members(type(self), "item"):
            raise ConfigurationError(
                f"{self._where} have no updated_at for if_unchanged to compare"
            )
        number: Json = item.get(self._id_name) if isinstance(item, Mapping) else item
        if isinstance(item, Mapping) and if_unchanged and "updated_at" not in item:
            raise ConfigurationError(
                "if_unchanged compares updated_at, and this item has none", hint="give its id"
            )
        self._id(number)
        return self._edit(number, item if isinstance(item, Mapping) else None, if_unchanged)

    @contextmanager
    def _edit(
        self, number: int | str, given: Mapping[str, object] | None, if_unchanged: bool
    ) -> Generator[E, None, None]:
        read = self.get(number) if given is None else given
        before = cast("dict[str, Json]", copy.deepcopy(read))
        after = lazy.patch.with_exact_price(copy.deepcopy(before))
        yield cast("E", after)
        if given is not None and given != before:
            raise ConfigurationError(
                "the block has changed the item itself; change the copy that `as` names"
            )
        known, sendable = members(type(self), "item"), members(type(self), "patch")
        patch = lazy.patch.edited(
            lazy.patch.with_exact_price(before), after,
            read_only=known - sendable | {self._id_name}, together=self._together,
        )  # fmt: skip
        if not patch:
            return
        if if_unchanged:
            then, now = before["updated_at"], cast("Json", self.get(number))["updated_at"]
            if now != then:
                raise ConflictError(
                    f"{self._where}/{number} was changed by somebody else: "
                    f"its updated_at is {now}, not {then}",
                    hint="nothing was sent; read it and make the change again",
                )
        self.update(number, cast("P", patch))


class Editable(
    Lists[E, F, W, O],
    Creates[N, A],
    UpdatesMany[P, C],
    Edits[E, W, P, C],
    Generic[E, N, P, A, C, F, W, O],
):
    """The commonest resource: listed, read, created, changed."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = (
        "item", "new", "patch", "created", "changed", "filter", "with", "order"
    )  # fmt: skip
