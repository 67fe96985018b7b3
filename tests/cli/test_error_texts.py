"""Errors in Russian: every class has a sentence, every message of the commands a translation."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from amocrm import errors
from amocrm.cli.error_texts import SENTENCES, MessageTemplate, describe, pieces, translate
from amocrm.cli.texts import language
from tests.cli import make_translations
from tests.cli.conftest import Shop, start

PACKAGE = Path(errors.__file__).parent
KNOWN = PACKAGE / "cli" / "locale" / "ru" / "errors.json"
CLASSES = [
    one
    for name in errors.__all__
    if isinstance(one := getattr(errors, name), type) and issubclass(one, errors.AmoCRMError)
]
VALUE = "Q7Z"


@pytest.fixture
def russian(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AMOCRM_LANG", "ru")
    language.cache_clear()
    yield
    monkeypatch.undo()
    language.cache_clear()


def made(kind: type[errors.AmoCRMError]) -> errors.AmoCRMError:
    """Return an error of a class with a message that nobody has translated."""
    needed: dict[str, Any] = {"method": "PUT", "path": "/api/v4/odd", "status": 418}
    taken = inspect.signature(kind.__init__).parameters
    return kind("Odd Message 5", **{name: needed[name] for name in needed if name in taken})


def is_russian(text: str) -> bool:
    return any("а" <= letter <= "я" for letter in text.lower())


@pytest.mark.usefixtures("russian")
@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_a_sentence_and_keeps_its_message(kind: type[errors.AmoCRMError]) -> None:
    assert kind in SENTENCES
    error = made(kind)
    shown = describe(error)
    assert shown.endswith(": Odd Message 5")
    assert is_russian(shown)
    for name in ("method", "path", "status"):
        if name in SENTENCES[kind]:
            assert str(getattr(error, name)) in shown


def test_no_two_classes_mean_the_same() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES) == len(CLASSES)


def test_english_stays_as_it_is() -> None:
    error = errors.ConfigurationError("there is no column 'x'", hint="did you mean 'y'?")
    assert describe(error) == str(error)


@pytest.mark.usefixtures("russian")
@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (errors.ConfigurationError("there is no resource 'leeds'", hint="did you mean 'leads'?"),
         "нет раздела 'leeds' (может быть, 'leads'?)"),
        (errors.ConfigurationError("column 'Вес': it takes a number such as 1500.5"),
         "столбец 'Вес': нужно число, например 1500.5"),
        (errors.ConfigurationError("--filter x: there is no such filter (did you mean 'y'?)"),
         "--filter x: нет такого фильтра (может быть, 'y'?)"),
        # What is not known stays English, within a message that is.
        (errors.ConfigurationError("column 'x': something new"), "столбец 'x': something new"),
        (errors.ConfigurationError("x: something new"),
         "неверный параметр или настройка: x: something new"),
        (errors.NotFoundError("GET /api/v4/leads/7 returned 404 Not Found", method="GET",
                              path="/api/v4/leads/7", status=404, request_id="ab"),
         "GET /api/v4/leads/7: не найдено: Not Found [запрос ab]"),
        (errors.UnreachableError("GET /api/v4/leads: connect timed out", hint="check the network"),
         "GET /api/v4/leads: соединение не установлено за отведённое время (проверьте сеть)"),
        (errors.UnauthorizedError(
            "GET /a returned 401 Unauthorized: Неверный логин", method="GET", path="/a", status=401,
            hint="the token was revoked or belongs to another account: authorize again"),
         "GET /a: токен не принят (401): Unauthorized: Неверный логин (токен отозван или от "
         "другого аккаунта: войдите снова)"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
    ],
)  # fmt: skip
def test_messages_in_russian(error: Exception, shown: str) -> None:
    assert describe(error) == shown


def test_a_value_that_looks_like_a_message_is_not_translated() -> None:
    assert translate("there is no column 'it has no id'") == "нет столбца 'it has no id'"
    assert translate("it has no id and more") is None
    assert translate("there is no column ") is None


def test_the_longest_message_wins() -> None:
    assert translate("there is no stage 'A' in the pipeline 'B'") == "в воронке 'B' нет этапа 'A'"


# The catalog against the sources ------------------------------------------------------------------


def templates(*nodes: ast.expr | None) -> Iterator[str]:
    """Yield the texts that expressions may be; their values are `{}`."""
    for node in nodes:
        if isinstance(node, ast.IfExp):
            yield from templates(node.body, node.orelse)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace("{", "{{").replace("}", "}}")
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(one.value).replace("{", "{{").replace("}", "}}")
                if isinstance(one, ast.Constant)
                else "{}"
                for one in node.values
            )


def raised(folder: Path) -> Iterator[str]:
    """Yield the messages and hints of all errors of ours that are made in a folder."""
    classes = {one.__name__ for one in CLASSES}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in classes:
                hints = [one.value for one in node.keywords if one.arg == "hint"]
                yield from templates(*node.args[:1], *hints)


ENGLISH_AS_WELL = (
    "amocrm login", "pip install 'amocrm-python[parquet]'", "pip install 'amocrm-python[xlsx]'",
    "module:hooks", "30s, 5m, 1h", "{}: {}", "{}, catalogs/ID", "--filter {}: {}",
)  # fmt: skip
"""Commands and names; messages that pass on others."""

FINER = {
    "{} a stage {}", "its name may end with .{}", "{} is {} {}: line {} cannot be read",
    "it takes {}", "standard input has no {}, or more than one line", "{} is not JSON: see {}",
    "{}say what it is: --map 'COLUMN=NAME'; leave it out: --map 'COLUMN='",
}  # fmt: skip
"""Messages whose values are words: the catalog has a line for each of them."""


@pytest.mark.parametrize("text", sorted({*raised(PACKAGE / "cli")} - FINER - {*ENGLISH_AS_WELL}))
def test_every_message_of_the_commands_is_translated(text: str) -> None:
    values = [f"{VALUE}{at}" for at in range(text.count("{}"))]
    shown = translate(text.format(*values))
    assert shown is not None
    assert is_russian(shown)
    assert all(one in shown for one in values)


def catalog() -> dict[str, str]:
    found: dict[str, str] = json.loads(KNOWN.read_text(encoding="utf-8"))
    return found


def all_texts() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox" not in path.parts:
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            yield from templates(*(one for one in nodes if isinstance(one, ast.expr)))


def test_the_catalog_has_nothing_that_is_not_said() -> None:
    known = [one for one in map(pieces, {*all_texts()}) if any(map(str.isalpha, "".join(one)))]
    for english in catalog():
        filled = VALUE.join(pieces(english))
        is_said = any(MessageTemplate(one, "").match(filled) is not None for one in known)
        assert is_said or english == "{0}: {1:tr}", english


def test_translations_have_the_values_of_their_messages() -> None:
    for english, russian in catalog().items():
        places = len(pieces(english)) - 1
        assert {f"{{{at}" in russian for at in range(places)} <= {True}, english
        assert is_russian(russian) or english == russian, english


def test_a_command_speaks_russian(account: Shop) -> None:
    # In a process of its own: the texts of commands are made when they are imported.
    with start("get", "leads", "999999", variables={"AMOCRM_LANG": "ru"}, stderr=PIPE) as done:
        told = done.communicate()[1].decode()
    assert done.returncode == 1
    assert told.startswith("amocrm: GET /api/v4/leads/999999: не найдено: ")


def test_the_catalog_of_click_is_made_of_its_text() -> None:
    assert make_translations.CATALOG.read_bytes() == make_translations.catalog()


def test_click_speaks_russian(account: Shop) -> None:
    arguments = ("import", "leads", "x.csv", "--match", "name")
    with start(*arguments, variables={"AMOCRM_LANG": "ru"}, stderr=PIPE) as done:
        told = done.communicate()[1].decode()
    assert done.returncode == 2
    assert "'name' не подходит: нужно одно из 'id', 'phone', 'email'" in told
