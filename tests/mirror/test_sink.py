"""What a batch says that it has changed, whatever the order of the batches."""

from __future__ import annotations

from contextlib import closing
from itertools import permutations

import pytest

from amocrm.mirror.batch import Batch, Gone, Written
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.sql.sink import Sink
from tests.mirror.places import Place

LEAD = EntityKey("leads", 7)


def read_at(updated_at: int) -> Batch:
    return Batch(flatten("leads", [{"id": 7, "name": "Door", "updated_at": updated_at}], 1))


DELETED = Batch(fates={LEAD: Fate(100, "b", True)})
RESTORED = Batch(fates={LEAD: Fate(200, "c", False)})


@pytest.mark.parametrize("batches", list(permutations([RESTORED, read_at(200)])))
def test_a_restored_lead_is_counted_once(file: Place, batches: tuple[Batch, ...]) -> None:
    with closing(Sink(file.url)) as sink:
        sink.create_tables()
        sink.write(1, read_at(50))
        assert sink.write(1, DELETED) == Written({}, deleted=1)
        written = [sink.write(1, one) for one in batches]
    assert (sum(one.restored for one in written), sum(one.deleted for one in written)) == (1, 0)
    assert file.one("leads", id=7)["deleted_at"] is None


def test_a_read_from_before_the_deletion_restores_nothing(file: Place) -> None:
    with closing(Sink(file.url)) as sink:
        sink.create_tables()
        sink.write(1, read_at(50))
        sink.write(1, DELETED)
        assert sink.write(1, read_at(99)) == Written({"leads": 1})
    assert file.one("leads", id=7)["deleted_at"] == 100


def test_a_listed_row_that_is_there_again_is_counted(file: Place) -> None:
    user = {"id": 5, "name": "Ann", "email": "ann@example.com"}
    with closing(Sink(file.url)) as sink:
        sink.create_tables()
        sink.write(1, Batch(flatten("users", [user], 1)))
        gone = Batch(gone=(Gone("users", ((1, 5),), 100),))
        assert sink.write(1, gone) == Written({}, deleted=1)
        assert sink.write(1, Batch(flatten("users", [user], 1))) == Written(
            {"users": 1}, restored=1
        )
