"""Receives webhooks: checks where they come from, stores them, and answers.

amoCRM waits 2 seconds for the answer and switches a subscription off after 100 bad ones in two
hours (reference 6.1). So nothing is handled here: a worker does that after the answer.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.secret import Secret
from amocrm.errors import ConfigurationError, InboxError, WebhookError
from amocrm.webhooks.addresses import (
    ReceiverAddress,
    check_base,
    check_keys,
    path_of,
    read_path,
    without_password,
)
from amocrm.webhooks.event import Delivery, Kind
from amocrm.webhooks.inbox.inbox import Inbox, Part, RawDelivery
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.parsing.php_form import MAX_BODY
from amocrm.webhooks.receiver.answer import (
    BAD_REQUEST,
    NOT_FOUND,
    OK,
    TOO_LARGE,
    UNAVAILABLE,
    Answer,
)
from amocrm.webhooks.receiver.asgi import ASGIApp
from amocrm.webhooks.receiver.verifier import UntrustedError, Verifier, same_account
from amocrm.webhooks.receiver.wsgi import wsgi_call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FORM: Final = "application/x-www-form-urlencoded"

_UNIQUE: Final = ("bot", "chat", "install")
"""Kinds whose bodies name a message, a waiting bot or a code, so that they differ."""

_log: Final = logging.getLogger("amocrm.webhooks")


class Receiver:
    """Receives webhooks of any number of accounts. Thread-safe.

    Mount `wsgi_app` or `asgi_app`, or call `receive` from a view of your framework. Answers:

    * 200: stored durably, or known already, or empty
    * 404: a wrong secret or signature, or the webhook of another account
    * 400, 413, 405: a body that is malformed, too large or sent with another method
    * 503: the inbox cannot be written, so that amoCRM sends it again

    Args:
        inbox: where deliveries are stored.
        key: of `new_key`; addresses are computed from it. Of several, the first one makes new
            addresses, and all are accepted, so that a key can be replaced.
        url: the public URL where this receiver is mounted: `https://example.com/amocrm`.
        client_id: of the integration, for uninstall hooks.
        client_secret: of the integration, or several; verifies bots and uninstall hooks.
        channels: the secret of each channel of the Chats API, by channel id.
        max_body: bytes of a body, at most.
        clock: for tests.

    Raises:
        ConfigurationError: a setting is missing or malformed.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        key: str | Sequence[str],
        url: str,
        client_id: str | None = None,
        client_secret: str | Sequence[str] | None = None,
        channels: Mapping[str, str] | None = None,
        max_body: int = MAX_BODY,
        clock: Clock | None = None,
    ) -> None:
        # As local variables, they would be in the traceback of every error from here on.
        hidden, key = [Secret(one) for one in check_keys(key)], ""
        verifier = Verifier(client_id, client_secret, channels)
        client_secret = channels = None
        if not isinstance(inbox, Inbox):
            raise ConfigurationError("inbox must be a MemoryInbox, a SQLInbox or another Inbox")
        if not 1 <= max_body <= MAX_BODY:
            raise ConfigurationError(f"max_body must be from 1 to {MAX_BODY} bytes")
        self._inbox = inbox
        self._keys = hidden
        self._url = check_base(url)
        self._verifier = verifier
        self._clock = clock or SystemClock()
        self.max_body = max_body
        self.asgi_app = ASGIApp(self)

    def __repr__(self) -> str:
        return f"Receiver({self._inbox!r}, url={without_password(self._url)!r})"

    @staticmethod
    def new_key() -> str:
        """Return a new random key. Keep it like a password: who has it can send webhooks."""
        return secrets.token_urlsafe(32)

    def address(self, account_id: int | None = None, kind: Kind = "account") -> str:
        """Return the URL that amoCRM must send to. It contains a secret: do not log it.

        Args:
            account_id: the only account whose webhooks are accepted there. None, for a webhook
                address that is set once for all accounts (a widget's), accepts any.
            kind: `account` for subscriptions, `pipeline` for the trigger "send webhook",
                `pipeline_widget`, `bot`, `chat`, `uninstall`.

        Raises:
            ConfigurationError: there is no such address, or this receiver cannot verify the kind.
        """
        if kind == "install":
            raise ConfigurationError("installations are received by Integration.wsgi_app")
        if not self._verifier.can_verify_kind(kind):
            needed = "channels" if kind == "chat" else "client_id and client_secret"
            raise ConfigurationError(f"{kind!r} is verified with {needed}: pass it to the Receiver")
        if account_id is None and kind == "account":
            raise ConfigurationError("the address of account webhooks belongs to one account")
        if account_id is not None and (isinstance(account_id, bool) or account_id < 1):
            raise ConfigurationError("account_id must be a positive number")
        return self._url + path_of(self._keys[0].reveal(), kind, account_id)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request of a WSGI server."""
        return wsgi_call(self, environ, start_response)

    def receive(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> Answer:
        """Receive one request, for a view of a framework.

        Args:
            method: in upper case.
            path: of the request; only its last parts are read, so a prefix does not matter.
            query: of the URL, as it was sent, without the question mark.
            headers: a case-insensitive mapping, or one with `Content-Type` and `X-Signature`.
            body: as it was sent.
        """
        place = self.admit(method, path)
        if isinstance(place, Answer):
            return place
        if len(body) > self.max_body:
            return self.refuse(place, TOO_LARGE, f"the body has more than {self.max_body} bytes")
        return self.store(place, query, headers, body)

    def admit(self, method: str, path: str) -> ReceiverAddress | Answer:
        """Check the path's secret and the method, before the body is read."""
        place = read_path([key.reveal() for key in self._keys], path)
        if place is None or not self._verifier.can_verify(place):
            _log.warning("refused a webhook: no such address, or its secret is wrong")
            return NOT_FOUND
        wanted = "GET" if place.kind == "uninstall" else "POST"
        return place if method == wanted else Answer(405, wanted)

    def store(
        self, place: ReceiverAddress, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Verify and store a delivery whose path was admitted; return what to answer."""
        now = self._clock.time()
        content_type = headers.get("Content-Type") or FORM
        if place.kind == "uninstall":  # A GET: what it says is its query.
            content_type, body = FORM, query.encode("utf-8", "replace")
        try:
            signer = self._verifier.signer(
                place, headers.get("X-Signature"), content_type, body, now
            )
            delivery = parse(body, content_type, kind=place.kind, received_at=now)
            named = [event.account_id for event in delivery.events]
            account_id = same_account([place.account_id, signer, *named])
        except UntrustedError as error:
            return self.refuse(place, NOT_FOUND, str(error))
        except WebhookError as error:
            return self.refuse(place, BAD_REQUEST, str(error))
        if not delivery.events:
            return OK  # A ping, which people send to see whether anybody answers.
        recurs = _recurs(delivery)
        raw = RawDelivery(
            place.kind, account_id, place.shown, content_type, body, now, recurs=recurs
        )
        # With the account of the address: not every body names it, and a queue is one entity's.
        events = [replace(event, account_id=account_id) for event in delivery.events]
        try:
            stored = self._inbox.put(raw, [Part.of(event) for event in events])
        except InboxError as error:
            _log.error("answered 503 to a webhook to %s: %s", place.shown, error)
            return UNAVAILABLE
        what = "stored" if stored is not None else "not stored again"
        codes = ", ".join(sorted({event.code for event in delivery.events}))
        _log.debug("a webhook to %s was %s: %s", place.shown, what, codes)
        return OK

    @staticmethod
    def refuse(place: ReceiverAddress, answer: Answer, why: str) -> Answer:
        """Log why a delivery is refused, and return the answer."""
        _log.warning("answered %d to a webhook to %s: %s", answer.status, place.shown, why)
        return answer


def _recurs(delivery: Delivery) -> bool:
    """Whether the same body may tell of another change: no event in it says when it happened.

    In one day, a lead may be deleted twice or enter a stage twice, and an integration be removed
    twice. Whether amoCRM repeats the body cannot be told then: it is handled again, not lost.
    """
    return delivery.kind not in _UNIQUE and all(
        event.happened_at is None and event.action != "add" for event in delivery.events
    )
