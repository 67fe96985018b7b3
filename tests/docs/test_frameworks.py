"""The examples for web frameworks, each driven by its framework's own test client."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from amocrm.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


class Page(NamedTuple):
    status: int
    location: str
    text: str


Visit = Callable[[str], Page]


def by_flask(module: ModuleType) -> Visit:
    client: Any = module.app.test_client()

    def visit(path: str) -> Page:
        answer = client.get(path)
        return Page(answer.status_code, answer.headers.get("Location", ""), answer.text)

    return visit


def by_fastapi(module: ModuleType) -> Visit:
    from fastapi.testclient import TestClient

    client = TestClient(module.app, follow_redirects=False)

    def visit(path: str) -> Page:
        answer = client.get(path)
        return Page(answer.status_code, answer.headers.get("Location", ""), answer.text)

    return visit


def by_django(module: ModuleType) -> Visit:
    from django.test import Client
    from werkzeug.test import Client as Browser

    # Django's client asks Django's handler, past what is mounted beside it.
    client, browser = Client(), Browser(module.application)

    def visit(path: str) -> Page:
        if path.startswith("/amocrm"):
            page = browser.get(path)
            return Page(page.status_code, page.headers.get("Location", ""), page.text)
        answer = client.get(path)
        assert browser.get(path).data == answer.content
        return Page(answer.status_code, "", answer.content.decode())

    return visit


FRAMEWORKS = {
    "flask": (by_flask, ["flask"]),
    "fastapi": (by_fastapi, ["fastapi", "a2wsgi", "httpx"]),
    "django": (by_django, ["django"]),
}


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    for distribution in FRAMEWORKS[name][1]:
        try:
            version(distribution)
        except PackageNotFoundError:
            # A gate that leaves an example out would say nothing.
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{distribution} is missing")
    return name


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(("example", "other"), redirect_uri="http://localhost/amocrm/")


@pytest.fixture
def visit(
    framework: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Visit]:
    one, name = sandbox.integration, f"{framework}_app"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AMOCRM_CLIENT_ID", one.client_id)
    monkeypatch.setenv("AMOCRM_CLIENT_SECRET", one.client_secret)
    monkeypatch.setenv("AMOCRM_REDIRECT_URI", one.redirect_uri)
    monkeypatch.setenv("AMOCRM_TOKENS", str(tmp_path / "tokens"))
    with sandbox.serve() as served:
        monkeypatch.setenv("AMOCRM_BASE_URL", served.url)
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        yield FRAMEWORKS[framework][0](module)
        module.integration.close()


@pytest.mark.filterwarnings("ignore:Using `httpx` with")
def test_an_account_installs_is_read_and_leaves(visit: Visit, sandbox: Sandbox) -> None:
    assert visit("/leads/example").status == 404
    start = visit("/amocrm/install")
    assert start.status == 302
    redirect = urlsplit(sandbox.agree(start.location))
    forged = redirect.query.replace("state=", "state=x")
    assert visit(f"{redirect.path}?{forged}").status == 400
    for _ in range(2):
        answer = visit(f"{redirect.path}?{redirect.query}")
        assert answer.status == 200
        assert "Интеграция подключена" in answer.text
    assert visit("/leads/example").text.strip() == "[]"
    sandbox.add("leads", {"name": "First"})
    assert '"First"' in visit("/leads/example").text
    assert visit("/leads/other").status == 404
    hook = urlsplit(sandbox.uninstall_hook().url)
    sandbox.uninstall()
    assert visit(f"/amocrm{hook.path}?{hook.query}").status == 200
    assert visit("/leads/example").status == 404
    assert sandbox.counters["grants.code"] == 1


def test_each_example_is_short() -> None:
    for name in FRAMEWORKS:
        text = (EXAMPLES / f"{name}_app.py").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 60
