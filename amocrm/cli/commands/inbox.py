"""`webhooks inbox`, `show`, `dead`, `replay`, `reconcile`, `worker`: what has come."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import islice

import click

from amocrm._support.clock import SystemClock
from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.cli.webhooks import settings
from amocrm.cli.webhooks.local_inbox import open_inbox
from amocrm.errors import AmoCRMError, WebhookError
from amocrm.http.messages import Json
from amocrm.schema.enums import WebhookCode
from amocrm.webhooks.codes import ACCOUNT
from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.inbox.sql_listing import ListedEvent
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.reconciliation.reconcile import reconcile as find_missing
from amocrm.webhooks.worker.worker import Worker

COLUMNS = ("id", "delivery", "code", "entity", "state", "attempts", "received_at", "error")
_DAY = 86_400.0

_since = click.option(
    "--since", metavar="TIME",
    help=tr("Arrived since: 24h, 7d, Unix seconds, ISO 8601.",
            "С какого времени: 24h, 7d, секунды Unix, ISO 8601."),
)  # fmt: skip
_code = click.option("--code", help=tr("Of this code only.", "Только события с этим кодом."))


@click.command(
    help=tr(
        "List the events of the inbox, the newest first, and count what is undone and dead. The "
        "inbox is that of AMOCRM_INBOX, otherwise that of amocrm webhooks listen."
        "\n\nExample: amocrm webhooks inbox --state dead --since 24h",
        "Показать принятые события, новые сверху, и сколько не обработано. Хранилище задаёт "
        "AMOCRM_INBOX; без неё это хранилище amocrm webhooks listen."
        "\n\nПример: amocrm webhooks inbox --state dead --since 24h",
    )
)
@_since
@_code
@click.option("--state", type=click.Choice(["undone", "done", "dead"]))
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True,
              help=tr("0: all.", "0: все."))  # fmt: skip
@pass_session
def inbox(
    session: Session, since: str | None, code: str | None, state: str | None, limit: int
) -> None:
    begin = _instant(since)
    with _opened(session) as opened:
        counts = opened.counts()
        oldest = "" if counts.oldest_undone is None else _moment(counts.oldest_undone)
        session.say(tr(f"undone {counts.undone} {oldest}, dead {counts.dead}",
                       f"не обработано {counts.undone} {oldest}, не удалось {counts.dead}")
                    )  # fmt: skip
        states = [] if state is None else [state]
        found = opened.listed(since=begin, code=code, states=states)
        session.rows(map(_row, islice(found, limit or None)), COLUMNS)


@click.command(
    help=tr(
        "Show one event of the inbox, with what was sent.\n\nExample: amocrm webhooks show 17",
        "Показать событие и то, в каком виде оно пришло.\n\nПример: amocrm webhooks show 17",
    )
)
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option(
    "--body", is_flag=True, help=tr("Only the body, as it came.", "Только тело, как есть.")
)
@pass_session
def show(session: Session, number: int, body: bool) -> None:
    with _opened(session) as opened:
        one = next(opened.listed([number]), None)
        delivery = None if one is None else opened.delivery(one.delivery_id)
        if one is None or delivery is None:
            raise AmoCRMError(f"there is no event {number} in the inbox")
        if body:
            sys.stdout.buffer.write(delivery.body)
            return
        told: dict[str, Json] = {**_row(one), "kind": delivery.kind, "path": delivery.path,
                                 "synthetic": delivery.synthetic}  # fmt: skip
        try:
            read = parse(delivery.body, delivery.content_type, kind=delivery.kind)
            event = read.events[one.position]
            told |= {"account_id": delivery.account_id, "item": event.item}
        except (WebhookError, IndexError):
            told["item"] = None
        session.item(told)


@click.command(
    help=tr(
        "List the events whose handlers have failed too often.\n\nExample: amocrm webhooks dead",
        "Показать события, которые не удалось обработать.\n\nПример: amocrm webhooks dead",
    )
)
@_since
@_code
@pass_session
def dead(session: Session, since: str | None, code: str | None) -> None:
    with _opened(session) as opened:
        found = opened.listed(since=_instant(since), code=code, states=["dead"])
        session.rows(map(_row, found), COLUMNS)


@click.command(
    help=tr(
        "Let dead events be handled again: those that are named, or all that arrived --since and "
        "have the --code. With --done, handled ones, too."
        "\n\nExample: amocrm webhooks replay --since 24h --code add_lead --dry-run",
        "Обработать ещё раз то, что обработать не удалось: события по ID или все с --since и "
        "--code. С --done — и уже обработанные."
        "\n\nПример: amocrm webhooks replay --since 24h --code add_lead --dry-run",
    )
)
@click.argument("ids", type=click.IntRange(1), nargs=-1, metavar="[ID]...")
@_since
@_code
@click.option("--done", is_flag=True, help=tr("Handled ones, too.", "Включая обработанные."))
@click.option("--dry-run", is_flag=True, help=tr("Only list them.", "Только показать."))
@pass_session
def replay(
    session: Session,
    ids: tuple[int, ...],
    since: str | None,
    code: str | None,
    done: bool,
    dry_run: bool,
) -> None:
    begin, states = _instant(since), ["dead", "done"] if done else ["dead"]
    if ids and (since or code):
        raise click.UsageError(tr("give either IDs, or --since and --code",
                                  "укажите либо ID, либо --since и --code"))  # fmt: skip
    with _opened(session) as opened:
        if dry_run:
            session.rows(
                map(_row, opened.listed(ids, since=begin, code=code, states=states)), COLUMNS
            )
            return
        if done and not ids and not session.confirm(
            tr("Handle again what was handled already?",
               "Обработать ещё раз и то, что уже обработано?")
        ):  # fmt: skip
            raise click.Abort
        number = opened.replay(ids, since=begin, code=code, done=done)
        session.item({"replayed": number})


@click.command(
    help=tr(
        "Put into the inbox what amoCRM has never sent: compare with the account's own record "
        "since the last run, at first since yesterday."
        "\n\nExample: amocrm webhooks reconcile --hooks shop.handlers:hooks",
        "Найти в аккаунте события, о которых amoCRM не сообщила, и добавить их в хранилище: с "
        "прошлого запуска, в первый раз — за сутки.\n\nПример: amocrm webhooks reconcile --hooks "
        "shop.handlers:hooks",
    )
)
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option("--since", metavar="TIME",
              help=tr("Instead of the last run.",
                      "С какого времени, если не с прошлого запуска."))  # fmt: skip
@click.option(
    "--hooks", metavar="MODULE:NAME",
    help=tr("The codes of a program's handlers.",
            "События, для которых в программе есть обработчики."),
)  # fmt: skip
@click.option("--grace", type=click.FloatRange(0), default=120.0, show_default=True,
              help=tr("Seconds left for webhooks on their way.",
                      "Сколько секунд вебхук может быть в пути."))  # fmt: skip
@pass_session
def reconcile(
    session: Session, codes: tuple[str, ...], since: str | None, hooks: str | None, grace: float
) -> None:
    wanted: list[WebhookCode] = settings.check_codes(codes)
    if hooks is not None:
        wanted += settings.load_hooks(hooks).codes
    if not wanted:
        wanted = settings.check_codes(one.code for one in ACCOUNT)
    begin, profiles = _instant(since), session.profiles()
    crm, now = session.crm(), SystemClock().time()
    account_id = crm.account.get()["id"]
    if begin is None:
        begin = settings.compared_until(profiles, account_id, wanted, now - _DAY)
    with _opened(session) as opened:
        found = find_missing(crm, opened, begin, codes=wanted, grace=grace)
    settings.note_compared(profiles, account_id, wanted, begin, found.until)
    session.item({
        "since": _moment(begin), "until": _moment(found.until), "checked": found.checked,
        "added": found.added,
    })  # fmt: skip


@click.command(
    help=tr(
        "Handle the events of the inbox by the handlers of a program, until Ctrl-C or SIGTERM."
        "\n\nExample: amocrm webhooks worker shop.handlers:hooks",
        "Обрабатывать принятые события обработчиками программы до Ctrl-C или SIGTERM."
        "\n\nПример: amocrm webhooks worker shop.handlers:hooks",
    )
)
@click.argument("hooks", metavar="MODULE:NAME")
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--once", is_flag=True, help=tr("Handle what is due, and end.",
                                              "Обработать накопленное и завершиться."))  # fmt: skip
@pass_session
def worker(session: Session, hooks: str, threads: int, once: bool) -> int:
    handlers = settings.load_hooks(hooks)
    if not session.quiet:
        logging.basicConfig(
            stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s"
        )
    with _opened(session, create=True) as opened:
        made = Worker(opened, handlers, session.crm(), threads=threads)
        if not once:
            made.run()
            return 0
        done = made.run_until_empty()
    session.item(done._asdict())
    return 3 if done.failed or done.dead else 0


@contextmanager
def _opened(session: Session, *, create: bool = False) -> Generator[SQLInbox]:
    """Open the inbox while the block runs."""
    opened = open_inbox(session.profiles(), os.environ, create=create)
    try:
        yield opened
    finally:
        opened.close()


def _instant(text: str | None) -> float | None:
    return None if text is None else settings.read_since(text, SystemClock().time())


def _row(one: ListedEvent) -> dict[str, Json]:
    return {
        "id": one.id,
        "delivery": one.delivery_id,
        "code": one.code,
        "entity": one.key,
        "state": one.state,
        "attempts": one.attempts,
        "received_at": _moment(one.received_at),
        "error": one.error or None,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
