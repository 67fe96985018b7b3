"""`accounts`, `use`, `whoami`, `status`, `logout`."""

from __future__ import annotations

import click

from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr


@click.command(help=tr("List the accounts.", "Показать аккаунты."))
@pass_session
def accounts(session: Session) -> None:
    profiles = session.profiles()
    current = profiles.current()
    session.rows(
        (
            {"current": name == current, "name": name, "account": one.domain}
            for name, one in profiles.all().items()
        ),
        ("current", "name", "account"),
    )


@click.command(help=tr("Who is logged in.", "Кто вошёл."))
@pass_session
def whoami(session: Session) -> None:
    session.item(session.crm().account.get())
