"""`mirror`: the account in a database."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

import click

from amocrm._support.clock import SystemClock
from amocrm.cli.application import IN_PART
from amocrm.cli.mirroring import read_every, shown_mirror_progress, told_errors
from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.mirror.differences import Verification
from amocrm.mirror.families import FAMILIES
from amocrm.mirror.report import MirrorReport
from amocrm.mirror.run import mirror as run_mirror
from amocrm.mirror.verification import verify
from amocrm.mirror.webhooks import mirror_webhooks

URL: Final = "AMOCRM_MIRROR_URL"
POLL: Final = 5.0
"""Seconds between two looks into the webhooks' inbox, if one is in the same database."""


@click.command(
    help=tr(
        "Bring a copy of the account in a database up to date: SQLite, PostgreSQL, MySQL. The "
        "first time, everything is copied; a run that is stopped goes on with the next one. A "
        "database with a password belongs into AMOCRM_MIRROR_URL: arguments are shown in the list "
        "of processes.\n\nExample: amocrm mirror sqlite:///crm.db --every 5m",
        "Обновить копию аккаунта в базе данных: SQLite, PostgreSQL, MySQL. В первый раз копируется "
        "всё; прерванный запуск продолжается следующим. Адрес базы с паролем задайте в "
        "AMOCRM_MIRROR_URL: аргументы видны в списке процессов.\n\n"
        "Пример: amocrm mirror sqlite:///crm.db --every 5m",
    )
)
@click.argument("url", required=False)
@click.option(
    "--families", metavar="NAMES",
    help=tr(f"What to copy, with commas: {', '.join(FAMILIES)}. Default: all.",
            f"Что копировать, через запятую: {', '.join(FAMILIES)}. По умолчанию всё."),
)  # fmt: skip
@click.option("--prefix", default="", help=tr("Of the tables' names.", "Начало имён таблиц."))
@click.option(
    "--every", metavar="TIME",
    help=tr("Run again and again: 30s, 5m, 1h.", "Повторять: 30s, 5m, 1h."),
)  # fmt: skip
@click.option(
    "--once", is_flag=True,
    help=tr("Run once, which is the default.", "Один раз (по умолчанию)."),
)  # fmt: skip
@click.option(
    "--verify", "is_check", is_flag=True,
    help=tr("Only compare the copy with the account.", "Только сравнить копию с аккаунтом."),
)  # fmt: skip
@pass_session
def mirror(
    session: Session,
    url: str | None,
    families: str | None,
    prefix: str,
    every: str | None,
    once: bool,
    is_check: bool,
) -> int:
    place = _place(session, url)
    chosen = None if families is None else [one.strip() for one in families.split(",") if one]
    if is_check:
        return _told(session, verify(session.crm(), place, families=chosen, prefix=prefix))
    pause = None if every is None or once else read_every(every)
    clock = SystemClock()
    while True:
        code = 0
        with told_errors(session, pause is not None):
            with shown_mirror_progress(session) as progress:
                report = run_mirror(
                    session.crm(), place, families=chosen, prefix=prefix, progress=progress
                )
            code = _reported(session, report)
        if pause is None:
            return code
        deadline = clock.monotonic() + pause
        while (left := deadline - clock.monotonic()) > 0:
            clock.sleep(min(left, POLL))
            with told_errors(session, True):
                mirror_webhooks(session.crm(), place, families=chosen, prefix=prefix)


def _place(session: Session, url: str | None) -> str:
    place = url or os.environ.get(URL, "")
    if not place:
        raise ConfigurationError(
            "no database is given", hint=f"such as sqlite:///crm.db, or the variable {URL}"
        )
    if url is not None and _has_password(url):
        session.say(tr(f"Others can see this password in the list of processes: use {URL}",
                       f"Этот пароль виден в списке процессов: используйте {URL}"))  # fmt: skip
    return place


def _has_password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return False


def _reported(session: Session, report: MirrorReport) -> int:
    for name, reason in report.skipped.items():
        session.warn(f"{name}: {reason}")
    deleted = {"deleted": report.deleted, "restored": report.restored}
    session.rows(
        [
            *({"table": name, "changed": count} for name, count in report.written.items()),
            *({"table": name, "changed": count} for name, count in deleted.items() if count),
        ],
        ("table", "changed"),
    )
    session.say(tr(f"up to date after {report.seconds:.1f} s",
                   f"обновлено за {report.seconds:.1f} с"))  # fmt: skip
    return 0 if report.is_whole else IN_PART


def _told(session: Session, found: Verification) -> int:
    for name, reason in found.skipped.items():
        session.warn(f"{name}: {reason}")
    session.rows(
        (
            {"table": one.table, "key": "/".join(map(str, one.key)), "column": one.column,
             "what": _what(one.column, there=bool(one.account))}
            for one in found.differences
        ),
        ("table", "key", "column", "what"),
    )  # fmt: skip
    for name, (here, there) in found.miscounted.items():
        session.warn(tr(f"{name}: {here} in the copy, {there} in the account",
                        f"{name}: {here} в копии, {there} в аккаунте"))  # fmt: skip
    compared = sum(found.compared.values())
    session.say(tr(f"compared {compared} items, {len(found.differences)} differences",
                   f"сравнено {compared}, различий {len(found.differences)}"))  # fmt: skip
    if not found.is_same:
        return 1
    return IN_PART if found.skipped else 0


def _what(column: str | None, *, there: bool) -> str:
    if column is not None:
        return tr("differs", "отличается")
    return tr("missing", "нет в копии") if there else tr("surplus", "лишнее в копии")
