"""Where a mirror is kept, as a run sees it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch, Written


class Destination(Protocol):
    """A database or a warehouse. Its methods may be called by several threads."""

    def running(self, account_id: int) -> AbstractContextManager[None]:
        """Keep other runs from mirroring the same account."""
        ...

    def load(self, account_id: int) -> dict[str, Json]:
        """Return how far the listings of an account were read, by name."""
        ...

    def write(self, account_id: int, batch: Batch) -> Written:
        """Write a batch."""
        ...

    def alive(self, account_id: int, table: str, **among: Json) -> set[tuple[Json, ...]]:
        """Return the keys of the rows of a listing that are not deleted."""
        ...

    def versions(self, account_id: int, table: str, ids: Sequence[int]) -> dict[int, int]:
        """Return the `updated_at` of those of some entities that there are."""
        ...
