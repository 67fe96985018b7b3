"""`amocrm login`: over a browser, by a pasted address or code, or by a long-lived token."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from amocrm.cli import asking, consent_code, logging_in
from amocrm.cli.local_portal import log_in_to_sandbox
from amocrm.cli.options import pass_session
from amocrm.cli.profiles import Profile
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError
from amocrm.http.hosts import account_host

_REDIRECT_URI: Final = "http://127.0.0.1:3000/"
_LARGEST: Final = 65_536


def _from_stdin(ctx: click.Context, parameter: click.Parameter, value: str | None) -> bool:
    """Take only `-`: an argument would be seen by everybody on the machine."""
    if value not in (None, "-"):
        flag = parameter.opts[0]
        raise click.UsageError(
            tr(
                f"a secret is no argument: {flag} - reads it from standard input",
                f"секрет не передают аргументом: {flag} - читает его из стандартного ввода",
            ),
            ctx,
        )
    return value == "-"


@click.command(
    help=tr(
        "Log in to an account.\n\nWithout options it asks for everything. Over SSH it prints the "
        "address of the consent page and takes the address where the browser lands, or a code.\n\n"
        "Example: amocrm login mycompany.amocrm.ru",
        "Войти в аккаунт.\n\nБез параметров спрашивает всё нужное. По SSH показывает адрес "
        "страницы согласия и принимает адрес, на который попал браузер, или код.\n\n"
        "Пример: amocrm login mycompany.amocrm.ru",
    )
)
@click.argument("domain", required=False)
@click.option("--name", help=tr("Name of the profile.", "Имя профиля."))
@click.option(
    "--client-id", envvar="AMOCRM_CLIENT_ID", help=tr("Of the integration.", "ID интеграции.")
)
@click.option(
    "--redirect-uri", envvar="AMOCRM_REDIRECT_URI",
    help=tr("As in the integration's settings.",
            "Ссылка для перенаправления, как в настройках интеграции."),
)  # fmt: skip
@click.option(
    "--code", metavar="-", callback=_from_stdin,
    help=tr("Read a code from standard input.", "Прочитать код из стандартного ввода."),
)  # fmt: skip
@click.option(
    "--token", metavar="-", callback=_from_stdin,
    help=tr("Read a long-lived token from standard input.",
            "Прочитать долгосрочный токен из стандартного ввода."),
)  # fmt: skip
@click.option(
    "--paste", is_flag=True,
    help=tr("Open no browser: paste the address.", "Без браузера: вставить адрес."),
)  # fmt: skip
@click.option(
    "--sandbox", is_flag=True,
    help=tr("Start a local portal and log in to it, until Ctrl-C.",
            "Запустить песочницу до Ctrl-C и войти в неё."),
)  # fmt: skip
@click.option("--port", default=8080, help=tr("Of --sandbox.", "Порт для --sandbox."))
@click.option(
    "--base-url", envvar="AMOCRM_BASE_URL",
    help=tr("Origin of a test server.", "Адрес тестового сервера."),
)  # fmt: skip
@pass_session
def login(
    session: Session,
    domain: str | None,
    name: str | None,
    client_id: str | None,
    redirect_uri: str | None,
    code: bool,
    token: bool,
    paste: bool,
    sandbox: bool,
    port: int,
    base_url: str | None,
) -> None:
    if code + token + sandbox > 1:
        raise click.UsageError(
            tr("--code, --token and --sandbox exclude each other",
               "--code, --token и --sandbox исключают друг друга")
        )  # fmt: skip
    profiles = session.profiles()
    profiles.prepare()
    known = profiles.all()  # Before a code is spent.
    if sandbox:
        log_in_to_sandbox(session, profiles, name or "sandbox", port)
        return
    can_ask = session.interactive
    domain = domain or os.environ.get("AMOCRM_DOMAIN") or asking.ask(
        tr("Account (mycompany.amocrm.ru)", "Аккаунт (mycompany.amocrm.ru)"), "DOMAIN",
        can_ask=can_ask,
    )  # fmt: skip
    domain = account_host(domain)
    chosen = logging_in.profile_name(name, domain, known)
    profile = Profile(domain, base_url=base_url or "")
    if token:
        title = logging_in.log_in_with_token(chosen, profile, profiles, _secret("token"))
    else:
        profile = profile._replace(
            client_id=client_id
            or asking.ask(tr("Integration id", "ID интеграции"), "--client-id", can_ask=can_ask),
            client_secret=os.environ.get("AMOCRM_CLIENT_SECRET")
            or asking.ask_secret(
                tr("Secret key", "Секретный ключ"), "AMOCRM_CLIENT_SECRET", can_ask=can_ask
            ),
            redirect_uri=redirect_uri or _ask_redirect_uri(can_ask),
        )

        def get_code(crm: AmoCRM) -> str:
            return _secret("code") if code else _consent(session, crm, profile, paste)

        title = logging_in.log_in_with_code(chosen, profile, profiles, get_code)
    session.say(
        tr(f"Logged in to {title} ({domain}) as profile {chosen!r}.",
           f"Выполнен вход в {title} ({domain}), профиль {chosen!r}.")
    )  # fmt: skip


def _ask_redirect_uri(can_ask: bool) -> str:
    if not can_ask:
        return _REDIRECT_URI
    question = tr("Redirect URI of the integration", "Ссылка для перенаправления")
    return asking.ask(question, "--redirect-uri", can_ask=True, default=_REDIRECT_URI)


def _consent(session: Session, crm: AmoCRM, profile: Profile, paste: bool) -> str:
    """Get a code from the person: over a browser where there is one, else pasted."""
    # In this mode the page itself is redirected; the other one needs a page that has opened it.
    url = crm.connection.get_auth_url("post_message")
    state, account = crm.connection.get_state(), crm.connection.host
    server = consent_code.loopback_server(profile.redirect_uri)
    if server is not None and not paste and consent_code.has_browser(os.environ):
        session.say(tr("Agree in the browser...", "Подтвердите доступ в браузере..."))
        return consent_code.code_by_browser(server, url, state, account, session.warn)
    session.warn(tr("Open this address and agree:", "Откройте этот адрес и разрешите доступ:"))
    session.warn(url)
    pasted = asking.ask(
        tr("The address where the browser landed, or a code",
           "Адрес, на который попал браузер, или код"),
        "--code -", can_ask=session.interactive,
    )  # fmt: skip
    return consent_code.code_of_paste(pasted, state, account)


def _secret(what: str) -> str:
    """Read a secret from standard input: one line."""
    text = sys.stdin.read(_LARGEST).strip().removeprefix("\ufeff")
    if what == "code" and consent_code.is_address(text):
        raise ConfigurationError(
            "an address has a state, which --code cannot check",
            hint="give the code alone, or log in with --paste",
        )
    if not text or len(text.split()) != 1:
        raise ConfigurationError(f"standard input has no {what}, or more than one line")
    return text
