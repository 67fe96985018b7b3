"""`amocrm sandbox serve`."""

from __future__ import annotations

import click

from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.cli import local_portal
from amocrm.cli.options import pass_session
from amocrm.cli.schema_file import read_schema_file
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.sandbox.portal import Sandbox


@click.command(
    help=tr(
        "Serve a local portal until Ctrl-C, and print what a client needs.\n\n"
        "Example: amocrm sandbox serve --shop --port 8080",
        "Запустить песочницу до Ctrl-C и вывести всё, что нужно клиенту.\n\n"
        "Пример: amocrm sandbox serve --shop --port 8080",
    )
)
@click.option("--port", default=8080, show_default=True, help=tr("0: a free one.", "0: свободный."))
@click.option(
    "--host", default="127.0.0.1", show_default=True,
    help=tr("Address to listen on.", "Адрес для подключений."),
)  # fmt: skip
@click.option(
    "--account", "accounts", multiple=True, default=["example"], metavar="NAME",
    help=tr("Subdomain; may be repeated.", "Поддомен; можно указать несколько раз."),
)  # fmt: skip
@click.option(
    "--schema", type=click.Path(dir_okay=False), metavar="FILE",
    help=tr("Of `amocrm sandbox clone`: the first account has its stages, fields, users.",
            "Из `amocrm sandbox clone`: этапы, поля и пользователи первого аккаунта."),
)  # fmt: skip
@click.option(
    "--shop", is_flag=True, help=tr("With a small shop's data.", "С данными небольшого магазина.")
)
@click.option(
    "--populate", type=click.IntRange(1, 100_000), metavar="N",
    help=tr("With N plausible leads of a year.", "С N правдоподобными сделками за год."),
)  # fmt: skip
@click.option(
    "--i-know", is_flag=True,
    help=tr(
        "With a --host that others reach: let them control the portal.",
        "Если --host доступен другим: разрешить им управлять песочницей.",
    ),
)  # fmt: skip
@click.option(
    "--seed", type=int, help=tr("Same ids each time.", "Одинаковые id при каждом запуске.")
)
@click.option(
    "--rps", type=int,
    help=tr(f"Requests a second; 0: no limit. Default: the schema's, or {REQUESTS_PER_SECOND}.",
            "Запросов в секунду; 0: без ограничения. По умолчанию: как в схеме, "
            f"иначе {REQUESTS_PER_SECOND}."),
)  # fmt: skip
@click.option(
    "--redirect-uri", default="http://127.0.0.1:3000/", show_default=True,
    help=tr("Of the integration.", "Ссылка для перенаправления интеграции."),
)  # fmt: skip
@pass_session
def serve(
    session: Session,
    port: int,
    host: str,
    accounts: tuple[str, ...],
    schema: str | None,
    shop: bool,
    populate: int | None,
    i_know: bool,
    seed: int | None,
    rps: int | None,
    redirect_uri: str,
) -> None:
    portal = Sandbox(
        accounts,
        rps="default" if rps is None else rps if rps > 0 else None,
        seed=seed,
        redirect_uri=redirect_uri,
        schema=None if schema is None else read_schema_file(schema),
    )
    for name in accounts if shop else ():
        portal.add_shop(name)
    if populate is not None:
        local_portal.populate(portal, populate, seed)
    local_portal.serve(
        portal, host, port, lambda served: local_portal.show_details(session, portal, served),
        control=True if i_know else None,
    )  # fmt: skip
