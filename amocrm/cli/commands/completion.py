"""`amocrm completion SHELL`: click's own completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError

SHELLS = ("bash", "zsh", "fish")


@click.command(
    help=tr(
        "Print the script that completes commands in your shell.\n\n"
        "Example: amocrm completion bash >> ~/.bashrc",
        "Вывести скрипт автодополнения для вашей оболочки.\n\n"
        "Пример: amocrm completion bash >> ~/.bashrc",
    )
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    kind = get_completion_class(shell)
    if kind is None:
        raise ConfigurationError(f"this version of click cannot complete in {shell}")
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "amocrm", "_AMOCRM_COMPLETE").source())
