"""Views with the names of mybi connect, a widespread paid connector, so that dashboards stay.

Ids are those of amoCRM everywhere, also where that connector has numbers of its own (`id`,
`leads_id`), and `account_id` is the account's id in amoCRM. A date's id is the number of its
minute. What amoCRM does not tell (client ids, costs) is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.mirror.views.dialect import Dialect

_ONE: Final[Mapping[str, str]] = {
    "leads": "lead", "contacts": "contact", "companies": "company", "customers": "customer",
}  # fmt: skip


def mybi_views(dialect: Dialect) -> dict[str, str]:
    """Return the queries of the views by their names, each after those that it uses."""
    t = dialect.table
    views = {
        "amocrm_leads": (
            "SELECT l.id, l.account_id, l.id AS lead_id, l.name, p.name AS pipeline, "
            "l.pipeline_id, s.name AS status, l.status_id, s.sort AS status_order, "
            "NULL AS request_id, r.name AS loss_reason, l.loss_reason_id, "
            f"{_is_deleted('l')} FROM {t('leads')} l "
            f"LEFT JOIN {t('pipelines')} p ON p.account_id = l.account_id "
            "AND p.id = l.pipeline_id "
            f"LEFT JOIN {t('statuses')} s ON s.account_id = l.account_id "
            "AND s.pipeline_id = l.pipeline_id AND s.id = l.status_id "
            f"LEFT JOIN {t('loss_reasons')} r ON r.account_id = l.account_id "
            "AND r.id = l.loss_reason_id"
        ),
        "amocrm_contacts": (
            "SELECT c.id, c.account_id, c.id AS contact_id, c.name, o.name AS company, "
            f"{_by_code(dialect, 'contacts', 'c', 'POSITION')} AS post, "
            f"{_by_code(dialect, 'contacts', 'c', 'PHONE')} AS phone, "
            f"{_by_code(dialect, 'contacts', 'c', 'EMAIL')} AS email, "
            f"NULL AS request_id, {_is_deleted('c')}, c.first_name, c.last_name "
            f"FROM {t('contacts')} c LEFT JOIN {t('companies')} o "
            "ON o.account_id = c.account_id AND o.id = c.company_id"
        ),
        "amocrm_companies": (
            "SELECT c.id, c.account_id, c.id AS company_id, c.name, "
            f"{_by_code(dialect, 'companies', 'c', 'PHONE')} AS phone, "
            f"{_by_code(dialect, 'companies', 'c', 'EMAIL')} AS email, "
            f"{_by_code(dialect, 'companies', 'c', 'WEB')} AS site, "
            f"{_is_deleted('c')} FROM {t('companies')} c"
        ),
        "amocrm_tasks": (
            "SELECT k.id, k.account_id, k.id AS task_id, k.task_type_id AS task_type, k.text, "
            "k.result, CASE WHEN k.is_completed THEN 1 ELSE 0 END AS status_code, "
            f"{_is_deleted('k')} FROM {t('tasks')} k"
        ),
        "amocrm_users": (
            "SELECT u.id, u.account_id, u.id AS user_id, u.email AS login, u.name, "
            "NULL AS phone, u.email, g.name AS group_name, u.group_id, u.role_id, "
            f"u.is_admin, u.is_active, u.is_free FROM {t('users')} u "
            f"LEFT JOIN {t('groups')} g ON g.account_id = u.account_id "
            "AND g.id = COALESCE(u.group_id, 0)"
        ),
        "amocrm_pipelines": (
            "SELECT p.id, p.account_id, p.id AS pipeline_id, p.name, p.sort, p.is_main, "
            f"p.is_unsorted_on, p.is_archive FROM {t('pipelines')} p WHERE p.deleted_at IS NULL"
        ),
        "amocrm_statuses": (
            "SELECT s.id, s.account_id, s.pipeline_id, s.id AS status_id, s.name, s.color, "
            f"s.sort, s.is_editable, s.type FROM {t('statuses')} s WHERE s.deleted_at IS NULL"
        ),
        "amocrm_leads_contacts": (
            "SELECT k.account_id, k.entity_id AS leads_id, k.to_entity_id AS contacts_id, "
            f"k.is_main AS main FROM {t('links')} k "
            "WHERE k.entity_type = 'leads' AND k.to_entity_type = 'contacts'"
        ),
        "amocrm_leads_facts": (
            "SELECT l.id, l.account_id, NULL AS clientids_id, NULL AS traffic_id, "
            "l.responsible_user_id AS users_id, l.id AS leads_id, "
            "l.main_contact_id AS contacts_id, l.company_id AS companies_id, "
            f"NULL AS unsorteds_id, {dialect.minutes('l.created_at')} AS created_id, "
            f"{dialect.minutes('l.closed_at')} AS closed_id, l.price, "
            "l.created_at AS created_date, l.updated_at AS modified_date, l.labor_cost, l.score "
            f"FROM {t('leads')} l"
        ),
        "amocrm_contacts_facts": (
            "SELECT c.id, c.account_id, c.id AS contacts_id, c.company_id AS companies_id, "
            "c.responsible_user_id AS users_id, "
            f"{dialect.minutes('c.created_at')} AS registered_id, "
            "c.created_at AS created_date, c.updated_at AS modified_date "
            f"FROM {t('contacts')} c"
        ),
        "general_dates": _dates(dialect),
    }
    for entity in _ONE:
        views |= _parts(dialect, entity)
    return views


def _is_deleted(table: str) -> str:
    return f"({table}.deleted_at IS NOT NULL) AS is_deleted"


def _by_code(dialect: Dialect, entity: str, table: str, code: str) -> str:
    """Return the values of a field that every account has, as one text."""
    t = dialect.table
    return (
        f"(SELECT {dialect.joined('v.value_text', 'v.n')} FROM {t('field_values')} v "
        f"JOIN {t('fields')} f ON f.account_id = v.account_id AND f.id = v.field_id "
        f"WHERE v.account_id = {table}.account_id AND v.entity_type = '{entity}' "
        f"AND v.entity_id = {table}.id AND f.code = '{code}')"
    )


def _parts(dialect: Dialect, entity: str) -> dict[str, str]:
    """Return the views of fields, tags, events and notes of a kind of entity."""
    t, own = dialect.table, f"{entity}_id"
    return {
        f"amocrm_{entity}_attributes": (
            f"SELECT v.account_id, v.entity_id AS {own}, v.field_id AS attribute_id, f.name, "
            f"v.value_text AS value FROM {t('field_values')} v JOIN {t('fields')} f "
            "ON f.account_id = v.account_id AND f.id = v.field_id "
            f"WHERE v.entity_type = '{entity}'"
        ),
        f"amocrm_{entity}_tags": (
            f"SELECT g.account_id, g.entity_id AS {own}, g.tag_id, g.name "
            f"FROM {t('entity_tags')} g WHERE g.entity_type = '{entity}'"
        ),
        f"amocrm_{entity}_events": (
            f"SELECT e.account_id, e.entity_id AS {own}, e.id AS event_id, e.type, e.created_by, "
            f"e.created_at, {dialect.member('e.raw', 'value_after')} AS value_after, "
            f"{dialect.member('e.raw', 'value_before')} AS value_before "
            f"FROM {t('events')} e WHERE e.entity_type = '{_ONE[entity]}'"
        ),
        f"amocrm_{entity}_notes": (
            f"SELECT n.id, n.account_id, n.entity_id AS {own}, n.created_by AS creator_id, "
            "n.responsible_user_id AS responsible_id, n.id AS note_id, n.note_type, "
            f"n.created_at, n.updated_at, n.text, {dialect.member('n.raw', 'params')} AS params "
            f"FROM {t('notes')} n WHERE n.entity_type = '{entity}' AND n.deleted_at IS NULL"
        ),
    }


def _dates(dialect: Dialect) -> str:
    t = dialect.table
    moments = " UNION ".join(
        f"SELECT {dialect.minutes(column)} AS id, {_minute(dialect, column)} AS full_date "
        f"FROM {t(table)} WHERE {column} IS NOT NULL"
        for table, column in (
            ("leads", "created_at"), ("leads", "closed_at"), ("contacts", "created_at"),
        )
    )  # fmt: skip
    names = ("year", "quarter", "month", "week", "day", "hour", "minute")
    parts = ", ".join(
        f"{dialect.part('d.full_date', name)} AS {dialect.quote(name)}" for name in names
    )
    day = dialect.utc("d.full_date")
    simple = f"date({day})" if dialect.name == "sqlite" else f"CAST({day} AS DATE)"
    return f"SELECT d.id, d.full_date, {parts}, {simple} AS simple_date FROM ({moments}) d"


def _minute(dialect: Dialect, time: str) -> str:
    if dialect.name == "postgresql":
        return f"date_trunc('minute', {time})"
    if dialect.name == "mysql":
        return f"CAST(DATE_FORMAT({time}, '%Y-%m-%d %H:%i:00') AS DATETIME)"
    return f"strftime('%Y-%m-%d %H:%M:00', {time})"
