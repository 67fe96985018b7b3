"""Actions on integrations, tokens and codes.

A token or code is in an answer once, when it is issued; later its id names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from amocrm.sandbox.control.action import (
    ACCOUNT,
    Action,
    Parameter,
    RefusedError,
    Values,
    account_of,
)
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.oauth.issued_tokens import IssuedToken
from amocrm.sandbox.oauth.tokens import Integration
from amocrm.sandbox.values.addresses import is_address

if TYPE_CHECKING:
    from amocrm.sandbox.data.state import Account
    from amocrm.sandbox.portal import Sandbox

_CHANGES = ("tokens",)
_MOST_DAYS = 3650
_CLIENT = Parameter(
    "client_id", "text", False,
    "Of the integration; the first one without it.", "Интеграция; без неё — первая.",
)  # fmt: skip
_ONE_CLIENT = Parameter("client_id", "text", True, "Of the integration.", "Интеграция.")
_TOKEN = Parameter(
    "id", "text", True, "Of the token in the list, not its text.", "Из списка, не сам токен."
)
_ALL = Parameter(
    "account", "text", False,
    "Only those of this account.", "Только токены этого аккаунта.",
)  # fmt: skip
_STATE = Parameter("state", "text", False, "Is sent back.", "Возвращается в ответе.")


def shown_token(token: IssuedToken) -> Json:
    """Return a token as the list shows it."""
    return {
        "id": token.id,
        "ending": token.ending,
        "kind": token.kind,
        "state": token.state,
        "client_id": token.client_id,
        "account": token.account,
        "user_id": token.user_id,
        "expires_at": token.expires_at,
    }


def integration_of(portal: Sandbox, values: Values) -> Integration:
    """Return the integration that the values name.

    Raises:
        RefusedError: there is no such integration.
    """
    if "client_id" not in values:
        return portal.integration
    for one in portal.tokens.integrations:
        if one.client_id == values["client_id"]:
            return one
    raise RefusedError(400, "client_id: there is no such integration")


def consent_path(integration: Integration, state: str = "") -> str:
    """Return the path of the page on which a person agrees."""
    query = {"client_id": integration.client_id, "state": state, "mode": "popup"}
    return f"/oauth?{urlencode({name: one for name, one in query.items() if one})}"


def _integrations(portal: Sandbox, values: Values) -> Json:
    shown = [
        {"client_id": one.client_id, "redirect_uri": one.redirect_uri, "hook_url": one.hook_url}
        for one in portal.tokens.integrations
    ]
    return {"integrations": shown}


def _add_integration(portal: Sandbox, values: Values) -> Json:
    for name in ("redirect_uri", "hook_url"):
        if name in values and not is_address(values[name]):
            raise RefusedError(400, f"{name} must be an address such as http://127.0.0.1:3000/")
    one = portal.add_integration(values["redirect_uri"], hook_url=values.get("hook_url"))
    return {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "hook_url": one.hook_url,
    }


def _uninstall(portal: Sandbox, values: Values) -> Json:
    portal.uninstall(account_of(portal, values), integration_of(portal, values))
    return {}


def _list(portal: Sandbox, values: Values) -> Json:
    found = portal.tokens.issued(_chosen(portal, values))
    return {"tokens": [shown_token(one) for one in found[: values.get("limit", 100)]]}


def _issue_token(portal: Sandbox, values: Values) -> Json:
    token = portal.issue_long_lived(
        account_of(portal, values),
        days=values.get("days", 365),
        admin=values.get("admin", True),
        integration=integration_of(portal, values),
    )
    return {"access_token": token}


def _issue_code(portal: Sandbox, values: Values) -> Json:
    return {"code": portal.issue_code(account_of(portal, values), integration_of(portal, values))}


def _expire(portal: Sandbox, values: Values) -> Json:
    return {"ended": portal.tokens.expire(_chosen(portal, values))}


def _revoke(portal: Sandbox, values: Values) -> Json:
    return {"ended": portal.tokens.revoke(_chosen(portal, values))}


def _expire_one(portal: Sandbox, values: Values) -> Json:
    _need(portal, values["id"])
    return {"ended": portal.tokens.expire(token_id=values["id"])}


def _revoke_one(portal: Sandbox, values: Values) -> Json:
    _need(portal, values["id"])
    return {"ended": portal.tokens.revoke(token_id=values["id"])}


def _need(portal: Sandbox, token_id: str) -> None:
    if all(one.id != token_id for one in portal.tokens.issued()):
        raise RefusedError(404, "id: there is no such token; the list names them")


def _chosen(portal: Sandbox, values: Values) -> Account | None:
    return account_of(portal, values) if "account" in values else None


def _consent(portal: Sandbox, values: Values) -> Json:
    return {"path": consent_path(integration_of(portal, values), values.get("state", ""))}


def _agree(portal: Sandbox, values: Values) -> Json:
    path = consent_path(integration_of(portal, values), values.get("state", ""))
    if values.get("deny"):
        return {"redirect": portal.deny(path)}
    return {"redirect": portal.agree(path, account_of(portal, values))}


ACTIONS = (
    Action(
        "list_integrations", "GET", "/_sandbox/integrations",
        "List the integrations.", "Список интеграций.",
        (), _integrations,
    ),
    Action(
        "add_integration", "POST", "/_sandbox/integrations",
        "Register an integration; the answer has its secret, once.",
        "Добавить интеграцию; секрет есть только в этом ответе.",
        (
            Parameter(
                "redirect_uri", "text", True, "Where codes are sent.", "Ссылка для перенаправления."
            ),
            Parameter(
                "hook_url", "text", False,
                "Is called when the integration is switched off.", "Хук об отключении доступов.",
            ),
        ),
        _add_integration, _CHANGES,
    ),
    Action(
        "uninstall", "POST", "/_sandbox/integrations/{client_id}/uninstall",
        "Switch an integration off in an account: its tokens are revoked, its hook is called.",
        "Отключить интеграцию в аккаунте: токены отозваны, хук вызван.",
        (_ONE_CLIENT, ACCOUNT), _uninstall, (*_CHANGES, "deliveries"),
    ),
    Action(
        "list_tokens", "GET", "/_sandbox/tokens",
        "List tokens and codes without their text.", "Список токенов и кодов без их текста.",
        (
            _ALL,
            Parameter(
                "limit", "int", False, "At most so many (default: 100).",
                "Не больше стольких (обычно 100).", low=1, high=10_000,
            ),
        ),
        _list,
    ),
    Action(
        "issue_token", "POST", "/_sandbox/tokens",
        "Issue a long-lived token; the answer has it, once.",
        "Выдать долгосрочный токен; он есть только в этом ответе.",
        (
            ACCOUNT, _CLIENT,
            Parameter(
                "days", "number", False, "How long it lives (default: 365).",
                "Срок в днях (обычно 365).", low=0.001, high=_MOST_DAYS,
            ),
            Parameter(
                "admin", "bool", False, "False: of an ordinary user.", "Нет: обычный пользователь."
            ),
        ),
        _issue_token, _CHANGES,
    ),
    Action(
        "issue_code", "POST", "/_sandbox/codes",
        "Issue an authorization code; the answer has it, once.",
        "Выдать код авторизации; он есть только в этом ответе.",
        (ACCOUNT, _CLIENT), _issue_code, _CHANGES,
    ),
    Action(
        "expire_tokens", "POST", "/_sandbox/tokens/expire",
        "Let every token and code expire now.", "Завершить срок действия всех токенов и кодов.",
        (_ALL,), _expire, _CHANGES,
    ),
    Action(
        "revoke_tokens", "POST", "/_sandbox/tokens/revoke",
        "Revoke every token and code.", "Отозвать все токены и коды.",
        (_ALL,), _revoke, _CHANGES,
    ),
    Action(
        "expire_token", "POST", "/_sandbox/tokens/{id}/expire",
        "Let one token expire now.", "Завершить срок действия токена.",
        (_TOKEN,), _expire_one, _CHANGES,
    ),
    Action(
        "revoke_token", "POST", "/_sandbox/tokens/{id}/revoke",
        "Revoke one token.", "Отозвать токен.",
        (_TOKEN,), _revoke_one, _CHANGES,
    ),
    Action(
        "show_consent", "GET", "/_sandbox/consent",
        "Return the path of the consent page, for a person.",
        "Путь к странице, на которой человек разрешает доступ.",
        (_CLIENT, _STATE), _consent,
    ),
    Action(
        "agree", "POST", "/_sandbox/consent",
        "Agree on the consent page, or refuse; return the redirect.",
        "Разрешить доступ или отказать; в ответе адрес перенаправления.",
        (
            ACCOUNT, _CLIENT, _STATE,
            Parameter("deny", "bool", False, "Refuse.", "Отказать."),
        ),
        _agree, _CHANGES,
    ),
)  # fmt: skip
