"""What requests create: the ids that are new on each shelf of an account afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from amocrm.http.messages import Json
from amocrm.sandbox import Account

Shelf: TypeAlias = "Mapping[Json, dict[str, Json]]"
State: TypeAlias = "dict[tuple[int, str], tuple[int, Json]]"

_OWNERS = ("leads", "contacts", "companies", "customers")

KINDS: Final = (
    *_OWNERS,
    *("tasks", "unsorted", "catalogs", "elements", "segments", "transactions"),
    *("pipelines", "loss_reasons", "roles", "webhooks", "website_buttons"),
    *(f"{owner}/{part}" for part in ("notes", "tags", "custom_fields") for owner in _OWNERS),
)
"""What can be asked for."""


class Creations:
    """Remembers what was created, of any kind. The caller holds the lock of the sandbox."""

    def __init__(self) -> None:
        self._keys: defaultdict[tuple[int, str], list[Json]] = defaultdict(list)

    def state(self, accounts: Iterable[Account]) -> State:
        """Return the length and the last key of each shelf."""
        return {
            (account.id, name): (len(shelf), next(reversed(shelf), None))
            for account in accounts
            for name, shelf in _shelves(account).items()
        }

    def note(self, accounts: Iterable[Account], before: State) -> None:
        """Remember what has been put on the shelves since."""
        for account in accounts:
            for name, shelf in _shelves(account).items():
                count, last = before.get((account.id, name), (0, None))
                if len(shelf) > count:
                    self._keys[account.id, name] += reversed(list(_until(last, reversed(shelf))))

    def of(self, account: Account, kind: str) -> list[dict[str, Json]]:
        """Return what was created and is still there."""
        shelf = _shelves(account).get(kind, {})
        return [shelf[key] for key in self._keys[account.id, kind] if key in shelf]


def _shelves(account: Account) -> dict[str, Shelf]:
    shelves: dict[str, Shelf] = dict(account.entities)
    for name, fields in account.fields.items():
        shelves[f"{name}/custom_fields"] = fields
    for name, tags in account.tags.items():
        shelves[f"{name}/tags"] = tags
    return shelves


def _until(last: Json, keys: Iterable[Json]) -> Iterator[Json]:
    for key in keys:
        if key == last:
            return
        yield key
