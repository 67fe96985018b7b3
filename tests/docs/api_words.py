"""The words of docs/api.md that the code does not hold: heads, plans, and Russian."""

from __future__ import annotations

from typing import Final

RUSSIAN: Final = {
    "Account": "Аккаунт, которому принадлежит токен.",
    "BonusPoints": "Бонусные баллы покупателя.",
    "Bots": "Salesbot-ы. Список отдаёт Kommo, amoCRM их только запускает. Создаются вручную.",
    "Calls": "Звонки. Звонок добавляется в карточку с этим номером; если номер не найден — ошибка.",
    "Catalogs": "Списки: товары, счета, поставщики и свои.",
    "ChatTemplates": "Шаблоны сообщений этой интеграции.",
    "Companies": "Компании.",
    "ComplexLeads": "Сделки вместе с контактом и компанией, новыми или по `id`, одним запросом.",
    "ContactChats": 'Чаты контактов: `list(params={"contact_id": 31})` или по `chat_id`.',
    "Contacts": "Контакты.",
    "Currencies": "Валюты аккаунта.",
    "Drive": "Файлы аккаунта, по uuid.",
    "FieldDefinitions": "Дополнительные поля сущностей одного вида.",
    "CustomerStatuses": "Этапы покупателей по периодам.",
    "Customers": "Покупатели: по сегментам или по периодам, смотря по настройке аккаунта.",
    "Elements": "Элементы списка; удалить их нельзя.",
    "EventTypes": 'Виды событий: `list(params={"language_code": "ru"})` даёт русские названия.',
    "Events": "Что произошло; на странице не больше ста.",
    "FieldGroups": "Группы (вкладки) дополнительных полей.",
    "Files": "Файлы сущности. Загруженное лежит в `crm.drive`.",
    "ItemLinks": "С чем связана одна сущность.",
    "ItemNotes": "Примечания одной сущности.",
    "ItemTags": "Теги одной сущности, по названию или id. Читаются вместе с самой сущностью.",
    "ItemTransactions": "Покупки одного покупателя.",
    "Leads": "Сделки.",
    "Links": "Связи сущностей одного вида; в каждой связи её `entity_id`.",
    "LossReasons": "Причины отказа.",
    "Mode": "Как считаются покупатели.",
    "Notes": "Примечания всех сущностей одного вида; при создании укажите `entity_id`.",
    "Pipelines": "Воронки с их этапами.",
    "ProductsSettings": "Включены ли товары и в каком они списке.",
    "Roles": "Наборы прав.",
    "SegmentFields": "Поля сегментов; групп у них нет.",
    "Segments": "Группы покупателей.",
    "ShortLinks": "Короткие ссылки, которые сообщают о переходе; одна на контакт.",
    "Sources": "Источники этой интеграции.",
    "Statuses": "Этапы воронки. Сделки с удалённого этапа переходят на первый.",
    "Subscriptions": "Кто следит за сущностью: пользователи и группы.",
    "Tags": "Теги сущностей одного вида. Если тег с таким названием есть, возвращается он.",
    "Talks": "Беседы в чатах. Список отдаёт только Kommo.",
    "Tasks": "Задачи. Задачу завершают, удалить её нельзя.",
    "Transactions": "Покупки всех покупателей.",
    "Unsorted": "«Неразобранное». Идентификаторы — строки, `uid`.",
    "UnsortedCalls": "«Неразобранное»: звонок.",
    "UnsortedForms": "«Неразобранное»: заявка с формы на сайте.",
    "Users": "Пользователи аккаунта.",
    "Webhooks": "Подписки на вебхуки.",
    "WebsiteButtons": "Кнопки на сайт по их `source_id`.",
    "Widgets": "Виджеты по их кодам. Удаление — деинсталляция.",
}
"""What the first line of each docstring says, in Russian."""

PLANS: Final = {
    **dict.fromkeys(
        ("Leads", "Contacts", "Companies"),
        ("a plan with API filters for `filter`", "для `filter` — тариф с фильтрацией в API"),
    ),
    "Customers": (
        "a plan with customers, and one with API filters for `filter`",
        "тариф с покупателями, а для `filter` — с фильтрацией в API",
    ),
    **dict.fromkeys(
        ("Catalogs", "Elements", "ProductsSettings"),
        ("the plan Advanced or higher", "тариф «Расширенный» или выше"),
    ),
    "Webhooks": (
        "the plan Advanced or Professional; in Kommo Advanced, Pro or Enterprise",
        "тариф «Расширенный» или «Профессиональный»; в Kommo — Advanced, Pro или Enterprise",
    ),
    "Drive": (
        "the scope `files`, and `files_delete` to delete and restore",
        "доступ `files`, а для удаления и восстановления — ещё `files_delete`",
    ),
}
"""What a resource needs besides rights: plans and scopes, in both languages."""

ENGLISH_HEAD: Final = """# Every resource

All resources of amoCRM's API: their addresses in Python and on the wire, their methods with
types and results, an example of each method, and the rights and plans that they need.
[По-русски](api.ru.md). This page is generated from the code.

Attribute paths mirror URLs: `crm.leads(42).notes.list()` reads `/api/v4/leads/42/notes`. An
unknown name of a filter, `with_` or order is refused before the call, and the nearest name is
suggested; `AmoCRM(..., lenient=True)` lets it through. Names such as `NewLead` are TypedDicts:
plain dictionaries whose keys editors and type checkers know. In the examples `lead`, `contact`
and so on are ids. A page has {page} items and a call writes at most {batch}, unless stated
otherwise.

## Common methods

`...` in a signature below stands for these options, which are explained in
[resources](resources.md) and [bulk operations](bulk.md):
"""

RUSSIAN_HEAD: Final = """# Методы по разделам

Все разделы API amoCRM: адреса в Python и в сети, методы с типами и результатами, пример на
каждый метод, нужные права и тарифы. [In English](api.md). Эта страница создаётся из кода.

Имена повторяют адреса: `crm.leads(42).notes.list()` читает `/api/v4/leads/42/notes`.
Неизвестный фильтр, `with_` или сортировка — ошибка ещё до запроса, с подсказкой похожего
названия; `AmoCRM(..., lenient=True)` пропускает их. `NewLead` и подобные имена — это
TypedDict: обычные словари, ключи которых знают редактор и проверка типов. В примерах `lead`,
`contact` и так далее — это id. На странице {page} сущностей, одним вызовом записывается
не больше {batch}, если не сказано иначе.

## Общие методы

`...` в сигнатурах ниже — это параметры общих методов; они описаны на страницах [разделы
API](resources.ru.md) и [массовые операции](bulk.ru.md):
"""
