"""Tables for many tests: creating them takes longer than most of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from amocrm.webhooks.inbox.tables import describe_tables
from tests.servers import DATABASES, URLS, engine, inbox_place

Places = Callable[[str], str]
"""Gives the place of an empty inbox, by the kind of database."""


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    found: dict[str, str] = {}
    engines: dict[str, sa.Engine] = {}
    with ExitStack() as stack:

        def place(kind: str) -> str:
            if kind not in found:
                made = inbox_place(kind, tmp_path_factory.mktemp(kind))
                found[kind] = stack.enter_context(made)
                engines[kind] = engine(URLS.get(kind, f"sqlite:///{found[kind]}/inbox.db"))
            prefix = f"{found[kind]}_" if kind in DATABASES else "amocrm_"
            with engines[kind].begin() as connection:
                for table in describe_tables(prefix):
                    connection.exec_driver_sql(f"DELETE FROM {table.name}")
            return found[kind]

        yield place
