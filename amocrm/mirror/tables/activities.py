"""Tables of what happens: events, stages, notes, calls, tasks, purchases.

Source: reference 5.3, 5.5, 5.10-5.12.
"""

from __future__ import annotations

from typing import Final

from amocrm.mirror.tables.columns import (
    ACCOUNT,
    CREATED,
    DELETED_AT,
    RAW,
    RESPONSIBLE,
    STAMPS,
    Column,
    Table,
    identity,
    plain,
)

EVENTS: Final = Table(
    "events",
    ("account_id", "id"),
    (
        ACCOUNT,
        plain("id", "code", "The event", "Событие"),
        plain("type", "code", "What happened, such as `lead_added`",
              "Что произошло, например `lead_added`"),
        plain("entity_type", "code", "To what: `lead`, `contact`, `company`, `customer`, `task`, "
              "`catalog_1001`",
              "С чем: `lead`, `contact`, `company`, `customer`, `task`, `catalog_1001`"),
        plain("entity_id", "id", "Its id", "Её идентификатор"),
        *CREATED,
        RAW,
    ),
    "An event. Events do not change. The values before and after are in `raw`.",
    "Событие. События не меняются. Значения до и после — в `raw`.",
    indexes=(("account_id", "entity_type", "entity_id"), ("account_id", "created_at")),
)  # fmt: skip

STATUS_HISTORY: Final = Table(
    "status_history",
    ("account_id", "event_id"),
    (
        ACCOUNT,
        Column("event_id", "code", "id", "The event", "Событие"),
        Column("lead_id", "id", "entity_id", "The lead", "Сделка"),
        Column("from_pipeline_id", "id", "", "The pipeline before", "Воронка до перехода"),
        Column("from_status_id", "id", "", "The stage before", "Этап до перехода"),
        Column("to_pipeline_id", "id", "", "The pipeline after", "Воронка после перехода"),
        Column("to_status_id", "id", "", "The stage after", "Этап после перехода"),
        Column("changed_at", "time", "created_at", "When the lead was moved",
               "Когда сделка перешла"),
        Column("changed_by", "id", "created_by", "Who moved it; 0 is a robot",
               "Кто перевёл; 0 — робот"),
    ),
    "A lead's move from one stage to another, from the events `lead_status_changed`.",
    "Переход сделки с этапа на этап, из событий `lead_status_changed`.",
    indexes=(("account_id", "lead_id", "changed_at"),),
)  # fmt: skip

_NOTE_ENTITY: Final = (
    Column("entity_type", "code", "", "Of what: `leads`, `contacts`, `companies`, `customers`",
           "Чьё: `leads`, `contacts`, `companies`, `customers`"),
    plain("entity_id", "id", "Its id", "Её идентификатор"),
)  # fmt: skip

NOTES: Final = Table(
    "notes",
    ("account_id", "entity_type", "id"),
    (
        *identity("The note", "Примечание"),
        *_NOTE_ENTITY,
        plain("note_type", "code", "Its type, such as `common` or `call_in`",
              "Тип, например `common` или `call_in`"),
        Column("text", "text", "params.text", "Its text, if it has one", "Текст, если есть"),
        *RESPONSIBLE,
        *STAMPS,
        DELETED_AT,
        RAW,
    ),
    "A note: an entry of an entity's feed.",
    "Примечание: запись в ленте сущности.",
    indexes=(("account_id", "entity_type", "entity_id"),),
)  # fmt: skip

CALLS: Final = Table(
    "calls",
    ("account_id", "entity_type", "note_id"),
    (
        ACCOUNT,
        Column("note_id", "id", "id", "The note that the call is", "Примечание о звонке"),
        *_NOTE_ENTITY,
        Column("direction", "code", "note_type", "`in` or `out`",
               "`in` — входящий, `out` — исходящий"),
        Column("phone", "text", "params.phone", "The number", "Номер"),
        Column("duration", "integer", "params.duration", "How long they talked", "Длительность",
               "s"),
        Column("status", "integer", "params.call_status", "1 left a message, 2 to call back, 3 not "
               "there, 4 talked, 5 wrong number, 6 no answer, 7 busy",
               "1 — оставил сообщение, 2 — перезвонить, 3 — нет на месте, 4 — разговор состоялся, "
               "5 — неверный номер, 6 — не дозвонился, 7 — занято"),
        Column("result", "text", "params.call_result", "What came of it", "Результат"),
        Column("link", "text", "params.link", "The record", "Запись"),
        Column("source", "text", "params.source", "The telephony", "Телефония"),
        Column("uniq", "text", "params.uniq", "The telephony's name of the call",
               "Идентификатор звонка в телефонии"),
        plain("responsible_user_id", "id", "The user who talked", "Кто разговаривал"),
        *CREATED,
    ),
    "A call: a note of the type `call_in` or `call_out`.",
    "Звонок: примечание типа `call_in` или `call_out`.",
    owner=("account_id", "entity_type", "note_id"),
    indexes=(("account_id", "created_at"),),
)  # fmt: skip

TASKS: Final = Table(
    "tasks",
    ("account_id", "id"),
    (
        *identity("The task", "Задача"),
        plain("text", "text", "What to do", "Что сделать"),
        plain("task_type_id", "id", "Its type; 1 is a call, 2 a meeting",
              "Тип; 1 — связаться, 2 — встреча"),
        plain("entity_type", "code", "Of what: `leads`, `contacts`, `companies`, `customers`; null "
              "if of nothing",
              "К чему: `leads`, `contacts`, `companies`, `customers`; null, если ни к чему"),
        plain("entity_id", "id", "Its id", "Её идентификатор"),
        *RESPONSIBLE,
        plain("is_completed", "flag", "Whether it is done", "Выполнена"),
        Column("result", "text", "result.text", "What came of it", "Результат"),
        plain("duration", "integer", "How long it takes", "Длительность", "s"),
        plain("complete_till", "time", "When it has to be done", "Срок"),
        *STAMPS,
        DELETED_AT,
        RAW,
    ),
    "A task.",
    "Задача.",
    indexes=(("account_id", "entity_type", "entity_id"), ("account_id", "complete_till")),
)  # fmt: skip

TRANSACTIONS: Final = Table(
    "transactions",
    ("account_id", "id"),
    (
        *identity("The purchase", "Покупка"),
        plain("customer_id", "id", "The customer", "Покупатель"),
        plain("price", "money", "The sum", "Сумма", "currency of the account"),
        plain("comment", "text", "A comment", "Комментарий"),
        plain("completed_at", "time", "When it was paid", "Дата покупки"),
        *STAMPS,
        DELETED_AT,
        RAW,
    ),
    "A purchase of a customer.",
    "Покупка.",
    indexes=(("account_id", "customer_id"),),
)

ACTIVITIES: Final = (STATUS_HISTORY, EVENTS, NOTES, CALLS, TASKS, TRANSACTIONS)
