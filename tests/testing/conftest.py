"""Runs of pytest inside tests, with the plugin and without any other."""

from __future__ import annotations

from typing import Protocol

import pytest

# What a run inside a test imports first, it imports anew each time.
from amocrm.testing import fixture as fixture

PLUGIN = "amocrm.testing.plugin"


class Run(Protocol):
    """Runs pytest in this process on one file; checks the outcomes that are given."""

    def __call__(self, text: str, *options: str, **outcomes: int) -> str: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text: str, *options: str, **outcomes: int) -> str:
        pytester.makepyfile(test_one=text)
        done = pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider", *options)
        if outcomes:
            assert done.parseoutcomes() == outcomes
        return "\n".join(done.outlines + done.errlines)

    return run
