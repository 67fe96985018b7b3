"""What a webhook says: one delivery, and its events.

Source: reference 6, 8.3, 9; reference 2.3 and 2.12 for installing and uninstalling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from amocrm.http.messages import Json

Kind = Literal["account", "pipeline", "pipeline_widget", "bot", "chat", "install", "uninstall"]
"""Who sends it: the account's webhooks (reference 6), a "send webhook" trigger of a pipeline
(6.4), a widget's trigger (9.2), a bot's `widget_request` (9.1), the Chats API (8.3), the
installation (2.3) and the removal (2.12) of an integration."""


_LONGEST_NAME: Final = 64
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9_.:-]")


def safe_name(text: object) -> str:
    """Return a name or an id that anybody may have sent as one that any database stores."""
    return _UNUSUAL.sub("_", str(text)[:_LONGEST_NAME])


@dataclass(frozen=True)
class Event:
    """One event of a delivery.

    Attributes:
        kind: who sent it.
        code: the name used to subscribe and to route, such as `status_lead` or `add_task`; an
            event that the documentation does not know keeps its name on the wire, `leads/future`.
        wire: entity and action as they came: `leads/status`, `contacts/update`.
        entity: the resource's name, as in the API: `leads`, `contacts`, `companies`, `customers`,
            `tasks`, `unsorted`, `talks`, `messages`, `catalog_elements`, `chat_templates`; of a
            note, what it was added to; empty if it is unknown.
        action: `add`, `update`, `delete`, `restore`, `status`, `responsible`, `note` and the like.
        id: of the entity; a uid for `unsorted`, a uuid for messages; None if it has none.
        item: what was sent about the entity, with the names and texts of the wire.
        account_id: of the account that sent it; None if the body does not say.
        subdomain: of the account; None if the body does not say.
        previous: what the item says about before the change, as numbers: `status_id`,
            `pipeline_id`, `responsible_user_id`, `period_id`.
        happened_at: Unix seconds of the change, as the item says; None if it does not.
        received_at: Unix seconds of its arrival here.
        synthetic: made by `reconcile`, not sent by amoCRM.
    """

    kind: Kind
    code: str
    wire: str
    entity: str
    action: str
    id: int | str | None
    item: dict[str, Json]
    account_id: int | None
    subdomain: str | None
    previous: Mapping[str, int] = field(default_factory=dict[str, int])
    happened_at: int | None = None
    received_at: float = 0.0
    synthetic: bool = False

    @property
    def key(self) -> str:
        """The entity whose events are handled in order: `1/leads/42`.

        Messages are in order within their chat. An event without an id has its kind instead.
        """
        who = (_chat(self.item) if self.entity == "messages" else None) or self.id or self.kind
        parts = (self.account_id or self.subdomain or "-", self.entity or self.wire, who)
        return "/".join(map(safe_name, parts))


def _chat(item: Mapping[str, Json]) -> Json:
    conversation = item.get("conversation")
    return item.get("chat_id") or (
        conversation.get("id") if isinstance(conversation, Mapping) else None
    )


@dataclass(frozen=True)
class Delivery:
    """One webhook, as amoCRM posted it: its events in their order."""

    kind: Kind
    account_id: int | None
    subdomain: str | None
    events: tuple[Event, ...]
    received_at: float = 0.0
