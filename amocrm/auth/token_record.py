"""What is kept of an account, as one line of text: its token, and what has to outlive a process.

Stores keep text and know nothing of tokens. A text says whose it is, so that one account's cannot
be passed off as another's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import NamedTuple

from amocrm._support.numbers import instant
from amocrm.auth.token import Token, account_id, read_token
from amocrm.errors import ConfigurationError
from amocrm.http.hosts import is_account_host
from amocrm.http.messages import Json
from amocrm.http.reply_body import NotJSONError, parse


class Record(NamedTuple):
    """All that is kept of one integration in one account.

    Attributes:
        token: the last pair.
        host: where the account answers.
        code: digest (`bound`) of the authorization code that the first of these pairs came
            from, so that whoever else has the same code knows that it is spent.
        asked_at: when a refresh of this very pair was begun, in Unix seconds; its end is not known.
        granted_after_401: the pair was granted because a call was answered 401. Another 401 has
            another cause, so whoever adopts it does not renew it for one at once.
    """

    token: Token
    host: str
    code: str | None = None
    asked_at: float | None = None
    granted_after_401: bool = False

    @property
    def account_id(self) -> int | None:
        """The id of the account that the pair opens, if the pair says it."""
        return account_id(self.token.access_token)


class Alias(NamedTuple):
    """A pointer: what is looked for is kept under the key of `account`, an id or an older name."""

    account: str

    @property
    def account_id(self) -> int | None:
        """The id of the account that it leads to; None of an older store, where it is a name."""
        return read_account_id(self.account)


def write_record(client_id: str, account: str, content: Record | Alias) -> str:
    """Turn a record or a pointer into the text that a store keeps under (client_id, account)."""
    whole: dict[str, Json] = {"client_id": client_id, "account": account}
    if isinstance(content, Alias):
        whole["see"] = content.account
    else:
        whole |= {"host": content.host, "token": content.token.as_dict()}
        whole |= {} if content.code is None else {"code": content.code}
        whole |= {} if content.asked_at is None else {"asked_at": content.asked_at}
        whole |= {"cured": True} if content.granted_after_401 else {}
    # ASCII: whatever a token holds, half a character included, every store can keep it.
    return json.dumps(whole)


def read_record(text: str, client_id: str, account: str) -> Record | Alias:
    """Read what `write_record` has written.

    Raises:
        ConfigurationError: it is damaged, or it belongs to somebody else.
    """
    whole = _mapping(text)
    if whole.get("client_id") != client_id or whole.get("account") != account:
        raise ConfigurationError("it belongs to another integration or account")
    see, host, code = whole.get("see"), whole.get("host", account), whole.get("code")
    if isinstance(see, str):
        return Alias(see)
    if not isinstance(host, str) or not is_account_host(host):
        raise ConfigurationError("its host is no account of amoCRM")
    return Record(
        read_token(whole.get("token")),
        host,
        code if isinstance(code, str) else None,
        instant(whole.get("asked_at")),
        whole.get("cured") is True,
    )


def _mapping(text: str) -> Mapping[str, Json]:
    try:
        whole = parse(text.encode("utf-8", "replace"))
    except NotJSONError as error:
        raise ConfigurationError(f"it is {error}") from None
    if not isinstance(whole, Mapping):
        raise ConfigurationError("it is not an object")
    return whole


def read_account_id(text: str) -> int | None:
    """Read the account's id out of a key's name; None if that is a host."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def bound(code: str, state: str | None, secret: str) -> str:
    """Return a digest of a code and of the state that came back with it; logs never show it.

    Whoever has read a spent code somewhere has not the state of the person's session, and whoever
    reads the store cannot try codes without the secret.

    Args:
        code: the authorization code.
        state: what came back with it; None if nothing did.
        secret: the integration's; it is the key of the digest.
    """
    # JSON keeps the two apart, whatever characters they hold.
    message = json.dumps([code, state]).encode()
    return hmac.new(secret.encode("utf-8", "replace"), message, hashlib.sha256).hexdigest()


def fingerprint(secret: str) -> str:
    """Return twelve characters that tell a secret from another, and nothing of what it is.

    The secrets of OAuth are long and random, so nobody finds one by trying.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:12]
