"""Questions to the person at the terminal; they are asked on standard error."""

from __future__ import annotations

import click

from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError


def ask(question: str, option: str, *, can_ask: bool, default: str = "") -> str:
    """Ask for a text.

    Args:
        question: without a colon.
        option: how to give the answer without being asked.
        can_ask: whether there is a person.
        default: the answer of an empty line.

    Raises:
        ConfigurationError: nobody can be asked; the hint names the option.
    """
    _check_person(question, option, can_ask)
    return str(click.prompt(question, default=default or None, err=True)).strip()


def ask_secret(question: str, option: str, *, can_ask: bool) -> str:
    """Ask for a text that is not shown while it is typed."""
    _check_person(question, option, can_ask)
    return str(click.prompt(question, hide_input=True, err=True)).strip()


def confirm(question: str, *, can_ask: bool) -> bool:
    """Ask yes or no."""
    _check_person(question, "--yes", can_ask)
    return click.confirm(question, err=True)


def _check_person(question: str, option: str, can_ask: bool) -> None:
    if not can_ask:
        raise ConfigurationError(
            tr(
                f"{question}: nobody can be asked",
                f"{question}: ввод не с терминала, спросить нельзя",
            ),
            hint=tr(f"give {option}", f"укажите {option}"),
        )
