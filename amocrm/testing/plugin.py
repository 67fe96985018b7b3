"""The pytest plugin: fixtures, options and the marker. Imports nothing but pytest until used."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import pytest

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.http.messages import Json
    from amocrm.sandbox import ManualClock
    from amocrm.sandbox.webhooks.triggers import Webhooks
    from amocrm.testing.fixture import SandboxFixture
    from amocrm.testing.live import LiveAccount

T = TypeVar("T")

MARKER: Final = "amocrm"

KEYWORDS: Final = ("account", "schema", "plan", "rps", "faults")
"""What the marker takes."""


class AmoCRMServer(NamedTuple):
    """A sandbox on a port of this machine.

    Attributes:
        url: origin of the account; the paths of the API begin after it.
        port: the number of the port.
        access_token: a long-lived token of the account.
        client_id, client_secret, redirect_uri, code: of an integration, with a fresh code.
    """

    url: str
    port: int
    access_token: str
    client_id: str
    client_secret: str
    redirect_uri: str
    code: str

    def __repr__(self) -> str:
        return f"<AmoCRMServer at {self.url}>"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("amocrm", "amoCRM / Kommo")
    group.addoption(
        "--amocrm-schema", metavar="FILE",
        help="JSON of an account's pipelines, fields and users, from `amocrm sandbox clone`: the "
        "sandbox of each test is shaped like it",
    )  # fmt: skip
    group.addoption(
        "--amocrm-seed", metavar="N", type=int,
        help="decides ids, secrets and the draws of faults, so that a run can be repeated",
    )  # fmt: skip
    group.addoption(
        "--amocrm-live", metavar="PROFILE",
        help="run the tests that use `amocrm` on the account of this profile of the command line, "
        "at the allowed rate; tests that need the sandbox are skipped",
    )  # fmt: skip
    group.addoption(
        "--amocrm-live-writes", action="store_true",
        help="let tests change the account of --amocrm-live; without it they only read",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; check that the options fit each other."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}({', '.join(f'{name}=None' for name in KEYWORDS)}): the sandbox of the test: "
        "the account's host, a schema's file, the plan, the rate limit, chances of faults",
    )
    if config.option.amocrm_live_writes and not config.option.amocrm_live:
        raise pytest.UsageError("--amocrm-live-writes needs --amocrm-live PROFILE")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell on which account the tests run, if it is a real one."""
    profile = config.option.amocrm_live
    if profile is None:
        return None
    allowed = "reads and writes" if config.option.amocrm_live_writes else "reads only"
    return f"amocrm: live on the account of the profile {profile!r}, {allowed}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a wrong marker, whether the test uses a fixture or not."""
    _marked(item)


@pytest.fixture
def amocrm_sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxFixture]:
    """Give the sandbox of this test: an account of its own, and what the code did to it."""
    _need_sandbox(request)
    opened = _opened(lambda: _open_sandbox(request))
    yield opened
    opened.close()


@pytest.fixture
def amocrm_clock(amocrm_sandbox: SandboxFixture) -> ManualClock:
    """Give the clock of the sandbox and of its client: `advance` moves it, nothing waits."""
    return amocrm_sandbox.clock


@pytest.fixture
def amocrm_webhooks(amocrm_sandbox: SandboxFixture) -> Webhooks:
    """Give what sends the account's webhooks: `subscribe` an app, and `deliver`."""
    return amocrm_sandbox.webhooks


@pytest.fixture
def amocrm_server(amocrm_sandbox: SandboxFixture) -> Iterator[AmoCRMServer]:
    """Serve the sandbox of this test on a port, for programs in other languages."""
    with amocrm_sandbox.serve(threads=8) as served:
        one = amocrm_sandbox.integration
        yield AmoCRMServer(
            served.url,
            served.port,
            amocrm_sandbox.issue_long_lived(),
            one.client_id,
            one.client_secret,
            one.redirect_uri,
            amocrm_sandbox.issue_code(),
        )


@pytest.fixture
def amocrm(request: pytest.FixtureRequest) -> Iterator[AmoCRM]:
    """Give a connected client of the sandbox; with --amocrm-live, of the real account."""
    if request.config.option.amocrm_live is None:
        portal: SandboxFixture = request.getfixturevalue("amocrm_sandbox")
        yield portal.client()
        return
    live: LiveAccount = request.getfixturevalue("_amocrm_live")
    yield live.client
    live.client.off()  # Handlers are this test's own.


@pytest.fixture(scope="session")
def _amocrm_live(request: pytest.FixtureRequest) -> Iterator[LiveAccount]:
    opened = _opened(lambda: _open_live(request.config))
    yield opened
    opened.close()


def _open_sandbox(request: pytest.FixtureRequest) -> SandboxFixture:
    from amocrm.testing.fixture import SandboxFixture

    config = request.config
    settings = _marked(request.node)
    schema = settings.pop("schema", None)
    if isinstance(schema, (str, os.PathLike)):  # Of the marker: beside the test.
        settings["schema"] = request.path.parent / schema
    elif schema is not None:
        settings["schema"] = schema
    elif (option := config.option.amocrm_schema) is not None:
        settings["schema"] = config.invocation_params.dir / option
    return SandboxFixture(**settings, seed=config.option.amocrm_seed)


def _open_live(config: pytest.Config) -> LiveAccount:
    from amocrm.testing.live import open_live

    writes = config.option.amocrm_live_writes
    return open_live(config.option.amocrm_live, writes=writes)


def _need_sandbox(request: pytest.FixtureRequest) -> None:
    """Skip a test that no real account can do."""
    profile = request.config.option.amocrm_live
    if profile is not None:
        pytest.skip(f"it needs the sandbox, and --amocrm-live {profile} runs on a real account")


def _marked(item: pytest.Item) -> dict[str, Json]:
    """Return the keywords of the markers of a test: the nearest marker has the last word."""
    settings: dict[str, Json] = {}
    for mark in item.iter_markers(MARKER):
        if mark.args:
            pytest.fail(f"@pytest.mark.{MARKER} takes keywords only: {_known()}", pytrace=False)
        for name, value in mark.kwargs.items():
            if name not in KEYWORDS:
                near = difflib.get_close_matches(name, KEYWORDS, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it takes {_known()}"
                pytest.fail(
                    f"@pytest.mark.{MARKER} has no keyword {name!r} ({hint})", pytrace=False
                )
            settings.setdefault(name, value)
    return settings


def _known() -> str:
    return ", ".join(KEYWORDS)


def _opened(make: Callable[[], T]) -> T:
    """Return what a function makes; its errors are told in one line, without a traceback."""
    from amocrm.errors import AmoCRMError

    try:
        return make()
    except (AmoCRMError, ValueError) as error:
        failure = str(error)
    except ImportError as error:
        failure = f"{error}: pip install 'amocrm-python[testing]'"
    pytest.fail(failure, pytrace=False)
