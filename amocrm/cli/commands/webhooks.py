"""`webhooks listen`, `trigger`: webhooks on this machine."""

from __future__ import annotations

import http.client
import json
import os
import sys
from typing import Final, get_args

import click

from amocrm._support.clock import SystemClock
from amocrm._support.stop_order import StopOrder
from amocrm.cli.options import pass_session
from amocrm.cli.profiles import Profile
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.cli.webhooks import settings
from amocrm.cli.webhooks.listening import Arrived, Listener, send
from amocrm.cli.webhooks.local_inbox import open_inbox
from amocrm.cli.webhooks.samples import BY_KIND, SampleAccount, find_kind, make_sample
from amocrm.errors import AmoCRMError, ConfigurationError, NotAuthorizedError
from amocrm.http.messages import Json
from amocrm.webhooks.addresses import path_of, shown_address
from amocrm.webhooks.event import Kind
from amocrm.webhooks.receiver.receiver import Receiver

PORT: Final = 8844
_KINDS: Final = [kind for kind in get_args(Kind) if kind in BY_KIND]


@click.command(
    help=tr(
        "Serve a receiver on this machine until Ctrl-C: store what comes in the inbox, print its "
        "events, and post the bodies on. amoCRM needs a public address: give that of your tunnel "
        "as --url.\n\nExample: amocrm webhooks listen --forward-to http://127.0.0.1:8000/hook",
        "Запустить приёмник на этой машине до Ctrl-C: сохранять пришедшее, показывать события "
        "и пересылать тела дальше. amoCRM нужен публичный адрес: укажите адрес туннеля в --url."
        "\n\nПример: amocrm webhooks listen --forward-to http://127.0.0.1:8000/hook",
    )
)
@click.option("--forward-to", metavar="URL", help=tr("Post the bodies on to.", "Куда пересылать."))
@click.option("--port", default=PORT, show_default=True, help=tr("0: a free one.", "0: свободный."))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--url", help=tr("Public address of the tunnel.", "Публичный адрес туннеля."))
@click.option(
    "--channel", metavar="ID",
    help=tr("Channel of chats; its secret is AMOCRM_CHANNEL_SECRET.",
            "Канал чатов; его секрет — в AMOCRM_CHANNEL_SECRET."),
)  # fmt: skip
@pass_session
def listen(
    session: Session,
    forward_to: str | None,
    port: int,
    host: str,
    url: str | None,
    channel: str | None,
) -> None:
    target = None if forward_to is None else settings.check_url(forward_to, "--forward-to")
    profiles, sender = session.profiles(), _sender(session)
    keys = settings.address_keys(profiles, os.environ)
    inbox = open_inbox(profiles, os.environ, create=True)
    receiver = Receiver(
        inbox,
        key=keys,
        url=settings.receiver_base(url or "http://127.0.0.1"),  # It is not told, but made below.
        client_id=sender.client_id or None if sender.client_secret else None,
        client_secret=sender.client_secret or None,
        channels={channel: sender.channel_secret} if channel else None,
    )

    def tell(one: Arrived) -> None:
        session.rows(
            {"code": event.code, "entity": event.entity, "id": event.id,
             "account_id": event.account_id} for event in one.delivery.events
        )  # fmt: skip
        sys.stdout.flush()
        if target is not None:
            _forward(session, target, one)

    if session.output is None:
        session.output = "jsonl"  # A table would begin anew with each webhook.
    stop = StopOrder()
    try:
        with stop.given_by_signals(), Listener(receiver, tell).serve(host, port) as taken:
            base = settings.receiver_base(url or f"http://{host}:{taken}")
            session.say(tr("Listening at ", "Приёмник: ")
                        + base + path_of(keys[0], "account", sender.account_id))  # fmt: skip
            while not stop.wait(3600):
                pass
    finally:
        inbox.close()


@click.command(
    help=tr(
        "Post a documented webhook of a code, as amoCRM would: signed, where it signs. It goes to "
        "amocrm webhooks listen, or to a receiver at --url, or to --to.\n\nExample: amocrm "
        "webhooks trigger status_lead --id 42 --set status_id=143",
        "Отправить вебхук, как это сделала бы amoCRM, с подписью, если она положена: в amocrm "
        "webhooks listen, в приёмник по --url или по адресу --to.\n\nПример: amocrm "
        "webhooks trigger status_lead --id 42 --set status_id=143",
    )
)
@click.argument("code")
@click.option("--to", metavar="ADDRESS", help=tr("An address, as it is.", "Готовый адрес."))
@click.option("--url", help=tr("Where the receiver is mounted.", "Где подключён приёмник."))
@click.option("--id", "number", type=click.IntRange(1), default=7001, show_default=True)
@click.option("--kind", type=click.Choice(_KINDS), help=tr("Who sends it.", "Кто отправляет."))
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE",
    help=tr("Another value of the item; may be repeated.",
            "Другое значение; можно указать несколько раз."),
)  # fmt: skip
@click.option("--channel", metavar="ID", default="channel", help=tr("Of chats.", "Для чатов."))
@click.option(
    "--show", is_flag=True, help=tr("Print it, send nothing.", "Показать, не отправлять.")
)
@pass_session
def trigger(
    session: Session,
    code: str,
    to: str | None,
    url: str | None,
    number: int,
    kind: Kind | None,
    changes: tuple[str, ...],
    channel: str,
    show: bool,
) -> int:
    sender, now = _sender(session), int(SystemClock().time())
    whose = find_kind(code, kind)
    made = make_sample(
        code, sender, now, kind=whose, number=number, changes=dict(map(_change, changes))
    )
    if show:
        click.echo(made.query or made.body.decode())
        return 0
    if to is not None:
        address = settings.check_url(to, "--to")
    else:
        keys = settings.address_keys(session.profiles(), os.environ)
        account = sender.account_id if whose in ("account", "pipeline") else None
        path = path_of(keys[0], whose, account).replace(":scope_id", f"{channel}_account")
        address = settings.receiver_base(url or f"http://127.0.0.1:{PORT}") + path
    try:
        status = send(address, made.method, made.headers, made.body, made.query)
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise AmoCRMError(
            f"{shown_address(address)}: {why}", hint="is it running? amocrm webhooks listen"
        ) from error
    session.item({"code": code, "kind": made.kind, "status": status})
    return 0 if 200 <= status < 300 else 1


def _forward(session: Session, target: str, one: Arrived) -> None:
    try:
        status = send(target, one.method, one.headers, one.body, one.query)
    except (OSError, http.client.HTTPException) as error:
        session.warn(f"{target}: {getattr(error, 'strerror', None) or type(error).__name__}")
        return
    session.say(f"{target}: {status}")


def _sender(session: Session) -> SampleAccount:
    """Return whose webhooks are made; without a profile, an example's."""
    try:
        profile = session.target().profile
    except NotAuthorizedError:
        profile = Profile("example.amocrm.ru")
    host = profile.domain if "." in profile.domain else f"{profile.domain}.amocrm.ru"
    return SampleAccount(
        profile.account_id or _account_of_token(session) or 1,
        host,
        profile.client_id,
        profile.client_secret,
        os.environ.get("AMOCRM_CHANNEL_SECRET", ""),
    )


def _account_of_token(session: Session) -> int | None:
    """Return the account that the token names, if there is one; nothing is sent."""
    try:
        return session.crm().connection.status().account_id
    except AmoCRMError:
        return None


def _change(text: str) -> tuple[str, Json]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigurationError(f"--set {text[:60]!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
