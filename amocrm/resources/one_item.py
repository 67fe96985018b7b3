"""One item of a resource by its id: `crm.leads(7).get()` is `crm.leads.get(7)`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from amocrm.http.messages import Retry, Timeout
from amocrm.resources.lazy import ResourceOwner
from amocrm.resources.resource import Resource

if TYPE_CHECKING:
    from amocrm.resources.verbs import Edits, Gets

E = TypeVar("E")
W = TypeVar("W", bound=str)
P = TypeVar("P")
C = TypeVar("C")


class OneReadable(Resource, Generic[E, W]):
    """One item that can be read."""

    __slots__ = ("_collection", "_number")

    def __init__(self, owner: ResourceOwner, path: str) -> None:
        super().__init__(owner, path)
        self._collection = cast("Gets[E, W]", owner)
        self._number = path

    def get(
        self,
        *,
        with_: Iterable[W] | None = None,
        retry: Retry | None = None,
        timeout: float | Timeout | None = None,
    ) -> E:
        """Return it; see `get` of its resource.

        Raises:
            NotFoundError: there is none.
        """
        return self._collection.get(self._number, with_=with_, retry=retry, timeout=timeout)

    def _elsewhere(self, name: str) -> str | None:
        if not hasattr(type(self._collection), name):
            return None
        return f"its resource has it: {name}({self._number}, ...)"


class OneEditable(OneReadable[E, W], Generic[E, W, P, C]):
    """One item that can be read and changed."""

    __slots__ = ()

    def update(
        self, patch: P, *, retry: Retry | None = None, timeout: float | Timeout | None = None
    ) -> C:
        """Change it, and return what the server says of it. What `patch` lacks stays as it is.

        Raises:
            NotFoundError: there is none.
            ValidationError: the server refuses it, and says which fields.
        """
        edits = cast("Edits[E, W, P, C]", self._collection)
        return edits.update(self._number, patch, retry=retry, timeout=timeout)

    def edit(self, *, if_unchanged: bool = False) -> AbstractContextManager[E]:
        """Read it, let a block change it, and send the difference; see `edit` of its resource."""
        edits = cast("Edits[E, W, P, C]", self._collection)
        return edits.edit(self._number, if_unchanged=if_unchanged)
