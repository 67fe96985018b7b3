"""Converts a secret to the key of a signature."""

from __future__ import annotations

from amocrm.errors import ConfigurationError
from amocrm.http.query import has_half_character


def key_of(secret: object) -> bytes:
    """Return a secret as the key of an HMAC.

    Raises:
        ConfigurationError: the secret is not a string, or is empty, so that anybody could sign.
    """
    if not isinstance(secret, str) or not secret or has_half_character(secret):
        raise ConfigurationError("the secret must be a non-empty string")
    return secret.encode()
