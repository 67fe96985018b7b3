"""The command line, run in this process against a served shop; and in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from amocrm.sandbox import Sandbox

os.environ["AMOCRM_LANG"] = "en"  # Before the commands are imported, which read it.

from amocrm.cli import application

ROOT = Path(__file__).parents[2]


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Run(Protocol):
    def __call__(self, *arguments: str, stdin: str | bytes = "") -> Done: ...


class Shop(NamedTuple):
    portal: Sandbox
    url: str
    token: str


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    """A portal with the data of a small shop; the tests of the package share it."""
    portal = Sandbox(rps=None, seed=0)
    portal.add_shop()
    with portal.serve() as served:
        yield Shop(portal, served.url, portal.issue_long_lived())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of profiles; no variable names an account."""
    for name in [name for name in os.environ if name.startswith("AMOCRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMOCRM_LANG", "en")
    folder = tmp_path / "config"
    monkeypatch.setenv("AMOCRM_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture
def account(folder: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop is the account, by variables."""
    monkeypatch.setenv("AMOCRM_DOMAIN", "example")
    monkeypatch.setenv("AMOCRM_BASE_URL", shop.url)
    monkeypatch.setenv("AMOCRM_TOKEN", shop.token)
    return shop


@pytest.fixture
def run(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command line in this process."""

    def run(*arguments: str, stdin: str | bytes = "") -> Done:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
        capfd.readouterr()
        code = application.run(arguments)
        return Done(code, *capfd.readouterr())

    return run


def start(
    *arguments: str, variables: Mapping[str, str] | None = None, **settings: object
) -> subprocess.Popen[bytes]:
    """Start the program in a process of its own."""
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "amocrm.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(variables or {})}, **settings,
    )  # fmt: skip
