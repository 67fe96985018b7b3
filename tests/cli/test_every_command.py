"""Every command in a real terminal, and through a pipe: what is shown, and what is data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from amocrm import AmoCRM
from amocrm.cli.logging_in import log_in_with_token
from amocrm.cli.profiles import Profile, Profiles
from amocrm.cli.webhooks.local_inbox import open_inbox
from amocrm.sandbox import Sandbox
from amocrm.webhooks import Receiver
from tests.cli.conftest import Shop
from tests.cli.forked import Forked
from tests.cli.test_program import all_commands

HOOKS = """
from amocrm.webhooks import Hooks

hooks = Hooks()


@hooks.on("add_lead")
def note(event, crm):
    pass
"""

SCHEMA = '{"version": 1, "account": {"zone": "amocrm.ru", "currency": "EUR"}}'


class Case(NamedTuple):
    """How a command is run, and what it writes.

    Attributes:
        arguments: behind the command; LEAD is the id of a lead, EMPTY a portal without entities.
        shown: in the terminal.
        data: what standard output gets: JSON lines through a pipe, and a table at the terminal;
            text; or nothing.
        colors: whether colors are shown.
        bar: whether a progress bar is shown.
        stdin: what is read; TOKEN is a token.
        until: shown or written when the command has begun, and waits for Ctrl-C.
        code: of the exit.
    """

    arguments: str
    shown: str
    data: Literal["rows", "text", "nothing"] = "rows"
    colors: bool = False
    bar: bool = False
    stdin: str | None = None
    until: str | None = None
    code: int = 0


CASES: dict[str, Case] = {
    "login": Case(
        "example --name other --token - --base-url URL", "Logged in to Example", "nothing",
        stdin="TOKEN",
    ),
    "logout": Case("shop", "Forgot 'shop'.", "nothing"),
    "accounts": Case("", "example.amocrm.ru", colors=True),
    "use": Case("shop", "Commands call 'shop' now.", "nothing"),
    "whoami": Case("", "Ann"),
    "status": Case("", "long-lived"),
    "call": Case("GET /api/v4/account", '"subdomain": "example"'),
    "list": Case("leads --limit 3", "responsible", colors=True),
    "get": Case("leads LEAD", "responsible"),
    "create": Case("leads name=New", "id"),
    "update": Case("leads LEAD price=5", "updated_at"),
    "export": Case("leads -o leads.csv", "rows in leads.csv", "nothing", bar=True),
    "import": Case("leads rows.csv --yes", "created 1", "nothing", bar=True),
    "mirror": Case("sqlite:///crm.db --families leads", "up to date after", colors=True, bar=True),
    "fields": Case("contacts", "PHONE", colors=True),
    "pipelines": Case("", "Первичный контакт", colors=True),
    "users": Case("", "Bob", colors=True),
    "stubs": Case("", "class ", "text"),
    "doctor": Case("", "clock", colors=True),
    "keepalive": Case("", "long-lived", colors=True),
    "webhooks ensure": Case("add_lead --url https://hooks.example.com", "add_lead"),
    "webhooks list": Case("", "own.example.com", colors=True),
    "webhooks listen": Case("--port 0", "Listening at", "nothing", until="Listening at"),
    "webhooks trigger": Case("add_lead --show", "leads%5Badd%5D", "text"),
    "webhooks inbox": Case("", "undone 1", colors=True),
    "webhooks show": Case("1", "Door"),
    "webhooks dead": Case("", "no such handler", colors=True),
    "webhooks replay": Case("", "replayed"),
    "webhooks reconcile": Case("add_lead", "checked"),
    "webhooks worker": Case("shop_hooks:hooks", "INFO", "nothing", until="handling webhooks"),
    "sandbox serve": Case("--port 0", "access_token", until="channel_secret"),
    "sandbox clone": Case("-o schema.json", "schema.json", "nothing"),
    "sandbox diff": Case("eur.json", 'currency "EUR"', "text", code=1),
    "sandbox reset": Case("--url EMPTY", "begins again", "nothing"),
    "completion": Case("bash", "_AMOCRM_COMPLETE", "text"),
}  # fmt: skip
COMMANDS = pytest.mark.parametrize("command", CASES)

Start = Callable[..., Forked]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A portal of these tests alone, because they subscribe and create."""
    portal = Sandbox(rps=None, seed=0)
    portal.add_shop()
    with (
        portal.serve() as served,
        AmoCRM("example", {"access_token": portal.issue_long_lived()}, base_url=served.url) as crm,
    ):
        crm.webhooks.create({"destination": "https://own.example.com", "settings": ["add_lead"]})
        yield Shop(portal, served.url, portal.issue_long_lived())


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """The address of a portal that may be reset."""
    with Sandbox().serve() as served:
        yield served.url


@pytest.fixture
def start(folder: Path, shop: Shop, empty: str, tmp_path: Path) -> Start:
    """Starts a command of the table: with a profile, an inbox, and files in its folder."""
    profiles = Profiles(str(folder))
    profiles.prepare()
    profile = Profile("example.amocrm.ru", base_url=shop.url)
    log_in_with_token("shop", profile, profiles, shop.token)
    (tmp_path / "rows.csv").write_text("name\nFrom a file\n")
    (tmp_path / "shop_hooks.py").write_text(HOOKS)
    (tmp_path / "eur.json").write_text(SCHEMA)
    lead = min(int(one["id"]) for one in shop.portal.leads())

    def start(command: str, *, piped: bool = False, **variables: str) -> Forked:
        case = CASES[command]
        if command.startswith("webhooks "):
            fill_inbox(profiles)
        known = {"LEAD": str(lead), "URL": shop.url, "EMPTY": empty}
        arguments = [known.get(one, one) for one in case.arguments.split()]
        stdin = shop.token if case.stdin == "TOKEN" else case.stdin
        settings = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm", "BROWSER": "",
            "AMOCRM_LANG": "en", "AMOCRM_CONFIG_DIR": str(folder),
        }  # fmt: skip
        return Forked(
            *command.split(), *arguments, folder=tmp_path, variables={**settings, **variables},
            piped=piped, stdin=stdin,
        )  # fmt: skip

    return start


def fill_inbox(profiles: Profiles) -> None:
    """Put an event that is to be handled, and one that is dead, into the inbox."""
    inbox = open_inbox(profiles, {})
    receiver = Receiver(inbox, key="k" * 32, url="http://127.0.0.1")
    path = receiver.address(30000001).removeprefix("http://127.0.0.1")
    for number in (7, 8):
        body = f"leads[add][0][id]={number}&leads[add][0][name]=Door".encode()
        receiver.receive("POST", path, headers={}, body=body)
        if number == 7:
            lease = inbox.take(60)
            assert lease is not None
            inbox.failed(lease, lease.events[0], "no such handler", None)
            inbox.release(lease)
    inbox.close()


def test_every_command_has_a_case() -> None:
    assert list(CASES) == [" ".join(command) for command in all_commands()]


def finish(running: Forked, case: Case) -> int | None:
    if case.until is not None:
        running.read_until(case.until)
        running.press_ctrl_c()
    return running.end()


@COMMANDS
def test_at_the_terminal(start: Start, command: str) -> None:
    case = CASES[command]
    with start(command) as running:
        code = finish(running, case)
        shown = running.shown
    assert code == case.code, (code, shown)
    assert case.shown in shown
    assert ("\x1b[" in shown) == (case.colors or case.bar)
    assert "Traceback" not in shown
    assert not shown.startswith('{"')


@pytest.mark.parametrize(
    "command",
    [
        command if command in ("list", "doctor")
        else pytest.param(command, marks=pytest.mark.endurance)
        for command, case in CASES.items()
        if case.colors and not case.bar
    ],
)  # fmt: skip
def test_without_colors(start: Start, command: str) -> None:
    with start(command, NO_COLOR="1") as running:
        assert running.end() == 0
        assert CASES[command].shown in running.shown
        assert "\x1b" not in running.shown


@COMMANDS
def test_through_a_pipe(start: Start, command: str) -> None:
    case = CASES[command]
    with start(command, piped=True) as running:
        code = finish(running, case)
        shown, out = running.shown, running.out
    assert code == case.code, (code, shown)
    assert "\x1b" not in out
    assert ("\x1b" in shown) == case.bar
    lines = out.splitlines()
    if case.data == "rows":
        assert lines
        assert {type(json.loads(line)) for line in lines} == {dict}
    assert bool(lines) == (case.data != "nothing")
    # Data goes to standard output alone, and everything else to standard error.
    assert not set(lines) & set(shown.splitlines())
    if case.data == "nothing":
        assert case.shown in shown
