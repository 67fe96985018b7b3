"""`amocrm sandbox clone`, `diff`, `reset`, and what else takes a schema file."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.cli.schema_file import schema_account
from amocrm.cli.stubs import read_account, write_stub
from amocrm.cloning.clone import clone
from amocrm.sandbox import Sandbox, write_schema
from amocrm.sandbox.__main__ import main
from tests.cli.conftest import ROOT, Run
from tests.cloning.documents import client


@pytest.fixture
def portal() -> Sandbox:
    portal = Sandbox(rps=None, seed=0)
    portal.add_shop()
    return portal


@pytest.fixture
def run_here(portal: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with portal.serve() as served:
        monkeypatch.setenv("AMOCRM_DOMAIN", "example")
        monkeypatch.setenv("AMOCRM_BASE_URL", served.url)
        monkeypatch.setenv("AMOCRM_TOKEN", portal.issue_long_lived())
        yield run


@pytest.fixture
def schema(portal: Sandbox, tmp_path: Path) -> Path:
    """The schema file of the portal."""
    path = tmp_path / "shop.json"
    with client(portal) as crm:
        path.write_text(write_schema(clone(crm)), encoding="utf-8")
    return path


def test_an_account_is_cloned_and_what_it_does_not_show_is_told(
    run_here: Run, portal: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "schema.json"
    monkeypatch.setenv("AMOCRM_TOKEN", portal.issue_long_lived(admin=False))
    done = run_here("sandbox", "clone", "-o", str(path))
    assert (done.code, done.out, done.err.splitlines()) == (
        0, "",
        ["left out, because the plan or the rights do not show it: "
         "roles, sources, users, webhooks",
         str(path)],
    )  # fmt: skip
    copy = Sandbox(schema=path, rps=None)
    assert (copy.account().id, copy.leads()) == (portal.account().id, [])


def test_an_account_that_is_as_its_schema_says(run_here: Run, schema: Path) -> None:
    assert run_here("sandbox", "diff", str(schema)) == (0, "", "")


@pytest.mark.parametrize("options", [(), ("-o", "json")])
def test_an_account_that_has_changed(
    run_here: Run, portal: Sandbox, schema: Path, options: tuple[str, ...]
) -> None:
    with client(portal) as crm:
        crm.leads.pipelines.update(11, {"name": "Продажи"})
    done = run_here("sandbox", "diff", str(schema), *options)
    assert (done.code, done.err) == (1, "")
    if options:
        assert [one["change"] for one in json.loads(done.out)] == ["renamed"]
    else:
        assert done.out == 'pipeline 11 "Воронка": renamed, "Воронка" → "Продажи"\n'


@pytest.mark.parametrize("command", [("sandbox", "diff"), ("stubs", "--schema")])
def test_a_file_that_is_no_schema(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "schema.json"
    path.write_text("{}", encoding="utf-8")
    done = run(*command, str(path))
    assert (done.code, done.out, done.err) == (2, "", "amocrm: version must be 1, not None\n")


def test_stubs_of_a_schema_are_those_of_the_account_without_its_users(
    run: Run, portal: Sandbox, schema: Path
) -> None:
    with client(portal) as crm:
        account = read_account(crm)._replace(host="shop.json", users={})
    assert schema_account(str(schema)) == account
    done = run("stubs", "--schema", str(schema))
    assert (done.code, done.out) == (0, write_stub(account, "account"))


def test_both_programs_serve_an_account_of_a_schema(schema: Path) -> None:
    document = json.loads(schema.read_text(encoding="utf-8"))
    document["account"]["id"] = 4242
    schema.write_text(json.dumps(document), encoding="utf-8")
    for module, words in (("amocrm.sandbox", ()), ("amocrm.cli", ("sandbox", "serve"))):
        command = [sys.executable, "-m", module, *words, "--port", "0", "--schema", str(schema)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            told = process.stdout.readline()
            details = json.loads(told) if told.startswith("{") else {}
            while "address" not in details or "access_token" not in details:
                name, _, value = told.partition(":")
                details[name] = value.strip()
                told = process.stdout.readline()
            auth: Any = {"access_token": details["access_token"]}
            with AmoCRM("example", auth, base_url=details["address"]) as crm:
                assert crm.account.get()["id"] == 4242
            process.terminate()


def test_a_bad_schema_serves_nothing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text("[]", encoding="utf-8")
    done = run("sandbox", "serve", "--port", "0", "--schema", str(path))
    assert (done.code, done.err) == (2, "amocrm: a schema must be a JSON object\n")
    assert main(["--port", "0", "--schema", str(path)]) == 1


def test_a_running_portal_begins_again(run: Run, schema: Path) -> None:
    portal = Sandbox(schema=schema, rps=None)
    portal.add("leads", {"name": "A"})
    with portal.serve() as served:
        done = run("sandbox", "reset", "--url", served.url)
    assert (done.code, done.err) == (0, f"{served.url} begins again\n")
    assert portal.leads() == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.amocrm.ru", "example.amocrm.ru is not this machine"),
        ("http://localhost.example.com:8080", "localhost.example.com is not this machine"),
        ("http://0.0.0.0:8080", "0.0.0.0 is not this machine"),
        ("http://192.168.1.5:8080", "192.168.1.5 is not this machine"),
        ("http://127.0.0.1@example.com", "--url must be the origin"),
        ("http://127.0.0.1:8080/api/v4", "--url must be the origin"),
        ("http://127.0.0.1:99999", "--url is not a valid URL"),
        ("ftp://127.0.0.1", "--url must be the origin"),
        ("127.0.0.1:8080", "--url must be the origin"),
        ("", "--url must be the origin"),
    ],
)
def test_only_a_sandbox_of_this_machine_is_reset(run: Run, url: str, told: str) -> None:
    done = run("sandbox", "reset", "--url", url)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"amocrm: {told}")
    assert done.err.count("\n") == 1


class Other(BaseHTTPRequestHandler):
    """A server that is no sandbox, and counts what would change something."""

    posts = 0
    body = b"{}"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self) -> None:
        type(self).posts += 1
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002


@pytest.mark.parametrize(
    "body", [b"{}", b"<html>", b"[]", b'{"actions": 5}', b'{"actions": [5]}', b""]
)
def test_a_server_that_is_no_sandbox_is_left_alone(run: Run, body: bytes) -> None:
    class handler(Other): ...  # noqa: N801

    handler.body = body
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run("sandbox", "reset", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert (done.code, handler.posts) == (1, 0)
    assert done.err.startswith("amocrm: there is no sandbox ")
    assert done.err.count("\n") == 1


def test_nobody_listens(run: Run, free_port: int) -> None:
    done = run("sandbox", "reset", "--url", f"http://127.0.0.1:{free_port}")
    assert done.code == 1
    assert done.err.startswith(f"amocrm: there is no sandbox at http://127.0.0.1:{free_port}: ")
