"""What amoCRM posted → a `Delivery` with its events. Nothing that is unknown is refused.

The order of the events is that of the body, always: a stored event is found again by its position.
Source: reference 6, 8.3, 9; reference 2.3 and 2.12 for installing and uninstalling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from amocrm._support.numbers import instant
from amocrm.auth.token import jwt_payload, known_id
from amocrm.http.messages import Json
from amocrm.webhooks import codes
from amocrm.webhooks.codes import EventCode
from amocrm.webhooks.event import Delivery, Event, Kind, safe_name
from amocrm.webhooks.parsing.body import read_body
from amocrm.webhooks.parsing.php_form import nest

_PREVIOUS: Final = {
    f"old_{name}": name for name in ("status_id", "pipeline_id", "responsible_user_id", "period_id")
}
_CHANGED_AT: Final = (
    "updated_at",
    "last_modified",
    "date_modify",
    "time",
    "created_at",
    "date_create",
)
_TRIGGERS: Final = ("call_in", "chat", "site_visit", "mail_in", "period")
_IDS: Final = {"unsorted": "uid", "talks": "talk_id"}
_DIGITS: Final = 19
_SECRETS: Final = ("token", "code", "signature")
"""Proofs that are not handed on: whoever reads a log could use them. The raw body has them."""


def parse(
    body: bytes, content_type: str, *, kind: Kind | None = None, received_at: float = 0.0
) -> Delivery:
    """Read a webhook.

    Args:
        body: as it came; of a GET, its query.
        content_type: of the body; it decides only what to say of a broken one.
        kind: who sends to this address; None tells it from the body.
        received_at: Unix seconds.

    Returns:
        The delivery; without events if nothing was in it, as in a ping.

    Raises:
        WebhookError: the body is out of bounds, or JSON that is broken.
    """
    objects, is_json = read_body(body, content_type)
    # Relays send keys with brackets, and lists as objects with numbers.
    nested = [nest(one.items()) for one in objects] if is_json else objects
    kind = kind or _detect(nested[0] if nested else {})
    if kind in ("account", "pipeline", "pipeline_widget"):
        objects = nested
    events = [event for one in objects for event in _events(one, kind, received_at)]
    if events:
        account_id, subdomain = events[0].account_id, events[0].subdomain
    else:
        account_id, subdomain = _account(objects[0]) if objects else (None, None)
    return Delivery(kind, account_id, subdomain, tuple(events), received_at)


def _detect(data: Mapping[str, Json]) -> Kind:
    """Tell who sent a webhook, where the address does not say it."""
    message, action = data.get("message"), data.get("action")
    if "return_url" in data:
        return "bot"
    if "this_item" in data or (isinstance(data.get("event"), dict) and isinstance(action, dict)):
        return "pipeline_widget"
    if isinstance(message, dict) and message.keys() & {"conversation", "sender", "receiver"}:
        return "chat"
    if "conversation_id" in data or (
        isinstance(action, dict) and action.keys() & {"typing", "reaction"}
    ):
        return "chat"
    if "signature" in data and "account_id" in data:
        return "uninstall"
    if "code" in data and data.keys() & {"referer", "from_widget"}:
        return "install"
    for entity in ("lead", "customer", "leads", "customers"):
        actions = data.get(entity)
        if isinstance(actions, dict) and (entity[-1] != "s" or actions.keys() & {*_TRIGGERS}):
            return "pipeline"
    return "account"


class _Found(NamedTuple):
    """One event: what it is, what was sent, its id, and where its times and the like are named."""

    code: EventCode
    item: dict[str, Json]
    id: Json
    about: Mapping[str, Json]


def _events(data: dict[str, Json], kind: Kind, received_at: float) -> Iterator[Event]:
    account_id, subdomain = _account(data)
    for code, item, id_, about in _READERS[kind](data):
        yield Event(
            kind=kind,
            code=code.code,
            wire=code.wire,
            entity=code.entity,
            action=code.action,
            id=_id(id_),
            item=item,
            account_id=account_id or _number(about.get("account_id")),
            subdomain=subdomain or _subdomain(about),
            previous=_previous(about),
            happened_at=_happened_at(about),
            received_at=received_at,
        )


def _account_events(data: dict[str, Json]) -> Iterator[_Found]:
    """Read `{entity: {action: [item]}}`, of which the list may be left out."""
    found = False
    for entity, actions in data.items():
        if entity == "account" or not isinstance(actions, (dict, list)):
            continue
        found = True
        name = safe_name(entity)
        if name == "this_item":
            yield _this_item(actions)
        elif isinstance(actions, list):
            yield from (_item(name, "", one) for one in _listed(actions))
        else:
            for action, content in actions.items():
                yield from (_item(name, safe_name(action), one) for one in _listed(content))
    others = {key: one for key, one in data.items() if key != "account"}
    if others and not found:
        yield _Found(_own("unknown"), others, others.get("id"), others)


def _listed(content: Json) -> Iterator[dict[str, Json]]:
    """Give the items of an action: several, or one without an index, or a bare id."""
    for one in content if isinstance(content, list) else [content]:
        yield one if isinstance(one, dict) else {"id": one}


def _item(entity: str, action: str, item: dict[str, Json]) -> _Found:
    code = codes.find(entity, action, item)
    note = item.get("note")
    if code.action == "note" and isinstance(note, dict):
        return _Found(code, item, note.get("element_id"), note)
    return _Found(code, item, item.get(_IDS.get(code.entity, "id")), item)


def _this_item(content: Json) -> _Found:
    """Read what a vendor of widgets sends: mostly a lead as the API has it, its values as texts."""
    item = content if isinstance(content, dict) else {"id": content}
    entity = "leads" if item.keys() & {"status_id", "pipeline_id"} else ""
    return _Found(_own("this_item")._replace(entity=entity), item, item.get("id"), item)


def _widget_events(data: dict[str, Json]) -> Iterator[_Found]:
    event = data.get("event")
    if not isinstance(event, dict):
        yield from _account_events(data)
        return
    told = event.get("data")
    item = {
        **{key: one for key, one in data.items() if key != "event"},
        **{key: one for key, one in event.items() if key != "data"},
        **(told if isinstance(told, dict) else {}),
    }
    name = safe_name(event.get("type_code") or "unknown")
    code = next((one for one in codes.WIDGET if one.code == name), _own(name))
    entity = code.entity or codes.element_type(item.get("element_type"))
    yield _Found(code._replace(entity=entity), item, item.get("id"), item)


def _bot_events(data: dict[str, Json]) -> Iterator[_Found]:
    """Read a bot's request; the claims of its token say of what and where."""
    token = data.get("token")
    claims = jwt_payload(token) if isinstance(token, str) else {}
    entity = codes.element_type(claims.get("entity_type"))
    code = _own("widget_request")._replace(entity=entity)
    yield _Found(code, _without_secrets(data), claims.get("entity_id"), claims)


def _chat_events(data: dict[str, Json]) -> Iterator[_Found]:
    action, message = data.get("action"), data.get("message")
    if isinstance(action, dict):
        for name, one in action.items():
            item = one if isinstance(one, dict) else {name: one}
            of = item.get("message")
            id_ = of.get("id") if isinstance(of, dict) else item.get("msgid")
            code = codes.of_chat(f"action/{safe_name(name)}")
            yield _Found(code, item, id_, {"updated_at": data.get("time")})
    elif isinstance(message, dict):
        inner = message.get("message")
        id_ = inner.get("id") if isinstance(inner, dict) else None
        at = {"updated_at": message.get("timestamp"), "created_at": data.get("time")}
        yield _Found(codes.of_chat("message"), message, id_, at)
    else:
        code = codes.of_chat("message") if "conversation_id" in data else _own("unknown")
        yield _Found(code, data, None, {})


def _install_events(data: dict[str, Json]) -> Iterator[_Found]:
    yield _Found(_own("install"), _without_secrets(data), None, data)


def _uninstall_events(data: dict[str, Json]) -> Iterator[_Found]:
    yield _Found(_own("uninstall"), _without_secrets(data), None, data)


_READERS: Final[Mapping[Kind, Callable[[dict[str, Json]], Iterator[_Found]]]] = {
    "account": _account_events,
    "pipeline": _account_events,
    "pipeline_widget": _widget_events,
    "bot": _bot_events,
    "chat": _chat_events,
    "install": _install_events,
    "uninstall": _uninstall_events,
}


def _own(name: str) -> EventCode:
    """Return a code that is its own name on the wire."""
    return EventCode(name, name, "", "", name)


def _without_secrets(data: dict[str, Json]) -> dict[str, Json]:
    return {key: one for key, one in data.items() if key not in _SECRETS}


def _account(data: Mapping[str, Json]) -> tuple[int | None, str | None]:
    """Return the id and the subdomain of the account that a body names."""
    account = data.get("account")
    named = account if isinstance(account, dict) else data
    id_ = named.get("id") if isinstance(account, dict) else data.get("account_id")
    return _number(id_), _subdomain(named)


def _subdomain(named: Mapping[str, Json]) -> str | None:
    """Return the subdomain that is named, or that of the address that is."""
    links = named.get("_links")
    own = links.get("self") if isinstance(links, dict) else None
    subdomain = named.get("subdomain")
    if isinstance(subdomain, str) and subdomain:
        return safe_name(subdomain)
    for address in (own, named.get("iss"), named.get("referer")):
        if isinstance(address, str) and address:
            host = address.rpartition("//")[2].partition("/")[0]
            return safe_name(host.partition(".")[0]) or None
    return None


def _id(value: Json) -> int | str | None:
    number = _number(value)
    if number is not None:
        return number
    return safe_name(value) if isinstance(value, str) and value else None


def _number(value: Json) -> int | None:
    """Return a positive number of JSON or of a text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < _DIGITS:
        value = int(value)
    return known_id(value)


def _previous(about: Mapping[str, Json]) -> dict[str, int]:
    found = {name: _number(about[old]) for old, name in _PREVIOUS.items() if old in about}
    return {name: number for name, number in found.items() if number is not None}


def _happened_at(about: Mapping[str, Json]) -> int | None:
    """Return Unix seconds; dates of tasks and notes have no zone and are not told."""
    for name in _CHANGED_AT:
        value = about.get(name)
        seconds = instant(value) if value else None
        if seconds:
            return int(seconds)
    return None
