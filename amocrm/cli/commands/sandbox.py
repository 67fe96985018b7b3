"""`amocrm sandbox serve`."""

from __future__ import annotations

import click

from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.cli import local_portal
from amocrm.cli.options import pass_session
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
    "--shop", is_flag=True, help=tr("With a small shop's data.", "С данными небольшого магазина.")
)
@click.option(
    "--seed", type=int, help=tr("Same ids each time.", "Одинаковые id при каждом запуске.")
)
@click.option(
    "--rps", default=REQUESTS_PER_SECOND, show_default=True,
    help=tr("Requests a second; 0: no limit.", "Запросов в секунду; 0: без ограничения."),
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
    shop: bool,
    seed: int | None,
    rps: int,
    redirect_uri: str,
) -> None:
    portal = Sandbox(accounts, rps=rps if rps > 0 else None, seed=seed, redirect_uri=redirect_uri)
    for name in accounts if shop else ():
        portal.add_shop(name)
    local_portal.serve(
        portal, host, port, lambda served: local_portal.show_details(session, portal, served)
    )
