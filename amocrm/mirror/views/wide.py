"""`leads_wide`: a row for each lead, with a column for each of the account's own fields."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from amocrm.mirror.views.dialect import Dialect

MOST: Final = 1500
"""Columns of fields at most: PostgreSQL has 1,600 in a table, SQLite 2,000."""

_MULTIPLE: Final = frozenset(
    {"multiselect", "multitext", "smart_address", "items", "legal_entity", "chained_list"}
)
_NUMBERS: Final = frozenset({"numeric", "price", "monetary", "checkbox"})
_TIMES: Final = frozenset({"date", "date_time", "birthday"})

_FIXED: Final = (
    ("account_id", "l.account_id"), ("id", "l.id"), ("name", "l.name"), ("price", "l.price"),
    ("pipeline_id", "l.pipeline_id"), ("pipeline", "p.name"), ("status_id", "l.status_id"),
    ("status", "s.name"), ("responsible_user_id", "l.responsible_user_id"),
    ("responsible", "u.name"), ("created_at", "l.created_at"), ("updated_at", "l.updated_at"),
    ("closed_at", "l.closed_at"), ("loss_reason", "r.name"),
    ("main_contact_id", "l.main_contact_id"), ("main_contact", "c.name"),
    ("company_id", "l.company_id"), ("company", "o.name"),
)  # fmt: skip


class WideField(NamedTuple):
    """A field of leads: its account, id, name and type."""

    account_id: int
    id: int
    name: str
    type: str


def leads_wide(dialect: Dialect, fields: Sequence[WideField]) -> str:
    """Return the query of the view.

    Fields of one name in several accounts share a column. In one account the second of two fields
    of one name has its id behind the name.
    """
    t = dialect.table
    columns = wide_columns(dialect.name, fields)
    fixed = ", ".join(f"{source} AS {dialect.quote(name)}" for name, source in _FIXED)
    joins = (
        f"LEFT JOIN {t('pipelines')} p ON p.account_id = l.account_id AND p.id = l.pipeline_id "
        f"LEFT JOIN {t('statuses')} s ON s.account_id = l.account_id "
        "AND s.pipeline_id = l.pipeline_id AND s.id = l.status_id "
        f"LEFT JOIN {t('users')} u ON u.account_id = l.account_id "
        "AND u.id = l.responsible_user_id "
        f"LEFT JOIN {t('loss_reasons')} r ON r.account_id = l.account_id "
        "AND r.id = l.loss_reason_id "
        f"LEFT JOIN {t('contacts')} c ON c.account_id = l.account_id "
        "AND c.id = l.main_contact_id "
        f"LEFT JOIN {t('companies')} o ON o.account_id = l.account_id AND o.id = l.company_id"
    )
    if not columns:
        return f"SELECT {fixed} FROM {t('leads')} l {joins} WHERE l.deleted_at IS NULL"
    names = {f"f{at}": name for at, name in enumerate(columns)}
    own = ", ".join(f"v.{short} AS {dialect.quote(name)}" for short, name in names.items())
    values = ", ".join(
        f"{_value(dialect, columns[name])} AS {short}" for short, name in names.items()
    )
    rows = t("field_values")
    if dialect.name == "sqlite":  # It joins texts in the order of the rows.
        rows = f"(SELECT * FROM {rows} ORDER BY account_id, entity_type, entity_id, field_id, n)"
    pivot = (
        f"SELECT account_id, entity_id, {values} FROM {rows} w WHERE entity_type = 'leads' "
        "GROUP BY account_id, entity_id"
    )
    return (
        f"SELECT {fixed}, {own} FROM {t('leads')} l {joins} LEFT JOIN ({pivot}) v "
        "ON v.account_id = l.account_id AND v.entity_id = l.id WHERE l.deleted_at IS NULL"
    )


def wide_columns(kind: str, fields: Iterable[WideField]) -> dict[str, list[WideField]]:
    """Return the columns: their names, and the fields whose values are in them.

    >>> fields = [WideField(1, 7, "Price", "text"), WideField(1, 8, "UTM", "text")]
    >>> list(wide_columns("sqlite", [*fields, WideField(2, 9, "UTM", "text")]))
    ['Price (7)', 'UTM']
    """
    taken: dict[str, str] = {name: "" for name, _ in _FIXED}  # folded names → columns
    columns: dict[str, list[WideField]] = {}
    has: dict[str, set[int]] = defaultdict(set)
    for field in fields:
        plain = _plain(kind, field.name)
        name = _cut(kind, plain or f"field {field.id}")
        column = taken.get(_folded(kind, name))
        if column is not None and (column == "" or field.account_id in has[column]):
            end = f" ({field.id})"
            name = f"{_cut(kind, plain, len(end))}{end}"
            column = taken.get(_folded(kind, name))
        if column is None:
            if len(columns) >= MOST:
                continue
            taken[_folded(kind, name)] = column = name
            columns[name] = []
        columns[column].append(field)
        has[column].add(field.account_id)
    return columns


def _plain(kind: str, name: str) -> str:
    """Return a name in one line; MySQL has no emoji in names of columns."""
    last = "\uffff" if kind == "mysql" else "\U0010ffff"
    return " ".join("".join(c if c.isprintable() and c <= last else " " for c in name).split())


def _folded(kind: str, name: str) -> str:
    """Return what two names of one column have in common: in MySQL letters without their marks."""
    if kind != "mysql":
        return name.casefold()
    parts = unicodedata.normalize("NFD", name.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def _cut(kind: str, name: str, reserved: int = 0) -> str:
    """Cut a name: PostgreSQL has 63 bytes, MySQL 64 characters."""
    if kind == "postgresql":
        return name.encode("utf-8", "ignore")[: 63 - reserved].decode("utf-8", "ignore").rstrip()
    return name[: 64 - reserved].rstrip()


def _value(dialect: Dialect, fields: Sequence[WideField]) -> str:
    mine = " OR ".join(f"(account_id = {one.account_id} AND field_id = {one.id})" for one in fields)
    kinds = {one.type for one in fields}
    if kinds <= _NUMBERS:
        return f"MAX(CASE WHEN {mine} THEN value_number END)"
    if kinds <= _TIMES:
        return f"MAX(CASE WHEN {mine} THEN value_time END)"
    text = f"CASE WHEN {mine} THEN value_text END"
    return dialect.joined(text, "n") if kinds & _MULTIPLE else f"MAX({text})"
