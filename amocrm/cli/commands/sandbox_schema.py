"""`amocrm sandbox clone`, `diff` and `reset`."""

from __future__ import annotations

import sys

import click

from amocrm._support.atomic_file import replacement
from amocrm.cli.options import pass_session
from amocrm.cli.sandbox_control import reset_sandbox
from amocrm.cli.schema_file import read_schema_file
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.cli.words import output_path
from amocrm.cloning.clone import clone
from amocrm.cloning.diff import diff
from amocrm.sandbox.schema.document import write_schema

_COLUMNS = ("change", "where", "what", "member", "before", "after")


@click.command(
    "clone",
    help=tr(
        "Write the account's definitions to a schema file: pipelines, stages, fields with their "
        "choices, lists, roles, with their ids. No entity goes in, and no name, e-mail or phone of "
        "a person.\n\nExample: amocrm sandbox clone -o schema.json",
        "Записать в файл схему аккаунта: воронки, этапы, поля со списками значений, списки, роли — "
        "с теми же id. Сделок, контактов, имён людей, адресов и телефонов в ней нет.\n\n"
        "Пример: amocrm sandbox clone -o schema.json",
    ),
)
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False), default="-", metavar="FILE",
    help=tr("Without it, standard output.", "Без него — стандартный вывод."),
)  # fmt: skip
@pass_session
def clone_(session: Session, path: str) -> None:
    document = clone(session.crm())
    if document["unknown"]:
        parts = ", ".join(document["unknown"])
        session.warn(
            tr(f"left out, because the plan or the rights do not show it: {parts}",
               f"не вошло, так как тариф или права этого не показывают: {parts}")
        )  # fmt: skip
    text = write_schema(document)
    if path == "-":
        sys.stdout.write(text)
        return
    with replacement(output_path(path)) as file:
        file.write(text.encode())
    session.say(path)


@click.command(
    "diff",
    help=tr(
        "Tell what the account has now and the schema had not, and the other way round; by ids. "
        "The exit code is 1 if there is anything, as of `diff`.\n\n"
        "Example: amocrm sandbox diff schema.json",
        "Показать, чем аккаунт отличается от схемы (по id). Если отличия есть, код завершения 1, "
        "как у `diff`.\n\nПример: amocrm sandbox diff schema.json",
    ),
)
@click.argument("schema", type=click.Path(dir_okay=False))
@pass_session
def diff_(session: Session, schema: str) -> int:
    found = diff(read_schema_file(schema), session.crm())
    if session.output is None:
        for one in found:
            click.echo(str(one))
    else:
        session.rows((one.as_dict() for one in found), _COLUMNS)
    return 1 if found else 0


@click.command(
    help=tr(
        "Begin a running portal of this machine again: its accounts are as at its start.\n\n"
        "Example: amocrm sandbox reset --url http://127.0.0.1:8080",
        "Сбросить песочницу, запущенную на этом компьютере: аккаунты станут такими же, как при "
        "запуске.\n\n"
        "Пример: amocrm sandbox reset --url http://127.0.0.1:8080",
    )
)
@click.option(
    "--url", default="http://127.0.0.1:8080", show_default=True,
    help=tr("Address of the portal.", "Адрес песочницы."),
)  # fmt: skip
@pass_session
def reset(session: Session, url: str) -> None:
    origin = reset_sandbox(url)
    session.say(tr(f"{origin} begins again", f"{origin}: сброшено"))
