"""Creates the views of a mirror, and creates them again when the account's fields have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final

import sqlalchemy as sa

from amocrm.errors import MirrorError
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.views.analysis import funnel, time_in_stage, utm
from amocrm.mirror.views.dialect import Dialect
from amocrm.mirror.views.mybi import mybi_views
from amocrm.mirror.views.wide import WideField, leads_wide

_STATE: Final = "views"
_MYBI_STATE: Final = "mybi"
"""Under which it is remembered that views are the mirror's, and of what queries."""

PATIENCE: Final = 2
"""Seconds to wait for those who read a view that is to be renewed."""
_LONG_TEXT: Final = 65_535
"""Bytes that several values of a field may well have together. MySQL joins 1,024 by default, and
cuts the rest without a word; MariaDB a million."""


def update_views(sink: Sink) -> None:
    """Create the views, if they are missing or the account's fields have changed.

    Raises:
        MirrorError: the database refuses it, would cut long texts in them, or has something of
            another program by one of their names; nothing else is touched.
    """
    dialect = _dialect(sink)
    if not _is_current(sink, *_wanted(sink, dialect)):
        _renew_views(sink, dialect)
    if dialect.name == "mysql":
        sink.database.run("read a setting", _check_joined_length, is_read=True)


def _renew_views(sink: Sink, dialect: Dialect) -> None:
    # One run at a time: statements that create views end a transaction of MySQL.
    with sink.running(0):
        queries, digest = _wanted(sink, dialect)
        if not _is_current(sink, queries, digest):
            _claim(sink, _STATE, [f"{sink.prefix}{name}" for name in queries])
            _create(sink, dialect, queries)
            sink.save(0, {_STATE: digest})


def _is_current(sink: Sink, queries: Mapping[str, str], digest: str) -> bool:
    """Whether the views are what they must be, and nobody has dropped one of them."""
    if digest != sink.load(0).get(_STATE):
        return False
    there = sink.database.run(
        "look for the views", lambda one: {*sa.inspect(one).get_view_names()}, is_read=True
    )
    return {f"{sink.prefix}{name}" for name in queries} <= there


def _claim(sink: Sink, name: str, views: Sequence[str]) -> None:
    """Make sure that views are the mirror's, the first time; they are dropped to be renewed.

    Raises:
        MirrorError: a table or a view of another program has one of their names.
    """
    if name not in sink.load(0):
        sink.database.run("look for the views", lambda one: _check_names(one, views), is_read=True)
        # Before they are created, which MySQL does not do in a transaction.
        sink.save(0, {name: ""})


def _check_names(connection: sa.Connection, views: Sequence[str]) -> None:
    if connection.dialect.name == "postgresql":
        # Also those of other schemas, which a name without a schema would find.
        quote = connection.dialect.identifier_preparer.quote
        query = sa.text("SELECT to_regclass(:name) IS NOT NULL")
        taken = {one for one in views if connection.scalar(query, {"name": quote(one)})}
    else:
        inspector = sa.inspect(connection)
        taken = {*inspector.get_table_names(), *inspector.get_view_names()} & {*views}
    if taken:
        raise MirrorError(
            f"there is a table or a view {min(taken)!r} already, which is not the mirror's",
            hint="rename it, or mirror into tables with another prefix",
        )


def _check_joined_length(connection: sa.Connection) -> None:
    longest = int(connection.execute(sa.text("SELECT @@group_concat_max_len")).scalar_one())
    if longest < _LONG_TEXT:
        raise MirrorError(
            f"MySQL cuts a field's values in leads_wide at group_concat_max_len, {longest} bytes",
            hint="SET GLOBAL group_concat_max_len = 1048576",
        )


def _wanted(sink: Sink, dialect: Dialect) -> tuple[dict[str, str], str]:
    """Return the queries of the views as they must be now, and a digest of them."""
    queries = {
        "leads_wide": leads_wide(dialect, _fields(sink)),
        "utm": utm(dialect),
        "time_in_stage": time_in_stage(dialect),
        "funnel": funnel(dialect),
    }
    return queries, hashlib.sha256(repr(queries).encode()).hexdigest()


def create_mybi_views(engine: sa.Engine | str, *, prefix: str = "") -> None:
    """Create views with the names of mybi connect, such as `amocrm_leads` and `general_dates`.

    Once, beside a mirror that is there already. The views have no prefix.

    Args:
        engine: an engine of SQLAlchemy, or a URL.
        prefix: of the names of the mirror's tables.

    Raises:
        MirrorError: the database refuses it or has no mirror, or something of another program has
            the name of one of them.
    """
    with closing(Sink(engine, prefix)) as sink:
        if not sink.exists():
            raise MirrorError(f"{sink!r} has no mirror")
        dialect = _dialect(sink)
        queries = mybi_views(dialect)
        _claim(sink, _MYBI_STATE, list(queries))
        _create(sink, dialect, queries, names_prefix="")


def _create(
    sink: Sink, dialect: Dialect, queries: Mapping[str, str], names_prefix: str | None = None
) -> None:
    own = dialect.prefix if names_prefix is None else names_prefix
    names = {name: dialect.quote(f"{own}{name}") for name in queries}

    def create(connection: sa.Connection) -> None:
        with _short_waits(connection):
            renew(connection)

    def renew(connection: sa.Connection) -> None:
        readers = _readers(connection, [f"{own}{name}" for name in queries])
        # Replacing does not do: in PostgreSQL a view may only get more columns.
        for name in reversed(list(queries)):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {names[name]}")
        for name, query in queries.items():
            connection.exec_driver_sql(
                f"CREATE VIEW {names[name]} AS {_escaped(connection, query)}"
            )
        for name, reader in readers:
            who = "PUBLIC" if reader == "PUBLIC" else dialect.quote(reader)
            connection.exec_driver_sql(
                _escaped(connection, f"GRANT SELECT ON {dialect.quote(name)} TO {who}")
            )

    sink.database.run("create the views", create)


@contextmanager
def _short_waits(connection: sa.Connection) -> Generator[None, None, None]:
    """Give up soon where a view is being read: all who ask it next would wait behind this."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
        yield
    elif connection.dialect.name in ("mysql", "mariadb"):
        before = int(connection.exec_driver_sql("SELECT @@lock_wait_timeout").scalar_one())
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {PATIENCE}")
        try:
            yield
        finally:
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {before}")
    else:
        yield


def _readers(connection: sa.Connection, views: Sequence[str]) -> list[tuple[str, str]]:
    """Return which roles may read views: PostgreSQL forgets it with a view, MySQL does not."""
    if connection.dialect.name != "postgresql":
        return []
    query = sa.text(
        "SELECT table_name, grantee FROM information_schema.table_privileges "
        "WHERE table_schema = current_schema() AND privilege_type = 'SELECT' "
        "AND table_name IN :views"
    ).bindparams(sa.bindparam("views", list(views), expanding=True))
    return [(str(name), str(reader)) for name, reader in connection.execute(query)]


def _escaped(connection: sa.Connection, query: str) -> str:
    """Double the percent signs where the driver would take them for places of values."""
    return query if connection.dialect.paramstyle == "qmark" else query.replace("%", "%%")


def _dialect(sink: Sink) -> Dialect:
    kind = sink.database.dialect.name
    name = "mysql" if kind == "mariadb" else kind
    if name not in ("postgresql", "mysql", "sqlite"):
        raise MirrorError(f"the mirror has no views for {kind}")
    mark = "`" if name == "mysql" else '"'

    def quote(text: str) -> str:
        return f"{mark}{text.replace(mark, mark * 2)}{mark}"

    return Dialect(name, quote, sink.prefix)


def _fields(sink: Sink) -> list[WideField]:
    fields = sink.tables.of["fields"].c
    query = (
        sa.select(fields.account_id, fields.id, fields.name, fields.type)
        .where(fields.entity_type == "leads", fields.deleted_at.is_(None))
        .order_by(fields.account_id, fields.sort, fields.id)
    )
    return sink.database.run(
        "read fields",
        lambda one: [
            WideField(account_id, number, name or "", kind or "")
            for account_id, number, name, kind in one.execute(query)
        ],
        is_read=True,
    )
