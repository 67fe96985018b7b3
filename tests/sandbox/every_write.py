"""One accepted body for every write of the sandbox, with the members where null may stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from amocrm.sandbox import Sandbox

Place = tuple[str | int, ...]
"""Names and indexes on the way to a value inside a body."""

CARDS = ("leads", "contacts", "companies")
OWNERS = (*CARDS, "customers")
RIGHTS: dict[str, Any] = {
    **{
        name: {"view": "A", "edit": "A", "add": "A", "delete": "D", "export": "D"} for name in CARDS
    },
    "tasks": {"edit": "A", "delete": "A"},
    "mail_access": False,
    "catalog_access": True,
}
NULLABLE_RIGHTS = ("status_rights", "catalog_rights")
STAMPS: dict[str, Any] = {
    "created_by": 501,
    "updated_by": 503,
    "created_at": 1600000000,
    "updated_at": 1600000001,
}


class World:
    """An account with one of everything, written through the API alone where that can be."""

    def __init__(self, portal: Sandbox) -> None:
        self.portal = portal
        self.account = portal.account()
        self.session = portal.session()
        # No proxy is in the way, and reading the environment takes a fifth of a call.
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {portal.issue_long_lived()}"
        self._numbers = count(1)

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request to the account, or to its files."""
        host = "drive-b" if path.startswith("/v1.0") else "example"
        root = "" if path.startswith(("/v1.0", "/api/")) else "/api/v4"
        return self.session.request(method, f"https://{host}.amocrm.ru{root}{path}", json=body)

    def make(self, path: str, model: Any) -> dict[str, Any]:
        """Create one item and return it as the answer shows it."""
        body = model if path in ("/customers/segments", "/webhooks") else [model]
        answer = self.send("POST", path, body)
        assert answer.status_code in (200, 201), (path, answer.text)
        made: dict[str, Any] = answer.json()
        if "_embedded" in made and path != "/customers/segments":
            ((made,),) = made["_embedded"].values()
        return made

    def name(self) -> str:
        """Return a text that no other item has."""
        return f"n{next(self._numbers)}"

    def id(self, path: str, **model: Any) -> int:
        """Create one item and return its id."""
        return int(self.make(path, model)["id"])

    def entity(self, kind: str) -> int:
        return self.id(f"/{kind}", name=self.name())

    def catalog(self, kind: str = "regular") -> int:
        self.account.shelf("catalogs").clear()
        return self.id("/catalogs", name="List", type=kind)

    def element(self) -> tuple[int, int]:
        catalog = self.catalog()
        return catalog, self.id(f"/catalogs/{catalog}/elements", name="Bike")

    def field(self, place: str, kind: str = "text", **more: Any) -> int:
        return self.id(f"{place}/custom_fields", name=self.name(), type=kind, **more)

    def values(self, kind: str) -> list[Any]:
        """Return values of custom fields, named by id and by code."""
        code, date = self.name(), self.name()
        field = self.field(f"/{kind}", "select", code=code, enums=[{"value": "north"}])
        moment = self.field(f"/{kind}", "date", code=date)
        return [
            {"field_id": field, "field_code": code, "values": [{"value": "north"}]},
            {"field_id": moment, "field_code": date, "values": [{"value": 2000000000}]},
        ]

    def pipeline(self) -> int:
        shelf = self.account.pipelines
        for number in [one for one in shelf if not shelf[one]["is_main"]]:
            del shelf[number]
        model = {"name": "Second", "sort": 5, "is_main": False, "is_unsorted_on": True}
        return self.id("/leads/pipelines", **model)

    def stage(self, pipeline: int) -> int:
        return self.id(f"/leads/pipelines/{pipeline}/statuses", name="Stage", sort=20)

    def ordinary_stage(self) -> int:
        return int(self.account.statuses(int(self.account.main_pipeline["id"]))[1]["id"])

    def file(self) -> str:
        body = {"file_name": f"{self.name()}.txt", "file_size": 2, "content_type": "text/plain"}
        url = self.send("POST", "/v1.0/sessions", body).json()["upload_url"]
        return str(self.session.post(url, data=b"ab").json()["uuid"])

    def uid(self, category: str = "forms") -> str:
        return self.portal.add_unsorted(category)

    def phone(self) -> str:
        phone = f"+7999{next(self._numbers):07}"
        item = {"field_code": "PHONE", "values": [{"value": phone, "enum_code": "WORK"}]}
        self.make("/contacts", {"custom_fields_values": [item]})
        return phone

    def in_mode(self, mode: str) -> None:
        self.send("PATCH", "/customers/mode", {"mode": mode, "is_enabled": True})


Made = tuple[str, Any]


@dataclass(frozen=True)
class Write:
    """One write: how it is made, and what of it may be null or hold any name.

    Paths of members are dotted, with `#` for the index of a list.

    Attributes:
        made: makes what the write needs; returns its address and its body.
        nulls: members that may be null.
        lacks: members that may be null, but not in this body: the error that follows.
        free: objects whose names are not checked.
    """

    made: Callable[[World], Made]
    nulls: tuple[str, ...] = ()
    lacks: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    free: tuple[str, ...] = ()

    def is_free(self, at: Place) -> bool:
        """Tell whether the names of an object, or of what it stands in, are not checked."""
        return any(general(at).startswith(one) for one in self.free)


WRITES: dict[tuple[str, str], Write] = {}


def write(
    method: str,
    path: str,
    made: Callable[[World], Made],
    *,
    nulls: tuple[str, ...] = (),
    lacks: Mapping[str, tuple[str, str]] | None = None,
    free: tuple[str, ...] = (),
) -> None:
    WRITES[method, path] = Write(made, nulls, lacks or {}, free)


def batch(*paths: str) -> tuple[str, ...]:
    """Return the paths of members inside each model of a list."""
    return tuple(f"#.{one}" for one in paths)


_VALUES = (
    "custom_fields_values",
    *(f"custom_fields_values.#.{one}" for one in ("values", "field_id", "field_code")),
)


def _entity(w: World, kind: str, *, change: bool) -> dict[str, Any]:
    model: dict[str, Any] = {
        "name": w.name(),
        "responsible_user_id": 501,
        **STAMPS,
        "custom_fields_values": w.values(kind),
        "tags_to_add": [{"name": "vip", "color": None}, {"id": w.id(f"/{kind}/tags", name="old")}],
        "request_id": "r",
        "_embedded": {"tags": [{"name": "new"}]},
    }
    if kind == "leads":
        model |= {
            "price": 5,
            "status_id": 143,
            "pipeline_id": w.account.main_pipeline["id"],
            "loss_reason_id": w.id("/leads/loss_reasons", name=w.name()),
            "closed_at": 1600000002,
        }
    if kind == "contacts":
        model |= {"first_name": "Ann", "last_name": "Lee"}
    if kind == "customers":
        w.in_mode("periodicity")
        status = w.account.shelf("customer_statuses")
        model |= {"next_price": 5, "next_date": 1700600000, "periodicity": 30}
        if not status:
            w.send("GET", "/customers/statuses")
        model["status_id"] = next(iter(w.account.shelf("customer_statuses")))
    if change:
        model["tags_to_delete"] = [{"name": "vip"}]
    elif kind == "leads":
        model["visitor_uid"] = "v"
        model["_embedded"] |= {
            "contacts": [{"id": w.entity("contacts"), "is_main": True}],
            "companies": [{"id": w.entity("companies")}],
            "source": {"external_id": "s", "type": "widget"},
        }
    return model


def _entities(kind: str) -> None:
    nulls = (*_VALUES, "_embedded.tags", "tags_to_add.#.color")
    # A lead keeps its reason and the moment of its closing as null while it is open.
    nulls += ("loss_reason_id", "closed_at") if kind == "leads" else ()
    nulls += ("status_id", "next_date") if kind == "customers" else ()
    created = tuple(one for one in nulls if (kind, one) != ("customers", "next_date"))
    write(
        "POST", f"/{kind}", lambda w: (f"/{kind}", [_entity(w, kind, change=False)]),
        nulls=batch(*created),
        lacks={"0.next_date": ("FieldMissing", "next_date")} if kind == "customers" else {},
    )  # fmt: skip

    def changed(w: World) -> dict[str, Any]:
        w.in_mode("segments")
        return {"id": w.entity(kind), **_entity(w, kind, change=True)}

    write("PATCH", f"/{kind}", lambda w: (f"/{kind}", [changed(w)]), nulls=batch(*nulls))

    def one(w: World) -> Made:
        model = changed(w)
        return f"/{kind}/{model.pop('id')}", model

    write("PATCH", f"/{kind}/#", one, nulls=nulls)


for _kind in OWNERS:
    _entities(_kind)


def _complex(w: World) -> Made:
    model = _entity(w, "leads", change=False)
    contact = _entity(w, "contacts", change=False)
    company = _entity(w, "companies", change=False)
    metadata = {"category": "sip", "from": "a", "phone": "+7900", "called_at": 1, "duration": 2,
                "link": None, "service_code": "s", "uniq": "u", "call_responsible": 501,
                "is_call_event_needed": True}  # fmt: skip
    source = model["_embedded"]["source"]
    tags = model["_embedded"]["tags"]
    model["_embedded"] = {
        "tags": tags, "source": source, "contacts": [contact], "companies": [company],
        "metadata": metadata,
    }  # fmt: skip
    return "/leads/complex", [model]


_NESTED = (*_VALUES, "_embedded.tags", "tags_to_add.#.color")
write(
    "POST", "/leads/complex", _complex,
    nulls=batch(
        *_NESTED, "loss_reason_id", "closed_at",
        *(f"_embedded.{other}.#.{one}" for other in ("contacts", "companies") for one in _NESTED),
        "_embedded.metadata.link", "_embedded.metadata.call_responsible",
    ),
)  # fmt: skip


def _unsorted(category: str, metadata: dict[str, Any]) -> None:
    def made(w: World) -> Made:
        lead = _entity(w, "leads", change=False)
        lead["_embedded"] = {"tags": [{"name": "site"}]}
        embedded = {
            "leads": [lead],
            "contacts": [_entity(w, "contacts", change=False)],
            "companies": [{"name": "Lee"}],
        }
        model = {
            "source_name": "Site", "source_uid": "u", "created_at": 1, "request_id": "r",
            "pipeline_id": w.account.main_pipeline["id"], "metadata": metadata,
            "_embedded": embedded,
        }  # fmt: skip
        return f"/leads/unsorted/{category}", [model]

    nulls = [f"_embedded.leads.#.{one}" for one in (*_NESTED, "loss_reason_id", "closed_at")]
    nulls += [f"_embedded.contacts.#.{one}" for one in _NESTED]
    own = {"sip": ("link", "call_responsible"), "forms": ("visitor_uid",)}[category]
    nulls += [f"metadata.{one}" for one in own]
    write("POST", f"/leads/unsorted/{category}", made, nulls=batch(*nulls))


_unsorted("sip", {"from": "a", "phone": "+7900", "called_at": 1, "duration": 2, "link": None,
                  "service_code": "s", "uniq": "u", "call_responsible": "Ann",
                  "is_call_event_needed": True})  # fmt: skip
_unsorted("forms", {"form_id": "f", "form_name": "n", "form_page": "p", "ip": "192.0.2.1",
                    "form_sent_at": 1, "referer": "", "form_type": 1,
                    "visitor_uid": "v"})  # fmt: skip

write(
    "POST", "/leads/unsorted/#/accept",
    lambda w: (
        f"/leads/unsorted/{w.uid()}/accept", {"user_id": 501, "status_id": w.ordinary_stage()}
    ),
)  # fmt: skip
write(
    "DELETE",
    "/leads/unsorted/#/decline",
    lambda w: (f"/leads/unsorted/{w.uid()}/decline", {"user_id": 501}),
)


def _unsorted_link(w: World) -> Made:
    target = {"entity_id": w.entity("leads"), "entity_type": "leads",
              "metadata": {"contact_id": w.entity("contacts")}}  # fmt: skip
    return f"/leads/unsorted/{w.uid('chats')}/link", {"link": target, "user_id": 501}


write("POST", "/leads/unsorted/#/link", _unsorted_link, nulls=("link.metadata",))


def _pipeline(w: World) -> Made:
    stages = [{"name": "New", "sort": 10, "color": "#fffeb2"}, {"id": 142, "name": "Paid"}]
    w.pipeline()
    return "/leads/pipelines", [
        {"name": "Sales", "sort": 3, "is_main": False, "is_unsorted_on": True, "request_id": "r",
         "_embedded": {"statuses": stages}}
    ]  # fmt: skip


write("POST", "/leads/pipelines", _pipeline)
write(
    "PATCH",
    "/leads/pipelines/#",
    lambda w: (
        f"/leads/pipelines/{w.pipeline()}",
        {"name": "B", "sort": 7, "is_main": False, "is_unsorted_on": True, "request_id": "r"},
    ),
)
_STAGE = {
    "name": "B", "sort": 30, "color": "#fffeb2", "request_id": "r",
    "descriptions": [{"level": "newbie", "description": "a"}],
}  # fmt: skip
write(
    "POST",
    "/leads/pipelines/#/statuses",
    lambda w: (f"/leads/pipelines/{w.pipeline()}/statuses", [_STAGE]),
)


def _stage(w: World) -> Made:
    pipeline = w.pipeline()
    return f"/leads/pipelines/{pipeline}/statuses/{w.stage(pipeline)}", _STAGE


write("PATCH", "/leads/pipelines/#/statuses/#", _stage)
_REASON = {"name": "Dear", "sort": 4, "request_id": "r"}
write("POST", "/leads/loss_reasons", lambda w: ("/leads/loss_reasons", [_REASON]))
write(
    "PATCH",
    "/leads/loss_reasons/#",
    lambda w: (f"/leads/loss_reasons/{w.id('/leads/loss_reasons', name='a')}", _REASON),
)


def _contact_chat(w: World) -> Made:
    chat = w.name()
    w.account.shelf("chats")[chat] = {"id": chat}
    model = {"contact_id": w.entity("contacts"), "chat_id": chat, "request_id": "r"}
    return "/contacts/chats", [model]


write("POST", "/contacts/chats", _contact_chat)

_CATALOG = {
    "name": "List", "sort": 5, "can_add_elements": True, "can_show_in_cards": False,
    "can_link_multiple": True, "type": "regular", "request_id": "r",
}  # fmt: skip


def _catalogs(w: World) -> Made:
    w.catalog()
    return "/catalogs", [_CATALOG]


write("POST", "/catalogs", _catalogs)
write("PATCH", "/catalogs", lambda w: ("/catalogs", [{"id": w.catalog(), **_CATALOG}]))
write("PATCH", "/catalogs/#", lambda w: (f"/catalogs/{w.catalog()}", _CATALOG))
write(
    "PATCH",
    "/catalogs/products/settings",
    lambda w: ("/catalogs/products/settings", {"is_enabled": True}),
)


def _element(w: World, catalog: int) -> dict[str, Any]:
    code = w.name()
    number = w.field(f"/catalogs/{catalog}", code=code)
    values = [{"field_id": number, "field_code": code, "values": [{"value": "a"}]}]
    return {
        "name": "Bike", **STAMPS, "currency_id": 1, "custom_fields_values": values,
        "request_id": "r",
    }  # fmt: skip


def _elements(w: World) -> Made:
    catalog = w.catalog()
    return f"/catalogs/{catalog}/elements", [_element(w, catalog)]


def _elements_change(w: World) -> Made:
    catalog, number = w.element()
    return f"/catalogs/{catalog}/elements", [{"id": number, **_element(w, catalog)}]


def _element_change(w: World) -> Made:
    catalog, number = w.element()
    return f"/catalogs/{catalog}/elements/{number}", _element(w, catalog)


_ELEMENT_NULLS = ("currency_id", *_VALUES)
write("POST", "/catalogs/#/elements", _elements, nulls=batch(*_ELEMENT_NULLS))
write("PATCH", "/catalogs/#/elements", _elements_change, nulls=batch(*_ELEMENT_NULLS))
write("PATCH", "/catalogs/#/elements/#", _element_change, nulls=_ELEMENT_NULLS)


def _links(kind: str, owner: str, word: str) -> None:
    def made(w: World) -> Made:
        w.in_mode("segments")
        number = w.entity(kind)
        catalog, element = w.element()
        price = w.field(f"/catalogs/{catalog}", "price")
        other = "companies" if kind != "companies" else "contacts"
        models: list[dict[str, Any]] = [
            {"to_entity_id": w.entity(other), "to_entity_type": other,
             "metadata": {"is_main": True, "updated_by": 501}},
            {"to_entity_id": element, "to_entity_type": "catalog_elements",
             "metadata": {"quantity": 2, "catalog_id": catalog, "price_id": price}},
        ]  # fmt: skip
        if owner:
            return f"/{kind}/{number}/{word}", models
        return f"/{kind}/{word}", [
            {"entity_id": number, "entity_type": kind, **one} for one in models
        ]

    write(
        "POST", f"/{kind}{owner}/{word}", made,
        nulls=("0.metadata", "#.metadata.price_id", "#.entity_type"),
        # The metadata of an element name its list.
        lacks={"1.metadata": ("FieldMissing", "metadata.catalog_id")},
    )  # fmt: skip


for _kind in OWNERS:
    for _owner in ("", "/#"):
        for _word in ("link", "unlink"):
            _links(_kind, _owner, _word)


def _task(w: World) -> dict[str, Any]:
    return {
        "text": "Call", "complete_till": 2000000000, "responsible_user_id": 501,
        "entity_id": w.entity("leads"), "entity_type": "leads", "task_type_id": 1, "duration": 60,
        "is_completed": False, "result": {"text": "a"}, **STAMPS, "request_id": "r",
    }  # fmt: skip


def _known_task(w: World) -> int:
    return w.id("/tasks", text="a", complete_till=1)


# An entity has an id and a type, or neither.
_LACKS = {
    f"{at}{one}": ("FieldMissing", one) for at in ("", "0.") for one in ("entity_id", "entity_type")
}
write("POST", "/tasks", lambda w: ("/tasks", [_task(w)]), lacks=_LACKS)
write("PATCH", "/tasks", lambda w: ("/tasks", [{"id": _known_task(w), **_task(w)}]), lacks=_LACKS)
write("PATCH", "/tasks/#", lambda w: (f"/tasks/{_known_task(w)}", _task(w)), lacks=_LACKS)

_FIELD_NULLS = (
    *("code", "remind", "currency", "enums", "chained_lists", "tracking_callback", "group_id"),
    *("required_statuses", "search_in", "nested", "enums.#.sort", "enums.#.code"),
    *("chained_lists.#.title", "chained_lists.#.parent_catalog_id", "nested.#.parent_id"),
    *("nested.#.parent_request_id", "settings"),
)


def _field(w: World, kind: str) -> dict[str, Any]:
    stage = {"pipeline_id": w.account.main_pipeline["id"], "status_id": w.ordinary_stage()}
    catalog = w.account.shelf("catalogs")
    number = next(iter(catalog)) if catalog else w.catalog()
    field: dict[str, Any] = {
        "name": w.name(), "code": w.name(), "sort": 5, "remind": "never", "currency": "RUB",
        "enums": [{"value": "a", "sort": 1, "code": "a"}], "tracking_callback": "f",
        "chained_lists": [{"title": "t", "catalog_id": number, "parent_catalog_id": number}],
        "request_id": "r",
    }  # fmt: skip
    if kind not in ("catalogs", "segments"):
        field |= {"group_id": "default", "is_api_only": False, "required_statuses": [stage]}
    if kind == "leads":
        field["hidden_statuses"] = [stage]
    if kind == "catalogs":
        field |= {
            "is_visible": True, "is_required": False, "is_deletable": True, "settings": {},
            "search_in": "contacts",
            "nested": [{"value": "a", "sort": 1, "request_id": "x", "parent_id": 0},
                       {"value": "b", "sort": 2, "request_id": "y", "parent_request_id": "x"}],
        }  # fmt: skip
    return field


_PLACES = {
    **{f"/{one}": one for one in OWNERS},
    "/customers/segments": "segments",
    "/catalogs/#": "catalogs",
}


def _fields(place: str, kind: str) -> None:
    def at(w: World) -> str:
        w.in_mode("segments")
        w.account.fields.setdefault("segments", {}).clear()
        return place.replace("#", str(w.catalog())) if "#" in place else place

    def create(w: World) -> Made:
        return f"{at(w)}/custom_fields", [{"type": "text", **_field(w, kind)}]

    def change(w: World) -> Made:
        here = at(w)
        model = {"id": w.field(here), "type": "text", **_field(w, kind)}
        return f"{here}/custom_fields", [model]

    def change_one(w: World) -> Made:
        path, (model,) = change(w)
        return f"{path}/{model.pop('id')}", model

    free = ("settings",)
    nulls = tuple(one for one in _FIELD_NULLS)
    write("POST", f"{place}/custom_fields", create, nulls=batch(*nulls), free=batch(*free))
    write("PATCH", f"{place}/custom_fields", change, nulls=batch(*nulls), free=batch(*free))
    write("PATCH", f"{place}/custom_fields/#", change_one, nulls=nulls, free=free)
    if kind == "segments":
        return

    def group(w: World) -> Made:
        return f"{at(w)}/custom_fields/groups", [{"name": "G", "sort": 3, "request_id": "r"}]

    def group_change(w: World) -> Made:
        path, (model,) = group(w)
        number = w.make(path, model)["id"]
        fields = [w.field(path.removesuffix("/custom_fields/groups"))]
        return f"{path}/{number}", {**model, "fields": fields}

    write("POST", f"{place}/custom_fields/groups", group)
    write("PATCH", f"{place}/custom_fields/groups/#", group_change)


for _place, _kind in _PLACES.items():
    _fields(_place, _kind)


def _tags(kind: str) -> None:
    color = {"color": "EBEBEB"} if kind == "leads" else {"color": None}

    def made(w: World) -> Made:
        return f"/{kind}/tags", [{"name": w.name(), **color, "request_id": "r"}]

    write("POST", f"/{kind}/tags", made, nulls=("#.color",))


for _kind in OWNERS:
    _tags(_kind)
write(
    "PATCH", "/leads/tags",
    lambda w: ("/leads/tags", [{"id": w.id("/leads/tags", name=w.name()), "name": w.name(),
                                "color": "EBEBEB", "request_id": "r"}]),
    nulls=("#.color",),
)  # fmt: skip


def _note(w: World) -> dict[str, Any]:
    params = {
        "uniq": "u",
        "duration": 5,
        "source": "pbx",
        "link": "https://pbx.example/1.mp3",
        "phone": "+7900",
        "call_responsible": 501,
        "call_result": "ok",
        "call_status": 4,
    }
    return {
        "note_type": "call_in", "params": params, "responsible_user_id": 501, **STAMPS,
        "is_need_to_trigger_digital_pipeline": True, "request_id": "r",
    }  # fmt: skip


def _notes(kind: str) -> None:
    def owner(w: World) -> int:
        w.in_mode("segments")
        return w.entity(kind)

    def known(w: World) -> tuple[int, int]:
        number = owner(w)
        note = {key: one for key, one in _note(w).items() if key in ("note_type", "params")}
        return number, w.id(f"/{kind}/{number}/notes", **note)

    def wide(w: World) -> Made:
        return f"/{kind}/notes", [{"entity_id": owner(w), **_note(w)}]

    def narrow(w: World) -> Made:
        return f"/{kind}/{owner(w)}/notes", [_note(w)]

    def change(narrow: bool, single: bool) -> Callable[[World], Made]:
        def made(w: World) -> Made:
            number, note = known(w)
            path = f"/{kind}/{number}/notes" if narrow else f"/{kind}/notes"
            model = {"entity_id": number, **_note(w)}
            return (f"{path}/{note}", model) if single else (path, [{"id": note, **model}])

        return made

    # What only a creation writes is ignored by a change, null or not.
    kept = ("responsible_user_id", "is_need_to_trigger_digital_pipeline", *STAMPS)
    for at, place in ((wide, f"/{kind}/notes"), (narrow, f"/{kind}/#/notes")):
        write("POST", place, at, nulls=("#.params.call_responsible",))
        is_narrow = "#" in place
        nulls = ("params.call_responsible", *kept)
        write("PATCH", place, change(is_narrow, False), nulls=batch(*nulls))
        write("PATCH", f"{place}/#", change(is_narrow, True), nulls=nulls)


for _kind in OWNERS:
    _notes(_kind)

write(
    "PATCH", "/customers/mode",
    lambda w: ("/customers/mode", {"mode": "segments", "is_enabled": True}),
)  # fmt: skip


def _transaction(w: World) -> Made:
    w.in_mode("segments")
    catalog, element = w.element()
    items = [{"id": element, "metadata": {"catalog_id": catalog, "quantity": 2}}]
    model = {
        "price": 5, "comment": "a", "completed_at": 1, "created_by": 501, "created_at": 1,
        "next_price": 5, "next_date": 1700000000, "_embedded": {"catalog_elements": items},
        "request_id": "r",
    }  # fmt: skip
    return f"/customers/{w.entity('customers')}/transactions", [model]


write("POST", "/customers/#/transactions", _transaction, nulls=("#.comment",))


def _points(w: World) -> Made:
    w.in_mode("segments")
    return f"/customers/{w.entity('customers')}/bonus_points", {"earn": 5}


write("POST", "/customers/#/bonus_points", _points)
_CUSTOMER_STATUS = {"name": "S", "sort": 5, "color": "#fffeb2", "request_id": "r"}


def _customer_statuses(w: World) -> Made:
    w.in_mode("periodicity")
    w.account.shelf("customer_statuses").clear()
    return "/customers/statuses", [_CUSTOMER_STATUS]


def _customer_status(w: World) -> Made:
    path, (model,) = _customer_statuses(w)
    return f"{path}/{w.id(path, name='a', sort=1)}", model


write("POST", "/customers/statuses", _customer_statuses)
write("PATCH", "/customers/statuses/#", _customer_status)


def _segment(w: World) -> Made:
    w.in_mode("segments")
    w.account.shelf("segments").clear()
    w.account.fields["segments"].clear()
    number = w.field("/customers/segments", code="A")
    values = [{"field_id": number, "field_code": "A", "values": [{"value": "a"}]}]
    return "/customers/segments", {
        "name": "Gold", "color": "10599d", "available_products_price_types": [1],
        "custom_fields_values": values, "request_id": "r",
    }  # fmt: skip


def _segment_change(w: World) -> Made:
    path, model = _segment(w)
    return f"{path}/{w.id(path, name='a')}", model


_SEGMENT_NULLS = ("available_products_price_types", *_VALUES)
write("POST", "/customers/segments", _segment, nulls=_SEGMENT_NULLS)
write("PATCH", "/customers/segments/#", _segment_change, nulls=_SEGMENT_NULLS)


def _full_rights(w: World) -> dict[str, Any]:
    pipeline = w.account.main_pipeline["id"]
    stage = {"entity_type": "leads", "pipeline_id": pipeline, "status_id": w.ordinary_stage(),
             "rights": {"view": "A", "edit": "A", "delete": "A", "export": "A"}}  # fmt: skip
    rights = {"view": "A", "add": "A", "edit": "A", "delete": "D", "export": "D"}
    catalog = {"catalog_id": w.catalog(), "rights": rights}
    return {**RIGHTS, "status_rights": [stage], "catalog_rights": [catalog]}


def _user(w: World) -> Made:
    rights = {
        **_full_rights(w), "is_admin": False, "is_free": False, "is_active": True, "group_id": 0,
        "role_id": w.id("/roles", name="R", rights=RIGHTS),
    }  # fmt: skip
    return "/users", [
        {"name": "Bob", "email": f"{w.name()}@example.com", "password": "Passw0rdX", "lang": "ru",
         "rights": rights, "request_id": "r"}
    ]  # fmt: skip


_RIGHTS_NULLS = tuple(f"rights.{one}" for one in NULLABLE_RIGHTS)
write(
    "POST", "/users", _user,
    nulls=batch(*_RIGHTS_NULLS, "rights.group_id", "rights.role_id"),
)  # fmt: skip
for _word in ("activate", "deactivate"):
    write("POST", f"/users/{_word}", lambda w, word=_word: (f"/users/{word}", [{"id": 503}]))  # type: ignore[misc]


def _role(w: World) -> dict[str, Any]:
    return {"name": "R", "rights": _full_rights(w), "request_id": "r"}


write("POST", "/roles", lambda w: ("/roles", [_role(w)]), nulls=batch(*_RIGHTS_NULLS))
write(
    "PATCH", "/roles/#",
    lambda w: (f"/roles/{w.id('/roles', name='a', rights=RIGHTS)}", _role(w)),
    nulls=_RIGHTS_NULLS,
)  # fmt: skip


def _webhook(w: World) -> dict[str, Any]:
    url = f"https://hook.example/{w.name()}"
    return {"destination": url, "settings": ["add_lead"], "sort": 5, "request_id": "r"}


write("POST", "/webhooks", lambda w: ("/webhooks", _webhook(w)))


def _webhook_gone(w: World) -> Made:
    return "/webhooks", {"destination": w.make("/webhooks", _webhook(w))["destination"]}


write("DELETE", "/webhooks", _webhook_gone)
write(
    "POST", "/widgets/#",
    lambda w: (
        "/widgets/sandbox_widget",
        {"login": "a", "password": "b", "phones": {"501": "1"}, "extra": {"a": 1},
         "accounts": {"501": {"login": "a", "password": "b"}}},
    ),
    nulls=("extra", "extra.a"),
    # Names are ids of users there.
    free=("phones", "extra", "accounts"),
)  # fmt: skip


def _continue(w: World) -> Made:
    number = w.portal.add("waiting", {"bot_id": 7, "kind": "salesbot"})
    handlers = [
        {"handler": "show", "params": {"type": "buttons", "value": "a", "buttons": ["b"]}},
        {"handler": "goto", "params": {"type": "question", "step": 1}},
    ]
    body = {"data": {"status": "ok"}, "execute_handlers": handlers}
    return f"/salesbot/7/continue/{number}", body


write("POST", "/#/#/continue/#", _continue, free=("data",), nulls=("data.status",))


def _call(w: World) -> Made:
    return "/calls", [
        {"direction": "inbound", "duration": 5, "source": "pbx", "phone": w.phone(), "uniq": "u",
         "link": "https://pbx.example/1.mp3", "call_result": "ok", "call_status": 4,
         "call_responsible": 501, "responsible_user_id": 501, **STAMPS, "request_id": "r"}
    ]  # fmt: skip


write("POST", "/calls", _call, nulls=("#.call_responsible",))
write(
    "POST",
    "/talks/#/close",
    lambda w: (f"/talks/{w.portal.add('talks', {})}/close", {"force_close": True}),
)


def _source(w: World) -> dict[str, Any]:
    page = {"id": "1", "name": "Line", "link": "+7900"}
    service = {"type": "whatsapp", "params": {"waba": True, "is_supports_list_message": True},
               "pages": [page]}  # fmt: skip
    return {
        "name": "Shop", "pipeline_id": w.account.main_pipeline["id"], "external_id": w.name(),
        "default": True, "services": [service], "request_id": "r",
    }  # fmt: skip


def _source_change(w: World) -> dict[str, Any]:
    model = _source(w)
    return {"id": w.id("/sources", **model), **model}


def _source_one(w: World) -> Made:
    model = _source_change(w)
    return f"/sources/{model.pop('id')}", model


write("POST", "/sources", lambda w: ("/sources", [_source(w)]), nulls=("#.external_id",))
# The name cannot be changed, not even to none.
_FIXED = {f"{at}external_id": ("NotSupportedChoice", "external_id") for at in ("", "0.")}
write("PATCH", "/sources", lambda w: ("/sources", [_source_change(w)]), lacks=_FIXED)
write("PATCH", "/sources/#", _source_one, lacks=_FIXED)
write("DELETE", "/sources", lambda w: ("/sources", [{"id": w.id("/sources", **_source(w))}]))


def _button(w: World) -> dict[str, Any]:
    return {
        "pipeline_id": w.account.main_pipeline["id"], "trusted_websites": ["a.example"],
        "is_used_in_app": True, "name": "B",
    }  # fmt: skip


write("POST", "/website_buttons", lambda w: ("/website_buttons", _button(w)))


def _button_change(w: World) -> Made:
    number = w.send("POST", "/website_buttons", _button(w)).json()["source_id"]
    body = {"trusted_websites": {"add": ["b.example"]}, "name": "C", "request_id": "r"}
    return f"/website_buttons/{number}", body


write("PATCH", "/website_buttons/#", _button_change)
write(
    "POST", "/short_links",
    lambda w: ("/short_links", [{"url": "https://shop.example/1", "request_id": "r",
                                 "metadata": {"entity_type": "contacts",
                                              "entity_id": w.entity("contacts")}}]),
)  # fmt: skip


def _template(w: World) -> dict[str, Any]:
    return {
        "name": "Hello", "content": "Hi", "is_editable": True, "type": "waba",
        "buttons": [{"type": "url", "text": "a", "url": "https://a.example"}],
        "attachment": {"id": w.file(), "name": "a", "type": "picture", "is_external": False},
        "external_id": "t", "waba_footer": "f", "waba_category": "UTILITY", "waba_language": "ru",
        "waba_examples": {"a": "b"}, "waba_header": "h", "waba_header_type": "text",
        "request_id": "r",
    }  # fmt: skip


def _known_template(w: World) -> int:
    return w.id("/chats/templates", name="a", content="b", type="waba")


_TEMPLATE_NULLS = (
    *("buttons", "attachment", "external_id", "waba_footer", "waba_category", "waba_language"),
    *("waba_header", "waba_header_type", "waba_examples.a"),
)
_EXAMPLES = ("waba_examples",)
write(
    "POST", "/chats/templates", lambda w: ("/chats/templates", [_template(w)]),
    nulls=batch(*_TEMPLATE_NULLS), free=batch(*_EXAMPLES),
)  # fmt: skip
write(
    "PATCH", "/chats/templates",
    lambda w: ("/chats/templates", [{"id": _known_template(w), **_template(w)}]),
    nulls=batch(*_TEMPLATE_NULLS), free=batch(*_EXAMPLES),
)  # fmt: skip
write(
    "PATCH", "/chats/templates/#",
    lambda w: (f"/chats/templates/{_known_template(w)}", _template(w)),
    nulls=_TEMPLATE_NULLS, free=_EXAMPLES,
)  # fmt: skip
write(
    "DELETE", "/chats/templates", lambda w: ("/chats/templates", [{"id": _known_template(w)}])
)  # fmt: skip


def _review(w: World) -> Made:
    number = _known_template(w)
    answer = w.send("POST", f"/chats/templates/{number}/review", {})
    review = answer.json()["_embedded"]["reviews"][0]["id"]
    body = {"status": "rejected", "reject_reason": "a"}
    return f"/chats/templates/{number}/review/{review}", body


write("POST", "/chats/templates/#/review/#", _review, nulls=("reject_reason",))


def _attached(w: World) -> Made:
    return f"/leads/{w.entity('leads')}/files", [{"file_uuid": w.file()}]


def _attached_to_element(w: World) -> Made:
    catalog, element = w.element()
    return f"/catalogs/{catalog}/{element}/files", [{"file_uuid": w.file()}]


for _method in ("PUT", "DELETE"):
    write(_method, "/#/#/files", _attached)
    write(_method, "/catalogs/#/#/files", _attached_to_element)


def _known_file(w: World) -> Made:
    return f"/v1.0/files/{w.file()}", {"name": "b"}


# The Files service has a table of its own.
write("POST", "/v1.0/sessions", lambda w: (
    "/v1.0/sessions",
    {"file_name": "a.txt", "file_size": 5, "content_type": "text/plain", "file_uuid": w.file(),
     "with_preview": True, "created_by": {"id": 501, "type": "internal"}},
), nulls=("content_type", "file_uuid", "created_by"))  # fmt: skip
write("PATCH", "/v1.0/files/#", _known_file)
write("DELETE", "/v1.0/files", lambda w: ("/v1.0/files", [{"uuid": w.file()}]))
write("POST", "/v1.0/files/restore", lambda w: ("/v1.0/files/restore", [{"uuid": w.file()}]))

NO_BODY = {
    *(("POST", f"/{one}/notes/#/{word}") for one in OWNERS for word in ("pin", "unpin")),
    ("POST", "/website_buttons/#/online_chat"),
    ("POST", "/chats/templates/#/review"),
}
"""Writes that read no body."""

ELSEWHERE = {
    # Bots are Kommo's; `test_bots` has their bodies.
    ("POST", "/bots/#/run"),
    ("POST", "/bots/run"),
    ("POST", "/bots/#/stop"),
}


def named(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object."""
    yield from value.items()


def numbered(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield the items of a list with their indexes."""
    yield from enumerate(value)


def members(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every member of every object inside a body, with its place."""
    if isinstance(value, dict):
        for name, one in named(value):
            yield (*at, name), one
            yield from members(one, (*at, name))
    elif isinstance(value, list):
        for number, one in numbered(value):
            yield from members(one, (*at, number))


def inside(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield a body and every value inside it, with its place."""
    yield at, value
    if isinstance(value, dict):
        for name, one in named(value):
            yield from inside(one, (*at, name))
    elif isinstance(value, list):
        for number, one in numbered(value):
            yield from inside(one, (*at, number))


def put(body: Any, at: Place, value: Any) -> Any:
    """Return a body with another value at a place."""
    if not at:
        return value
    name, rest = at[0], at[1:]
    if isinstance(body, list):
        return [put(one, rest, value) if here == name else one for here, one in numbered(body)]
    return {**body, name: put(body.get(name), rest, value)}


def general(at: Place) -> str:
    """Return the dotted path of a place, with `#` for indexes."""
    return ".".join("#" if isinstance(one, int) else one for one in at)


def specific(at: Place) -> str:
    """Return the dotted path of a place as it is."""
    return ".".join(str(one) for one in at)
