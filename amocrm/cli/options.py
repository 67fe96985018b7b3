"""Options that every command takes, before its name or behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from amocrm.cli import loaded
from amocrm.cli.session import FORMATS, Session
from amocrm.cli.texts import tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from amocrm.http.messages import Json

    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem] | list[str]]

pass_session: Final = click.make_pass_decorator(Session, ensure=True)
"""Hands the `Session` to a command, as its first argument."""


def global_options(*, hidden: bool = False) -> list[click.Parameter]:
    """Return the options; each puts its value into the `Session`.

    Args:
        hidden: leave them out of the help, as below a command, where `amocrm --help` tells them.
    """

    def option(
        *flags: str,
        help: str,  # noqa: A002
        type: click.ParamType[Json] | None = None,  # noqa: A002
        metavar: str | None = None,
        is_flag: bool = False,
        shell_complete: Complete | None = None,
    ) -> click.Option:
        return click.Option(
            list(flags), help=help, type=type, metavar=metavar, is_flag=is_flag, default=None,
            hidden=hidden, expose_value=False, callback=_keep, shell_complete=shell_complete,
        )  # fmt: skip

    return [
        option(
            "--profile", metavar="NAME", shell_complete=complete_profiles,
            help=tr("Another account.", "Другой профиль."),
        ),
        option(
            "-o", "--output", type=click.Choice(FORMATS),
            help=tr("Default: table on a terminal, jsonl otherwise.",
                    "По умолчанию: table в терминале, иначе jsonl."),
        ),
        option(
            "--as-user", type=click.IntRange(1), metavar="ID",
            help=tr("Act as another user.", "Действовать от имени другого пользователя."),
        ),
        option("--no-input", is_flag=True, help=tr("Ask nothing.", "Ничего не спрашивать.")),
        option(
            "-y", "--yes", is_flag=True,
            help=tr("Answer yes to questions.", "Отвечать «да» на вопросы."),
        ),
        option("--quiet", is_flag=True, help=tr("Only errors.", "Только ошибки.")),
        option(
            "--verbose", is_flag=True,
            help=tr("Show requests, without secrets.", "Показывать запросы, без секретов."),
        ),
    ]  # fmt: skip


def complete_profiles(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a profile."""
    return loaded.completing.profiles(ctx, parameter, incomplete)


def _keep(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    if value is not None and parameter.name is not None:
        setattr(ctx.ensure_object(Session), parameter.name, value)
