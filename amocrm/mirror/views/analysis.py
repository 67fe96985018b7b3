"""`utm`, `time_in_stage` and `funnel`: what dashboards ask first."""

from __future__ import annotations

from typing import Final

from amocrm.mirror.views.dialect import Dialect

_TRACKING: Final = (
    "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_referrer",
    "referrer", "roistat", "gclientid", "gclid", "yclid", "fbclid", "_ym_uid", "_ym_counter",
    "openstat_service", "openstat_campaign", "openstat_ad", "openstat_source",
)  # fmt: skip
"""Codes of the tracking fields of leads, in lower case."""


def utm(dialect: Dialect) -> str:
    """Return the query of `utm`: a row for each lead that has a tracking field."""
    t = dialect.table
    columns = ", ".join(
        f"MAX(CASE WHEN f.code = '{name.upper()}' THEN v.value_text END) AS {dialect.quote(name)}"
        for name in _TRACKING
    )
    return (
        f"SELECT v.account_id, v.entity_id AS lead_id, {columns} FROM {t('field_values')} v "
        f"JOIN {t('fields')} f ON f.account_id = v.account_id AND f.id = v.field_id "
        f"JOIN {t('leads')} l ON l.account_id = v.account_id AND l.id = v.entity_id "
        "WHERE v.entity_type = 'leads' AND f.type = 'tracking_data' AND l.deleted_at IS NULL "
        "GROUP BY v.account_id, v.entity_id"
    )


def time_in_stage(dialect: Dialect) -> str:
    """Return the query of `time_in_stage`: a row for each stay of a lead in a stage.

    The first stay begins with the lead. The last one has no end, and counts up to now.
    """
    t = dialect.table
    order = "PARTITION BY h.account_id, h.lead_id ORDER BY h.changed_at, h.event_id"
    stays = (
        "SELECT h.account_id, h.lead_id, h.to_pipeline_id AS pipeline_id, "
        "h.to_status_id AS status_id, h.changed_at AS entered_at, "
        f"LEAD(h.changed_at) OVER ({order}) AS left_at FROM {t('status_history')} h "
        "UNION ALL SELECT l.account_id, l.id, m.from_pipeline_id, m.from_status_id, l.created_at, "
        f"m.changed_at FROM {t('leads')} l JOIN (SELECT h.*, ROW_NUMBER() OVER ({order}) "
        f"AS nth FROM {t('status_history')} h) m "
        "ON m.account_id = l.account_id AND m.lead_id = l.id AND m.nth = 1 "
        "UNION ALL SELECT l.account_id, l.id, l.pipeline_id, l.status_id, l.created_at, NULL "
        f"FROM {t('leads')} l WHERE NOT EXISTS (SELECT 1 FROM {t('status_history')} h "
        "WHERE h.account_id = l.account_id AND h.lead_id = l.id)"
    )
    end = f"COALESCE(y.left_at, {dialect.now})"
    return (
        "SELECT y.account_id, y.lead_id, y.pipeline_id, p.name AS pipeline, y.status_id, "
        "s.name AS status, y.entered_at, y.left_at, "
        f"{dialect.seconds('y.entered_at', end)} AS seconds "
        f"FROM ({stays}) y JOIN {t('leads')} e ON e.account_id = y.account_id "
        "AND e.id = y.lead_id AND e.deleted_at IS NULL "
        f"LEFT JOIN {t('pipelines')} p ON p.account_id = y.account_id AND p.id = y.pipeline_id "
        f"LEFT JOIN {t('statuses')} s ON s.account_id = y.account_id "
        "AND s.pipeline_id = y.pipeline_id AND s.id = y.status_id"
    )


def funnel(dialect: Dialect) -> str:
    """Return the query of `funnel`: a row for each stage of a pipeline.

    Where leads are now is what the leads say: of a move whose event was not read no stay tells.
    """
    t = dialect.table
    stage = "account_id, pipeline_id, status_id"
    stays = f"SELECT {stage}, lead_id, left_at, seconds FROM {t('time_in_stage')}"
    now = f"SELECT {stage}, id AS lead_id, price FROM {t('leads')} WHERE deleted_at IS NULL"
    entered = (
        f"SELECT {stage}, COUNT(DISTINCT lead_id) AS leads, AVG(seconds) AS seconds FROM ("
        f"SELECT {stage}, lead_id, CASE WHEN left_at IS NOT NULL THEN seconds END AS seconds "
        f"FROM ({stays}) z UNION ALL SELECT {stage}, lead_id, NULL FROM ({now}) w) e "
        f"GROUP BY {stage}"
    )
    present = (
        f"SELECT {stage}, COUNT(*) AS leads, SUM(price) AS price FROM ({now}) w GROUP BY {stage}"
    )
    same = (
        "{0}.account_id = s.account_id AND {0}.pipeline_id = s.pipeline_id AND {0}.status_id = s.id"
    )
    return (
        "SELECT s.account_id, s.pipeline_id, p.name AS pipeline, s.id AS status_id, "
        "s.name AS status, s.sort, COALESCE(y.leads, 0) AS leads_entered, "
        "COALESCE(n.leads, 0) AS leads_now, COALESCE(n.price, 0) AS price_now, "
        f"y.seconds AS average_seconds FROM {t('statuses')} s "
        f"JOIN {t('pipelines')} p ON p.account_id = s.account_id AND p.id = s.pipeline_id "
        f"LEFT JOIN ({entered}) y ON {same.format('y')} LEFT JOIN ({present}) n ON "
        f"{same.format('n')} WHERE s.deleted_at IS NULL AND p.deleted_at IS NULL"
    )
