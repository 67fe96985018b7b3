"""Encrypts the tokens of another store.

A reader of the inner store sees the accounts, but no tokens. The encrypted text contains its key,
so that a text that was copied to another account is refused. Needs the extra `crypto`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from amocrm.errors import TokenStoreError
from amocrm.stores.encryption import InvalidToken, fernet_of, new_key
from amocrm.stores.store import Key, TokenStore, pointer_key

ROTATE_TRIES: Final = 20
"""Attempts to encrypt a text again if another process saves it in between."""


class EncryptedStore:
    """Encrypts the texts of another store.

    Args:
        inner: the store of the encrypted texts and of the locks.
        keys: a key of `new_key`, or several: the first one encrypts, and all of them decrypt.

    Raises:
        ConfigurationError: a key is not a Fernet key.
    """

    def __init__(self, inner: TokenStore, keys: str | Iterable[str]) -> None:
        self._inner = inner
        self._fernet = fernet_of(keys, "EncryptedStore", "tokens")

    def __repr__(self) -> str:
        return f"EncryptedStore({self._inner!r})"

    @staticmethod
    def new_key() -> str:
        """Return a new random key; store it separately from the tokens."""
        return new_key()

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none.

        Raises:
            TokenStoreError: no key decrypts it, or it was encrypted for another account.
        """
        return self._decrypt(key, self._inner.load(key))

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Replace the loaded text; return False if the inner store contains another one.

        Raises:
            TokenStoreError: the stored text cannot be decrypted; it is not changed.
        """
        sealed = self._inner.load(key)
        if self._decrypt(key, sealed) != replaces:
            return False
        return self._inner.save(key, self._encrypt(key, text), sealed)

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[object]:
        """Lock a key in the inner store."""
        return self._inner.lock(key, timeout)

    def forget(self, key: Key) -> None:
        """Remove a text, whether it can be opened or not."""
        self._inner.forget(key)

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        return self._inner.accounts(client_id)

    def rotate(self, client_id: str) -> int:
        """Encrypt all texts of an integration with the first key; then remove the other keys.

        Returns:
            The number of texts.

        Raises:
            TokenStoreError: one cannot be decrypted; those before it have the new key.
        """
        # The pointers of renamed accounts have another client id, and are encrypted, too.
        owners = (client_id, pointer_key(client_id, "").client_id)
        keys = [Key(owner, name) for owner in owners for name in self._inner.accounts(owner)]
        for key in keys:
            self._encrypt_again(key)
        return len(keys)

    def _encrypt_again(self, key: Key) -> None:
        for _ in range(ROTATE_TRIES):
            sealed = self._inner.load(key)
            text = self._decrypt(key, sealed)
            if text is None or self._inner.save(key, self._encrypt(key, text), sealed):
                return
        raise TokenStoreError(f"other processes saved the token of {key.account} again and again")

    def _encrypt(self, key: Key, text: str) -> str:
        return self._fernet.encrypt(json.dumps([*key, text]).encode()).decode()

    def _decrypt(self, key: Key, sealed: str | None) -> str | None:
        if sealed is None:
            return None
        try:
            opened = json.loads(self._fernet.decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            raise TokenStoreError(
                f"no key decrypts the token of {key.account} in {self._inner!r}",
                hint="add the key that encrypted it to the list; the stored token was not changed",
            ) from None
        match opened:
            case [key.client_id, key.account, str(text)]:
                return text
            case _:
                raise TokenStoreError(
                    f"{self._inner!r}: the token of {key.account} is encrypted for another account",
                    hint="it was copied there; restore a backup, or get consent again",
                )
