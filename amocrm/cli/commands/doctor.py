"""`doctor`."""

from __future__ import annotations

import sys

import click

from amocrm.cli.doctor.examination import examine
from amocrm.cli.doctor.finding import Finding
from amocrm.cli.options import pass_session
from amocrm.cli.output import has_colors
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import printable

_SIGNS = {"ok": ("ok", "32"), "warning": ("!", "33"), "failed": ("X", "31"), "skipped": ("-", "2")}


@click.command(
    help=tr(
        "Look for what is wrong: network, clock, token, store, plan, webhooks; each with what to "
        "do. Nothing secret is shown. Exits with 1 if something failed."
        "\n\nExample: amocrm doctor --json > ticket.json",
        "Проверить сеть, часы, токен, хранилище, тариф, вебхуки и подсказать, что делать. Секретов "
        "в выводе нет. Код завершения 1, если что-то не в порядке."
        "\n\nПример: amocrm doctor --json > ticket.json",
    )
)
@click.option(
    "--json", "as_json", is_flag=True, help=tr("The same as -o json.", "То же, что -o json.")
)
@pass_session
def doctor(session: Session, as_json: bool) -> int:
    if as_json:
        session.output = "json"
    found: list[Finding] = []
    for one in examine(session.target, session.crm, session.profiles()):
        found.append(one)
        if session.format == "table":
            _show(one)
    if session.format != "table":
        session.rows(one._asdict() for one in found)
    return 1 if any(one.state == "failed" for one in found) else 0


def _show(one: Finding) -> None:
    """Write a finding as it comes, in full: a table would cut it."""
    sign, color = _SIGNS[one.state]
    begin, end = (f"\x1b[{color}m", "\x1b[0m") if has_colors(sys.stdout) else ("", "")
    click.echo(f"{begin}{sign:<3}{end}{one.check:<14}{printable(one.found)}", color=True)
    if one.advice:
        click.echo(f"{'':<17}→ {printable(one.advice)}")
