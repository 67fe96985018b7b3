"""Documented bodies of every code, made up: what `amocrm webhooks trigger` posts.

Source: reference 6.2, 6.3, 6.4, 8.3, 9; 2.12 for the removal of an integration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final, NamedTuple
from urllib.parse import urlencode

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.sandbox.webhooks.form import encode_form
from amocrm.webhooks.codes import ACCOUNT, ELEMENT_TYPES, OTHER, PIPELINE, WIDGET, EventCode
from amocrm.webhooks.event import Kind
from amocrm.webhooks.signatures import sign_bot_token, sign_chat, sign_uninstall

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_CHAT: Final = "8e4d4baa-9e6c-4a88-838a-5f62be227bdc"
_MESSAGE: Final = "0371a0ff-b78a-4c7b-8538-a7d547e10692"
_PERSON: Final = "f1910c7f-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
_USER, _OTHER_USER = 123, 124

BY_KIND: Final[Mapping[Kind, Mapping[str, EventCode]]] = {
    "account": {one.code: one for one in ACCOUNT},
    "pipeline": {one.code: one for one in PIPELINE},
    "pipeline_widget": {one.code: one for one in WIDGET},
    "bot": {one.code: one for one in OTHER if one.code == "widget_request"},
    "chat": {one.code: one for one in OTHER if one.code.startswith("chat_")},
    "uninstall": {one.code: one for one in OTHER if one.code == "uninstall"},
}
"""The codes that can be made, by who sends them."""


class SampleAccount(NamedTuple):
    """Whose webhook is made.

    Attributes:
        account_id: of the account.
        host: of the account.
        client_id: of the integration.
        client_secret: of the integration; signs those of bots and the removal.
        channel_secret: of the channel; signs those of chats.
    """

    account_id: int = 1
    host: str = "example.amocrm.ru"
    client_id: str = ""
    client_secret: str = ""
    channel_secret: str = ""

    def __repr__(self) -> str:
        return f"Sender({self.account_id}, {self.host!r})"

    @property
    def envelope(self) -> dict[str, Json]:
        """What an account webhook says of its account."""
        about = {"subdomain": self.host.partition(".")[0], "id": self.account_id}
        return {"account": {**about, "_links": {"self": f"https://{self.host}"}}}


class Sample(NamedTuple):
    """A request, as amoCRM sends it. A removal is a GET, and `query` is what it says."""

    method: str
    kind: Kind
    headers: dict[str, str]
    body: bytes = b""
    query: str = ""


def find_kind(code: str, kind: Kind | None = None) -> Kind:
    """Return who sends a code; of a code that several send, the account.

    Raises:
        ConfigurationError: nobody sends it.
    """
    for one, codes in BY_KIND.items():
        if code in codes and kind in (None, one):
            return one
    known = [name for codes in BY_KIND.values() for name in codes]
    raise ConfigurationError(f"there is no webhook {code[:60]!r}", hint=near(code, known))


def make_sample(
    code: str,
    sender: SampleAccount,
    now: int,
    *,
    kind: Kind | None = None,
    number: int = 7001,
    changes: Mapping[str, Json] | None = None,
) -> Sample:
    """Make the webhook of a code.

    Args:
        code: used to subscribe and to route, such as `status_lead`.
        sender: the account and the secrets.
        now: Unix seconds.
        kind: who sends it, where several do.
        number: id of the entity.
        changes: members of the item to add or replace.

    Raises:
        ConfigurationError: there is no such code, or the secret that signs it is missing.
    """
    kind = find_kind(code, kind)
    one = BY_KIND[kind][code]
    if kind == "uninstall":
        return _uninstall(sender)
    if kind == "bot":
        return _bot(sender, now, number, changes or {})
    if kind == "chat":
        return _chat(one, sender, now, changes or {})
    if kind == "pipeline_widget":
        item = {"id": number, **_triggered(one.entity or "leads"), **(changes or {})}
        data = _widget(one, sender, now, item)
        return Sample("POST", kind, {"Content-Type": JSON}, _packed(data))
    if kind == "pipeline":
        tree = _listed(one, {"id": number, **_triggered(one.entity), **(changes or {})})
    else:
        tree = _listed(one, {**_item(one, sender, now, number), **(changes or {})})
    return Sample("POST", kind, {"Content-Type": FORM}, encode_form({**tree, **sender.envelope}))


def _listed(code: EventCode, item: dict[str, Json]) -> dict[str, Json]:
    entity, _, action = code.wire.partition("/")
    return {entity: {action: [item]}} if action else {entity: [item]}


def _item(code: EventCode, sender: SampleAccount, now: int, number: int) -> dict[str, Json]:
    """Return the item of an account webhook (reference 6.3)."""
    if code.action == "note":
        type_ = {"type": code.type} if code.type else {}
        return {"note": _note(code, sender, now, number), **type_}
    if code.action == "delete" and code.entity != "unsorted":
        stage = {"status_id": 143, "pipeline_id": 10} if code.entity == "leads" else {}
        return {"id": number, **stage, **({"type": code.type} if code.type else {})}
    item = _ITEMS[code.entity](code, now, number)
    if "created_at" in item and "id" in item and code.entity in _V2_NAMES:
        item["account_id"] = sender.account_id
    if code.action == "status":
        item |= {"old_status_id": 101, "old_pipeline_id": 10}
    if code.action == "responsible":
        item["old_responsible_user_id"] = _OTHER_USER
    return item


def _person(code: EventCode, now: int, number: int) -> dict[str, Json]:
    names = {"contact": "Анна", "company": "ООО «Пример»"}
    return {
        "id": number, "name": names[code.type], "responsible_user_id": _USER, "date_create": now,
        "last_modified": now, "created_user_id": _USER, "modified_user_id": _USER,
        "company_name": "", "custom_fields": [
            {"id": 903, "name": "Телефон", "code": "PHONE",
             "values": [{"value": "+79990000000", "enum": 31}]}],
        "created_at": now, "updated_at": now, "type": code.type,
    }  # fmt: skip


def _lead(code: EventCode, now: int, number: int) -> dict[str, Json]:
    return {
        "id": number, "name": "Сделка", "status_id": 142, "price": 1500,
        "responsible_user_id": _USER, "last_modified": now, "modified_user_id": _USER,
        "created_user_id": _USER, "date_create": now, "pipeline_id": 10, "custom_fields": [
            {"id": 902, "name": "Срочно", "values": [{"value": "1"}]}],
        "tags": [{"id": 5, "name": "vip"}], "created_at": now, "updated_at": now,
    }  # fmt: skip


def _customer(code: EventCode, now: int, number: int) -> dict[str, Json]:
    return {
        "id": number, "name": "Покупатель", "responsible_user_id": _USER, "period_id": 4,
        "created_at": now, "updated_at": now,
    }  # fmt: skip


def _task(code: EventCode, now: int, number: int) -> dict[str, Json]:
    closed = {"action_close": 1, "old_text": "Позвонить"} if code.action == "update" else {}
    return {
        "id": number, "element_id": 7001, "element_type": 2, "task_type": 1,
        "date_create": _day(now), "text": "Позвонить", "status": len(closed) // 2,
        "created_user_id": _USER, "last_modified": _day(now), "responsible_user_id": _USER,
        "complete_till": _day(now + 86_400), "created_at": now, "updated_at": now,
        "complete_before": now + 86_400, **closed,
    }  # fmt: skip


def _unsorted(code: EventCode, now: int, number: int) -> dict[str, Json]:
    if code.action == "delete":
        return {
            "action": "accept", "uid": "a1b2c3d4", "category": "forms", "created_at": now,
            "modified_user_id": _USER, "accept_result": {"leads": [number]},
        }  # fmt: skip
    stage = {"status_id": 101, "pipeline_id": 10} if code.action == "update" else {}
    return {
        "uid": "a1b2c3d4", "category": "forms", "source": "example.com",
        "source_data": {"form_id": 318, "form_type": 1, "form_name": "Заказ", "date": now},
        "data": {"leads": [{"id": number, "name": "Заявка", **stage}]},
        "pipeline_id": 10, "date_create": now, "lead_id": number, "created_at": now,
    }  # fmt: skip


def _talk(code: EventCode, now: int, number: int) -> dict[str, Json]:
    return {
        "talk_id": number, "created_at": now, "updated_at": now, "rate": 0, "contact_id": 31,
        "chat_id": _CHAT, "entity_id": 7001, "entity_type": "lead", "is_in_work": 1, "is_read": 0,
        "origin": "telegram",
    }  # fmt: skip


def _message(code: EventCode, now: int, number: int) -> dict[str, Json]:
    who = {"incoming": "external", "outgoing": "internal"}[code.type]
    return {
        "id": _MESSAGE, "chat_id": _CHAT, "talk_id": 71, "contact_id": 31, "text": "Здравствуйте",
        "created_at": now, "element_type": 2, "entity_type": "lead", "element_id": number,
        "entity_id": number, "type": code.type, "origin": "telegram",
        "author": {"id": _PERSON, "type": who, "name": "Анна"},
    }  # fmt: skip


def _template(code: EventCode, now: int, number: int) -> dict[str, Json]:
    return {
        "id": number, "type": code.type, "name": "Приветствие", "content": "Здравствуйте",
        "created_at": now, "updated_at": now, "is_editable": 1, "is_on_review": 0,
        "reviews": [{"id": 1, "source_id": 8, "status": "approved", "reject_reason": ""}],
    }  # fmt: skip


_ITEMS: Final = {
    "leads": _lead, "contacts": _person, "companies": _person, "customers": _customer,
    "tasks": _task, "unsorted": _unsorted, "talks": _talk, "messages": _message,
    "chat_templates": _template,
}  # fmt: skip
_V2_NAMES: Final = ("leads", "contacts", "companies", "tasks", "chat_templates")
"""Entities whose item names the account."""


def _note(code: EventCode, sender: SampleAccount, now: int, number: int) -> dict[str, Json]:
    return {
        "id": 51, "text": "Примечание", "attachement": "", "date_create": _day(now),
        "note_type": 4, "element_type": ELEMENT_TYPES[code.entity], "element_id": number,
        "account_id": sender.account_id, "created_by": _USER, "modified_by": _USER,
        "main_user_id": _USER, "created_at": now, "updated_at": now,
    }  # fmt: skip


def _triggered(entity: str) -> dict[str, Json]:
    """Return the stage of a trigger's entity (reference 6.4)."""
    if entity == "customers":
        return {"period_id": 4, "old_period_id": 3}
    return {"pipeline_id": 10, "old_pipeline_id": 10, "status_id": 142, "old_status_id": 101}


def _widget(
    code: EventCode, sender: SampleAccount, now: int, item: dict[str, Json]
) -> dict[str, Json]:
    types = {one.code: number for one, number in zip(WIDGET, _WIDGET_NUMBERS, strict=True)}
    data = {"element_type": ELEMENT_TYPES[code.entity or "leads"], **item}
    return {
        "event": {"type": types[code.code], "type_code": code.code, "data": data, "time": now},
        "action": {"settings": {"widget": {"settings": {}}}},
        "subdomain": sender.host.partition(".")[0],
        "account_id": sender.account_id,
    }


_WIDGET_NUMBERS: Final = (1, 14, 15, 20, 21, 22, 16, 17, 18, 19)
"""Of the codes of `WIDGET`, in its order. Source: reference 9.2."""


def _bot(sender: SampleAccount, now: int, number: int, changes: Mapping[str, Json]) -> Sample:
    secret = _needed(sender.client_secret, "client_secret", "AMOCRM_CLIENT_SECRET")
    token = sign_bot_token(
        secret, account=sender.host, account_id=sender.account_id, client_id=sender.client_id,
        entity_id=number, entity_type=2, expires_at=now + 1800,
    )  # fmt: skip
    url = f"https://{sender.host}/api/v4/salesbot/5/continue/6"
    body = {"token": token, "data": {"message": "Здравствуйте", **changes}, "return_url": url}
    return Sample("POST", "bot", {"Content-Type": JSON}, _packed(body))


def _chat(code: EventCode, sender: SampleAccount, now: int, changes: Mapping[str, Json]) -> Sample:
    secret = _needed(sender.channel_secret, "secret of the channel", "AMOCRM_CHANNEL_SECRET")
    about = {"conversation": {"id": _CHAT, "client_id": "c-1"}}
    user = {"id": _PERSON}
    items: dict[str, dict[str, Json]] = {
        "chat_message": {
            "receiver": {"id": "u-1", "client_id": "x", "phone": "+79990000000", "email": ""},
            "sender": {**user, "name": "Менеджер"}, "timestamp": now, "msec_timestamp": now * 1000,
            "message": {"id": _MESSAGE, "type": "text", "text": "Здравствуйте", "tag": "",
                        "media": "", "thumbnail": "", "file_name": "", "file_size": 0},
        },
        "chat_typing": {"user": user, "expired_at": now + 5},
        "chat_reaction": {"message": {"id": _MESSAGE}, "user": user, "type": "react",
                          "emoji": "👍"},
    }  # fmt: skip
    item = {**items[code.code], **about, **changes}
    entity, _, action = code.wire.partition("/")
    data = {"account_id": _PERSON, "time": now, entity: {action: item} if action else item}
    body = _packed(data)
    headers = {"Content-Type": JSON, "X-Signature": sign_chat(secret, body)}
    return Sample("POST", "chat", headers, body)


def _uninstall(sender: SampleAccount) -> Sample:
    secret = _needed(sender.client_secret, "client_secret", "AMOCRM_CLIENT_SECRET")
    query = {
        "account_id": sender.account_id, "client_uuid": sender.client_id,
        "signature": sign_uninstall(sender.client_id, secret, sender.account_id),
    }  # fmt: skip
    return Sample("GET", "uninstall", {}, query=urlencode(query))


def _needed(secret: str, what: str, variable: str) -> str:
    if not secret:
        raise ConfigurationError(f"this webhook is signed with the {what}", hint=f"set {variable}")
    return secret


def _packed(data: Mapping[str, Json]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


def _day(now: int) -> str:
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
