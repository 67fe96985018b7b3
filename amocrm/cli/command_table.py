"""The commands by their names. A package adds its commands by one line each.

A command is imported when it runs; its name and one-line help are here, so that `amocrm --help`
imports none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias


class Command(NamedTuple):
    """A command: the module of its click command, the command's name in it, one-line helps."""

    where: str
    en: str
    ru: str


class Group(NamedTuple):
    """A group of commands, such as `amocrm sandbox`."""

    commands: Mapping[str, Entry]
    en: str
    ru: str


Entry: TypeAlias = Command | Group
"""What stands under a name."""

_HERE: Final = "amocrm.cli.commands"

SANDBOX: Final[dict[str, Entry]] = {
    "serve": Command(f"{_HERE}.sandbox:serve", "Serve a local portal", "Запустить песочницу"),
    "clone": Command(
        f"{_HERE}.sandbox_schema:clone_", "Write the account's schema", "Записать схему аккаунта"
    ),
    "diff": Command(
        f"{_HERE}.sandbox_schema:diff_",
        "Tell what changed since the schema",
        "Показать, что изменилось со времени схемы",
    ),
    "reset": Command(
        f"{_HERE}.sandbox_schema:reset", "Begin a running portal again", "Сбросить песочницу"
    ),
}

WEBHOOKS: Final[dict[str, Entry]] = {
    "ensure": Command(f"{_HERE}.subscriptions:ensure", "Subscribe an address", "Подписать адрес"),
    "list": Command(f"{_HERE}.subscriptions:list_", "List subscriptions", "Показать подписки"),
    "listen": Command(
        f"{_HERE}.webhooks:listen", "Receive on this machine", "Принимать на этой машине"
    ),
    "trigger": Command(
        f"{_HERE}.webhooks:trigger", "Send one as amoCRM does", "Отправить, как amoCRM"
    ),
    "inbox": Command(f"{_HERE}.inbox:inbox", "List what has come", "Показать, что пришло"),
    "show": Command(f"{_HERE}.inbox:show", "Show one event", "Показать одно событие"),
    "dead": Command(f"{_HERE}.inbox:dead", "List what failed", "Показать, что не удалось"),
    "replay": Command(f"{_HERE}.inbox:replay", "Handle again", "Обработать ещё раз"),
    "reconcile": Command(
        f"{_HERE}.inbox:reconcile", "Find what never came", "Найти то, что не пришло"
    ),
    "worker": Command(f"{_HERE}.inbox:worker", "Run the handlers", "Запустить обработчики"),
}

COMMANDS: Final[dict[str, Entry]] = {
    "login": Command(f"{_HERE}.login:login", "Log in to an account", "Войти в аккаунт"),
    "logout": Command(
        f"{_HERE}.accounts:logout", "Forget an account", "Удалить аккаунт с этого компьютера"
    ),
    "accounts": Command(f"{_HERE}.accounts:accounts", "List the accounts", "Показать аккаунты"),
    "use": Command(f"{_HERE}.accounts:use", "Choose the account", "Выбрать аккаунт"),
    "whoami": Command(f"{_HERE}.accounts:whoami", "Who is logged in", "Кто вошёл"),
    "status": Command(
        f"{_HERE}.accounts:status", "The token, until when", "Токен и срок его действия"
    ),
    "call": Command(
        f"{_HERE}.call:call", "Call any path of the API", "Отправить запрос по любому пути API"
    ),
    "list": Command(f"{_HERE}.entities:list_", "List entities", "Показать сущности"),
    "get": Command(f"{_HERE}.entities:get", "Show one entity", "Показать одну сущность"),
    "create": Command(f"{_HERE}.entities:create", "Create an entity", "Создать сущность"),
    "update": Command(f"{_HERE}.entities:update", "Change an entity", "Изменить сущность"),
    "export": Command(f"{_HERE}.data:export", "Write entities to a file", "Выгрузить в файл"),
    "import": Command(
        f"{_HERE}.data:import_", "Write a file's rows to the account", "Загрузить из файла"
    ),
    "mirror": Command(
        f"{_HERE}.mirror:mirror", "Keep a copy in a database", "Копия аккаунта в базе данных"
    ),
    "fields": Command(
        f"{_HERE}.reference:fields", "List custom fields", "Показать дополнительные поля"
    ),
    "pipelines": Command(
        f"{_HERE}.reference:pipelines", "List pipelines and stages", "Показать воронки и этапы"
    ),
    "users": Command(f"{_HERE}.reference:users", "List users", "Показать пользователей"),
    "stubs": Command(
        f"{_HERE}.stubs:stubs", "Write types of the account", "Записать типы аккаунта"
    ),
    "doctor": Command(
        f"{_HERE}.doctor:doctor", "Look for what is wrong", "Проверить, всё ли в порядке"
    ),
    "keepalive": Command(
        f"{_HERE}.keepalive:keepalive",
        "Renew tokens that nothing uses, by cron",
        "Обновить токены, которые давно не использовались (cron)",
    ),
    "webhooks": Group(
        WEBHOOKS, "Subscribe, receive, look, handle again", "Подписки, приём, просмотр, повтор"
    ),
    "sandbox": Group(
        SANDBOX, "A local portal for tests", "Песочница: локальный аккаунт для тестов"
    ),
    "completion": Command(
        f"{_HERE}.completion:completion",
        "Print the shell's completion script",
        "Вывести скрипт автодополнения",
    ),
}
