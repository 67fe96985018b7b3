"""`amocrm webhooks`: subscriptions, a local receiver, the inbox, the worker."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from amocrm.cli.profiles import Profiles
from amocrm.cli.webhooks import settings
from amocrm.cli.webhooks.listening import Arrived, Listener
from amocrm.cli.webhooks.local_inbox import open_inbox as open_own_inbox
from amocrm.errors import ConfigurationError
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks import Receiver, SQLInbox
from tests.cli.conftest import ROOT, Done, Run
from tests.servers import DATABASES, URLS, inbox_place
from tests.servers import open_inbox as open_inbox_of

KEY = "k" * 32
HANDLERS = """
from amocrm.webhooks import Hooks

hooks = Hooks()
seen = []


@hooks.on("add_lead")
def note(event, crm):
    seen.append(event.id)
    print("handled", event.item["name"])


@hooks.on("status_lead")
def refuse(event, crm):
    raise ValueError("no")
"""


@pytest.fixture
def portal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A portal of its own: subscriptions would disturb others."""
    portal = Sandbox(rps=None, seed=0)
    with portal.serve() as served:
        monkeypatch.setenv("AMOCRM_DOMAIN", "example")
        monkeypatch.setenv("AMOCRM_BASE_URL", served.url)
        monkeypatch.setenv("AMOCRM_TOKEN", portal.issue_long_lived())
        monkeypatch.setenv("AMOCRM_WEBHOOKS_KEY", KEY)
        yield portal


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "shop_handlers.py").write_text(HANDLERS)
    (tmp_path / "broken_handlers.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "shop_handlers:hooks"
    sys.modules.pop("shop_handlers", None)


def rows(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def receiver(inbox: SQLInbox, url: str = "http://127.0.0.1") -> Receiver:
    return Receiver(inbox, key=KEY, url=url)


# Subscriptions -----------------------------------------------------------------------------------


def test_ensure_and_list(run: Run, portal: Sandbox, handlers: str) -> None:
    url = "https://hooks.example.com/amocrm"
    (made,) = rows(run("webhooks", "ensure", "add_lead", "--url", url))
    assert made["action"] == "created"
    assert made["address"].endswith("/account/30000001/...")
    (more,) = rows(run("webhooks", "ensure", "--hooks", handlers, "--url", url))
    assert (more["action"], more["codes"]) == ("extended", "add_lead status_lead")
    (listed,) = rows(run("webhooks", "list"))
    assert (listed["address"], listed["disabled"]) == (made["address"], False)
    (full,) = rows(run("webhooks", "list", "--secrets"))
    assert full["address"].startswith(listed["address"].removesuffix("..."))

    subscription = portal.account().shelf("webhooks")[full["id"]]
    subscription["disabled"] = True
    assert run("doctor").code == 1
    switched = run("webhooks", "ensure")
    assert (switched.code, switched.err) == (0, f"switched on: {made['address']}\n")
    assert subscription["disabled"] is False
    # One that amoCRM refuses, here for a code of tomorrow, does not keep the others off.
    other = {**subscription, "id": 1, "settings": ["add_tomorrow"], "disabled": True}
    other["destination"] = subscription["destination"].replace("hooks", "others")
    shelf = portal.account().shelf("webhooks")
    shelf.clear()
    shelf.update({1: other, full["id"]: subscription})
    subscription["disabled"] = True
    switched = run("webhooks", "ensure")
    assert switched.code == 1
    assert switched.err.endswith(f"switched on: {made['address']}\n")
    assert "https://others.example.com/amocrm/account/30000001/...: " in switched.err
    assert full["address"].rpartition("/")[2] not in switched.err
    assert subscription["disabled"] is False
    del shelf[1]
    subscription["disabled"] = True
    (again,) = rows(
        run("webhooks", "ensure", "add_lead", "--address", "-", stdin=full["address"] + "\n")
    )
    assert again["action"] == "enabled"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("ensure", "lead_add", "--url", "https://h.example"), "add_lead"),
     (("ensure", "add_lead"), "--url"),
     (("ensure", "add_lead", "--url", "ftp://h.example"), "--url must be an http(s) URL"),
     (("ensure", "--hooks", "nothing", "--url", "https://h.example"), "module:hooks"),
     (("worker", "broken_handlers:hooks"), "ZeroDivisionError"),
     (("worker", "no_such_module:hooks"), "ModuleNotFoundError"),
     (("worker", "shop_handlers:seen"), "no Hooks"),
     (("trigger", "lead_add"), "lead_added"),
     (("trigger", "add_lead", "--set", "name"), "NAME=VALUE"),
     (("trigger", "widget_request"), "AMOCRM_CLIENT_SECRET"),
     (("inbox", "--since", "yesterday"), "24h"),
     (("replay", "5", "--code", "add_lead"), "--since"),
     (("listen", "--forward-to", "h.example"), "--forward-to must be an http(s) URL")],
)  # fmt: skip
@pytest.mark.usefixtures("portal", "handlers")
def test_bad_input_gets_one_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    ran = run("webhooks", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


# A receiver on this machine ----------------------------------------------------------------------


class Program(HTTPServer):
    """A program that webhooks are posted on to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes]] = []
        self.told = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Program)
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.told.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def program() -> Iterator[Program]:
    server = Program()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("portal")
def test_listen_stores_tells_and_posts_on(run: Run, program: Program, free_port: int) -> None:
    there = f"http://127.0.0.1:{program.server_port}/hook?shop=1"
    listening = subprocess.Popen(
        [sys.executable, "-m", "amocrm.cli", "webhooks", "listen", "--port", str(free_port),
         "--forward-to", there],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    assert listening.stdout
    assert listening.stderr
    try:
        assert "/account/30000001/" in listening.stderr.readline()
        (sent,) = rows(
            run("webhooks", "trigger", "add_lead", "--id", "42", "--set", "name=Window",
                "--url", f"http://127.0.0.1:{free_port}")
        )  # fmt: skip
        assert sent == {"code": "add_lead", "kind": "account", "status": 200}
        line = json.loads(listening.stdout.readline())
        assert line == {"code": "add_lead", "entity": "leads", "id": 42, "account_id": 30000001}
        assert program.told.wait(60)
        ((path, content_type, body),) = program.got
        assert (path, content_type) == ("/hook?shop=1", "application/x-www-form-urlencoded")
        assert b"Window" in body
        assert listening.stderr.readline() == f"{there}: 200\n"
    finally:
        listening.send_signal(signal.SIGINT)
        rest = listening.communicate(timeout=60)
    assert (listening.returncode, rest) == (0, ("", ""))
    (stored,) = rows(run("webhooks", "inbox"))
    assert (stored["code"], stored["state"], stored["entity"]) == (
        "add_lead", "undone", "30000001/leads/42"
    )  # fmt: skip


def test_what_is_refused_is_not_told(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    inbox = SQLInbox(f"sqlite:///{tmp_path}/inbox.db")
    request.addfinalizer(inbox.close)
    inbox.create_table()
    told: list[Arrived] = []
    ours = receiver(inbox)
    app = Listener(ours, told.append)
    path = ours.address(7).removeprefix("http://127.0.0.1")

    def call(method: str, where: str, body: bytes, length: str | None = None) -> str:
        answers: list[str] = []
        environ: Any = {
            "REQUEST_METHOD": method, "PATH_INFO": where, "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)) if length is None else length,
        }  # fmt: skip
        start: Any = lambda status, headers: answers.append(status)  # noqa: E731
        app(environ, start)
        return answers[0].partition(" ")[0]

    with app.serve("127.0.0.1", 0):
        assert call("POST", f"{path[:-1]}x", b"leads[add][0][id]=1") == "404"
        assert call("GET", path, b"") == "405"
        assert call("POST", path, b"leads[add][0][id]=1", "much") == "400"
        assert call("POST", path, b"leads[add][0][id]=1", "99") == "400", "it is cut off"
        assert call("POST", path, b"leads[add][0][id]=1", "99999999") == "413"
        assert call("POST", path, b"leads[add][0][id]=1&account[id]=8") == "404"
        assert call("POST", path, b"leads[add][0][id]=1") == "200"
    assert [one.delivery.events[0].code for one in told] == ["add_lead"]
    inbox.close()


def test_a_body_in_chunks_is_stored(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    inbox = SQLInbox(f"sqlite:///{tmp_path}/inbox.db")
    request.addfinalizer(inbox.close)
    inbox.create_table()
    ours = receiver(inbox)
    path = ours.address(7).removeprefix("http://127.0.0.1")
    with Listener(ours, lambda _: None).serve("127.0.0.1", 0) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", path, iter([b"leads[add]", b"[0][id]=1"]))
        assert connection.getresponse().status == 200
        connection.close()
    assert [one.key for one in inbox.listed()] == ["7/leads/1"]


@pytest.mark.usefixtures("portal")
def test_trigger_without_a_receiver(run: Run, free_port: int) -> None:
    ran = run("webhooks", "trigger", "add_lead", "--url", f"http://127.0.0.1:{free_port}")
    assert ran.code == 1
    assert "Connection refused" in ran.err
    assert "webhooks listen" in ran.err
    shown = run("webhooks", "trigger", "add_lead", "--show", "--set", "price=5")
    assert "%5Bprice%5D=5&" in shown.out


# The inbox ---------------------------------------------------------------------------------------


OpenInbox = Callable[..., SQLInbox]


@pytest.fixture(params=["sqlite", *DATABASES])
def open_inbox(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenInbox]:
    """Opens the inbox of the commands: the default one, or one in the database of a server."""
    if request.param == "sqlite":
        open_own_inbox(Profiles(str(folder)), {}).close()
        yield partial(SQLInbox, f"sqlite:///{folder}/webhooks.db")
        return
    with inbox_place(request.param, tmp_path) as place:
        monkeypatch.setenv("AMOCRM_INBOX", URLS[request.param])
        monkeypatch.setenv("AMOCRM_INBOX_PREFIX", f"{place}_")
        yield partial(open_inbox_of, request.param, place)


@pytest.fixture
def filled(open_inbox: OpenInbox) -> Iterator[SQLInbox]:
    """The inbox with a new lead, and one that was moved."""
    inbox = open_inbox()
    ours = receiver(inbox)
    path = ours.address(30000001)
    for action in ("add", "status"):
        body = f"leads[{action}][0][id]=7&leads[{action}][0][name]=Door".encode()
        assert ours.receive("POST", path, headers={}, body=body).status == 200
    yield inbox
    inbox.close()


@pytest.mark.usefixtures("portal", "filled")
def test_inbox_and_show(run: Run) -> None:
    listed = run("webhooks", "inbox")
    assert [row["code"] for row in rows(listed)] == ["status_lead", "add_lead"]
    assert listed.err.startswith("undone 2 ")
    assert len(rows(run("webhooks", "inbox", "--limit", "1"))) == 1
    assert [row["id"] for row in rows(run("webhooks", "inbox", "--code", "add_lead"))] == [1]
    assert rows(run("webhooks", "inbox", "--since", "2100-01-01T00:00:00Z")) == []
    assert rows(run("webhooks", "inbox", "--state", "dead")) == []
    shown = json.loads(run("webhooks", "show", "1").out)
    assert shown["item"] == {"id": "7", "name": "Door"}
    assert (shown["kind"], shown["path"]) == ("account", "/account/30000001")
    assert run("webhooks", "show", "1", "--body").out == (
        "leads[add][0][id]=7&leads[add][0][name]=Door"
    )
    assert run("webhooks", "show", "99").code == 1


@pytest.mark.usefixtures("portal")
def test_worker_dead_and_replay(
    run: Run, filled: SQLInbox, handlers: str, open_inbox: OpenInbox
) -> None:
    done = run("webhooks", "worker", handlers, "--once", "--quiet")
    assert "handled Door" in done.out
    assert done.code == 3
    clock = ManualClock()
    clock.advance(time.time() + 3600 - clock.time())
    later = open_inbox(clock=clock)
    lease = later.take(60)
    assert lease
    later.failed(lease, lease.events[0], "no", None)
    later.release(lease)
    later.close()
    (dead,) = rows(run("webhooks", "dead"))
    assert (dead["id"], dead["code"], dead["error"]) == (2, "status_lead", "no")
    assert rows(run("webhooks", "dead", "--code", "add_lead")) == []
    assert [row["id"] for row in rows(run("webhooks", "replay", "--dry-run"))] == [2]
    assert filled.counts().dead == 1
    assert rows(run("webhooks", "replay", "--code", "add_lead")) == [{"replayed": 0}]
    assert rows(run("webhooks", "replay", "2")) == [{"replayed": 1}]
    assert filled.counts()[:2] == (1, 0)
    both = rows(run("webhooks", "replay", "--dry-run", "--done"))
    assert [row["id"] for row in both] == [1]
    refused = run("webhooks", "replay", "--done")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert rows(run("webhooks", "replay", "--done", "--yes")) == [{"replayed": 1}]


@pytest.mark.usefixtures("portal", "open_inbox")
def test_reconcile_begins_where_it_ended(run: Run, handlers: str) -> None:
    assert run("create", "leads", "name=Lost").code == 0
    (found,) = rows(run("webhooks", "reconcile", "--hooks", handlers, "--grace", "0"))
    assert found["added"] == {"add_lead": 1}
    (again,) = rows(run("webhooks", "reconcile", "add_lead", "--grace", "0"))
    assert (again["since"], again["added"]) == (found["until"], {})
    (event,) = rows(run("webhooks", "inbox"))
    assert json.loads(run("webhooks", "show", str(event["id"])).out)["synthetic"] is True


@pytest.mark.usefixtures("portal", "open_inbox")
def test_reconcile_goes_back_for_codes_that_were_left_out(run: Run) -> None:
    def reconcile(*arguments: str) -> dict[str, Any]:
        (found,) = rows(run("webhooks", "reconcile", *arguments, "--grace", "0"))
        return found

    assert run("create", "leads", "name=Lost").code == 0
    assert run("create", "contacts", "name=Lost").code == 0
    first = reconcile("add_lead")
    assert first["added"] == {"add_lead": 1}
    second = reconcile("add_lead", "add_contact")
    assert second["added"] == {"add_contact": 1}
    assert second["since"] < first["until"]


def test_what_was_compared_is_kept_for_each_code(folder: Path) -> None:
    profiles = Profiles(str(folder))
    note = partial(settings.note_compared, profiles, 7)
    until = partial(settings.compared_until, profiles, 7)
    note(["add_lead", "add_task"], 50, 100)
    assert (until(["add_lead"], 10), until(["add_lead", "add_contact"], 10)) == (100, 10)
    note(["add_lead"], 100, 200)
    note(["add_task"], 150, 200)  # Nobody has compared what happened from 100 to 150.
    assert (until(["add_lead"], 10), until(["add_task"], 10)) == (200, 100)
    note(["add_task"], 60, 150)
    assert until(["add_lead", "add_task"], 10) == 150
    (folder / "reconciled.json").write_text('{"7": 300, "8": "x"}')
    (folder / "reconciled.json").chmod(0o600)
    assert until(["add_lead"], 10) == 300
    note(["add_lead"], 300, 400)
    assert (until(["add_lead"], 10), until(["add_task"], 10)) == (400, 300)
    assert settings.compared_until(profiles, 8, ["add_lead"], 10) == 10


# Settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("24h", 1e9 - 86_400), ("90s", 1e9 - 90), ("7d", 1e9 - 604_800), ("15m", 1e9 - 900),
     ("999999999d", 0), ("1700000000", 1.7e9), ("2026-01-31T12:00:00Z", 1769860800),
     ("2026-01-31T12:00:00+03:00", 1769850000)],
)  # fmt: skip
def test_since(text: str, seconds: float) -> None:
    assert settings.read_since(text, 1e9) == seconds


@pytest.mark.parametrize("text", ["", "-5h", "5w", "tomorrow", "²", "2026-99-01", "9" * 400])
def test_no_time(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no time"):
        settings.read_since(text, 1e9)


def test_a_key_is_made_once_and_kept_private(folder: Path) -> None:
    profiles = Profiles(str(folder))
    (made,) = settings.address_keys(profiles, {})
    assert settings.address_keys(profiles, {}) == [made]
    assert len(made) >= 32
    file = folder / "webhooks.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        settings.address_keys(profiles, {})
    assert settings.address_keys(profiles, {"AMOCRM_WEBHOOKS_KEY": "a, b"}) == ["a", "b"]
