"""What has changed in the definitions of an account since a schema was written, by ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from amocrm.client import AmoCRM
from amocrm.cloning.clone import clone
from amocrm.http.messages import Json
from amocrm.sandbox.schema.document import read_schema

if TYPE_CHECKING:
    from amocrm.sandbox.schema.document import Source

__all__ = ["Difference", "diff"]

Change: TypeAlias = Literal["added", "removed", "renamed", "retyped", "changed", "unknown"]

_NOUNS: Final = {
    "users_groups": "group of users", "task_types": "type of task", "pipelines": "pipeline",
    "loss_reasons": "loss reason", "customer_statuses": "status of customers",
    "catalogs": "list", "roles": "role", "users": "user", "sources": "source",
    "fields": "field", "field_groups": "group of fields", "statuses": "stage",
    "enums": "choice", "nested": "choice",
}  # fmt: skip
_PLURALS: Final = {
    "users_groups": "groups of users", "task_types": "types of tasks",
    "customer_statuses": "statuses of customers", "catalogs": "lists",
    "field_groups": "groups of fields", "statuses": "stages", "enums": "choices",
    "nested": "choices",
}  # fmt: skip
_INNER: Final = ("statuses", "enums", "nested")
"""Members that are lists of definitions themselves."""

_NUMBERED: Final = ("users", "sources")
"""Whose names say only which one in the list it is."""

_CHANGES: Final[Mapping[str, Change]] = {"name": "renamed", "value": "renamed", "type": "retyped"}
_NAMELESS: Final = ("version", "rate", "unknown")


@dataclass(frozen=True)
class Difference:
    """One difference between a schema and an account.

    Attributes:
        change: `added`, `removed`, `renamed`, `retyped`; `changed` in another member; `unknown`:
            the token does not show this part of the account any more.
        where: the path of the definition, such as `pipelines/31/statuses/142`.
        what: the definition in words: `stage 142 "Won" of pipeline 31 "Sales"`.
        member: the member that is different; empty if the whole definition is.
        before: its value in the schema.
        after: its value in the account.
    """

    change: Change
    where: str
    what: str
    member: str = ""
    before: Json = None
    after: Json = None

    def __str__(self) -> str:
        """Tell it in one line."""
        if self.change == "unknown":
            return f"{self.what}: the account does not show them to this token"
        if not self.member:
            return f"{self.what}: {self.change}"
        told = f"{self.member} " if self.change in ("retyped", "changed") else ""
        return f"{self.what}: {self.change}, {told}{_text(self.before)} → {_text(self.after)}"

    def as_dict(self) -> dict[str, Json]:
        """Return it as plain data."""
        return asdict(self)


def diff(schema: Source, account: AmoCRM | Source) -> list[Difference]:
    """Return what is different in an account, or in a newer schema of it.

    Definitions are compared by their ids; of `sort` only the order that it makes. Not compared are
    the rate, the names of users and sources, which are only numbers, and what the schema does not
    say.

    Args:
        schema: the document, or the path of its file.
        account: the client of the account, or another schema.

    Raises:
        SchemaError: a schema is bad.
        ReplyError, TransportError: the account cannot be read.
    """
    before = read_schema(schema)
    after = clone(account) if isinstance(account, AmoCRM) else read_schema(account)
    return list(_documents(before, after))


def _documents(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Difference]:
    hidden = set(after.get("unknown", ()))
    for name in before:
        if name in _NAMELESS:
            continue
        if name in ("account", "plan"):
            new = after.get(name, {})
            both = {member: one for member, one in before[name].items() if member in new}
            yield from _members(both, new, name, name, name)
        elif name in ("fields", "field_groups"):
            for kind, items in before[name].items():
                yield from _part(items, after.get(name, {}).get(kind), name, hidden, kind)
        else:
            yield from _part(before[name], after.get(name), name, hidden)


def _part(
    before: list[dict[str, Json]],
    after: list[dict[str, Json]] | None,
    name: str,
    hidden: set[str],
    kind: str = "",
) -> Iterator[Difference]:
    shown = f"{name}.{kind}" if kind else name
    of = f" of {kind}" if kind else ""
    where = f"{name}/{kind}" if kind else name
    if after is None and shown in hidden:
        yield Difference("unknown", where, f"{_plural(name)}{of}")
        return
    if after is None and kind.startswith("catalogs/"):
        return  # The list is gone, which is told of the list.
    yield from _items(before, after or [], where, name, of)


def _items(
    before: Iterable[dict[str, Json]],
    after: Iterable[dict[str, Json]],
    where: str,
    name: str,
    of: str,
) -> Iterator[Difference]:
    olds = {one["id"]: one for one in before}
    news = {one["id"]: one for one in after}
    for number in sorted({**olds, **news}, key=str):
        at, known = f"{where}/{number}", olds.get(number) or news[number]
        what = f"{_NOUNS[name]} {number}{_called(known, name)}{of}"
        if number not in news:
            yield Difference("removed", at, what)
        elif number not in olds:
            yield Difference("added", at, what)
        else:
            yield from _members(olds[number], news[number], at, what, name)
    orders = [
        sorted(
            olds.keys() & news.keys(), key=lambda number: (items[number].get("sort") or 0, number)
        )
        for items in (olds, news)
    ]
    if orders[0] != orders[1]:
        yield Difference("changed", where, f"{_plural(name)}{of}", "order", *orders)


def _members(
    old: Mapping[str, Json], new: Mapping[str, Json], at: str, what: str, name: str
) -> Iterator[Difference]:
    skipped = ("sort", "name") if name in _NUMBERED else ("sort",)
    for member in sorted(old):
        one, other = old[member], new.get(member)
        if one == other or member in skipped:
            continue
        if member in _INNER:
            yield from _items(one or (), other or (), f"{at}/{member}", member, f" of {what}")
        else:
            change: Change = _CHANGES.get(member, "changed")
            yield Difference(change, at, what, member, one, other)


def _called(item: Mapping[str, Json], name: str) -> str:
    text = item.get("name", item.get("value"))
    return "" if text is None or name in _NUMBERED else f" {_text(text)}"


def _plural(name: str) -> str:
    return _PLURALS.get(name) or name.replace("_", " ")


def _text(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 200 else f"{text[:200]}..."
