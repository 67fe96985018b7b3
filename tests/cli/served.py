"""A served sandbox, and the command line run in this process against it."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from amocrm.cli.application import run
from amocrm.sandbox import Sandbox

SETTINGS = (
    "AMOCRM_DOMAIN", "AMOCRM_TOKEN", "AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET",
    "AMOCRM_REDIRECT_URI", "AMOCRM_BASE_URL", "AMOCRM_PROFILE", "AMOCRM_LANG",
)  # fmt: skip


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Run(Protocol):
    """Runs a command line; `env` are variables of the environment."""

    def __call__(self, *arguments: str, **env: str) -> Ran: ...


@contextmanager
def served(portal: Sandbox) -> Generator[str]:
    """Serve a portal; give its address."""
    with portal.serve() as server:
        yield server.url


def runner(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: Mapping[str, str],
) -> Run:
    """Return a function that runs command lines in this process, with profiles in a folder."""

    def run_line(*arguments: str, **env: str) -> Ran:
        with monkeypatch.context() as patch:
            for name in SETTINGS:
                patch.delenv(name, raising=False)
            patch.setenv("AMOCRM_CONFIG_DIR", str(folder / "config"))
            for name, value in {**settings, **env}.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = run(arguments)
        written = capsys.readouterr()
        return Ran(code, written.out, written.err)

    return run_line
