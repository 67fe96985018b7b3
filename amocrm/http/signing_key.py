"""The key of a signature: a secret as bytes."""

from __future__ import annotations

from amocrm.errors import ConfigurationError
from amocrm.http.query import has_half_character


def key_of(secret: object) -> bytes:
    """Return a secret as the key of an HMAC.

    Raises:
        ConfigurationError: it is no text, or an empty one, with which anybody could sign.
    """
    if not isinstance(secret, str) or not secret or has_half_character(secret):
        raise ConfigurationError("the secret must be a string that is not empty")
    return secret.encode()
