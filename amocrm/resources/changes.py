"""Changes of a resource, with the types of what changed and of what was deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast, overload

from amocrm.http.messages import Json
from amocrm.resources import lazy
from amocrm.resources.filter_values import NO_FACTS
from amocrm.resources.filters import build_query
from amocrm.resources.resource import Resource

if TYPE_CHECKING:
    from amocrm.bulk.changes import Changes
    from amocrm.progress import Report

E = TypeVar("E")
D = TypeVar("D")
F = TypeVar("F")
W = TypeVar("W", bound=str)


class HasChanges(Resource, Generic[E, D, F, W]):
    """What was changed or deleted can be read; E is an item, D tells of a deleted one."""

    __slots__ = ()

    @overload
    def changes(
        self,
        *,
        deleted: Literal[False] = False,
        filter: F | None = None,
        with_: Iterable[W] | None = None,
        limit: int | None = None,
        since: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        overlap: float | None = None,
        progress: Report | None = None,
    ) -> Changes[E]: ...
    @overload
    def changes(
        self,
        *,
        deleted: Literal[True],
        filter: F | None = None,
        limit: int | None = None,
        since: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        overlap: float | None = None,
        progress: Report | None = None,
    ) -> Changes[D]: ...
    def changes(
        self,
        *,
        deleted: bool = False,
        filter: F | None = None,  # noqa: A002  the API's own word
        with_: Iterable[W] | None = None,
        limit: int | None = None,
        since: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        overlap: float | None = None,
        progress: Report | None = None,
    ) -> Changes[E] | Changes[D]:
        """Return what was created or edited since the last run, or deleted; see `AmoCRM.changes`.

        ::

            with crm.leads.changes(checkpoint="leads.checkpoint") as changed:
                for lead in changed:
                    ...

        Args:
            deleted: read deletions.
            filter: by fields, besides `updated_at`, which `since` sets.
            with_: more parts of each item.
            limit: items per page; the most that the API allows, if none is given.
            since: Unix seconds to begin at.
            checkpoint: a file that stores how far it came; it needs a block.
            overlap: seconds before the last change that are read once more, for late writes.
            progress: is told how far it has come.

        Raises:
            ConfigurationError: an argument is wrong. The rest is raised while iterating.
        """
        asked = build_query(
            self.endpoint, self._where, lenient=self._api.lenient,
            filter=cast("Mapping[str, Json] | None", filter), with_=with_,
            facts=NO_FACTS if filter is None else self._facts(),
        )  # fmt: skip
        return lazy.changes.Changes(
            self._api, self._path, asked, deleted=deleted, limit=limit, since=since,
            checkpoint=checkpoint, overlap=lazy.changes.OVERLAP if overlap is None else overlap,
            progress=progress,
        )  # fmt: skip
