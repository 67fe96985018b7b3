"""The program as a whole: help, languages, exit codes, a closed pipe, a missing extra."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from amocrm import errors
from amocrm.cli.application import application, exit_code
from amocrm.cli.command_table import COMMANDS, Command, Entry, Group
from amocrm.cli.texts import language_of
from tests.cli import make_translations
from tests.cli.conftest import ROOT, Run, Shop, start

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def all_commands(
    table: dict[str, Entry] | None = None, before: tuple[str, ...] = ()
) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, entry in (COMMANDS if table is None else table).items():
        if isinstance(entry, Group):
            found += all_commands(dict(entry.commands), (*before, name))
        else:
            found.append((*before, name))
    return found


@pytest.mark.parametrize("command", all_commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.code == 0
    _, _, example = " ".join(done.out.split()).partition("Example: ")
    assert f"amocrm {' '.join(command)}" in example
    assert not CYRILLIC.search(done.out)


def test_the_help_lists_the_commands_and_imports_none() -> None:
    script = (
        "import sys; from amocrm.cli import application; code = application.run(['--help']);"
        "print([m for m in ('requests', 'rich', 'tomlkit', 'logging', 'amocrm.client')"
        " if m in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.en)}$", done.stdout, re.MULTILINE)


def test_texts_are_in_both_languages() -> None:
    def check(entry: Entry) -> None:
        assert CYRILLIC.search(entry.ru)
        assert not CYRILLIC.search(entry.en)
        if isinstance(entry, Group):
            for one in entry.commands.values():
                check(one)

    for entry in COMMANDS.values():
        check(entry)
    assert isinstance(COMMANDS["login"], Command)


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "de_DE"}, "en"),
        ({"LC_ALL": "ru", "LANG": "en_US.UTF-8"}, "ru"),
        ({"LC_ALL": "", "LANG": "ru"}, "ru"),
        ({"LC_ALL": "C", "LANG": "ru"}, "en"),
        ({"AMOCRM_LANG": "ru", "LC_ALL": "C"}, "ru"),
        ({"AMOCRM_LANG": "en", "LANG": "ru"}, "en"),
    ],
)
def test_the_language(variables: dict[str, str], language: str) -> None:
    assert language_of(variables) == language


def test_click_speaks_russian_too(folder: Path) -> None:
    assert make_translations.CATALOG.read_bytes() == make_translations.catalog()
    russian = {"AMOCRM_LANG": "ru"}
    process = start("use", "--help", variables=russian, stdout=subprocess.PIPE)
    out = process.communicate(timeout=30)[0].decode()
    assert [one for one in out.splitlines() if one and not CYRILLIC.search(one)] == []
    process = start("use", variables=russian, stderr=subprocess.PIPE)
    told = process.communicate(timeout=30)[1].decode()
    assert told.startswith("amocrm: Не хватает аргумента")


def reply(kind: type[errors.ReplyError]) -> errors.ReplyError:
    return kind("no", method="GET", path="/", status=400)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError("x"), 2),
        (errors.NotAuthorizedError("x"), 4),
        (reply(errors.UnauthorizedError), 4),
        (reply(errors.ForbiddenError), 4),
        (reply(errors.BlockedError), 5),
        (reply(errors.RateLimitedError), 5),
        (reply(errors.NotFoundError), 1),
        (errors.UnreachableError("x"), 1),
        (OSError("x"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes_of_errors(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_refusals_of_the_account_are_told_by_the_exit_code(run: Run, account: Shop) -> None:
    account.portal.inject("forbidden", path="/api/v4/leads")
    done = run("list", "leads")
    assert (done.code, done.out, done.err.count("\n")) == (5, "", 1)


def test_a_closed_pipe_is_silent(account: Shop) -> None:
    process = start("list", "leads", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 0


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('no', name='click')")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r});" + (
        "from amocrm.cli.entry import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'amocrm-python[cli]'" in done.stderr


def test_global_options_stand_before_a_command_and_behind_it(run: Run, account: Shop) -> None:
    before = run("-o", "json", "list", "users", "--fields", "name")
    behind = run("list", "users", "--fields", "name", "-o", "json")
    assert before == behind
    assert [one["name"] for one in json.loads(before.out)] == ["Ann", "Bob"]


def test_verbose_shows_requests_and_no_secrets(run: Run, account: Shop) -> None:
    done = run("whoami", "--verbose")
    assert "GET /api/v4/account 200" in done.err
    assert account.token not in done.err


def test_an_unknown_command_is_told_with_the_nearest(run: Run) -> None:
    done = run("acounts")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "did you mean 'accounts'?" in done.err
    assert run("sandbox", "srve").code == 2
    assert run("list").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.code == 0
    assert "_AMOCRM_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["li"], ["list"]),
        (["list", "le"], ["leads"]),
        (["list", "leads", "--filter", "created_at."], ["created_at.from=", "created_at.to="]),
        (["list", "leads", "--filter", "cf"], ["cf."]),
        (["list", "events", "--filter", "type=lead_a"], ["type=lead_added"]),
        (["list", "leads", "--with", "contacts,loss"], ["contacts,loss_reason"]),
        (["list", "leads", "--order", "updated"], ["updated_at", "updated_at=desc"]),
        (["list", "nope", "--filter", "x"], []),
        (["use", "s"], ["shop"]),
        (["--profile", "s"], ["shop"]),
        (["sandbox", "s"], ["serve"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_the_shell_completes(folder: Path, words: list[str], expected: list[str]) -> None:
    folder.mkdir(mode=0o700)
    file = folder / "profiles.toml"
    file.touch(0o600)
    file.write_text("[profiles.shop]\ndomain = 'shop.amocrm.ru'\n")
    from click.shell_completion import ShellComplete

    class Complete(ShellComplete):
        name = "test"
        source_template = ""

    completer = Complete(application(), {}, "amocrm", "_AMOCRM_COMPLETE")
    found = completer.get_completions(words[:-1], words[-1])
    assert [one.value for one in found] == expected
    assert isinstance(application(), click.Group)
