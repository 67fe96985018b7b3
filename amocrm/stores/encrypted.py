"""Tokens sealed at rest, around any other store.

Whoever reads the place sees whose tokens are there, and none of them. What is sealed says whose it
is, so that one row cannot be passed off as another's. Needs the extra `crypto`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.stores.store import Key, TokenStore, pointer_key

try:
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "EncryptedStore needs cryptography", hint="run: pip install 'amocrm-python[crypto]'"
    ) from missing

ROTATE_TRIES: Final = 20
"""How often a text is sealed anew because somebody else saved in between."""


class EncryptedStore:
    """Seals what another store keeps.

    Args:
        inner: the store that keeps the sealed texts, and whose lock is used.
        keys: one of `new_key`, or several: the first one seals, each of them opens.

    Raises:
        ConfigurationError: a key is none.
    """

    def __init__(self, inner: TokenStore, keys: str | Iterable[str]) -> None:
        self._inner = inner
        several = [keys] if isinstance(keys, (str, bytes)) else list(keys)
        self._fernet = _fernet(several)

    def __repr__(self) -> str:
        return f"EncryptedStore({self._inner!r})"

    @staticmethod
    def new_key() -> str:
        """Return a fresh random key; keep it apart from the place that it protects."""
        return Fernet.generate_key().decode()

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none.

        Raises:
            TokenStoreError: none of the keys opens it, or it was sealed for another account.
        """
        return self._opened(key, self._inner.load(key))

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there.

        Raises:
            TokenStoreError: what is there cannot be opened; it stays as it is.
        """
        sealed = self._inner.load(key)
        if self._opened(key, sealed) != replaces:
            return False
        return self._inner.save(key, self._sealed(key, text), sealed)

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[object]:
        """Hold the lock of the inner store."""
        return self._inner.lock(key, timeout)

    def forget(self, key: Key) -> None:
        """Remove a text, whether it can be opened or not."""
        self._inner.forget(key)

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        return self._inner.accounts(client_id)

    def rotate(self, client_id: str) -> int:
        """Seal all texts of an integration with the first key, so that the others may go.

        Returns:
            how many texts there are.

        Raises:
            TokenStoreError: one cannot be opened; those before it are sealed anew.
        """
        # Second names of renamed accounts are kept apart, and sealed too.
        owners = (client_id, pointer_key(client_id, "").client_id)
        keys = [Key(owner, name) for owner in owners for name in self._inner.accounts(owner)]
        for key in keys:
            self._reseal(key)
        return len(keys)

    def _reseal(self, key: Key) -> None:
        for _ in range(ROTATE_TRIES):
            sealed = self._inner.load(key)
            text = self._opened(key, sealed)
            if text is None or self._inner.save(key, self._sealed(key, text), sealed):
                return
        raise TokenStoreError(f"others kept saving the token of {key.account} at the same time")

    def _sealed(self, key: Key, text: str) -> str:
        return self._fernet.encrypt(json.dumps([*key, text]).encode()).decode()

    def _opened(self, key: Key, sealed: str | None) -> str | None:
        if sealed is None:
            return None
        try:
            opened = json.loads(self._fernet.decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            raise TokenStoreError(
                f"what {self._inner!r} keeps of {key.account} opens with none of the keys",
                hint="add the key that it was sealed with to the list; it is kept as it is",
            ) from None
        match opened:
            case [key.client_id, key.account, str(text)]:
                return text
            case _:
                raise TokenStoreError(
                    f"what {self._inner!r} keeps of {key.account} was sealed for another account",
                    hint="somebody moved it there; restore it from a backup, or get consent again",
                )


def _fernet(keys: list[str]) -> MultiFernet:
    hint = "make one with EncryptedStore.new_key() and keep it apart from the tokens"
    if not keys:
        raise ConfigurationError("EncryptedStore needs at least one key", hint=hint)
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except (ValueError, TypeError):
        raise ConfigurationError("a key of EncryptedStore is no Fernet key", hint=hint) from None
