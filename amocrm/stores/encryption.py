"""Fernet keys of those who encrypt what they store. Needs the extra `crypto`."""

from __future__ import annotations

from collections.abc import Iterable

from amocrm.errors import ConfigurationError

try:
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "encryption needs cryptography", hint="run: pip install 'amocrm-python[crypto]'"
    ) from missing

__all__ = ["InvalidToken", "MultiFernet", "fernet_of", "new_key"]


def new_key() -> str:
    """Return a new random key."""
    return Fernet.generate_key().decode()


def fernet_of(keys: str | Iterable[str], owner: str, what: str) -> MultiFernet:
    """Return what encrypts with the first key and decrypts with all of them.

    Args:
        keys: of `new_key`; one or several.
        owner: whose keys they are, for the message.
        what: it encrypts, for the message.

    Raises:
        ConfigurationError: a key is not a Fernet key, or there is none.
    """
    several = [keys] if isinstance(keys, (str, bytes)) else list(keys)
    hint = f"make one with EncryptedStore.new_key() and store it separately from the {what}"
    if not several:
        raise ConfigurationError(f"{owner} needs at least one key", hint=hint)
    try:
        return MultiFernet([Fernet(key) for key in several])
    except (ValueError, TypeError):
        raise ConfigurationError(f"a key of {owner} is not a Fernet key", hint=hint) from None
