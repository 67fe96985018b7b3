"""`list`, `get`, `create`, `update`: entities by names that people know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TypeVar, cast

import click

from amocrm.cli import completing, words
from amocrm.cli.columns import Columns, all_columns, field_values, usual_columns
from amocrm.cli.filters import read_filters
from amocrm.cli.items import read_item
from amocrm.cli.names import Names
from amocrm.cli.options import pass_session
from amocrm.cli.progress_bars import shown_between_rows
from amocrm.cli.resources import find_list, find_resource
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.resource import Resource
from amocrm.resources.verbs import Creates, CreatesOne, Gets, Updates

_F = TypeVar("_F", bound=Callable[..., object])

_RESOURCE = click.argument("resource", shell_complete=completing.resources)
_WITH = click.option(
    "--with", "with_", multiple=True, metavar="NAMES", shell_complete=completing.withs,
    help=tr("More parts, such as contacts.", "Добавить связанное, например contacts."),
)  # fmt: skip
_FIELDS = click.option(
    "--fields", metavar="NAMES",
    help=tr("Such as id,name,stage,responsible,cf.Region.",
            "Например, id,name,stage,responsible,cf.Регион."),
)  # fmt: skip
_INPUT = click.option(
    "--input", "input_", metavar="FILE",
    help=tr("JSON instead of values; - is standard input.",
            "JSON вместо значений; - читает стандартный ввод."),
)  # fmt: skip


@click.command(
    "list",
    help=tr(
        "List entities: leads, contacts, companies, customers, tasks, events, users...\n\n"
        "Filters take names of users, pipelines, stages and custom fields.\n\n"
        "Example: amocrm list leads --filter created_at.from=2026-01-01 --filter stage=Agreed "
        "--fields id,name,cf.Region",
        "Показать сущности: leads, contacts, companies, customers, tasks, events, users...\n\n"
        "Фильтры понимают имена пользователей, воронок, этапов и полей.\n\n"
        "Пример: amocrm list leads --filter created_at.from=2026-01-01 "
        "--filter stage=Согласование --fields id,name,cf.Регион",
    ),
)
@_RESOURCE
@click.option(
    "--filter", "filters", multiple=True, metavar="NAME=VALUE", shell_complete=completing.filters,
    help=tr("May be repeated; ranges are NAME.from and NAME.to.",
            "Можно указать несколько раз; диапазон: ИМЯ.from и ИМЯ.to."),
)  # fmt: skip
@_WITH
@_FIELDS
@click.option("--query", help=tr("Words to look for.", "Слова для поиска."))
@click.option(
    "--order", metavar="NAME[=desc]", shell_complete=completing.orders,
    help=tr("Such as updated_at=desc.", "Например, updated_at=desc."),
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1), help=tr("At most so many.", "Наибольшее число строк.")
)
@pass_session
def list_(
    session: Session,
    resource: str,
    filters: tuple[str, ...],
    with_: tuple[str, ...],
    fields: str | None,
    query: str | None,
    order: str | None,
    limit: int | None,
) -> None:
    crm = session.crm()
    found, names = find_list(crm, resource), Names(crm)
    with shown_between_rows(session, resource) as report:
        items = found.list(
            filter=read_filters(filters, found, names),
            with_=words.split_names(with_) or None,
            order=_order(order),
            query=query,
            limit=limit if limit is not None and limit <= _SMALLEST_PAGE else None,
            progress=report,
        )
        rows: Iterator[dict[str, Json]] = islice(items, limit)
        columns = _columns(session, fields, resource, found, names)
        if columns is None:
            session.rows(rows)
        else:
            session.rows(map(columns.row, rows), columns.wanted)


_SMALLEST_PAGE = 50
"""Every list of the API takes a page of so many."""


@click.command(
    help=tr(
        "Show one entity.\n\nExample: amocrm get leads 42 --with contacts",
        "Показать одну сущность.\n\nПример: amocrm get leads 42 --with contacts",
    )
)
@_RESOURCE
@click.argument("id_", metavar="ID")
@_WITH
@_FIELDS
@pass_session
def get(
    session: Session, resource: str, id_: str, with_: tuple[str, ...], fields: str | None
) -> None:
    crm = session.crm()
    found = find_resource(crm, resource)
    if not isinstance(found, Gets):
        raise ConfigurationError(f"{resource} cannot be read one by one through amoCRM's API")
    reading = cast("Gets[dict[str, Json], str]", found)
    item = reading.get(id_, with_=words.split_names(with_) or None)
    readable = session.format == "table"
    if fields is not None or readable:
        wanted = words.split_names([fields]) if fields else all_columns(item)
        row = Columns(wanted, found, Names(crm), readable=readable).row(item)
        item = row if fields else row | field_values(found, item)
    session.item(item)


@click.command(
    help=tr(
        "Create an entity, and print its id.\n\n"
        "Example: amocrm create leads name=Order price=1000 stage=Agreed cf.Region=north",
        "Создать сущность и вывести её id.\n\n"
        "Пример: amocrm create leads name=Заказ price=1000 stage=Согласование cf.Регион=север",
    )
)
@_RESOURCE
@click.argument("values", nargs=-1, metavar="NAME=VALUE...")
@_INPUT
@pass_session
def create(session: Session, resource: str, values: tuple[str, ...], input_: str | None) -> None:
    crm = session.crm()
    found = find_resource(crm, resource)
    if not isinstance(found, (Creates, CreatesOne)):
        raise ConfigurationError(f"{resource} cannot be created through amoCRM's API")
    creating = cast("Creates[Json, dict[str, Json]]", found)
    item = _input(input_) | read_item(values, found, Names(crm), "new")
    session.item(_without_links(creating.create(item)))


@click.command(
    help=tr(
        "Change an entity: what is not named stays as it is. An empty value clears a custom field."
        "\n\nExample: amocrm update leads 42 stage=Paid cf.Region=",
        "Изменить сущность: что не названо, остаётся. Пустое значение очищает поле."
        "\n\nПример: amocrm update leads 42 stage=Оплачено cf.Регион=",
    )
)
@_RESOURCE
@click.argument("id_", metavar="ID")
@click.argument("values", nargs=-1, metavar="NAME=VALUE...")
@_INPUT
@pass_session
def update(
    session: Session, resource: str, id_: str, values: tuple[str, ...], input_: str | None
) -> None:
    crm = session.crm()
    found = find_resource(crm, resource)
    if not isinstance(found, Updates):
        raise ConfigurationError(f"{resource} cannot be changed through amoCRM's API")
    changing = cast("Updates[Json, dict[str, Json]]", found)
    patch = _input(input_) | read_item(values, found, Names(crm), "patch")
    if not patch:
        raise ConfigurationError("nothing to change", hint="such as price=1000")
    session.item(_without_links(changing.update(id_, patch)))


def _columns(
    session: Session, fields: str | None, name: str, resource: Resource, names: Names
) -> Columns | None:
    """Return the columns of rows; None for the items as they are."""
    wanted = words.split_names([fields]) if fields else None
    if wanted is None and session.format in ("table", "csv"):
        usual = usual_columns(name)
        wanted = None if usual is None else list(usual)
    if wanted is None:
        return None
    return Columns(wanted, resource, names, readable=session.format == "table")


def _order(text: str | None) -> Json:
    if text is None:
        return None
    name, _, direction = text.partition("=")
    return {name: direction or "asc"}


def _input(path: str | None) -> dict[str, Json]:
    found = {} if path is None else words.read_input(path)
    if not isinstance(found, dict):
        raise ConfigurationError("the input must be one JSON object")
    return found


def _without_links(item: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in item.items() if name != "_links"}
