"""`webhooks list`, `ensure`: which addresses amoCRM sends webhooks to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from amocrm.cli.options import pass_session
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.cli.webhooks import settings
from amocrm.errors import ConfigurationError, ValidationError
from amocrm.webhooks.addresses import path_of, shown_address
from amocrm.webhooks.subscriptions import ensure as ensure_subscription
from amocrm.webhooks.subscriptions import subscribe

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.schema.webhooks import Webhook


@click.command(
    "list",
    help=tr(
        "List the subscriptions. Secrets of addresses are not shown.\n\nExample: amocrm webhooks "
        "list",
        "Показать подписки. Секреты адресов не показываются.\n\nПример: amocrm webhooks list",
    ),
)
@click.option(
    "--secrets", is_flag=True, help=tr("Show addresses in full.", "Показывать адреса целиком.")
)
@pass_session
def list_(session: Session, secrets: bool) -> None:
    session.rows(
        (
            {
                "id": one["id"],
                "address": one["destination"] if secrets else shown_address(one["destination"]),
                "disabled": one["disabled"],
                "codes": " ".join(one["settings"]),
            }
            for one in session.crm().webhooks.list()
        ),
        ("id", "address", "disabled", "codes"),
    )


@click.command(
    help=tr(
        "Subscribe an address to codes, and switch it on again if amoCRM has switched it off. "
        "Without an address, all that are off are switched on again. The address is that of a "
        "receiver at --url, or the line that --address - reads: it is a password."
        "\n\nExample: amocrm webhooks ensure --url https://hooks.example.com/amocrm add_lead",
        "Подписать адрес на события или включить подписку снова, если amoCRM её отключила. Без "
        "адреса включаются все отключённые. Адрес строится по --url приёмника или читается через "
        "--address -: он секретный, как пароль.\n\nПример: amocrm webhooks ensure --url "
        "https://hooks.example.com/amocrm add_lead",
    )
)
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option("--url", help=tr("Where the receiver is mounted.", "Где подключён приёмник."))
@click.option(
    "--address", type=click.Choice(["-"]),
    help=tr("Read the address from standard input.", "Прочитать адрес из стандартного ввода."),
)  # fmt: skip
@click.option(
    "--hooks", metavar="MODULE:NAME",
    help=tr("The codes of a program's handlers.",
            "События, для которых в программе есть обработчики."),
)  # fmt: skip
@pass_session
def ensure(
    session: Session,
    codes: tuple[str, ...],
    url: str | None,
    address: str | None,
    hooks: str | None,
) -> int:
    wanted = settings.check_codes(codes)
    if hooks is not None:
        wanted += settings.load_hooks(hooks).codes
    crm = session.crm()
    if address is None and url is None:
        if wanted:
            raise ConfigurationError("there is no address to subscribe", hint="give --url")
        off = [one for one in crm.webhooks.list() if one["disabled"]]
        switched = [_switch_on(session, crm, one) for one in off]
        return 0 if all(switched) else 1
    if address is not None:
        destination = sys.stdin.readline().strip()
    else:
        keys = settings.address_keys(session.profiles(), os.environ)
        base = settings.receiver_base(url or "")
        destination = base + path_of(keys[0], "account", crm.account.get()["id"])
    done = ensure_subscription(crm, destination, wanted)
    session.item({
        "address": shown_address(destination), "action": done.action,
        "codes": " ".join(done.codes), "removed": done.removed,
    })  # fmt: skip
    return 0


def _switch_on(session: Session, crm: AmoCRM, one: Webhook) -> bool:
    """Switch a subscription on, or tell why not: the others are switched on all the same."""
    address = shown_address(one["destination"])
    try:
        subscribe(crm, one["destination"], one["settings"])
    except ValidationError as error:
        session.warn(f"{address}: {error}")
        return False
    session.say(tr("switched on: ", "включена: ") + address)
    return True
