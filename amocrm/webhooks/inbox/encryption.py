"""Encrypts the bodies of deliveries. Needs the extra `crypto`."""

from __future__ import annotations

from collections.abc import Iterable

from amocrm.errors import InboxError
from amocrm.stores.encryption import InvalidToken, fernet_of


class BodyEncryption:
    """Encrypts and decrypts bodies.

    An encrypted body contains the digest of its delivery, so that one that was copied to another
    account or path is refused.

    Args:
        keys: of `EncryptedStore.new_key`: the first one encrypts, and all of them decrypt.

    Raises:
        ConfigurationError: a key is not a Fernet key, or there is none.
    """

    def __init__(self, keys: str | Iterable[str]) -> None:
        self._fernet = fernet_of(keys, "SQLInbox", "database")

    def encrypt(self, digest: str, body: bytes) -> bytes:
        """Return the body as it is stored."""
        return self._fernet.encrypt(digest.encode() + body)

    def decrypt(self, stored: bytes) -> tuple[str, bytes]:
        """Return the digest and the body.

        Raises:
            InboxError: no key decrypts it.
        """
        try:
            opened = self._fernet.decrypt(stored)
        except InvalidToken:
            raise InboxError(
                "no key decrypts the body of a delivery",
                hint="add the key that encrypted it to the list; nothing was changed",
            ) from None
        return opened[:64].decode("ascii", "replace"), opened[64:]
