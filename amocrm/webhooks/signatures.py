"""Who sent a webhook: signs and verifies the kinds that carry a proof.

::

    what                  its proof                                      functions
    a widget's request    header X-Auth-Token, JWT HS256                 *_widget_token
    bot                   `token` in the body, JWT HS512                 *_bot_token
    chat                  header X-Signature, HMAC-SHA1 of the body      *_chat
    uninstall             `signature` in the query, HMAC-SHA256          *_uninstall

The other kinds carry none: their address must be secret. All compare in constant time and raise
WebhookError. Source: reference 2.12, 2.13, 8.3, 9.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from amocrm.auth.installation.uninstall_hook import sign as sign_uninstall
from amocrm.auth.installation.uninstall_hook import verify as verify_uninstall
from amocrm.auth.token import known_id
from amocrm.chats.signatures import sign_hook as sign_chat
from amocrm.chats.signatures import verify_hook as verify_chat
from amocrm.errors import ConfigurationError, WebhookError
from amocrm.http.messages import Json
from amocrm.webhooks import codes, jwt
from amocrm.webhooks.parsing.body import read_body

__all__ = [
    "BotToken",
    "WidgetToken",
    "bot_token_of",
    "sign_bot_token",
    "sign_chat",
    "sign_uninstall",
    "sign_widget_token",
    "verify_bot_token",
    "verify_chat",
    "verify_uninstall",
    "verify_widget_token",
]

WIDGET_TOKEN_SECONDS: Final = 1_800
"""The lifetime of a widget's token."""


class WidgetToken(NamedTuple):
    """Who calls your server from a widget in amoCRM's pages.

    Attributes:
        account_id: of the account.
        user_id: of the person.
        subdomain: of the account; empty if it is not named.
        issuer: the account's address; empty if it is not named.
        client_uuid: the integration's id; empty if it is not named.
        id: of the token, which is made for one request; empty if it has none.
        is_admin: whether the person is an administrator; None if it is not told.
        expires_at: Unix seconds.
    """

    account_id: int
    user_id: int
    subdomain: str
    issuer: str
    client_uuid: str
    id: str
    is_admin: bool | None
    expires_at: int


class BotToken(NamedTuple):
    """Which bot waits for an answer, and for which entity.

    Attributes:
        account_id: of the account.
        subdomain: of the account; empty if it is not named.
        issuer: the account's address; empty if it is not named.
        client_uuid: the integration's id; empty if it is not named.
        entity: `leads`, `customers` or `contacts`; empty if it is not known.
        entity_id: its id; None if it is not named.
        bot_type: `salesbot` or `marketingbot`; empty if it is not named.
        expires_at: Unix seconds.
    """

    account_id: int
    subdomain: str
    issuer: str
    client_uuid: str
    entity: str
    entity_id: int | None
    bot_type: str
    expires_at: int


def sign_widget_token(
    client_secret: str,
    redirect_uri: str,
    *,
    account: str,
    account_id: int,
    user_id: int,
    client_id: str,
    now: int,
    token_id: str = "",
    is_admin: bool = False,
) -> str:
    """Return the token that amoCRM's pages send with a widget's request.

    Args:
        client_secret: of the integration.
        redirect_uri: of the integration.
        account: its host, such as `example.amocrm.ru`.
        account_id: its id.
        user_id: of the person.
        client_id: of the integration.
        now: Unix seconds.
        token_id: its own id.
        is_admin: whether the person is an administrator.
    """
    claims: dict[str, Json] = {
        "iss": f"https://{account}", "aud": _origin(redirect_uri), "jti": token_id, "iat": now,
        "nbf": now, "exp": now + WIDGET_TOKEN_SECONDS, "account_id": account_id,
        "user_id": user_id, "client_uuid": client_id, "subdomain": account.partition(".")[0],
        "is_admin": is_admin,
    }  # fmt: skip
    return jwt.sign(claims, client_secret, "HS256")


def verify_widget_token(
    token: str,
    client_secret: str,
    redirect_uri: str,
    *,
    now: float,
    client_id: str | None = None,
    skew: float = jwt.SKEW,
) -> WidgetToken:
    """Check the `X-Auth-Token` of a widget's request.

    Args:
        token: the header.
        client_secret: of the integration.
        redirect_uri: of the integration; the token must be for its scheme and host.
        now: Unix seconds.
        client_id: of the integration, if the token must name it.
        skew: seconds by which the clocks may differ.

    Raises:
        WebhookError: the token is forged, for somebody else, or not valid now.
        ConfigurationError: the secret or redirect_uri is malformed.
    """
    expected = _origin(redirect_uri)
    if not expected:
        raise ConfigurationError("redirect_uri must be the integration's address, with its scheme")
    claims = jwt.verify(token, client_secret, "HS256", now=now, skew=skew)
    if _origin(_text(claims, "aud")) != expected:
        raise WebhookError(
            "the token is for another address than redirect_uri",
            hint="pass the redirect_uri that the integration has in amoCRM",
        )
    _check_client(claims, client_id)
    admin = claims.get("is_admin")
    return WidgetToken(
        _number(claims, "account_id"),
        _number(claims, "user_id"),
        _text(claims, "subdomain"),
        _text(claims, "iss"),
        _text(claims, "client_uuid"),
        _text(claims, "jti"),
        admin if isinstance(admin, bool) else None,
        int(claims["exp"]),
    )


def sign_bot_token(
    client_secret: str,
    *,
    account: str,
    account_id: int,
    client_id: str,
    entity_id: int,
    entity_type: int | str,
    expires_at: int,
    bot_type: str = "salesbot",
) -> str:
    """Return the `token` of a bot's request.

    Args:
        client_secret: of the integration.
        account: its host, such as `example.amocrm.ru`.
        account_id: its id.
        client_id: of the integration.
        entity_id: of the lead or customer.
        entity_type: 2 for a lead, 12 for a customer; or `lead`, `contact`, `customer`.
        expires_at: Unix seconds.
        bot_type: `salesbot` or `marketingbot`.
    """
    claims: dict[str, Json] = {
        "iss": f"https://{account}", "subdomain": account.partition(".")[0],
        "account_id": account_id, "client_uuid": client_id, "entity_id": entity_id,
        "entity_type": entity_type, "bot_type": bot_type, "exp": expires_at,
    }  # fmt: skip
    return jwt.sign(claims, client_secret, "HS512")


def verify_bot_token(
    token: str,
    client_secret: str,
    *,
    now: float,
    client_id: str | None = None,
    skew: float = jwt.SKEW,
) -> BotToken:
    """Check the `token` of a bot's request; `bot_token_of` finds it in the body.

    Raises:
        WebhookError: the token is forged, for another integration, or not valid now.
        ConfigurationError: the secret is malformed.
    """
    claims = jwt.verify(token, client_secret, "HS512", now=now, skew=skew)
    _check_client(claims, client_id)
    return BotToken(
        _number(claims, "account_id"),
        _text(claims, "subdomain"),
        _text(claims, "iss"),
        _text(claims, "client_uuid"),
        codes.element_type(claims.get("entity_type")),
        known_id(claims.get("entity_id")),
        _text(claims, "bot_type"),
        int(claims["exp"]),
    )


def bot_token_of(body: bytes, content_type: str) -> str:
    """Return the token in the body of a bot's request.

    Raises:
        WebhookError: the body has none, or cannot be read.
    """
    objects, _ = read_body(body, content_type)
    token = objects[0].get("token") if objects else None
    if not isinstance(token, str) or not token:
        raise WebhookError("the webhook of the bot has no token")
    return token


def _check_client(claims: Mapping[str, Json], client_id: str | None) -> None:
    if client_id is not None and claims.get("client_uuid") != client_id:
        raise WebhookError("the token is for another integration")


def _origin(url: str) -> str:
    """Return scheme and host of an address; empty if it is malformed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def _number(claims: Mapping[str, Json], name: str) -> int:
    number = known_id(claims.get(name))
    if number is None:
        raise WebhookError(f"the token has no valid {name}")
    return number


def _text(claims: Mapping[str, Json], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
