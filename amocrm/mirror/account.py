"""The account that is mirrored: what its plan offers, and what time it is there."""

from __future__ import annotations

from typing import Final, NamedTuple

from amocrm._support.clock import Clock, seconds_ahead
from amocrm.client import AmoCRM
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json

_PATH: Final = "/api/v4/account"
_WITH: Final = "users_groups,is_api_filter_enabled"


class MirroredAccount(NamedTuple):
    """An account as it was when the run began.

    Attributes:
        id: of the account.
        created_at: Unix seconds.
        has_filters: whether listings can be filtered; amoCRM sells that as a function.
        has_customers: whether customers are switched on.
        groups: of users; None if the account does not tell them.
        ahead: seconds by which the server's clock is ahead of the client's.
    """

    id: int
    created_at: int
    has_filters: bool
    has_customers: bool
    groups: list[Json] | None
    ahead: float


def read_account(crm: AmoCRM, clock: Clock) -> MirroredAccount:
    """Read the account of a client, with one call.

    Raises:
        AmoCRMError: the call failed, or something else has answered it.
    """
    response = crm.request.get(_PATH, {"with": _WITH})
    data = response.data if isinstance(response.data, dict) else {}
    if type(data.get("id")) is not int:
        raise unexpected_response("GET", _PATH, "no account")
    embedded = data.get("_embedded")
    groups = embedded.get("users_groups") if isinstance(embedded, dict) else None
    return MirroredAccount(
        id=data["id"],
        created_at=int(data.get("created_at") or 0),
        has_filters=data.get("is_api_filter_enabled") is not False,
        has_customers=data.get("customers_mode") not in ("unavailable", "disabled"),
        groups=[one for one in groups if isinstance(one, dict)] if groups else None,
        ahead=seconds_ahead(response.info.headers.get("Date"), clock.time()),
    )
