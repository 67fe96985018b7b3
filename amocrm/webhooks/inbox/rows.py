"""Deliveries as rows of a table, and events as values of such rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from amocrm.errors import InboxError
from amocrm.stores.database import sa
from amocrm.webhooks.event import Kind
from amocrm.webhooks.inbox.inbox import DeadEvent, Part, RawDelivery, StoredEvent
from amocrm.webhooks.inbox.names import digest_of, escaped, name_of, stored_number, unescaped
from amocrm.webhooks.inbox.tables import UNDONE

if TYPE_CHECKING:
    from amocrm.webhooks.inbox.encryption import BodyEncryption

Row: TypeAlias = "sa.RowMapping"


class DeliveryRows:
    """Writes deliveries into rows, and reads them.

    Args:
        table: of the deliveries.
        encryption: of the bodies, if they are encrypted.
    """

    def __init__(self, table: sa.Table, encryption: BodyEncryption | None) -> None:
        self._table = table
        self._encryption = encryption

    def row(self, delivery: RawDelivery, digest: str) -> dict[str, object]:
        """Return the row of a delivery."""
        encryption = self._encryption
        return {
            "digest": None if delivery.recurs else digest,
            "kind": delivery.kind,
            "account_id": delivery.account_id,
            "path": escaped(delivery.path),
            "content_type": escaped(delivery.content_type),
            "body": encryption.encrypt(digest, delivery.body) if encryption else delivery.body,
            "is_encrypted": encryption is not None,
            "received_at": delivery.received_at,
            "synthetic": delivery.synthetic,
        }

    def fetch(self, connection: sa.Connection, ids: Iterable[int]) -> dict[int, Row]:
        """Return the rows of some deliveries by their ids."""
        query = sa.select(self._table).where(self._table.c.id.in_(sorted(set(ids))))
        return {int(row["id"]): row for row in connection.execute(query).mappings()}

    def delivery(self, row: Row) -> RawDelivery:
        """Return the delivery of a row.

        Raises:
            InboxError: the body cannot be decrypted, or was copied from another delivery.
        """
        body, digest = bytes(row["body"]), None
        if row["is_encrypted"]:
            if self._encryption is None:
                raise InboxError("the body of a delivery is encrypted", hint="pass its keys=")
            digest, body = self._encryption.decrypt(body)
        delivery = RawDelivery(
            kind=cast("Kind", row["kind"]),
            account_id=row["account_id"],
            path=unescaped(row["path"]),
            content_type=unescaped(row["content_type"]),
            body=body,
            received_at=float(row["received_at"]),
            synthetic=bool(row["synthetic"]),
        )
        if digest is not None and digest != digest_of(delivery):
            raise InboxError("the body of a delivery is encrypted for another account or path")
        return delivery


def event_rows(delivery_id: int, parts: Sequence[Part]) -> Iterator[dict[str, object]]:
    """Yield the rows of a new delivery's events."""
    for position, part in enumerate(parts):
        yield {
            "delivery_id": delivery_id,
            "position": position,
            "queue": name_of(part.key),
            "code": name_of(part.code),
            "happened_at": stored_number(part.happened_at),
            "state": UNDONE,
            "attempts": 0,
            "handled_by": "[]",
            "error": "",
        }


def stored_event(row: Row, deliveries: Mapping[int, RawDelivery]) -> StoredEvent:
    """Return an event of a row."""
    return StoredEvent(
        id=int(row["id"]),
        delivery_id=int(row["delivery_id"]),
        position=int(row["position"]),
        attempts=int(row["attempts"]),
        handled_by=frozenset(json.loads(row["handled_by"])),
        delivery=deliveries[int(row["delivery_id"])],
    )


def dead_event(row: Row, deliveries: Mapping[int, RawDelivery]) -> DeadEvent:
    """Return a dead event of a row."""
    return DeadEvent(
        id=int(row["id"]),
        delivery_id=int(row["delivery_id"]),
        position=int(row["position"]),
        code=str(row["code"]),
        attempts=int(row["attempts"]),
        error=str(row["error"]),
        delivery=deliveries[int(row["delivery_id"])],
    )
