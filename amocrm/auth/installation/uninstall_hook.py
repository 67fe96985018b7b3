"""The uninstall hook, which amoCRM calls when an integration is switched off: sign and verify.

Source: reference 2.12; 12.1 for the two names of the integration's parameter.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from amocrm.errors import WebhookError
from amocrm.http.signing_key import key_of

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)

_NAMES: Final = ("client_uuid", "client_id")


def sign(client_id: str, client_secret: str, account_id: int) -> str:
    """Return the signature of the hook: the lower-case hex of an HMAC-SHA256.

    >>> sign("11111111-2222-3333-4444-555555555555", "secret", 12345)
    '5654e451a12c58462c9bdf29fef6c3ae6aaf801eba3577c82611b3bf85f202d8'
    """
    key, message = key_of(client_secret), f"{client_id}|{account_id}".encode("utf-8", "replace")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def verify(query: Mapping[str, object], client_id: str, client_secret: str) -> int:
    """Check the hook's signature, in constant time.

    Shape:
        account_id, client_uuid (or client_id), signature

    Returns:
        The id of the account where the integration was switched off.

    Raises:
        WebhookError: it was not signed with this integration's secret, or it is malformed.
        ConfigurationError: the secret is empty.
    """
    if not isinstance(query, Mapping):
        raise WebhookError("the uninstall hook has no parameters")
    number, given = query.get("account_id", ""), query.get("signature", "")
    if not isinstance(number, str) or not isinstance(given, str):
        raise WebhookError("the uninstall hook has a parameter that is not a string")
    named = [query[name] for name in _NAMES if name in query]
    if not named or any(name != client_id for name in named):
        raise WebhookError("the uninstall hook is for another integration")
    if not _NUMBER.fullmatch(number):
        raise WebhookError("the uninstall hook has no valid account_id")
    expected = sign(client_id, client_secret, int(number))
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise WebhookError(
            "the signature of the uninstall hook is wrong",
            hint="was client_secret replaced in amoCRM? A stranger may have called this address "
            "too",
        )
    return int(number)
