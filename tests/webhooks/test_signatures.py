"""Who sent a webhook: tokens of widgets and bots say what they claim, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError, WebhookError
from amocrm.webhooks import jwt, signatures
from amocrm.webhooks.signatures import (
    BotToken,
    WidgetToken,
    bot_token_of,
    sign_bot_token,
    sign_chat,
    sign_uninstall,
    sign_widget_token,
    verify_bot_token,
    verify_chat,
    verify_uninstall,
    verify_widget_token,
)
from tests.webhooks.forms import FORM, JSON, form

SECRET, CLIENT = "s3cr3t", "11111111-2222-3333-4444-555555555555"
REDIRECT, NOW = "https://shop.example/amo?x=1", 1_700_000_000

WIDGET = sign_widget_token(
    SECRET, REDIRECT, account="example.amocrm.ru", account_id=1, user_id=123, client_id=CLIENT,
    now=NOW, token_id="6b5f", is_admin=True,
)  # fmt: skip
BOT = sign_bot_token(
    SECRET, account="example.amocrm.ru", account_id=1, client_id=CLIENT, entity_id=7001,
    entity_type=2, expires_at=NOW + 60,
)  # fmt: skip
WIDGET_CLAIMS = {
    "iss": "https://example.amocrm.ru", "aud": "https://shop.example", "jti": "6b5f", "iat": NOW,
    "nbf": NOW, "exp": NOW + 1800, "account_id": 1, "user_id": 123, "client_uuid": CLIENT,
    "subdomain": "example", "is_admin": True,
}  # fmt: skip
BOT_CLAIMS = {
    "iss": "https://example.amocrm.ru", "subdomain": "example", "account_id": 1,
    "client_uuid": CLIENT, "entity_id": 7001, "entity_type": 2, "bot_type": "salesbot",
    "exp": NOW + 60,
}  # fmt: skip


def widget(token: str, redirect_uri: str = REDIRECT, **settings: Any) -> WidgetToken:
    settings = {"now": NOW, **settings}
    return verify_widget_token(token, SECRET, redirect_uri, **settings)


def bot(token: str, **settings: Any) -> BotToken:
    settings = {"now": NOW, **settings}
    return verify_bot_token(token, SECRET, **settings)


def signed_widget(**claims: Any) -> str:
    return jwt.sign({**WIDGET_CLAIMS, **claims}, SECRET)


def signed_bot(**claims: Any) -> str:
    return jwt.sign({**BOT_CLAIMS, **claims}, SECRET, "HS512")


def test_a_widget_s_token() -> None:
    assert jwt.verify(WIDGET, SECRET, now=NOW) == WIDGET_CLAIMS
    assert widget(WIDGET, client_id=CLIENT) == WidgetToken(
        1, 123, "example", "https://example.amocrm.ru", CLIENT, "6b5f", True, NOW + 1800
    )
    # What is not documented, or of another type, is not relied on.
    short = jwt.sign({"aud": "https://shop.example", "account_id": 1, "user_id": 2,
                      "exp": NOW + 9.5, "is_admin": "yes", "jti": 5}, SECRET)  # fmt: skip
    assert widget(short) == WidgetToken(1, 2, "", "", "", "", None, NOW + 9)


@pytest.mark.parametrize(
    ("claims", "why"),
    [({"aud": "https://evil.example"}, "another address"), ({"aud": ""}, "another address"),
     ({"aud": "http://shop.example"}, "another address"), ({"aud": None}, "another address"),
     ({"aud": "https://shop.example:8443"}, "another address"),
     ({"aud": "https://shop.example.evil.example"}, "another address"),
     ({"aud": "https://[", "exp": NOW + 5}, "another address"),
     ({"aud": ["https://shop.example"]}, "another address"),
     ({"account_id": "1"}, "account_id"), ({"account_id": None}, "account_id"),
     ({"account_id": -1}, "account_id"), ({"user_id": 0}, "user_id"),
     ({"client_uuid": "other"}, "another integration"), ({"exp": NOW - 60}, "expired"),
     ({"nbf": NOW + 61}, "not valid yet")],
)  # fmt: skip
def test_a_widget_s_token_for_somebody_else_is_refused(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(WebhookError, match=why):
        widget(signed_widget(**claims), client_id=CLIENT)


def test_the_audience_is_scheme_and_host() -> None:
    assert widget(signed_widget(aud="HTTPS://Shop.example/"), "https://shop.example/other")
    for wrong in ("shop.example", "", "/amo", "https://["):
        with pytest.raises(ConfigurationError, match="redirect_uri"):
            widget(WIDGET, wrong)


def test_a_bot_s_token() -> None:
    assert jwt.verify(BOT, SECRET, "HS512", now=NOW) == BOT_CLAIMS
    assert bot(BOT, client_id=CLIENT) == BotToken(
        1, "example", "https://example.amocrm.ru", CLIENT, "leads", 7001, "salesbot", NOW + 60
    )


@pytest.mark.parametrize(
    ("entity_type", "entity"),
    [(2, "leads"), (12, "customers"), ("lead", "leads"), ("contact", "contacts"),
     ("customer", "customers"), (None, ""), (True, ""), ([2], ""), ("moon", "")],
)  # fmt: skip
def test_the_entity_of_a_bot(entity_type: Any, entity: str) -> None:
    assert bot(signed_bot(entity_type=entity_type)).entity == entity
    assert bot(signed_bot(entity_id="7001")).entity_id is None


@pytest.mark.parametrize(
    ("claims", "why"),
    [({"account_id": None}, "account_id"), ({"client_uuid": "other"}, "another integration"),
     ({"exp": NOW - 60}, "expired"), ({"exp": None}, "when it is valid")],
)  # fmt: skip
def test_a_bot_s_token_for_somebody_else_is_refused(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(WebhookError, match=why):
        bot(signed_bot(**claims), client_id=CLIENT)


def test_a_widget_s_token_is_none_of_a_bot() -> None:
    with pytest.raises(WebhookError, match="HS512"):
        bot(WIDGET)
    with pytest.raises(WebhookError, match="HS256"):
        widget(BOT)


@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_the_token_is_found_in_the_body(content_type: str) -> None:
    data = {"token": BOT, "data": {"a": "b"}, "return_url": "https://r.example"}
    body = form(data) if content_type == FORM else f'{{"token": "{BOT}"}}'.encode()
    assert bot_token_of(body, content_type) == BOT


@pytest.mark.parametrize("body", [b"", b"{}", b'{"token": 5}', b"token=", b'[{"token": null}]'])
def test_a_body_without_a_token_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError, match="no token"):
        bot_token_of(body, "")


def test_the_other_kinds_are_signed_and_verified_by_what_there_is() -> None:
    verify_chat(SECRET, b"{}", sign_chat(SECRET, b"{}"))
    query = {"account_id": "12345", "client_uuid": CLIENT,
             "signature": sign_uninstall(CLIENT, SECRET, 12345)}  # fmt: skip
    assert verify_uninstall(query, CLIENT, SECRET) == 12345
    with pytest.raises(WebhookError):
        verify_chat(SECRET, b"{ }", sign_chat(SECRET, b"{}"))
    with pytest.raises(WebhookError):
        verify_uninstall({**query, "account_id": "12346"}, CLIENT, SECRET)


def test_each_verify_has_its_sign() -> None:
    names = {name for name in signatures.__all__ if name.startswith(("sign_", "verify_"))}
    assert {name.replace("verify_", "sign_") for name in names} < names
