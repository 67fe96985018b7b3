"""Checks who sent a delivery, for the kinds that amoCRM signs.

Source: reference 2.12 (uninstall hooks), 8.3 (chats), 9.1 (bots).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from amocrm._support.secret import Secret
from amocrm.auth.installation import uninstall_hook
from amocrm.auth.redirect.query import read_query
from amocrm.chats.signatures import verify_hook
from amocrm.errors import ConfigurationError, StateMismatchError, WebhookError
from amocrm.webhooks.addresses import ReceiverAddress
from amocrm.webhooks.event import Kind
from amocrm.webhooks.signatures import bot_token_of, verify_bot_token


class UntrustedError(Exception):
    """The signature is wrong, or the delivery is of another account than its address."""


class Verifier:
    """Holds the secrets that amoCRM signs with.

    Raises:
        ConfigurationError: a secret is missing or is not a string.
    """

    def __init__(
        self,
        client_id: str | None,
        client_secret: str | Sequence[str] | None,
        channels: Mapping[str, str] | None,
    ) -> None:
        self._client_id = client_id
        several = [client_secret] if isinstance(client_secret, str) else client_secret or ()
        self._client_secrets = [Secret(one) for one in several]
        self._channels = {name: Secret(one) for name, one in (channels or {}).items()}
        client_secret, channels, several = None, None, ()
        if not all([*self._client_secrets, *self._channels.values()]):
            raise ConfigurationError("client_secret and the secrets of channels must be strings")
        if client_id is not None and not self._client_secrets:
            raise ConfigurationError("uninstall hooks are verified with client_secret: pass it too")

    def can_verify_kind(self, kind: Kind) -> bool:
        """Whether deliveries of a kind can be verified at all."""
        if kind == "uninstall":
            return self._client_id is not None
        if kind == "bot":
            return bool(self._client_secrets)
        return kind != "chat" or bool(self._channels)

    def can_verify(self, place: ReceiverAddress) -> bool:
        """Whether what comes to a place can be verified."""
        return self.can_verify_kind(place.kind) and (
            place.kind != "chat" or self._channel(place) is not None
        )

    def signer(
        self,
        place: ReceiverAddress,
        signature: str | None,
        content_type: str,
        body: bytes,
        now: float,
    ) -> int | None:
        """Check the signature of the raw body; return the account's id if it is signed, too.

        Raises:
            UntrustedError: the signature is wrong, missing or expired.
        """
        if place.kind == "uninstall":
            return self._with_each_secret(lambda secret: self._uninstalled_account(body, secret))
        if place.kind == "bot":
            token = bot_token_of(body, content_type)
            return self._with_each_secret(
                lambda secret: (
                    verify_bot_token(token, secret, now=now, client_id=self._client_id).account_id
                )
            )
        channel = self._channel(place) if place.kind == "chat" else None
        if channel is not None:
            try:
                verify_hook(channel.reveal(), body, signature)
            except WebhookError as error:
                raise UntrustedError(str(error)) from None
        return None

    def _with_each_secret(self, verify: Callable[[str], int]) -> int:
        """Return what the first fitting secret verifies; a replaced one stays valid for a while."""
        problem = "there is no secret to verify it with"
        for secret in self._client_secrets:
            try:
                return verify(secret.reveal())
            except WebhookError as error:
                problem = str(error)
        raise UntrustedError(problem)

    def _channel(self, place: ReceiverAddress) -> Secret | None:
        # A scope is the channel's id and the account's, joined by an underscore (reference 8).
        return self._channels.get((place.scope_id or "").partition("_")[0])

    def _uninstalled_account(self, query: bytes, secret: str) -> int:
        try:
            parameters = read_query(query.decode())
        except (StateMismatchError, UnicodeError):
            raise WebhookError("the query of the uninstall hook is malformed") from None
        return uninstall_hook.verify(parameters, self._client_id or "", secret)


def same_account(accounts: Iterable[int | None]) -> int | None:
    """Return the account that the address, the signature and the body name; None if none does.

    Raises:
        UntrustedError: they name different accounts.
    """
    named = {account for account in accounts if account is not None}
    if len(named) > 1:
        raise UntrustedError("the delivery is of another account than its address or signature")
    return next(iter(named), None)
