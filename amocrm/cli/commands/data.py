"""`export` and `import`: entities to a file, and the rows of a file to entities."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, cast, get_args

import click

from amocrm.cli import completing, words
from amocrm.cli.ctrl_c import told_at_ctrl_c
from amocrm.cli.error_texts import describe
from amocrm.cli.exporting.export import FORMATS, Export, Format
from amocrm.cli.exporting.export import run as run_export
from amocrm.cli.exporting.source import Query
from amocrm.cli.filters import read_filters
from amocrm.cli.importing.import_file import Checked, Import, Plan, check, journal_files, prepare
from amocrm.cli.importing.import_file import run as run_import
from amocrm.cli.importing.mapping import Empty, Match
from amocrm.cli.importing.outcomes import FAILED, OutcomeLog, RowOutcome
from amocrm.cli.names import Names
from amocrm.cli.options import pass_session
from amocrm.cli.progress_bars import shown_progress
from amocrm.cli.resources import find_list
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import AmoCRMError

IN_PART: Final = 3


@click.command(
    help=tr(
        "Write entities to a file: jsonl, csv, xlsx or parquet, with a column for each custom "
        "field. The same command goes on with an export that was interrupted.\n\n"
        "Example: amocrm export leads -o leads.xlsx --names --since 2026-01-01",
        "Выгрузить сущности в файл jsonl, csv, xlsx или parquet; у каждого доп. поля свой столбец. "
        "Та же команда продолжает прерванную выгрузку.\n\n"
        "Пример: amocrm export leads -o leads.xlsx --names --since 2026-01-01",
    )
)
@click.argument("resource", shell_complete=completing.resources)
@click.option(
    "-o", "--output", "path", required=True, metavar="FILE", type=click.Path(dir_okay=False),
    help=tr("The file; its name tells the format.", "Файл; формат определяется по расширению."),
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(FORMATS),
    help=tr("The format, whatever the name.", "Формат, если по расширению его не понять."),
)  # fmt: skip
@click.option(
    "--filter", "filters", multiple=True, metavar="NAME=VALUE", shell_complete=completing.filters,
    help=tr("As of amocrm list.", "Фильтр, как в amocrm list."),
)  # fmt: skip
@click.option(
    "--since", metavar="TIME",
    help=tr("Only what was changed since.", "Только то, что изменилось с этого времени."),
)  # fmt: skip
@click.option(
    "--with", "with_", multiple=True, metavar="NAMES", shell_complete=completing.withs,
    help=tr("More parts, such as contacts.", "Добавить связанное, например contacts."),
)  # fmt: skip
@click.option(
    "--fields", metavar="NAMES",
    help=tr("Columns, such as id,name,stage,cf.Region.",
            "Столбцы, например id,name,stage,cf.Регион."),
)  # fmt: skip
@click.option(
    "--names", is_flag=True,
    help=tr("Names beside ids: stages, users, contacts.",
            "Названия рядом с id: этапы, пользователи, контакты."),
)  # fmt: skip
@click.option(
    "--delimiter", default=",", metavar="CHAR", show_default=True,
    help=tr("Of a csv.", "Разделитель csv."),
)  # fmt: skip
@click.option(
    "--restart", is_flag=True,
    help=tr("Begin anew.", "Начать сначала."),
)  # fmt: skip
@pass_session
def export(
    session: Session,
    resource: str,
    path: str,
    form: str | None,
    filters: tuple[str, ...],
    since: str | None,
    with_: tuple[str, ...],
    fields: str | None,
    names: bool,
    delimiter: str,
    restart: bool,
) -> None:
    crm = session.crm()
    asked = read_filters(filters, find_list(crm, resource), Names(crm)) or {}
    query = Query(
        asked, tuple(words.split_names(with_)), None if since is None else words.moment(since)
    )
    columns = None if fields is None else tuple(words.split_names([fields]))
    job = Export(
        resource, path, cast("Format | None", form), query, columns, names, delimiter, restart
    )
    with (
        shown_progress(session, resource) as report,
        _may_go_on(session, f"{os.path.realpath(path)}.part.json"),
    ):
        done = run_export(crm, job, report)
    went_on = tr(
        f", {done.resumed_at} of them earlier", f", из них в прошлый раз {done.resumed_at}"
    )
    session.say(
        tr(f"{done.rows} rows in {path}", f"строк: {done.rows}, файл {path}")
        + (went_on if done.resumed_at else "")
    )


@click.command(
    "import",
    help=tr(
        "Write the rows of a jsonl, csv or xlsx file to the account. What each column becomes is "
        "shown, and all rows are checked, before anything is sent. The same command goes on with "
        "an import that was interrupted, and sends rows that were refused and are mended.\n\n"
        "Example: amocrm import contacts people.csv --match phone --dry-run",
        "Загрузить в аккаунт строки файла jsonl, csv или xlsx. Перед отправкой команда показывает, "
        "что станет с каждым столбцом, и проверяет все строки. Повторите её, чтобы продолжить "
        "прерванную загрузку или отправить строки, которые были отклонены и исправлены.\n\n"
        "Пример: amocrm import contacts people.csv --match phone --dry-run",
    ),
)
@click.argument("resource", shell_complete=completing.resources)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
@click.option(
    "--match", type=click.Choice(get_args(Match)),
    help=tr("Change what has this phone, email or id.",
            "Изменять тех, у кого такой телефон, email или id."),
)  # fmt: skip
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN=NAME",
    help=tr("What a column becomes; COLUMN= leaves it out.",
            "Что в столбце; СТОЛБЕЦ= пропускает его."),
)  # fmt: skip
@click.option(
    "--empty", type=click.Choice(get_args(Empty)), default="keep", show_default=True,
    help=tr("What an empty cell does to an entity that is changed.",
            "Пустая ячейка: не менять поле или очистить его."),
)  # fmt: skip
@click.option(
    "--dry-run", is_flag=True, help=tr("Check all rows, send nothing.", "Только проверить строки.")
)
@click.option(
    "--journal", metavar="FILE",
    help=tr("How far it has come; kept when all is done. Default: beside FILE until then.",
            "Файл журнала; не удаляется. Иначе он лежит рядом, пока загрузка не закончена."),
)  # fmt: skip
@click.option(
    "--outcomes", metavar="FILE",
    help=tr("What became of each row, in jsonl; - is standard output.",
            "Итог по каждой строке в jsonl; - пишет в стандартный вывод."),
)  # fmt: skip
@click.option(
    "--encoding", metavar="NAME",
    help=tr("Such as windows-1251.", "Кодировка, например windows-1251."),
)  # fmt: skip
@click.option("--delimiter", metavar="CHAR", help=tr("Of a csv.", "Разделитель csv."))
@pass_session
def import_(
    session: Session,
    resource: str,
    path: str,
    match: str | None,
    mapping: tuple[str, ...],
    empty: str,
    dry_run: bool,
    journal: str | None,
    outcomes: str | None,
    encoding: str | None,
    delimiter: str | None,
) -> int:
    job = Import(
        resource, path, cast("Match | None", match),
        dict(words.split_pair(one, "--map") for one in mapping), cast("Empty", empty),
        journal=journal or f"{path}.{resource.replace('/', '_')}.journal",
        outcomes=outcomes or f"{path}.outcomes.jsonl", encoding=encoding, delimiter=delimiter,
    )  # fmt: skip
    plan = prepare(session.crm(), job)
    _show_mapping(session, plan)
    checked = check(plan, job.outcomes if dry_run else None)
    _show_check(session, checked)
    if dry_run:
        return IN_PART if checked.refused else 0
    if session.interactive and not session.confirm(tr("Import them?", "Загрузить?")):
        return 0
    if os.path.exists(str(job.journal)):
        session.say(tr(f"going on with {job.journal}", f"продолжаю по журналу {job.journal}"))
    waiting = tr("waiting for the rows that were sent; Ctrl-C again ends it at once",
                 "жду ответа на отправленные строки; ещё раз Ctrl-C — завершить сразу")  # fmt: skip
    with (
        shown_progress(session, resource) as report,
        _may_go_on(session, str(job.journal)),
        told_at_ctrl_c("" if session.quiet else waiting),
    ):
        log = run_import(plan, checked.rows, report)
    _show_outcomes(session, log, job)
    failed = sum(log.counts[what] for what in FAILED)
    if not failed and journal is None:
        for name in journal_files(job):
            with contextlib.suppress(OSError):
                os.unlink(name)
    return IN_PART if failed else 0


def _show_mapping(session: Session, plan: Plan) -> None:
    width = max(len(one.column) for one in plan.targets)
    session.say(f"{plan.job.path} ({plan.file.about}):")
    for one in plan.targets:
        session.say(f"  {one.column:{width}}  {one}")


def _show_check(session: Session, checked: Checked) -> None:
    session.say(
        tr(f"{checked.rows} rows, {checked.refused} refused by the account's definitions",
           f"строк: {checked.rows}, отклонено при проверке: {checked.refused}")
    )  # fmt: skip
    _show_first(session, checked.first)


def _show_outcomes(session: Session, log: OutcomeLog, job: Import) -> None:
    session.say(
        ", ".join(f"{what} {count}" for what, count in log.counts.items())
        or tr("no rows", "строк нет")
    )
    _show_first(session, log.first_error)
    if job.outcomes != "-":
        session.say(tr(f"outcomes: {job.outcomes}", f"итоги по строкам: {job.outcomes}"))


def _show_first(session: Session, first: RowOutcome | None) -> None:
    if first is not None:
        what = "" if first.error is None else describe(first.error)
        session.warn(tr(f"row {first.row}: {what}", f"строка {first.row}: {what}"))


@contextmanager
def _may_go_on(session: Session, place: str) -> Generator[None]:
    """Tell that the same command goes on, if something was done before the end."""
    try:
        yield
    except (AmoCRMError, OSError, KeyboardInterrupt):
        if os.path.exists(place):
            session.warn(tr("not finished: the same command goes on",
                            "не завершено: чтобы продолжить, повторите команду"))  # fmt: skip
        raise
