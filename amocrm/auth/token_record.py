"""The stored record of an account, as one line of JSON: the token pair and its state.

A store handles text and knows nothing about tokens. Each text names its integration and account, so
that the record of one account cannot be used for another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import NamedTuple

from amocrm._support.numbers import instant
from amocrm.auth.token import Token, read_token
from amocrm.errors import ConfigurationError
from amocrm.http.hosts import is_account_host
from amocrm.http.messages import Json
from amocrm.http.reply_body import NotJSONError, parse


class Record(NamedTuple):
    """The stored state of one integration in one account.

    Attributes:
        token: the last token pair.
        host: the account's host.
        code: digest (`code_digest`) of the authorization code that was exchanged for the first of
            these pairs, so that another process with the same code does not send it again.
        asked_at: when a refresh of this pair was begun, in Unix seconds; its result is not known.
        granted_after_401: the pair was granted because a call was answered 401. Another 401 has
            another cause, so a process that loads the pair does not refresh it at once.
    """

    token: Token
    host: str
    code: str | None = None
    asked_at: float | None = None
    granted_after_401: bool = False


class Alias(NamedTuple):
    """A pointer to a record: the record is under the key of `account`, an id or an older name."""

    account: str

    @property
    def account_id(self) -> int | None:
        """The id of the account; None in an older store, where `account` is a name."""
        return read_account_id(self.account)


def write_record(client_id: str, account: str, content: Record | Alias) -> str:
    """Return the text that is stored under (client_id, account)."""
    data: dict[str, Json] = {"client_id": client_id, "account": account}
    if isinstance(content, Alias):
        data["see"] = content.account
    else:
        data |= {"host": content.host, "token": content.token.as_dict()}
        data |= {} if content.code is None else {"code": content.code}
        data |= {} if content.asked_at is None else {"asked_at": content.asked_at}
        data |= {"cured": True} if content.granted_after_401 else {}
    # ASCII, so that every store can save any token, even one with a lone surrogate.
    return json.dumps(data)


def read_record(text: str, client_id: str, account: str) -> Record | Alias:
    """Read a text that `write_record` has written.

    Raises:
        ConfigurationError: it is damaged, or it belongs to another integration or account.
    """
    data = _read_object(text)
    if data.get("client_id") != client_id or data.get("account") != account:
        raise ConfigurationError("it belongs to another integration or account")
    see, host, code = data.get("see"), data.get("host", account), data.get("code")
    if isinstance(see, str):
        return Alias(see)
    if not isinstance(host, str) or not is_account_host(host):
        raise ConfigurationError("its host is not an account of amoCRM or Kommo")
    return Record(
        read_token(data.get("token")),
        host,
        code if isinstance(code, str) else None,
        instant(data.get("asked_at")),
        data.get("cured") is True,
    )


def _read_object(text: str) -> Mapping[str, Json]:
    try:
        data = parse(text.encode("utf-8", "replace"))
    except NotJSONError as error:
        raise ConfigurationError(f"it is {error}") from None
    if not isinstance(data, Mapping):
        raise ConfigurationError("it is not a JSON object")
    return data


def read_account_id(text: str) -> int | None:
    """Read the account's id from the name of a key; None if the name is a host."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def code_digest(code: str, state: str | None, secret: str) -> str:
    """Return a digest of a code and of the state that came back with it. Logs never show it.

    A stranger who has seen a used code does not know the state of that session, and a reader of the
    store cannot try codes without the secret.

    Args:
        code: the authorization code.
        state: the state that came back with the code; None if there was none.
        secret: the integration's secret; it is the key of the digest.
    """
    # JSON separates code and state, whatever characters they have.
    message = json.dumps([code, state]).encode()
    return hmac.new(secret.encode("utf-8", "replace"), message, hashlib.sha256).hexdigest()
