"""`fields`, `pipelines`, `users`."""

from __future__ import annotations

import click

from amocrm.cli import reference_rows as rows
from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr

_TEXT_FORMATS = ("table", "csv")


@click.command(
    help=tr(
        "List the custom fields of leads, contacts, companies, customers, customers/segments or "
        "catalogs/ID, with their choices.\n\nExample: amocrm fields leads",
        "Показать поля сделок (leads), контактов (contacts), компаний (companies), покупателей "
        "(customers), сегментов (customers/segments) или списка (catalogs/ID) и их варианты."
        "\n\nПример: amocrm fields leads",
    )
)
@click.argument("kind")
@pass_session
def fields(session: Session, kind: str) -> None:
    as_text = session.format in _TEXT_FORMATS
    found = rows.field_rows(session.crm(), rows.check_kind(kind), as_text=as_text)
    session.rows(found, rows.FIELD_COLUMNS)


@click.command(
    help=tr(
        "List the pipelines of leads and their stages.\n\nExample: amocrm pipelines -o csv",
        "Показать воронки и их этапы.\n\nПример: amocrm pipelines -o csv",
    )
)
@pass_session
def pipelines(session: Session) -> None:
    session.rows(rows.stage_rows(session.crm()), rows.STAGE_COLUMNS)


@click.command(
    help=tr(
        "List the users. Requires admin rights.\n\nExample: amocrm users",
        "Показать пользователей. Нужны права администратора.\n\nПример: amocrm users",
    )
)
@pass_session
def users(session: Session) -> None:
    session.rows(rows.user_rows(session.crm()), rows.USER_COLUMNS)
