"""`accounts`, `use`, `whoami`, `status`, `logout`."""

from __future__ import annotations

import click

from amocrm.cli import who
from amocrm.cli.options import complete_profiles, pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr


@click.command(
    help=tr(
        "List the accounts you are logged in to.\n\nExample: amocrm accounts -o json",
        "Показать аккаунты, в которые выполнен вход.\n\nПример: amocrm accounts -o json",
    )
)
@pass_session
def accounts(session: Session) -> None:
    profiles = session.profiles()
    current = profiles.current()
    session.rows(
        (
            {"name": name, "account": one.domain, "id": one.account_id, "current": name == current}
            for name, one in profiles.all().items()
        ),
        ("name", "account", "id", "current"),
    )


@click.command(
    help=tr(
        "Choose the account that commands call.\n\nExample: amocrm use mycompany",
        "Выбрать аккаунт, с которым работают команды.\n\nПример: amocrm use mycompany",
    )
)
@click.argument("name", shell_complete=complete_profiles)
@pass_session
def use(session: Session, name: str) -> None:
    session.profiles().use(name)
    session.say(tr(f"Commands call {name!r} now.", f"Выбран профиль {name!r}."))


@click.command(
    help=tr(
        "Show the account and the user.\n\nExample: amocrm whoami",
        "Показать аккаунт и пользователя.\n\nПример: amocrm whoami",
    )
)
@pass_session
def whoami(session: Session) -> None:
    session.item(who.whoami(session.crm(), session.target().name))


@click.command(
    help=tr(
        "Show the token and until when it lives. Sends nothing.\n\nExample: amocrm status",
        "Показать токен и срок его действия. Ничего не отправляет.\n\nПример: amocrm status",
    )
)
@pass_session
def status(session: Session) -> None:
    session.item(who.status(session.crm(), session.target()))


@click.command(
    help=tr(
        "Forget an account and its tokens on this machine.\n\nExample: amocrm logout mycompany",
        "Удалить аккаунт и его токены с этого компьютера.\n\nПример: amocrm logout mycompany",
    )
)
@click.argument("name", required=False, shell_complete=complete_profiles)
@pass_session
def logout(session: Session, name: str | None) -> None:
    who.logout(session, name)
