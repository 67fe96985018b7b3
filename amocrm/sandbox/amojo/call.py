"""One signed request to the Chats API."""

from __future__ import annotations

from dataclasses import dataclass

from amocrm.sandbox.amojo.models import check_body
from amocrm.sandbox.amojo.problem import invalid, refuse
from amocrm.sandbox.amojo.store import Channel, Channels, Scope
from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.engine.schema import Schema
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.request import IncomingRequest, parse_json


@dataclass(frozen=True)
class _Signed:
    request: IncomingRequest
    now: int

    def body(self, schema: Schema | None = None) -> dict[str, Json]:
        """Decode the body, and check it if there is a schema.

        Raises:
            ChatRefusedError: 400.
        """
        data = parse_json(self.request.body)
        if not is_object(data):
            raise invalid("the body must be an object")
        if schema is not None:
            refuse(check_body(data, schema))
        return data


@dataclass(frozen=True)
class ChannelCall(_Signed):
    """A request about a channel as a whole."""

    channel: Channel
    channels: Channels
    accounts: list[Account]
    ids: Ids

    def account(self, amojo_id: str) -> Account | None:
        """Find an account of this host."""
        return next((one for one in self.accounts if one.amojo_id == amojo_id), None)


@dataclass(frozen=True)
class ScopeCall(_Signed):
    """A request about a channel in one account."""

    scope: Scope
