"""A click group over the command table: a command is imported when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from amocrm.cli.command_table import Entry, Group
from amocrm.cli.options import global_options
from amocrm.cli.texts import tr

if TYPE_CHECKING:
    from amocrm.http.messages import Json

HELP_NAMES: Final[dict[str, Json]] = {"help_option_names": ["-h", "--help"]}


class ClosedPipeError(Exception):
    """Nobody reads standard output any more. Click would end the program with exit code 1."""


class TableGroup(click.Group):
    """A group whose commands are those of a table."""

    def __init__(self, table: Mapping[str, Entry], name: str, help: str) -> None:  # noqa: A002
        super().__init__(name, help=help, context_settings=dict(HELP_NAMES))
        self._table = table

    def invoke(self, ctx: click.Context) -> object:
        """Run a command.

        Raises:
            ClosedPipeError: nobody reads its output any more.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ClosedPipeError from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; it takes the global options, too."""
        entry = self._table.get(cmd_name)
        if entry is None:
            return None
        if isinstance(entry, Group):
            return TableGroup(entry.commands, cmd_name, tr(entry.en, entry.ru))
        module, _, attribute = entry.where.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        command.context_settings = {**HELP_NAMES, **command.context_settings}
        taken = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
        command.params += [
            one
            for one in global_options(hidden=True)
            if not taken & set(one.opts) and one.name not in {each.name for each in command.params}
        ]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; suggest the nearest name for an unknown one."""
        name = args[0] if args else ""
        if args and name not in self._table and not ctx.resilient_parsing and name[:1] != "-":
            from_difflib = import_module("difflib")
            near = from_difflib.get_close_matches(name, list(self._table), n=1)
            hint = tr(f"did you mean {near[0]!r}?", f"может быть, {near[0]!r}?") if near else ""
            message = tr(f"there is no command {name!r}", f"нет команды {name!r}")
            raise click.UsageError(f"{message} ({hint})" if hint else message, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and one-line helps of the table, without importing the commands."""
        rows = [(name, tr(entry.en, entry.ru)) for name, entry in self._table.items()]
        with formatter.section(tr("Commands", "Команды")):
            formatter.write_dl(rows)
