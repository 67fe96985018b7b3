"""Runs of pytest inside tests, with the plugin and without any other."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages
from typing import Protocol

import pytest

import amocrm.auth
import amocrm.bulk
import amocrm.http
import amocrm.resources
import amocrm.testing

PLUGIN = "amocrm.testing.plugin"

OPTIONS = ("-p", PLUGIN, "-p", "no:cacheprovider", "-W", "ignore:Module already imported")
"""Of a run inside a test, where the outer run has imported the plugin."""

# A run inside a test forgets at its end what it has imported. The library imports much when it is
# first used, and classes of a module that is imported twice are two.
for package in (amocrm.auth, amocrm.bulk, amocrm.http, amocrm.resources, amocrm.testing):
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(found.name)


class Run(Protocol):
    """Runs pytest in this process on one file; checks the outcomes that are given."""

    def __call__(self, text: str, *options: str, **outcomes: int) -> str: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text: str, *options: str, **outcomes: int) -> str:
        pytester.makepyfile(test_one=text)
        done = pytester.runpytest_inprocess(*OPTIONS, *options)
        if outcomes:
            assert done.parseoutcomes() == outcomes
        return "\n".join(done.outlines + done.errlines)

    return run
