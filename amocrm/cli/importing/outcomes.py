"""What became of the rows of an import: a line of JSON for each, and how many of each kind."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final, Literal, NamedTuple, TextIO, TypeAlias

from amocrm.bulk.outcomes import Created, Outcome, Refused, Updated
from amocrm.cli.error_texts import describe
from amocrm.errors import ValidationError, printable
from amocrm.http.messages import Json

What: TypeAlias = Literal[
    "created", "updated", "unchanged", "unlinked", "refused", "unknown", "valid"
]
"""`valid` is a row of a dry run; `unknown` may have been written: a person has to look; `unlinked`
was written, but not linked to the contacts and companies that it names."""

FAILED: Final[tuple[What, ...]] = ("unlinked", "refused", "unknown")


class LinkedEntity(NamedTuple):
    """A contact or company that a row names.

    Attributes:
        kind: `contacts` or `companies`.
        text: as the row has it.
        id: of the entity.
    """

    kind: str
    text: str
    id: int


class RowOutcome(NamedTuple):
    """What became of a row.

    Attributes:
        row: its number.
        what: became of it.
        id: of the entity.
        error: why it was not written, or what is not known.
        links: what the entity was linked to.
    """

    row: int
    what: What
    id: int | str | None = None
    error: Exception | None = None
    links: tuple[LinkedEntity, ...] = ()


def of_bulk(row: int, outcome: Outcome) -> RowOutcome:
    """Return what became of a row that was written in bulk."""
    if isinstance(outcome, Created):
        return RowOutcome(row, "created", outcome.id)
    if isinstance(outcome, Updated):
        return RowOutcome(row, "updated", outcome.id)
    if isinstance(outcome, Refused):
        return RowOutcome(row, "refused", error=outcome.error)
    return RowOutcome(row, "unknown", error=outcome.why)


class OutcomeLog:
    """Writes outcomes to a file and counts them.

    Args:
        file: gets a line for each row.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.counts: Counter[What] = Counter()
        self.first_error: RowOutcome | None = None

    def add(self, outcome: RowOutcome) -> None:
        """Write an outcome."""
        self.counts[outcome.what] += 1
        if outcome.error is not None and self.first_error is None:
            self.first_error = outcome
        self._file.write(f"{json.dumps(_line(outcome), ensure_ascii=False)}\n")


def _line(outcome: RowOutcome) -> dict[str, Json]:
    line: dict[str, Json] = {"row": outcome.row, "outcome": outcome.what}
    if outcome.id is not None:
        line["id"] = outcome.id
    for one in outcome.links:
        line.setdefault("links", {}).setdefault(one.kind, []).append(one.id)
    if outcome.error is not None:
        line["error"] = printable(describe(outcome.error))
    if isinstance(outcome.error, ValidationError):
        line["fields"] = [
            {"field": one.field_name or one.path, "code": one.code, "detail": one.detail}
            for one in outcome.error.fields
        ]
    return line
