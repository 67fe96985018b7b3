"""`stubs`."""

from __future__ import annotations

import os
import sys

import click

from amocrm._support.atomic_file import replacement
from amocrm.cli.options import pass_session
from amocrm.cli.schema_file import schema_account
from amocrm.cli.session import Session
from amocrm.cli.stubs import read_account, write_stub
from amocrm.cli.texts import tr
from amocrm.cli.words import output_path
from amocrm.errors import ConfigurationError


@click.command(
    help=tr(
        "Write types of the account's custom fields, stages and users, so that an editor completes "
        "their names and a checker refuses wrong ones.\n\nExample: amocrm stubs -o shop.pyi",
        "Записать типы полей, этапов и пользователей аккаунта: редактор подсказывает имена, а "
        "проверка типов отвергает неверные.\n\nПример: amocrm stubs -o shop.pyi",
    )
)
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False), default="-", metavar="FILE",
    help=tr("A .pyi; without it, standard output.", "Файл .pyi; без него — стандартный вывод."),
)  # fmt: skip
@click.option(
    "--check", is_flag=True,
    help=tr("Write nothing; exit with 1 if the file is out of date.",
            "Ничего не записывать; код 1, если файл устарел."),
)  # fmt: skip
@click.option(
    "--schema", type=click.Path(dir_okay=False), metavar="SCHEMA",
    help=tr("Of `amocrm sandbox clone`, instead of the account; it names no users.",
            "Из `amocrm sandbox clone`, вместо аккаунта; имён пользователей в ней нет."),
)  # fmt: skip
@pass_session
def stubs(session: Session, path: str, check: bool, schema: str | None) -> int:
    name = "account" if path == "-" else os.path.basename(path).partition(".")[0]
    if not name.isidentifier() or (path != "-" and not path.endswith(".pyi")):
        raise ConfigurationError(f"{path} cannot be imported", hint="such as shop.pyi")
    account = read_account(session.crm()) if schema is None else schema_account(schema)
    text = write_stub(account, name)
    if path == "-":
        sys.stdout.write(text)
        return 0
    if check:
        if _read(path) == text:
            return 0
        session.warn(tr(f"{path} is out of date", f"{path} устарел"))
        return 1
    with replacement(output_path(path)) as file:
        file.write(text.encode())
    session.say(path)
    return 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
