"""Finds contacts and companies that share a phone, an e-mail or a name.

The API cannot compare entities, so all of them are read, once. Their normalized phones and e-mails
go into a temporary SQLite database, which sorts and groups them on disk: memory does not grow with
the number of entities (about 100 bytes of disk for each phone or e-mail). The file has no name, can
be read by nobody else, and is gone when the iteration ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeAlias

from amocrm.bulk.context import ApiContext
from amocrm.bulk.listing import Listing
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.progress import Report
from amocrm.resources.people.contact_keys import Normal, emails_of, phones_of
from amocrm.resources.people.find_or_create import Kind, entity_id
from amocrm.resources.people.normalize import normalize_name, normalize_phone

By: TypeAlias = Literal["phone", "email", "name"]

_BY: Final = ("phone", "email", "name")

_ANY: Final = ("utf-8", "surrogatepass")

_AT_ONCE: Final = 10_000
"""Rows that are written in one go."""


class DuplicateGroup(NamedTuple):
    """Entities that have the same phone, e-mail or name.

    Attributes:
        by: what they share: `phone`, `email` or `name`.
        value: in its normal form, such as `+79991234567`.
        ids: of the entities, the oldest one's first.
    """

    by: By
    value: str
    ids: list[int]


def duplicates(
    api: ApiContext,
    kind: Kind,
    *,
    by: Iterable[By] = ("phone", "email"),
    normal: Normal = normalize_phone,
    progress: Report | None = None,
) -> Iterator[DuplicateGroup]:
    """Yield the groups of entities that share something; nothing is sent before it is iterated.

    Raises:
        ConfigurationError: `by` is wrong; raised at once. The rest is raised while iterating.
    """
    wanted = _checked(kind, by)
    path = f"/api/v4/{kind}"
    # New entities come last, so none that was there is missed because of them.
    listing = Listing[Json](api, path, {"order": {"id": "asc"}}, progress=progress)
    keys = (
        row
        for entity in listing
        if isinstance(entity, dict)
        for row in _keys(entity, entity_id(entity, kind), wanted, normal)
    )
    return group(keys)


def group(keys: Iterable[tuple[By, str, int]]) -> Iterator[DuplicateGroup]:
    """Yield the groups of ids that have the same value, sorted by it.

    Args:
        keys: what is compared, its value, and the id of the entity that has it.
    """
    # Texts of a server may hold what is no Unicode, and its numbers may be of any size.
    rows = ((kind, value.encode(*_ANY), str(number)) for kind, value, number in keys)
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute("CREATE TABLE keys (kind TEXT, value BLOB, id TEXT)")
        database.execute("BEGIN")
        while chunk := list(islice(rows, _AT_ONCE)):
            with _explained():
                database.executemany("INSERT INTO keys VALUES (?, ?, ?)", chunk)
        # Pages that moved while they were read may have brought an entity twice.
        with _explained():
            found = database.execute(
                "SELECT kind, value, group_concat(DISTINCT id) FROM keys GROUP BY kind, value"
                " HAVING count(DISTINCT id) > 1 ORDER BY kind DESC, value"
            )
        for kind, value, ids in found:
            yield DuplicateGroup(kind, value.decode(*_ANY), sorted(map(int, ids.split(","))))


@contextmanager
def _explained() -> Generator[None, None, None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"the temporary file of duplicates cannot be used: {error}",
            hint="free space in the folder of temporary files, or set TMPDIR to another one",
        ) from error


def _keys(
    entity: Mapping[str, Json], number: int, wanted: tuple[By, ...], normal: Normal
) -> Iterator[tuple[By, str, int]]:
    if "phone" in wanted:
        for phone in phones_of(entity, normal):
            yield "phone", phone, number
    if "email" in wanted:
        for email in emails_of(entity):
            yield "email", email, number
    if "name" in wanted and isinstance(name := entity.get("name"), str) and name.strip():
        yield "name", normalize_name(name), number


def _checked(kind: str, by: Iterable[By]) -> tuple[By, ...]:
    is_several = isinstance(by, Iterable) and not isinstance(by, str)
    wanted = tuple(by) if is_several else ()
    if not wanted or not all(one in _BY for one in wanted):
        raise ConfigurationError(f"by must name some of {', '.join(_BY)}", hint='by=["phone"]')
    if "name" in wanted and kind != "companies":
        raise ConfigurationError(
            "contacts are not compared by name: different people have the same name",
            hint="compare them by phone and email",
        )
    return wanted
