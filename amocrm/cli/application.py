"""The command line as a whole: its help, its errors as exit codes."""

from __future__ import annotations

import gettext
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from amocrm._version import __version__
from amocrm.cli import loaded
from amocrm.cli.command_table import COMMANDS
from amocrm.cli.options import global_options
from amocrm.cli.session import Session
from amocrm.cli.table_group import ClosedPipeError, TableGroup
from amocrm.cli.terminal import help_width
from amocrm.cli.texts import language, tr
from amocrm.errors import (
    AmoCRMError,
    AuthorizationError,
    BlockedError,
    ConfigurationError,
    ForbiddenError,
    RateLimitedError,
    UnauthorizedError,
    printable,
)

_DOMAIN: Final = "amocrm"
"""The name of the catalog of click's texts."""

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
IN_PART: Final = 3
NOT_AUTHORIZED: Final = 4
RATE_LIMITED: Final = 5
INTERRUPTED: Final = 130


def application() -> click.Group:
    """Return the group of all commands."""
    group = TableGroup(COMMANDS, "amocrm", tr(
        "Work with an amoCRM or Kommo account.\n\nExample: amocrm login && amocrm list leads",
        "Работа с аккаунтом amoCRM или Kommo.\n\nПример: amocrm login && amocrm list leads",
    ))  # fmt: skip
    group.context_settings["terminal_width"] = help_width()
    group.params += [*global_options(), _version_option()]
    return group


def _version_option() -> click.Option:
    def show(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            click.echo(f"amocrm {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show,
        help=tr("Show the version.", "Показать версию."),
    )  # fmt: skip


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return the exit code. Errors are told in one line each."""
    session = Session()
    _use_utf8()
    try:
        try:
            code = _run(arguments, session)
        finally:
            session.close()
        sys.stdout.flush()
    except (BrokenPipeError, ClosedPipeError):
        # The reader has seen enough; the interpreter must not try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (AmoCRMError, OSError) as error:
        return _told(loaded.error_texts.describe(error), exit_code(error))
    return code


def _run(arguments: Sequence[str] | None, session: Session) -> int:
    given = None if arguments is None else list(arguments)
    try:
        code = application().main(given, prog_name="amocrm", standalone_mode=False, obj=session)
    except click.Abort:
        sys.stderr.write("\n")
        return INTERRUPTED
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        message = error.format_message()
        if type(error).__name__ == "NoArgsIsHelpError":  # Of click 8.2 and later.
            sys.stderr.write(f"{message}\n")
            return error.exit_code
        if isinstance(error, click.UsageError) and error.ctx is not None:
            message = f"{message} ({error.ctx.command_path} --help)"
        return _told(message, error.exit_code)
    return code if isinstance(code, int) else DONE


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error."""
    if isinstance(error, ConfigurationError):
        return USAGE
    if isinstance(error, (RateLimitedError, BlockedError)):
        return RATE_LIMITED
    if isinstance(error, (AuthorizationError, UnauthorizedError, ForbiddenError)):
        return NOT_AUTHORIZED
    return FAILED


def _told(message: str, code: int) -> int:
    sys.stderr.write(f"amocrm: {printable(message)}\n")
    return code


def translate_click() -> None:
    """Let click speak Russian in this process, where that is the language: it asks gettext."""
    if language() == "ru":
        # gettext does not know AMOCRM_LANG.
        os.environ["LANGUAGE"] = "ru"
        gettext.bindtextdomain(_DOMAIN, os.path.join(os.path.dirname(__file__), "locale"))
        gettext.textdomain(_DOMAIN)


def _use_utf8() -> None:
    """Write UTF-8 where no terminal has another encoding; what cannot be written is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            encoding = stream.encoding if stream.isatty() else "utf-8"
            reconfigure(encoding=encoding, errors="backslashreplace")
