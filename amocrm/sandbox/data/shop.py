"""The data of a small shop: products, people, leads in every stage, tasks, notes."""

from __future__ import annotations

from collections.abc import Callable

from amocrm.sandbox.http.answer import Json

Send = Callable[[str, str, Json], Json]
"""Sends a write to the account: method, path below `/api/v4`, body; returns the decoded answer."""

_DAY = 86_400
_PRODUCTS = (
    ("Велосипед городской", "bike-1", 32_000),
    ("Велосипед горный", "bike-2", 54_000),
    ("Самокат", "scooter-1", 9_900),
    ("Шлем", "helmet-1", 2_500),
    ("Замок", "lock-1", 1_200),
)
_COMPANIES = ("ООО «Ромашка»", "ИП Сидоров", "АО «Вектор»")
_PEOPLE = (
    # First name, last name, phone as people write it, place of the company or None.
    ("Анна", "Петрова", "+7 999 123-45-67", 0),
    ("Иван", "Смирнов", "8 (999) 765-43-21", 0),
    ("Мария", "Кузнецова", "+79161112233", 1),
    ("Пётр", "Соколов", "8 916 222 33 44", None),
    ("Ольга", "Лебедева", "+7 (903) 333-44-55", 2),
    ("Алексей", "Новиков", "89034445566", None),
    ("Елена", "Морозова", "+7-905-555-66-77", None),
    ("Дмитрий", "Волков", "7 905 666 77 88", 2),
)
_TAGS = ("сайт", "звонок", "повторный")


def fill_shop(send: Send, now: int) -> None:
    """Send the writes that fill an account; moments lie in the month before `now`."""
    products = _add_products(send)
    fields = _add_fields(send)
    reason = _made(send("POST", "/leads/loss_reasons", [{"name": "Дорого"}]))[0]
    _made(send("POST", "/leads/loss_reasons", [{"name": "Купили у других"}]))
    companies = _made(send("POST", "/companies", [{"name": name} for name in _COMPANIES]))
    people = _made(send("POST", "/contacts", [_person(*one[:3]) for one in _PEOPLE]))
    for number, (*_, place) in zip(people, _PEOPLE, strict=True):
        if place is not None:
            _link(send, f"/contacts/{number}", "companies", companies[place])
    leads = _add_leads(send, fields, people, reason, now)
    for place, lead in enumerate(leads):
        catalog, elements = products
        metadata = {"catalog_id": catalog, "quantity": 1 + place % 2}
        _link(send, f"/leads/{lead}", "catalog_elements", elements[place % len(elements)], metadata)
    _add_tasks_and_notes(send, leads, now)


def _add_products(send: Send) -> tuple[int, list[int]]:
    catalog: int = send("PATCH", "/catalogs/products/settings", {"is_enabled": True})["catalog_id"]
    models = [
        {
            "name": name,
            "custom_fields_values": [
                {"field_code": "SKU", "values": [{"value": code}]},
                {"field_code": "PRICE", "values": [{"value": price}]},
            ],
        }
        for name, code, price in _PRODUCTS
    ]
    return catalog, _made(send("POST", f"/catalogs/{catalog}/elements", models))


def _add_fields(send: Send) -> list[int]:
    ways = [{"value": "Самовывоз"}, {"value": "Курьер"}, {"value": "Почта"}]
    definitions = [
        {"name": "Способ доставки", "type": "select", "code": "DELIVERY", "enums": ways},
        {"name": "Дата доставки", "type": "date", "code": "DELIVERY_DATE"},
        {"name": "Оплачено", "type": "checkbox", "code": "PAID"},
    ]
    return _made(send("POST", "/leads/custom_fields", definitions))


def _person(first: str, last: str, phone: str) -> Json:
    address = f"client{phone[-2:]}@example.com"
    return {
        "first_name": first,
        "last_name": last,
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": phone, "enum_code": "MOB"}]},
            {"field_code": "EMAIL", "values": [{"value": address, "enum_code": "WORK"}]},
        ],
    }


def _add_leads(
    send: Send, fields: list[int], people: list[int], reason: int, now: int
) -> list[int]:
    way, date, paid = fields
    pipelines = send("GET", "/leads/pipelines", None)["_embedded"]["pipelines"]
    stages = [one for one in pipelines[0]["_embedded"]["statuses"] if one["is_editable"]]
    models: list[Json] = []
    for place in range(16):
        moment = now - (30 - place) * _DAY
        values: list[Json] = [
            {"field_id": way, "values": [{"value": ("Самовывоз", "Курьер", "Почта")[place % 3]}]},
            {"field_id": date, "values": [{"value": moment + 7 * _DAY}]},
            {"field_id": paid, "values": [{"value": place % 4 == 3}]},
        ]
        model: Json = {
            "name": f"Заказ {101 + place}",
            "status_id": stages[place % len(stages)]["id"],
            "price": _PRODUCTS[place % len(_PRODUCTS)][2] * (1 + place % 2),
            "created_at": moment,
            "updated_at": moment + _DAY,
            "tags_to_add": [{"name": _TAGS[place % len(_TAGS)]}],
            "custom_fields_values": values,
            "_embedded": {"contacts": [{"id": people[place % len(people)]}]},
        }
        if place % 5 == 4:
            model["status_id"] = 142
        elif place % 8 == 6:
            model |= {"status_id": 143, "loss_reason_id": reason}
        models.append(model)
    return _made(send("POST", "/leads", models))


def _add_tasks_and_notes(send: Send, leads: list[int], now: int) -> None:
    tasks = [
        {
            "text": "Позвонить и уточнить адрес",
            "complete_till": now + (place - 1) * _DAY,
            "entity_id": lead,
            "entity_type": "leads",
        }
        for place, lead in enumerate(leads[:4])
    ]
    send("POST", "/tasks", tasks)
    notes = [
        {"entity_id": lead, "note_type": "common", "params": {"text": "Просит позвонить до обеда"}}
        for lead in leads[:3]
    ]
    send("POST", "/leads/notes", notes)


def _link(send: Send, at: str, kind: str, number: int, metadata: Json = None) -> None:
    model = {"to_entity_id": number, "to_entity_type": kind, "metadata": metadata}
    send("POST", f"{at}/link", [model])


def _made(answer: Json) -> list[int]:
    (items,) = answer["_embedded"].values()
    return [one["id"] for one in items]
