from __future__ import annotations

from typing import Any

import pytest

from amocrm import ConfigurationError
from amocrm.auth.settings import RedirectServer, read_auth

GOOD = {"client_id": "id", "client_secret": "SECRET", "redirect_uri": "https://e.org/back"}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


@pytest.mark.parametrize(
    ("auth", "complaint"),
    [
        (None, "auth must be a dict"),
        ("secret", "auth must be a dict"),
        ({}, "auth is empty"),
        ({"client_id": None}, "auth is empty"),
        (without("client_id"), "auth has no 'client_id'"),
        (without("client_secret"), "auth has no 'client_secret'"),
        (without("redirect_uri"), "auth has no 'redirect_uri'"),
        ({**GOOD, "clientId": "x"}, "unknown key 'clientId'.*known keys: client_id"),
        ({"bearer": "SECRET"}, "unknown key 'bearer'.*use 'access_token' for a long-lived token"),
        ({5: "x"}, "unknown key 5"),
        ({**GOOD, "client_id": ""}, r"auth\['client_id'\] must be a non-empty string"),
        ({**GOOD, "client_id": 5}, r"auth\['client_id'\] must be a non-empty string"),
        ({**GOOD, "client_secret": "SECRET "}, r"auth\['client_secret'\] has spaces"),
        ({**GOOD, "code": "SECRET\n"}, r"auth\['code'\] has spaces"),
        ({**GOOD, "state": ""}, r"auth\['state'\] must be"),
        ({**GOOD, "redirect_uri": "e.org/back"}, "must be an http"),
        ({**GOOD, "redirect_uri": "ftp://e.org"}, "must be an http"),
        ({**GOOD, "redirect_uri": "https://"}, "must be an http"),
        ({**GOOD, "code": "c", "access_token": "SECRET"}, "both a code and"),
        ({**GOOD, "server": 3000}, r"auth\['server'\] must be a dict"),
        ({**GOOD, "server": {}}, "port"),
        ({**GOOD, "server": {"port": "3000"}}, "port"),
        ({**GOOD, "server": {"port": True}}, "port"),
        ({**GOOD, "server": {"port": -1}}, "port"),
        ({**GOOD, "server": {"port": 65536}}, "port"),
        ({**GOOD, "server": {"port": 1, "bind": "x"}}, "unknown key 'bind'"),
        ({**GOOD, "server": {"port": 1, "host": ""}}, "host"),
        ({**GOOD, "server": {"port": 1, "timeout": 0}}, "timeout"),
        ({**GOOD, "server": {"port": 1, "timeout": "5"}}, "timeout"),
        ({**GOOD, "server": {"port": 1, "timeout": True}}, "timeout"),
        ({**GOOD, "server": {"port": 1, "timeout": float("nan")}}, "timeout"),
    ],
)
def test_the_error_names_the_wrong_key_of_auth_and_shows_no_secret(
    auth: Any, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refusal:
        read_auth(auth)
    assert "SECRET" not in str(refusal.value)


def test_settings_are_read_and_repr_shows_no_secret() -> None:
    settings = read_auth({**GOOD, "code": "SECRET1", "state": "SECRET2", "server": {"port": 3000}})
    assert settings.client_secret == "SECRET"
    assert settings.server == RedirectServer(3000, "127.0.0.1", 300.0)
    assert "SECRET" not in repr(settings)


def test_a_timeout_below_a_second_is_accepted() -> None:
    server = read_auth({**GOOD, "server": {"port": 1, "timeout": 0.5}}).server
    assert server == RedirectServer(1, "127.0.0.1", 0.5)


def test_a_redirect_uri_without_tls_is_accepted() -> None:
    assert read_auth({**GOOD, "redirect_uri": "http://e.org"}).redirect_uri == "http://e.org"


@pytest.mark.parametrize("port", [0, 1, 65535])
def test_the_lowest_and_the_highest_port_are_accepted(port: int) -> None:
    server = read_auth({**GOOD, "server": {"port": port, "host": "::", "timeout": 5}}).server
    assert server == RedirectServer(port, "::", 5.0)


def test_a_long_lived_token_needs_nothing_else() -> None:
    assert read_auth({"access_token": "SECRET"}).access_token == "SECRET"
    assert read_auth({**GOOD, "access_token": "x", "code": None}).client_id == "id"
