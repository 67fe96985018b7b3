from __future__ import annotations

from contextlib import closing

import pytest
import sqlalchemy as sa

from amocrm import AmoCRM
from amocrm.mirror import mirror_webhooks
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.inbox.tables import describe_tables
from tests.mirror.conftest import Runs
from tests.mirror.places import Place
from tests.webhooks.arrivals import form, put


def test_what_webhooks_tell_of_is_read_again(
    everywhere: Place, run: Runs, clock: ManualClock, crm: AmoCRM, shop: Sandbox
) -> None:
    place = everywhere
    run(place)
    clock.advance(1000)
    inbox_prefix = f"{place.prefix}in_"
    account = shop.account().id
    first, second, third = sorted(one["id"] for one in shop.leads())[:3]

    def told() -> int | None:
        report = mirror_webhooks(
            crm, place.url, prefix=place.prefix, inbox_prefix=inbox_prefix, clock=clock
        )
        return None if report is None else sum(report.written.values()) + report.deleted

    try:
        with closing(SQLInbox(place.url, table_prefix=inbox_prefix)) as inbox:
            assert told() is None, "there is no inbox yet"
            inbox.create_table()
            for number in (first, second):
                crm.leads.update(number, {"name": f"changed {number}"})
            shop.trash("leads", third)
            # Of the second one no webhook has come; one of the first came twice.
            for at in (1, 2):
                body = form("leads", "update", {"id": first, "at": at}, account=account)
                put(inbox, body, account=account)
            put(inbox, form("leads", "delete", {"id": third}, account=account), account=account)
            put(inbox, form("leads", "add", {"id": 999999}, account=account), account=account)
            put(inbox, form("leads", "update", {"id": second}, account=7), account=7)
            before = len(shop.log)
            assert told() == 3, "the lead, the deleted one, and the event of it"
            assert place.one("leads", id=first)["name"] == f"changed {first}"
            assert place.one("leads", id=second)["name"] != f"changed {second}"
            assert place.one("leads", id=third)["deleted_at"] == int(clock.time())
            assert len(shop.log) - before <= 4
            before = len(shop.log)
            assert told() is None
            assert len(shop.log) == before, "nothing new costs no call"
        run(place)
        run.check(place)
    finally:
        engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            for table in describe_tables(inbox_prefix):
                table.drop(connection, checkfirst=True)


def test_webhooks_need_a_mirror(file: Place, crm: AmoCRM, clock: ManualClock) -> None:
    crm.account.get()
    assert mirror_webhooks(crm, file.url, clock=clock) is None


@pytest.mark.parametrize("bad", ["leads/7001", "1/leads/x", "1/messages/abc/9", "~digest"])
def test_other_things_are_passed_over(bad: str) -> None:
    from amocrm.mirror.sql.inbox_hints import _hint

    assert _hint(bad, "update_lead") is None


def test_webhooks_after_the_inbox_was_purged_are_read(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, shop: Sandbox
) -> None:
    run(file)
    clock.advance(1000)
    account, numbers = shop.account().id, sorted(one["id"] for one in shop.leads())[:3]
    engine = sa.create_engine(file.url, poolclass=sa.pool.NullPool)
    with closing(SQLInbox(file.url)) as inbox:
        inbox.create_table()
        for some in (numbers[:2], numbers[2:]):
            for number in some:
                body = form("leads", "update", {"id": number}, account=account)
                put(inbox, body, account=account)
            report = mirror_webhooks(crm, file.url, clock=clock)
            assert report is not None
            assert report.read == {"leads": len(some)}
            assert mirror_webhooks(crm, file.url, clock=clock) is None
            with engine.begin() as connection:  # The next number is 1 again.
                for table in describe_tables("amocrm_"):
                    connection.execute(sa.delete(table))
