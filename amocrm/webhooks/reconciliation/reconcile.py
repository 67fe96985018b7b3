"""Finds what amoCRM has never sent, or what nobody was there to receive.

amoCRM sends most webhooks once, and switches a subscription off without a word (reference 6.1).
`reconcile` compares the account's own record with the inbox and adds what is missing.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from amocrm._support.clock import Clock, SystemClock, seconds_ahead
from amocrm._support.numbers import finite
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.webhooks.event import Event
from amocrm.webhooks.inbox.inbox import Inbox, Part, RawDelivery
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.reconciliation.recorded import (
    TOLERANCE,
    Recorded,
    event_types,
    missing,
    read_edit,
    read_event,
    with_model,
)

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.resources.events import EventFilter
    from amocrm.schema.account import Account
    from amocrm.schema.enums import EventName

GRACE: Final = 120.0
"""Seconds in which a webhook may still be on its way: younger changes are left for the next run."""

_EDITED: Final = {
    "lead": "leads", "contact": "contacts", "company": "companies", "customer": "customers",
    "task": "tasks",
}  # fmt: skip
_TOGETHER: Final = 500
_IDS: Final = 100
"""Ids in one call, so that its URL stays short."""
_PATH: Final = "/reconcile"

_log: Final = logging.getLogger("amocrm.webhooks")


class Reconciled(NamedTuple):
    """What `reconcile` found.

    Attributes:
        until: Unix seconds up to which the record was compared: `since` of the next run.
        checked: changes in the record.
        added: how many of each code were missing and are in the inbox now.
    """

    until: float
    checked: int
    added: dict[str, int]


def reconcile(
    crm: AmoCRM,
    inbox: Inbox,
    since: float | datetime,
    *,
    codes: Iterable[str],
    grace: float = GRACE,
    clock: Clock | None = None,
) -> Reconciled:
    """Put webhooks for changes that are in the account's record, but not in the inbox.

    They go to the same handlers with `event.synthetic` true. A second run adds nothing twice, and a
    change that a webhook told of is not added. Deletions, restorations, changes of stage and of the
    responsible user, notes and messages come from `/events`; edits from listings by `updated_at`,
    one for an entity however often it was edited. What the record does not say of an entity, its
    name or its fields, is as it is now.

    Args:
        crm: the client of the account.
        inbox: where the account's webhooks are received.
        since: Unix seconds, or a datetime with a time zone: where the last run ended.
        codes: that the handlers need, such as `hooks.codes`.
        grace: seconds before now that are left for the next run; now is amoCRM's time if the clock
            of this machine is ahead of it.
        clock: for tests.

    Raises:
        ConfigurationError: `since` is no instant.
        InboxError: the inbox cannot be read or written; run it again with the same `since`.

    Source: reference 4.16, 6.1.
    """
    begin = _instant(since)
    now = (clock or SystemClock()).time()
    if now - grace <= begin:
        return Reconciled(begin, 0, {})
    wanted = set(codes)
    response = crm.request.get("/api/v4/account")
    account: Account = response.data
    # A clock that is ahead would leave out for good what happens until amoCRM's is as late.
    until = now - grace + min(0.0, seconds_ahead(response.info.headers.get("Date"), now))
    if until <= begin:
        return Reconciled(begin, 0, {})
    found: Counter[str] = Counter()
    told: set[int] = set()
    checked = 0
    changes = _record(crm, wanted, begin, until)
    while some := list(islice(changes, _TOGETHER)):
        checked += len(some)
        lost = _missing(inbox, [_delivery(account, one, until) for one in some], begin, told)
        for change in _complete(crm, lost):
            made = _delivery(account, change, until)
            if inbox.put(made.raw, [Part.of(made.event)]) is not None:
                found[made.event.code] += 1
    _log.info("reconciled account %d: %d changes, %s missing", account["id"], checked, dict(found))
    return Reconciled(until, checked, dict(found))


def _record(crm: AmoCRM, codes: set[str], begin: float, until: float) -> Iterator[Recorded]:
    """Read the account's record between two instants."""
    if types := event_types(codes):
        asked: EventFilter = {
            "created_at": {"from": int(begin), "to": int(until)},
            "type": cast("list[EventName]", types),
        }
        for event in crm.events.list(filter=asked):
            if (change := read_event(event)) is not None and change.code in codes:
                yield change
    for entity, path in _EDITED.items():
        if f"update_{entity}" in codes:
            for model in crm.changes(path, since=begin):
                if model["updated_at"] <= until:
                    yield read_edit(entity, model)


class Made(NamedTuple):
    """A change, and the delivery that amoCRM should have sent."""

    change: Recorded
    raw: RawDelivery
    event: Event


def _delivery(account: Account, change: Recorded, now: float) -> Made:
    """Write a change as the webhook that should have come."""
    about = {"id": str(account["id"]), "subdomain": account["subdomain"]}
    content = {change.entity: {change.action: [change.item]}, "account": about}
    body, kind = json.dumps(content, ensure_ascii=False).encode(), "application/json"
    raw = RawDelivery("account", account["id"], _PATH, kind, body, now, synthetic=True)
    return Made(change, raw, parse(body, kind, kind="account", received_at=now).events[0])


def _missing(inbox: Inbox, made: Sequence[Made], begin: float, told: set[int]) -> list[Recorded]:
    """Return what no webhook has told of; `told` collects the webhooks that tell of a change."""
    of_entity: dict[str, list[Recorded]] = {}
    for one in made:
        of_entity.setdefault(one.event.key, []).append(one.change)
    arrived = inbox.arrived(list(of_entity), begin - TOLERANCE)
    return [
        change
        for key, changes in of_entity.items()
        for change in missing(changes, arrived.get(key, ()), told)
    ]


def _complete(crm: AmoCRM, changes: Sequence[Recorded]) -> Iterator[Recorded]:
    """Add the entities' other values: the record names only what has changed."""
    models: dict[tuple[str, str], Mapping[str, Json]] = {}
    for entity, path in _EDITED.items():
        ids = sorted({int(one.item["id"]) for one in changes if _lacks_model(one, entity)})
        for some in (ids[at : at + _IDS] for at in range(0, len(ids), _IDS)):
            for model in crm.listing(f"/api/v4/{path}", {"filter": {"id": some}}, limit=_IDS):
                models[entity, str(model["id"])] = model
    for change in changes:
        entity = change.code.rpartition("_")[2]
        found = models.get((entity, str(change.item.get("id"))))
        yield change if found is None else with_model(change, entity, found)


def _lacks_model(change: Recorded, entity: str) -> bool:
    action, _, whose = change.code.rpartition("_")
    return whose == entity and not change.is_edit and action not in ("delete", "note")


def _instant(since: float | datetime) -> float:
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise ConfigurationError("since needs a time zone", hint="datetime.now(timezone.utc)")
        return since.timestamp()
    seconds = finite(since)
    if seconds is None or seconds < 0:
        raise ConfigurationError("since must be Unix seconds or a datetime with a time zone")
    return seconds
