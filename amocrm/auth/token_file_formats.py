"""Token files that other libraries wrote → token, account, integration.

Known are those of amocrm-js, the official PHP SDK's examples, aioamocrm, amocrm_api, the token
endpoint's own answer, and what this library writes. Source: the libraries' own code, October 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm.auth.token import Token, claims, read_token
from amocrm.errors import ConfigurationError
from amocrm.http.hosts import account_host
from amocrm.http.messages import Json
from amocrm.http.reply_body import NotJSONError, parse

PAIR_FILES: Final = ("access_token.txt", "refresh_token.txt")
"""The two files of amocrm_api's FileTokensStorage, in one folder."""

_PHP: Final = {
    "accessToken": "access_token", "refreshToken": "refresh_token", "expires": "expires_at",
}  # fmt: skip


class ImportedToken(NamedTuple):
    """What a file tells.

    Attributes:
        token: the pair.
        account: host of the account; None if the file does not say.
        client_id: the integration's; None if neither the file nor the token says.
    """

    token: Token
    account: str | None
    client_id: str | None


def read_file(content: bytes) -> ImportedToken:
    """Read a file that holds one JSON object.

    Shape:
        amocrm-js: {"access_token", "refresh_token", "token_type", "expires_in", "expires_at": ms}
        aioamocrm: {"access_token", "refresh_token", "token_type", "expires_at": seconds}
        PHP SDK: {"accessToken", "refreshToken", "expires": seconds, "baseDomain": host}
        this library's stores: {"client_id", "account", "host", "token": {...}}

    Raises:
        ConfigurationError: it is none of them; the message says what is missing.
    """
    try:
        data = parse(content)
    except NotJSONError as error:
        raise ConfigurationError(f"the file is {error}") from None
    if not isinstance(data, Mapping):
        raise ConfigurationError("the file holds no JSON object")
    whole = data.get("token")
    if isinstance(whole, Mapping):
        account, client_id = _text(data.get("host") or data.get("account")), data.get("client_id")
        return _imported(read_token(whole), account, _text(client_id))
    if "accessToken" in data:
        plain: dict[str, Json] = {_PHP[name]: data.get(name) for name in _PHP}
        return _imported(read_token(plain), _text(data.get("baseDomain")), None)
    return _imported(read_token(data), None, None)


def read_pair(access: bytes, refresh: bytes) -> ImportedToken:
    """Read the two files of amocrm_api, which hold nothing but a token each.

    Raises:
        ConfigurationError: one of them holds something else.
    """
    plain = {
        "access_token": access.decode("utf-8", "replace").strip(),
        "refresh_token": refresh.decode("utf-8", "replace").strip(),
    }
    return _imported(read_token(plain), None, None)


def _imported(token: Token, account: str | None, client_id: str | None) -> ImportedToken:
    host = None if account is None else account_host(account)
    return ImportedToken(token, host, client_id or _text(claims(token.access_token).get("aud")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
