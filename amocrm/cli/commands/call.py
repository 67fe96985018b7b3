"""`amocrm call METHOD PATH`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

import click

from amocrm.cli import words
from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


@click.command(
    help=tr(
        "Call any path of the API, and print the response.\n\n"
        "Example: amocrm call GET /api/v4/leads -q limit=5 -q 'filter[id][0]=42'",
        "Отправить запрос к любому пути API и вывести ответ.\n\n"
        "Пример: amocrm call GET /api/v4/leads -q limit=5 -q 'filter[id][0]=42'",
    )
)
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option(
    "-q", "query", multiple=True, metavar="K=V",
    help=tr("Part of the query; may be repeated.",
            "Параметр запроса; можно указать несколько раз."),
)  # fmt: skip
@click.option(
    "--input", "input_", metavar="FILE",
    help=tr("JSON of the body; - is standard input.",
            "Тело запроса в JSON; - читает стандартный ввод."),
)  # fmt: skip
@click.option(
    "--all", "all_", is_flag=True,
    help=tr("All pages of a list, an item a line.",
            "Прочитать все страницы, по элементу в строке."),
)  # fmt: skip
@pass_session
def call(
    session: Session, method: str, path: str, query: tuple[str, ...], input_: str | None, all_: bool
) -> None:
    params = _query(query)
    if all_:
        if method.upper() != "GET" or input_ is not None:
            raise click.UsageError(tr("--all goes with GET alone", "--all только для GET"))
        session.output = session.output or "jsonl"
        session.rows(session.crm().listing(path, params))
        return
    body = None if input_ is None else words.read_input(input_)
    found = session.crm().request(method, path, body, params=params or None).data
    if found is not None:
        indent = 2 if sys.stdout.isatty() or session.output == "json" else None
        sys.stdout.write(f"{json.dumps(found, ensure_ascii=False, indent=indent)}\n")


def _query(texts: Iterable[str]) -> dict[str, Json]:
    """Return the parts of a query; one whose name ends with `[]` may be repeated.

    Raises:
        ConfigurationError: another one is repeated: only the last one would count.
    """
    found: dict[str, Json] = {}
    several: dict[str, list[str]] = {}
    for name, value in (words.split_pair(one, "-q") for one in texts):
        if name.endswith("[]"):
            several.setdefault(name.removesuffix("[]"), []).append(value)
        elif name in found:
            raise ConfigurationError(
                f"-q {name} is given twice", hint="several values: -q 'NAME[]=VALUE', repeated"
            )
        else:
            found[name] = value
    return {**found, **several}
