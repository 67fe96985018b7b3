"""Tables of what entities refer to: fields, users, pipelines, lists.

Source: reference 4.1, 4.9, 4.10, 4.14, 5.4, 5.6, 5.8.
"""

from __future__ import annotations

from typing import Final

from amocrm.mirror.tables.columns import (
    ACCOUNT,
    DELETED_AT,
    RAW,
    STAMPS,
    Column,
    Table,
    identity,
    named,
    plain,
)

_KEY: Final = ("account_id", "id")
_SORT: Final = plain("sort", "integer", "Its place in the order", "Порядок сортировки")

FIELDS: Final = Table(
    "fields",
    _KEY,
    (
        *identity("The custom field", "Дополнительное поле"),
        Column("entity_type", "code", "", "Of what: `leads`, `contacts`, `companies`, `customers`, "
               "`catalogs`", "Чьё: `leads`, `contacts`, `companies`, `customers`, `catalogs`"),
        Column("catalog_id", "id", "", "The list, of a field of a list", "Список, для поля списка"),
        named("Its name", "Название"),
        plain("code", "text", "Its code, such as `PHONE`", "Код, например `PHONE`"),
        plain("type", "code", "Its type, such as `select`", "Тип, например `select`"),
        plain("group_id", "text", "Its tab", "Вкладка"),
        plain("currency", "code", "The currency of a field of sums", "Валюта денежного поля"),
        _SORT,
        DELETED_AT,
        RAW,
    ),
    "A custom field.",
    "Дополнительное поле.",
)  # fmt: skip

ENUMS: Final = Table(
    "enums",
    ("account_id", "field_id", "id"),
    (
        ACCOUNT,
        Column("field_id", "id", "", "The field", "Поле"),
        Column("id", "id", "id", "The choice", "Вариант"),
        plain("parent_id", "id", "The choice it is below, in a field of categories",
              "Родительский вариант в поле категорий"),
        plain("value", "text", "Its text", "Текст"),
        plain("code", "text", "Its code", "Код"),
        _SORT,
        DELETED_AT,
    ),
    "A choice of a custom field.",
    "Вариант значения дополнительного поля.",
)  # fmt: skip

USERS: Final = Table(
    "users",
    _KEY,
    (
        *identity("The user", "Пользователь"),
        named("The name", "Имя"),
        plain("email", "text", "The e-mail", "Почта"),
        plain("lang", "code", "The language", "Язык"),
        Column(
            "group_id", "id", "rights.group_id", "The group; see `groups`", "Группа; см. `groups`"
        ),
        Column("role_id", "id", "rights.role_id", "The role", "Роль"),
        Column("is_admin", "flag", "rights.is_admin", "Whether an administrator", "Администратор"),
        Column("is_free", "flag", "rights.is_free", "Whether on a free seat", "Бесплатный"),
        Column("is_active", "flag", "rights.is_active", "Whether switched on", "Включён"),
        DELETED_AT,
        RAW,
    ),
    "A user. Only administrators can read users.",
    "Пользователь. Читать пользователей может только администратор.",
)

GROUPS: Final = Table(
    "groups",
    _KEY,
    (
        *identity("The group; 0 is the default one", "Группа; 0 — группа по умолчанию"),
        named("Its name", "Название"),
        DELETED_AT,
        RAW,
    ),
    "A group of users, a department.",
    "Группа пользователей, отдел.",
)

PIPELINES: Final = Table(
    "pipelines",
    _KEY,
    (
        *identity("The pipeline", "Воронка"),
        named("Its name", "Название"),
        _SORT,
        plain("is_main", "flag", "Whether new leads go there", "Главная"),
        plain("is_unsorted_on", "flag", "Whether it has a stage of unsorted leads",
              "Включено неразобранное"),
        plain("is_archive", "flag", "Whether it is archived", "В архиве"),
        DELETED_AT,
        RAW,
    ),
    "A pipeline of leads.",
    "Воронка.",
)  # fmt: skip

STATUSES: Final = Table(
    "statuses",
    ("account_id", "pipeline_id", "id"),
    (
        ACCOUNT,
        Column("pipeline_id", "id", "", "The pipeline", "Воронка"),
        Column("id", "id", "id", "The stage; 142 is won, 143 is lost, in every pipeline",
               "Этап; 142 — успешно реализовано, 143 — не реализовано, в каждой воронке"),
        named("Its name", "Название"),
        _SORT,
        plain("type", "integer", "1 is the stage of unsorted leads, 0 any other",
              "1 — неразобранное, 0 — остальные"),
        plain("color", "text", "Its color: hex with `#`", "Цвет: hex с `#`"),
        plain("is_editable", "flag", "Whether it can be changed", "Можно менять"),
        DELETED_AT,
        RAW,
    ),
    "A stage of a pipeline.",
    "Этап воронки.",
)  # fmt: skip

LOSS_REASONS: Final = Table(
    "loss_reasons",
    _KEY,
    (
        *identity("The loss reason", "Причина отказа"),
        named("Its name", "Название"),
        _SORT,
        plain("created_at", "time", "When it was created", "Когда создана"),
        plain("updated_at", "time", "When it was changed last", "Когда изменена в последний раз"),
        DELETED_AT,
        RAW,
    ),
    "Why leads are lost.",
    "Причина отказа.",
)

CATALOGS: Final = Table(
    "catalogs",
    _KEY,
    (
        *identity("The list", "Список"),
        named("Its name", "Название"),
        plain("type", "code", "`regular`, `products`, `invoices` or `suppliers`",
              "`regular`, `products`, `invoices` или `suppliers`"),
        _SORT,
        *STAMPS,
        DELETED_AT,
        RAW,
    ),
    "A list: products, invoices, suppliers or another one.",
    "Список: товары, счета, поставщики или другой.",
)  # fmt: skip

CATALOG_ELEMENTS: Final = Table(
    "catalog_elements",
    _KEY,
    (
        *identity("The element", "Элемент"),
        Column("catalog_id", "id", "catalog_id", "Its list", "Список"),
        named("Its name", "Название"),
        plain("currency_id", "id", "The currency, of an invoice", "Валюта, для счёта"),
        *STAMPS,
        DELETED_AT,
        RAW,
    ),
    "An element of a list.",
    "Элемент списка.",
    indexes=(("account_id", "catalog_id"),),
)

REFERENCE: Final = (
    FIELDS, ENUMS, USERS, GROUPS, PIPELINES, STATUSES, LOSS_REASONS, CATALOGS, CATALOG_ELEMENTS,
)  # fmt: skip
