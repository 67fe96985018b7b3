"""Reads the token files of other libraries: token, account, integration.

It reads the files of amocrm-js, the official PHP SDK's examples, aioamocrm, amocrm_api and this
library, and a response of the token endpoint. Source: the code of the libraries, October 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm.auth.token import Token, jwt_payload, read_token
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
    """The content of a token file.

    Attributes:
        token: the token pair.
        account: host of the account; None if it is not in the file.
        client_id: the integration's; None if it is neither in the file nor in the token.
    """

    token: Token
    account: str | None
    client_id: str | None


def read_file(content: bytes) -> ImportedToken:
    """Read a file with one JSON object.

    Shape:
        amocrm-js: {"access_token", "refresh_token", "token_type", "expires_in", "expires_at": ms}
        aioamocrm: {"access_token", "refresh_token", "token_type", "expires_at": seconds}
        PHP SDK: {"accessToken", "refreshToken", "expires": seconds, "baseDomain": host}
        this library's stores: {"client_id", "account", "host", "token": {...}}

    Raises:
        ConfigurationError: it is none of them; the message names the missing part.
    """
    try:
        data = parse(content)
    except NotJSONError as error:
        raise ConfigurationError(f"the file is {error}") from None
    if not isinstance(data, Mapping):
        raise ConfigurationError("the file has no JSON object")
    token = data.get("token")
    if isinstance(token, Mapping):
        account, client_id = _text(data.get("host") or data.get("account")), data.get("client_id")
        return _imported(read_token(token), account, _text(client_id))
    if "accessToken" in data:
        plain: dict[str, Json] = {_PHP[name]: data.get(name) for name in _PHP}
        return _imported(read_token(plain), _text(data.get("baseDomain")), None)
    return _imported(read_token(data), None, None)


def read_pair(access: bytes, refresh: bytes) -> ImportedToken:
    """Read the two files of amocrm_api, each of which is one token.

    Raises:
        ConfigurationError: one of them is not a token.
    """
    plain = {
        "access_token": access.decode("utf-8", "replace").strip(),
        "refresh_token": refresh.decode("utf-8", "replace").strip(),
    }
    return _imported(read_token(plain), None, None)


def _imported(token: Token, account: str | None, client_id: str | None) -> ImportedToken:
    host = None if account is None else account_host(account)
    return ImportedToken(
        token, host, client_id or _text(jwt_payload(token.access_token).get("aud"))
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
