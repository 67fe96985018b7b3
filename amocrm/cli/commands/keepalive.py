"""`keepalive`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timezone

import click

from amocrm._support.clock import SystemClock
from amocrm.cli import keeping
from amocrm.cli.application import IN_PART, exit_code
from amocrm.cli.error_texts import describe
from amocrm.cli.keeping import Kept, LastRun
from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.http.messages import Json


@click.command(
    help=tr(
        "Renew stored token pairs before they end, three months after they were granted. Run it "
        "daily by cron.\n\nExample: 0 5 * * * amocrm keepalive --quiet",
        "Обновить сохранённые пары токенов, пока не прошли три месяца с их выдачи. Запускайте "
        "ежедневно из cron.\n\nПример: 0 5 * * * amocrm keepalive --quiet",
    )
)
@click.option(
    "--days", type=click.IntRange(0, 80), default=keeping.DAYS, show_default=True,
    help=tr("Renew pairs that are older.", "Обновлять пары старше стольких дней."),
)  # fmt: skip
@click.option(
    "--store", "folder", type=click.Path(file_okay=False), metavar="FOLDER",
    help=tr("The FileStore of a program, with all accounts of the integration, instead of the "
            "profiles.",
            "FileStore программы со всеми аккаунтами интеграции вместо профилей."),
)  # fmt: skip
@click.option(
    "--last",
    is_flag=True,
    help=tr("Only tell when it ran last.", "Только показать, когда запускалась."),
)
@pass_session
def keepalive(session: Session, days: int, folder: str | None, last: bool) -> int:
    clock, profiles = SystemClock(), session.profiles()
    place = keeping.PROFILES if folder is None else os.path.abspath(folder)
    before = keeping.last_run(profiles, place)
    if last:
        session.item({"place": place, **_run_row(before)})
        return 0
    if folder is None:
        found = list(_shown(session, keeping.keep(keeping.of_profiles(profiles), days, clock)))
    else:
        profile = session.target().profile
        with keeping.open_store(folder, profile, profiles) as integration:
            accounts = keeping.of_store(integration)
            found = list(_shown(session, keeping.keep(accounts, days, clock)))
    session.rows(map(_row, found), ("name", "outcome", "until", "error"))
    errors = [one.error for one in found if one.error is not None]
    keeping.note_run(profiles, LastRun(clock.time(), len(errors)), place)
    told = _moment(before.ran_at) if before else tr("never", "никогда")
    session.say(tr(f"Before, it ran: {told}", f"Прошлый запуск: {told}"))
    if not errors:
        return 0
    return exit_code(errors[0]) if len(errors) == len(found) else IN_PART


def _shown(session: Session, found: Iterator[Kept]) -> Iterator[Kept]:
    """Tell failures as they come: cron sends them by mail."""
    for one in found:
        if one.error is not None:
            session.warn(f"{one.name}: {describe(one.error)}")
        elif one.outcome == "missing":
            session.say(f"{one.name}: {tr('there is no token', 'токена нет')}")
        yield one


def _row(one: Kept) -> dict[str, Json]:
    error = None if one.error is None else describe(one.error)
    return {"name": one.name, "outcome": one.outcome, "until": _moment(one.until), "error": error}


def _run_row(run: LastRun | None) -> dict[str, Json]:
    if run is None:
        return {"ran_at": None, "failed": None}
    return {"ran_at": _moment(run.ran_at), "failed": run.failed}


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
