"""Writes docs/api.md and docs/api.ru.md from the table: `python -m tests.docs.make_api`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from amocrm.api_limits import BATCH_LIMIT, PAGE_LIMIT
from amocrm.bulk.pages import batch_limit, page_limit
from amocrm.resources.resource import Resource
from tests.resources.table import Seat, item_of, verbs, walk

DOCS: Final = Path(__file__).parents[2] / "docs"

RUSSIAN: Final = {
    "Account": "Аккаунт, которому принадлежит токен.",
    "BonusPoints": "Бонусные баллы покупателя.",
    "Bots": "Salesbot-ы. Список отдаёт Kommo, amoCRM их только запускает. Создаются вручную.",
    "Calls": "Звонки. Звонок становится примечанием того, чей это номер; чужой номер отклоняется.",
    "Catalogs": "Списки: товары, счета, поставщики и свои.",
    "ChatTemplates": "Шаблоны сообщений этой интеграции. Для записи нужен администратор.",
    "Companies": "Компании.",
    "ComplexLeads": "Сделки вместе с контактом и компанией, новыми или по `id`, одним вызовом.",
    "ContactChats": 'Чаты контактов: `list(params={"contact_id": 31})` или по `chat_id`.',
    "Contacts": "Люди.",
    "Currencies": "Валюты аккаунта.",
    "Drive": "Файлы аккаунта по их uuid. Интеграции нужно право (scope) `files`.",
    "FieldDefinitions": "Дополнительные поля сущностей одного вида. "
    "Для записи нужен администратор.",
    "CustomerStatuses": "Этапы покупателей по периодам. Для записи нужен администратор.",
    "Customers": "Покупатели: по сегментам или по периодам, как настроен аккаунт.",
    "Elements": "Элементы списка; удалить их нельзя.",
    "EventTypes": 'Виды событий: `list(params={"language_code": "ru"})` даёт русские названия.',
    "Events": "Что произошло; на странице не больше ста.",
    "FieldGroups": "Группы (вкладки) дополнительных полей. Для записи нужен администратор.",
    "Files": "Файлы сущности. Загруженное лежит в `crm.drive`.",
    "ItemLinks": "С чем связана одна сущность.",
    "ItemNotes": "Примечания одной сущности.",
    "ItemTags": "Теги одной сущности, по имени или id. Читаются вместе с самой сущностью.",
    "ItemTransactions": "Покупки одного покупателя.",
    "Leads": "Сделки, которые движутся по этапам воронки.",
    "Links": "Связи сущностей одного вида; в каждой связи её `entity_id`.",
    "LossReasons": "Почему сделки проигрывают.",
    "Mode": "Как считаются покупатели. Нужен администратор.",
    "Notes": "Примечания всех сущностей одного вида; новое называет свой `entity_id`.",
    "Pipelines": "Воронки с их этапами. Для записи нужен администратор.",
    "ProductsSettings": "Включены ли товары и в каком они списке.",
    "Roles": "Наборы прав. Для всего нужен администратор.",
    "SegmentFields": "Поля сегментов; групп у них нет. Для записи нужен администратор.",
    "Segments": "Группы покупателей. Для записи нужен администратор.",
    "ShortLinks": "Короткие ссылки, которые сообщают о переходе; одна на контакт.",
    "Sources": "Источники этой интеграции. Для всего нужен администратор.",
    "Statuses": "Этапы воронки. Сделки удалённого этапа переходят на первый.",
    "Subscriptions": "Кто следит за сущностью: пользователи и группы.",
    "Tags": "Теги сущностей одного вида. Известное имя возвращает тег, который его носит.",
    "Talks": "Беседы в чатах. Список отдаёт только Kommo.",
    "Tasks": "Что должны сделать пользователи. Задачи закрывают, но не удаляют.",
    "Transactions": "Покупки всех покупателей.",
    "Unsorted": "Неразобранное. Идентификаторы — строки, `uid`.",
    "UnsortedCalls": "Неразобранное из звонка.",
    "UnsortedForms": "Неразобранное из формы на сайте.",
    "Users": "Пользователи аккаунта. Для всего нужен администратор.",
    "Webhooks": "Адреса, которым сообщают о событиях. Для всего нужен администратор.",
    "WebsiteButtons": "Кнопки на сайт по их `source_id`. Для всего нужен администратор.",
    "Widgets": "Виджеты по их кодам. Удаление — деинсталляция. Для записи нужен администратор.",
}
"""What the first line of each docstring says, in Russian."""

ENGLISH_HEAD: Final = """# The API as one table

Every resource of amoCRM's API, its address in Python and on the wire, what it can do, and the names
its questions take. [По-русски](api.ru.md).

The address is the expression: `crm.leads(42).notes.list()` reads `/api/v4/leads/42/notes`. A name
that is not in the table is refused before anything is sent, with the nearest one suggested;
`AmoCRM(..., lenient=True)` lets it through, and `params=` of `list` takes anything. Editors and
type checkers know all of it. One page holds {page} items and one call writes {batch}, unless it is
said here.

This page is generated from the code.
"""

RUSSIAN_HEAD: Final = """# API одной таблицей

Все разделы API amoCRM: их адрес в Python и в сети, что они умеют и какие имена принимают их
запросы. [In English](api.md).

Адрес — это выражение: `crm.leads(42).notes.list()` читает `/api/v4/leads/42/notes`. Имя, которого
нет в таблице, отклоняется до отправки, и называется ближайшее; `AmoCRM(..., lenient=True)`
пропускает его, а `params=` у `list` принимает что угодно. Редактор и проверка типов знают всё это.
На странице {page} элементов, одним вызовом записывается {batch}, если не сказано иначе.

Эта страница создаётся из кода.
"""


def render(*, russian: bool) -> str:
    """The page in one of its languages."""
    head = RUSSIAN_HEAD if russian else ENGLISH_HEAD
    lines = [head.format(page=PAGE_LIMIT, batch=BATCH_LIMIT)]
    for seat in walk():
        lines += _section(seat, russian=russian)
    return "\n".join(lines).rstrip() + "\n"


ELSEWHERE = {"drive": "/v1.0/files"}
"""What is at a host of its own."""


def _section(seat: Seat, *, russian: bool) -> Iterator[str]:
    kind, endpoint = seat.kind, seat.kind.endpoint
    level = "##" if "." not in seat.expression else "###"
    said = RUSSIAN[kind.__name__] if russian else str(inspect.getdoc(kind)).split("\n")[0]
    section = "раздел" if russian else "section"
    address = ELSEWHERE.get(seat.expression, f"/api/v4{seat.path}")
    yield f"{level} `crm.{seat.expression}`\n"
    yield f"{said} `{address}`, {section} {endpoint.source}.\n"
    yield f"- {_can(kind)}"
    for name, names in [
        ("filter", endpoint.filters),
        ("with_", endpoint.withs),
        ("order", endpoint.orders),
    ]:
        if names:
            yield f"- `{name}`: {', '.join(f'`{one}`' for one in sorted(names))}"
    if endpoint.query:
        yield "- `query`"
    yield from _limits(kind, address, russian=russian)
    yield ""


def _can(kind: type[Resource]) -> str:
    calls = [f"`{name}`" for name in verbs(kind)]
    one = item_of(kind)
    calls += [f"`(id).{name}`" for name in (verbs(one) if one else [])]
    return ", ".join(calls)


def _limits(kind: type[Resource], path: str, *, russian: bool) -> Iterator[str]:
    page, batch = page_limit(path), batch_limit(path)
    if "list" in verbs(kind) and page != PAGE_LIMIT:
        yield f"- {'на странице не больше' if russian else 'items on a page:'} {page}"
    if "create_many" in verbs(kind) and batch != BATCH_LIMIT:
        yield f"- {'одним вызовом не больше' if russian else 'items in a call:'} {batch}"


if __name__ == "__main__":
    for name, russian in [("api.md", False), ("api.ru.md", True)]:
        (DOCS / name).write_text(render(russian=russian), encoding="utf-8")
