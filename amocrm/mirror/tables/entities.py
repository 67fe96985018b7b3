"""Tables of leads, contacts, companies and customers, and of what belongs to them.

Source: reference 5.1-5.3, 5.13.
"""

from __future__ import annotations

from typing import Final

from amocrm.mirror.tables.columns import (
    ACCOUNT,
    DELETED_AT,
    ENTITY,
    RAW,
    RESPONSIBLE,
    STAMPS,
    Column,
    Table,
    identity,
    named,
    plain,
)

_KEY: Final = ("account_id", "id")
_OWNER: Final = ("account_id", "entity_type", "entity_id")
_COMPANY: Final = Column(
    "company_id", "id", "_embedded.companies.0.id", "The company it is linked to",
    "Компания, к которой привязано",
)  # fmt: skip
_CURRENCY: Final = "currency of the account"

LEADS: Final = Table(
    "leads",
    _KEY,
    (
        *identity("The lead", "Сделка"),
        named("Its name", "Название"),
        Column("price", "money", "", "Its price, with its fraction where the account has minor "
               "units", "Бюджет; с дробной частью, если она есть в аккаунте", _CURRENCY),
        *RESPONSIBLE,
        plain("pipeline_id", "id", "Its pipeline", "Воронка"),
        plain("status_id", "id", "Its stage; 142 is won, 143 is lost, in every pipeline",
              "Этап; 142 — успешно реализовано, 143 — не реализовано, в каждой воронке"),
        plain("loss_reason_id", "id", "Why it was lost", "Причина отказа"),
        plain("source_id", "id", "Where it came from", "Источник"),
        *STAMPS,
        plain("closed_at", "time", "When it was won or lost", "Когда закрыта"),
        plain("score", "integer", "Its score", "Скоринг"),
        plain("labor_cost", "integer", "Time spent on it", "Затраченное время", "s"),
        Column("main_contact_id", "id", "", "Its main contact", "Основной контакт"),
        _COMPANY,
        DELETED_AT,
        RAW,
    ),
    "A lead.",
    "Сделка.",
    indexes=(("account_id", "pipeline_id", "status_id"), ("account_id", "created_at")),
)  # fmt: skip

CONTACTS: Final = Table(
    "contacts",
    _KEY,
    (
        *identity("The contact", "Контакт"),
        named("The whole name", "Имя целиком"),
        plain("first_name", "text", "First name", "Имя"),
        plain("last_name", "text", "Last name", "Фамилия"),
        *RESPONSIBLE,
        *STAMPS,
        plain(
            "is_unsorted", "flag", "Whether it waits to be accepted", "Находится в неразобранном"
        ),
        _COMPANY,
        DELETED_AT,
        RAW,
    ),
    "A contact: a person.",
    "Контакт: человек.",
)

COMPANIES: Final = Table(
    "companies",
    _KEY,
    (
        *identity("The company", "Компания"),
        named("Its name", "Название"),
        *RESPONSIBLE,
        *STAMPS,
        DELETED_AT,
        RAW,
    ),
    "A company.",
    "Компания.",
)

CUSTOMERS: Final = Table(
    "customers",
    _KEY,
    (
        *identity("The customer", "Покупатель"),
        named("The name", "Название"),
        plain("next_price", "money", "The expected sum", "Ожидаемая сумма", _CURRENCY),
        plain("next_date", "time", "When it is expected", "Дата следующей покупки"),
        plain("responsible_user_id", "id", "The responsible user", "Ответственный"),
        plain("status_id", "id", "The stage, where customers are counted by periods",
              "Этап, если учёт по периодам"),
        plain("periodicity", "integer", "How often the customer buys", "Периодичность покупок",
              "days"),
        *STAMPS,
        plain("ltv", "money", "The sum of all purchases", "Сумма покупок", _CURRENCY),
        plain("purchases_count", "integer", "How many purchases", "Количество покупок"),
        plain("average_check", "money", "The average purchase", "Средний чек", _CURRENCY),
        DELETED_AT,
        RAW,
    ),
    "A customer, who buys again and again.",
    "Покупатель.",
)  # fmt: skip

FIELD_VALUES: Final = Table(
    "field_values",
    (*_OWNER, "field_id", "n"),
    (
        ACCOUNT,
        *ENTITY,
        Column("field_id", "id", "field_id", "The custom field; see `fields`",
               "Дополнительное поле; см. `fields`"),
        Column("n", "integer", "", "Number of the value, from 0: a field may have several",
               "Номер значения с 0: у поля их может быть несколько"),
        Column("value_text", "text", "value", "The value as a text; of an object its JSON",
               "Значение текстом; для объекта — его JSON"),
        Column("value_number", "number", "value", "The value of a field of numbers, prices, sums "
               "and checkboxes (0 or 1)",
               "Значение числового поля, цены, суммы или флажка (0 или 1)"),
        Column("value_time", "time", "value", "The value of a field of dates",
               "Значение поля с датой"),
        Column("enum_id", "id", "enum_id", "The choice; see `enums`",
               "Вариант списка; см. `enums`"),
        Column("enum_code", "text", "enum_code", "Its code, such as `WORK`",
               "Его код, например `WORK`"),
    ),
    "A value of a custom field.",
    "Значение дополнительного поля.",
    owner=_OWNER,
    indexes=(("account_id", "field_id"),),
)  # fmt: skip

ENTITY_TAGS: Final = Table(
    "entity_tags",
    (*_OWNER, "tag_id"),
    (
        ACCOUNT,
        *ENTITY,
        Column("tag_id", "id", "id", "The tag", "Тег"),
        named("Its name when the entity was read", "Название на момент чтения"),
        plain("color", "text", "Its color: hex without `#`; only tags of leads have one",
              "Цвет: hex без `#`; есть только у тегов сделок"),
    ),
    "A tag of an entity.",
    "Тег сущности.",
    owner=_OWNER,
)  # fmt: skip

LINKS: Final = Table(
    "links",
    (*_OWNER, "to_entity_type", "to_entity_id"),
    (
        ACCOUNT,
        *ENTITY,
        Column("to_entity_type", "code", "", "Linked to what: `contacts`, `companies`, "
               "`catalog_elements`", "С чем: `contacts`, `companies`, `catalog_elements`"),
        Column("to_entity_id", "id", "id", "Its id", "Её идентификатор"),
        Column("is_main", "flag", "is_main", "Whether it is the lead's main contact",
               "Основной контакт сделки"),
        Column("quantity", "number", "metadata.quantity", "How many, of an element of a list",
               "Количество, для элемента списка"),
        Column("catalog_id", "id", "metadata.catalog_id", "The element's list", "Список элемента"),
        Column("price_id", "id", "metadata.price_id", "The field of its price", "Поле с ценой"),
    ),
    "A link. Each is here once: from leads to contacts, companies and elements; from contacts to "
    "companies and elements; from companies to elements; from customers to all three.",
    "Связь. Каждая записана один раз: от сделок к контактам, компаниям и элементам; от контактов "
    "к компаниям и элементам; от компаний к элементам; от покупателей ко всем трём.",
    owner=_OWNER,
    indexes=(("account_id", "to_entity_type", "to_entity_id"),),
)  # fmt: skip

ENTITIES: Final = (LEADS, CONTACTS, COMPANIES, CUSTOMERS, FIELD_VALUES, ENTITY_TAGS, LINKS)
