"""What warehouses make of packages: they merge them by keys, or keep all versions of a row."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from amocrm.mirror.batch import Batch, Gone
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.tables.definitions import TABLES
from amocrm.mirror.warehouse.arrow import DELETED, VERSION, removing_row
from amocrm.mirror.warehouse.package import Package, without_deleted
from amocrm.mirror.warehouse.tables import ALL, merge_key
from tests.hostile import cases

Rows = list[dict[str, Any]]


class Merging:
    """A warehouse that merges: `delete-insert` of dlt, with duplicates removed by version."""

    def __init__(self) -> None:
        self._rows: dict[str, Rows] = {name: [] for name in ALL}

    def load(self, package: dict[str, Rows]) -> None:
        for name, new in package.items():
            table = ALL[name]
            keys = [key for key in (table.key, merge_key(table)) if key]
            replaced = [{part(row, key) for row in new} for key in keys]
            kept = [
                row
                for row in self._rows[name]
                if not any(part(row, key) in some for key, some in zip(keys, replaced, strict=True))
            ]
            newest: dict[Any, dict[str, Any]] = {}  # Of one version, any; here the wrong one.
            for row in sorted(new, key=lambda row: (row[VERSION], row[DELETED])):
                newest[part(row, table.key)] = row
            self._rows[name] = kept + [row for row in newest.values() if not row[DELETED]]

    def rows(self, name: str) -> set[Any]:
        return {plain(name, row) for row in self._rows[name]}


class Keeping:
    """Files that keep all versions, read by the rule of `latest`."""

    def __init__(self) -> None:
        self._rows: dict[str, Rows] = {name: [] for name in ALL}

    def load(self, package: dict[str, Rows]) -> None:
        for name, new in package.items():
            self._rows[name] += new

    def rows(self, name: str) -> set[Any]:
        group = merge_key(ALL[name]) or ALL[name].key
        last: dict[Any, int] = {}
        for row in self._rows[name]:
            last[part(row, group)] = max(row[VERSION], last.get(part(row, group), 0))
        return {
            plain(name, row)
            for row in self._rows[name]
            if row[VERSION] == last[part(row, group)] and not row[DELETED]
        }


def part(row: dict[str, Any], key: tuple[str, ...]) -> Any:
    return tuple(row[name] for name in key)


def plain(name: str, row: dict[str, Any]) -> Any:
    return tuple(row[one] for one in ALL[name].key)


def lead(number: int, tags: list[int], at: int) -> dict[str, Any]:
    return {
        "id": number, "updated_at": at,
        "_embedded": {"tags": [{"id": one, "name": str(one)} for one in tags]},
    }  # fmt: skip


READ = st.tuples(st.just("read"), st.integers(1, 3), st.lists(st.integers(1, 3), unique=True))
HAPPENINGS = st.one_of(
    READ, READ, READ,
    st.tuples(st.just("delete"), st.integers(1, 3), st.none()),
    st.tuples(st.just("restore"), st.integers(1, 3), st.lists(st.integers(1, 3), unique=True)),
    st.tuples(st.just("load"), st.none(), st.none()),
)  # fmt: skip


@cases
@given(st.lists(HAPPENINGS, max_size=14))
def test_any_packages_end_in_what_was_read_last(happenings: list[tuple[str, Any, Any]]) -> None:
    warehouses = (Merging(), Keeping())
    package, maker, version = dict[str, Rows](), Package(1), 0
    tags: dict[int, list[int]] = {}
    deleted: set[int] = set()
    for at, (what, number, some) in enumerate([*happenings, ("load", None, None)]):
        if what == "load":
            for warehouse in warehouses:
                warehouse.load(package)
            package, maker = {}, Package(1)
            for warehouse in warehouses:
                assert warehouse.rows("leads") == {(1, one) for one in tags}
                assert warehouse.rows("entity_tags") == {
                    (1, "leads", one, tag) for one, those in tags.items() for tag in those
                }
                assert warehouse.rows("deletions") == {(1, "leads", one) for one in deleted}
            continue
        key = EntityKey("leads", number)
        if what == "delete":
            batch = Batch(fates={key: Fate(at, str(at), True)})
            tags.pop(number, None)
            deleted.add(number)
        else:
            rows = flatten("leads", [lead(number, some, at)], 1)
            fates = {key: Fate(at, str(at), False)} if what == "restore" else {}
            batch = Batch(rows, fates)
            tags[number] = some
            deleted -= set() if what == "read" else {number}
        version += 2
        for name, table in maker.take(batch, version):
            package.setdefault(name, []).extend(table.to_pylist())


def test_a_page_that_was_read_before_a_deletion_does_not_raise_the_dead() -> None:
    rows = flatten("leads", [lead(1, [5], 100), lead(2, [5], 100), lead(3, [], 201)], 1)
    fates = {
        EntityKey("leads", 1): Fate(200, "a", True),
        EntityKey("leads", 2): Fate(200, "b", False),
        EntityKey("leads", 3): Fate(200, "c", True),
        EntityKey("contacts", 3): Fate(900, "d", True),
    }
    kept = without_deleted(rows, fates)
    assert [row[1] for row in kept["leads"]] == [2, 3]
    assert [row[2] for row in kept["entity_tags"]] == [2]


def test_notes_are_deleted_with_their_calls() -> None:
    call = {"id": 7, "note_type": "call_in", "updated_at": 100}
    rows = flatten("notes", [call], 1, of="leads")
    fates = {EntityKey("leads/notes", 7): Fate(200, "a", True)}
    kept = without_deleted(rows, fates)
    assert (kept["notes"], kept["calls"]) == ([], [])
    tables = dict(Package(1).take(Batch(fates=fates), 2))
    for name, key in (("notes", ("leads", 7)), ("calls", ("leads", 7))):
        (row,) = tables[name].to_pylist()
        assert row[DELETED]
        assert part(row, TABLES[name].key) == (1, *key)


def test_what_a_listing_has_no_more_is_removed() -> None:
    gone = Batch(
        gone=(Gone("statuses", ((1, 10, 142),), 5), Gone("catalog_elements", ((1, 7),), 5))
    )
    tables = dict(Package(1).take(gone, 2))
    assert part(tables["statuses"].to_pylist()[0], TABLES["statuses"].key) == (1, 10, 142)
    for child in ("field_values", "entity_tags", "links"):
        (row,) = tables[child].to_pylist()
        assert part(row, ("account_id", "entity_type", "entity_id")) == (1, "catalog_elements", 7)


def test_removing_rows_have_keys_that_no_row_has() -> None:
    assert removing_row(TABLES["links"], (1, "leads", 5))[:5] == (1, "leads", 5, "", -1)
