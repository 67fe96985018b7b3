"""The outcomes of bulk writes, and the division of a refused chunk.

If an item is bad, the server refuses the call and writes no item of it (reference 3.3). If the
server names the bad items, the others are sent again, which costs one more call. Otherwise the
chunk is halved until the bad items are alone, which costs about 2·log₂ n calls for one of n items.
The first way never costs more calls than the second.

After a 504 the call was too heavy, and may have been carried out all the same (reference 3.3). So
its items are unknown, unless the caller allows to send them again: then the halves are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeAlias, TypeVar

from amocrm.bulk.pages import ShapeError, find_list
from amocrm.errors import (
    AmoCRMError,
    InvalidField,
    OutcomeUnknownError,
    ReplyError,
    ServerError,
    TransportError,
    UnexpectedReplyError,
    ValidationError,
)
from amocrm.http.error_mapping import narrow
from amocrm.http.legacy_codes import explain_code, legacy_code
from amocrm.http.messages import Json
from amocrm.http.reply_body import words

UNEXPLAINED: Final = 16
"""The number of consecutive items, each refused alone and without a reason, after which the cause
cannot be the items: the rest of the chunk is not sent, and the run ends."""

T = TypeVar("T")


class Created(NamedTuple):
    """An item was written.

    Attributes:
        id: of the new entity; None if the API gives it none.
        item: the item, as sent.
        answer: the server's short model of the entity.
    """

    id: int | str | None
    item: Json
    answer: Json = None

    def unwrap(self) -> int | str | None:
        """Return the id."""
        return self.id


class Updated(NamedTuple):
    """An item was changed; see `Created`."""

    id: int | str | None
    item: Json
    answer: Json = None

    def unwrap(self) -> int | str | None:
        """Return the id."""
        return self.id


class Refused(NamedTuple):
    """An item was definitely not written.

    Attributes:
        item: the item, as sent.
        error: the reason.
    """

    item: Json
    error: Exception

    @property
    def errors(self) -> tuple[InvalidField, ...]:
        """The refused fields of this item; empty if it was refused for another reason."""
        return self.error.fields if isinstance(self.error, ValidationError) else ()

    def unwrap(self) -> int | str | None:
        """Raise the error."""
        raise self.error


class Unknown(NamedTuple):
    """It is unknown whether an item was written: check before you send it again.

    Attributes:
        item: the item, as sent.
        why: the error.
    """

    item: Json
    why: Exception

    def unwrap(self) -> int | str | None:
        """Raise the error."""
        raise self.why


Outcome: TypeAlias = Created | Updated | Refused | Unknown
Kind: TypeAlias = type[Created] | type[Updated]


def chunks(items: Iterable[T], size: Callable[[], int]) -> Iterator[list[T]]:
    """Divide items into lists of a size, asked for before each; the last one may be shorter.

    If their source raises, the items before come first.

    >>> list(chunks("abcde", lambda: 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    source = iter(items)
    while True:
        chunk: list[T] = []
        try:
            chunk.extend(islice(source, size()))
        except Exception:
            if chunk:
                yield chunk
            raise
        if not chunk:
            return
        yield chunk


def settle(
    items: Sequence[Json], send: Callable[[list[int]], list[Outcome]], *, repeats: bool = False
) -> tuple[list[Outcome], Exception | None]:
    """Write a chunk so that each of its good items is written once.

    Args:
        items: the chunk.
        send: writes the items of these indexes, or raises the server's error.
        repeats: whether items that may have been written may be sent again.

    Returns:
        One outcome per item; and the error after which no more can be written, or None.
    """
    division = _Division(items, send, repeats)
    division.run()
    return [division.outcomes[index] for index in range(len(items))], division.final


class _Division:
    """The parts of a chunk that are not sent yet, and the outcomes of the others.

    Attributes:
        parts: indexes, and whether one of the items is certainly bad; the last part is sent first.
        outcomes: by index.
        final: the error after which no more can be written.
        alone: number of consecutive items that were refused alone and without a reason.
        doubts: the error, by index, of a call that may have written the item.
    """

    def __init__(
        self, items: Sequence[Json], send: Callable[[list[int]], list[Outcome]], repeats: bool
    ) -> None:
        self.items = items
        self.send = send
        self.repeats = repeats
        self.doubts: dict[int, Exception] = {}
        self.parts = [(list(range(len(items))), False)] if items else []
        self.outcomes: dict[int, Outcome] = {}
        self.final: Exception | None = None
        self.alone = 0

    def run(self) -> None:
        while self.parts:
            part, is_bad = self.parts.pop()
            if self.final is not None:
                self.refuse(part, self.final)
            elif is_bad and len(part) > 1:
                self.halve(part)
            else:
                self.attempt(part)

    def attempt(self, part: list[int]) -> None:
        try:
            self.outcomes |= dict(zip(part, self.send(part), strict=True))
            self.alone = 0
        except Exception as error:  # also of a handler: then the state of the call is unknown
            if isinstance(error, ReplyError) and is_divisible(error):
                self.divide(part, error)
            elif self.repeats and len(part) > 1 and is_too_heavy(error):
                self.doubts |= dict.fromkeys(part, error)
                self.halve(part, is_bad=False)
            elif is_unwritten(error):
                self.refuse(part, error)
                self.final = error
            else:
                self.outcomes |= {index: Unknown(self.items[index], error) for index in part}
                self.final = None if isinstance(error, AmoCRMError) else error

    def divide(self, part: list[int], error: ReplyError) -> None:
        # If this was the first half of a bad part, the second half may be good.
        self.parts = [(other, False) for other, _ in self.parts]
        named = blame([self.items[index] for index in part], error)
        if len(part) == 1:
            self.alone = 0 if named else self.alone + 1
            self.final = error if self.alone == UNEXPLAINED else None
            named = {0}
        if not named:
            self.halve(part)
            return
        for place in named:
            self.outcomes[part[place]] = Refused(self.items[part[place]], narrow(error, place))
        if rest := [index for place, index in enumerate(part) if place not in named]:
            self.parts.append((rest, False))

    def halve(self, part: list[int], is_bad: bool = True) -> None:
        """Send the first half next; if one of the items is bad and it is good, the second is."""
        middle = (len(part) + 1) // 2
        self.parts += [(part[middle:], is_bad), (part[:middle], False)]

    def refuse(self, part: list[int], error: Exception) -> None:
        for index in part:
            item, doubt = self.items[index], self.doubts.get(index)
            self.outcomes[index] = Refused(item, error) if doubt is None else Unknown(item, doubt)


def is_divisible(error: ReplyError) -> bool:
    """Whether one item may be the cause of an error (400), or the size of the call (413)."""
    return error.status in (400, 413)


def is_too_heavy(error: Exception) -> bool:
    """Whether a write was answered 504: fewer items are to be sent (reference 3.3)."""
    return isinstance(error, OutcomeUnknownError) and error.status == 504


def is_unwritten(error: Exception) -> bool:
    """Whether an error means that nothing was written."""
    if isinstance(error, TransportError):
        return not error.sent
    return isinstance(error, AmoCRMError) and not isinstance(
        error, (ServerError, UnexpectedReplyError)
    )


def blame(items: Sequence[Json], error: ReplyError) -> set[int]:
    """Return the indexes of the items that an error names; none if the names are ambiguous."""
    fields = error.fields if isinstance(error, ValidationError) else ()
    named = {field.index for field in fields if field.index is not None}
    return named if _are_distinct(items) else set()


def correlate(items: Sequence[Json], data: Json, path: str, kind: Kind) -> list[Outcome]:
    """Return the outcome of each item of a successful write.

    Items and entities are matched by `request_id` (the caller's, or else the index), which the
    server returns; if it returns none, by their order, which is that of the request.
    Source: reference 3.1.
    """
    try:
        entries = [one for one in find_list(data, path) if isinstance(one, Mapping)]
    except ShapeError:
        entries = []
    echoed = {rid: one for one in entries for rid in _echoes(one)}
    if not _are_distinct(items) or not all("request_id" in one for one in entries):
        ordered = entries if len(entries) == len(items) else []
        echoed = {_request_id(items[at], at): one for at, one in enumerate(ordered)}
        if not _are_distinct(items):
            return [_outcome(one, at, ordered, path, kind) for at, one in enumerate(items)]
    # Updates are matched by id: some responses return it as `request_id` (reference 4.9).
    changed = {one.get("id"): one for one in entries} if kind is Updated else {}
    found = [
        changed.get(one.get("id")) or echoed.get(_request_id(one, at))
        for at, one in enumerate(items)
    ]
    refused = _left_out(data, path, kind)
    return [
        Refused(one, refused[rid])
        if found[at] is None and (rid := _request_id(one, at)) in refused
        else _outcome(one, at, found, path, kind)
        for at, one in enumerate(items)
    ]


def _left_out(data: Json, path: str, kind: Kind) -> dict[str, Exception]:
    """Return the errors of items that a successful write did not contain, by `request_id`.

    For example, `/calls` returns calls whose phone number is unknown. Source: reference 4.22.
    """
    errors = data.get("errors") if isinstance(data, Mapping) else None
    refused = (
        [one for one in errors if isinstance(one, Mapping)] if isinstance(errors, list) else []
    )
    return {
        str(one.get("request_id")): ReplyError(
            f"{path} did not write this item: {one.get('detail') or one.get('title')}",
            method="POST" if kind is Created else "PATCH", path=path, status=200,
            title=words(one.get("title")), detail=words(one.get("detail")), data=one,
            hint=explain_code(legacy_code(one, 200)),
        )
        for one in refused
    }  # fmt: skip


def _outcome(
    item: Json, at: int, answers: Sequence[Mapping[str, Json] | None], path: str, kind: Kind
) -> Outcome:
    answer = answers[at] if at < len(answers) else None
    if answer is None:
        odd = OutcomeUnknownError(
            f"{path} was written to, but the response does not contain this item",
            method="POST" if kind is Created else "PATCH", path=path, data=item,
        )  # fmt: skip
        return Unknown(item, odd)
    number = answer.get("id", answer.get("uid"))
    if number is None and kind is Updated and isinstance(item, Mapping):
        number = item.get("id")
    return kind(number, item, answer)


def _echoes(entry: Mapping[str, Json]) -> list[str]:
    """Return the request ids of an entry; `/leads/complex` returns a list (reference 4.3)."""
    rid = entry.get("request_id")
    return [str(one) for one in rid] if isinstance(rid, list) else [str(rid)]


def _request_id(item: Json, index: int) -> str:
    given = item.get("request_id") if isinstance(item, Mapping) else None
    return str(index) if given is None else str(given)


def _are_distinct(items: Sequence[Json]) -> bool:
    """Whether each request id belongs to one item: the caller's may be equal, or numbers."""
    return len({_request_id(one, at) for at, one in enumerate(items)}) == len(items)
