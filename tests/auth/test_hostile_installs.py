"""Strangers at the public redirect and at the uninstall hook fail no other call."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests
from werkzeug.test import Client

from amocrm import (
    FROM_AMOCRM,
    AmoCRM,
    BusyError,
    GrantError,
    Integration,
    MemoryStore,
    TokenStoreError,
)
from amocrm.auth.installation.install_limit import AT_A_TIME, InstallLimit
from amocrm.auth.installation.installer import PENDING
from amocrm.auth.token_endpoint import UNPROVEN_PATIENCE
from amocrm.auth.token_record import code_digest
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.http.adapter import SandboxAdapter
from amocrm.stores.store import Key, striped
from tests.auth.test_integration import agreed, install, meanwhile
from tests.auth.test_refresh_safety import Broken

DAY = 86_400
ACCOUNT = "/api/v4/account"
TOKENS = "/oauth2/access_token"
HOST = "example.amocrm.ru"


class DelayedPortal:
    """A portal that responds to made-up codes after `go`, and to everything else at once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.arrived = threading.Semaphore(0)
        self.go = threading.Event()
        self._codes: list[bytes] = []

    @property
    def codes(self) -> int:
        """How many made-up codes have come."""
        return len(self._codes)

    def respond(self, environ: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if b"made-up" in body:
            self._codes.append(body)  # In one step, whatever other threads do.
            self.arrived.release()
            assert self.go.wait(30)
        return self.sandbox.respond({**environ, "wsgi.input": io.BytesIO(body)})

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", SandboxAdapter(self.respond, self.sandbox.clock))
        return session


@pytest.fixture
def delayed(portal: Sandbox) -> Iterator[DelayedPortal]:
    delayed = DelayedPortal(portal)
    yield delayed
    delayed.go.set()


@pytest.fixture
def integration(delayed: DelayedPortal, clock: ManualClock) -> Iterator[Integration]:
    one = delayed.sandbox.integration
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), session=delayed.session(), clock=clock, rate_limiter=None,
    ) as integration:  # fmt: skip
        yield integration


def forged(code: str) -> dict[str, str]:
    return {"code": f"made-up-{code}", "referer": HOST, "from_widget": "1"}


Flood = Callable[[int], list["Future[AmoCRM]"]]


@pytest.fixture
def flood(integration: Integration, delayed: DelayedPortal) -> Iterator[Flood]:
    """Send made-up codes, each in its own thread, until as many as allowed are in progress."""
    pool = ThreadPoolExecutor(4)

    def flood(count: int) -> list[Future[AmoCRM]]:
        installs = [
            pool.submit(integration.callback, forged(str(number)), FROM_AMOCRM)
            for number in range(count)
        ]
        for _ in range(min(count, AT_A_TIME)):
            assert delayed.arrived.acquire(timeout=30)
        return installs

    yield flood
    delayed.go.set()
    pool.shutdown()


# The account's own calls -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seconds_left", [1000, 600, 200, 0], ids=["fresh", "stale", "due", "expired"]
)
def test_made_up_codes_in_progress_fail_no_call_of_the_named_account(
    integration: Integration,
    delayed: DelayedPortal,
    clock: ManualClock,
    flood: Flood,
    seconds_left: int,
) -> None:
    account = install(integration, delayed.sandbox)
    clock.advance(DAY - seconds_left)
    installs = flood(AT_A_TIME)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(account.request.get, ACCOUNT) for _ in range(10)]
        assert [call.result(30).info.status_code for call in calls] == [200] * 10
    assert not any(one.done() for one in installs)
    delayed.go.set()
    assert all(isinstance(one.exception(30), GrantError) for one in installs)
    assert account.request.get(ACCOUNT).info.status_code == 200


def test_an_old_hook_and_a_made_up_code_do_not_remove_a_valid_pair(
    integration: Integration, delayed: DelayedPortal, clock: ManualClock, flood: Flood
) -> None:
    removed: list[str] = []
    site = Client(integration.wsgi_app(on_removed=removed.append))
    account = install(integration, delayed.sandbox)
    hook = delayed.sandbox.uninstall_hook().params
    clock.advance(DAY + 1)
    installs = flood(AT_A_TIME)
    for _ in range(2):
        assert site.get("/", query_string=hook).status_code == 200
    delayed.go.set()
    assert all(isinstance(one.exception(30), GrantError) for one in installs)
    assert site.get("/", query_string=hook).status_code == 200
    assert (removed, integration.accounts()) == ([], [HOST])
    assert account.request.get(ACCOUNT).info.status_code == 200


# How many codes are sent -------------------------------------------------------------------------


def test_only_two_made_up_codes_are_sent_at_the_same_time(
    delayed: DelayedPortal, flood: Flood
) -> None:
    flood(4)
    assert delayed.codes == AT_A_TIME
    assert not delayed.arrived.acquire(blocking=False)


class Frozen(ManualClock):
    """A clock that does not advance during a sleep: all codes come at the same moment."""

    def sleep(self, seconds: float) -> None:
        pass


def test_of_many_made_up_codes_few_are_sent_and_the_rest_gets_503(
    delayed: DelayedPortal,
) -> None:
    one, clock = delayed.sandbox.integration, Frozen()
    delayed.go.set()
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), session=delayed.session(), clock=clock, rate_limiter=None,
    ) as integration:  # fmt: skip
        site = Client(integration.wsgi_app())
        answers = [
            site.get("/", query_string=forged(str(number))).status_code for number in range(40)
        ]
        sent = AT_A_TIME + int(UNPROVEN_PATIENCE)
        assert answers == [400] * sent + [503] * (40 - sent)
        assert delayed.codes == sent
        clock.advance(100)
        assert site.get("/", query_string=forged("later")).status_code == 400


def test_a_made_up_code_is_sent_once_even_without_a_response(
    integration: Integration, delayed: DelayedPortal
) -> None:
    delayed.go.set()
    for fault in ("lost_after", "server_error", "too_many"):
        delayed.sandbox.inject(fault, path=TOKENS)
        before = delayed.codes
        site = Client(integration.wsgi_app())
        assert site.get("/", query_string=forged(fault)).status_code == 503
        assert delayed.codes == before + 1


def test_the_install_limit_delays_exchanges_and_refuses_long_waits() -> None:
    clock = ManualClock()
    limit = InstallLimit(clock)
    begun = []
    for _ in range(6):
        with limit.slot():
            begun.append(clock.monotonic())
    assert [moment - begun[0] for moment in begun] == [0, 0, 1, 2, 3, 4]


def test_a_slot_of_the_install_limit_is_released_after_an_error() -> None:
    limit = InstallLimit(Frozen())
    for _ in range(AT_A_TIME + int(UNPROVEN_PATIENCE)):
        with pytest.raises(LookupError), limit.slot():
            raise LookupError
    with pytest.raises(BusyError, match="too many authorization codes"), limit.slot():
        pass


def test_made_up_codes_do_not_displace_an_unsaved_pair(portal: Sandbox) -> None:
    one, store = portal.integration, Broken()

    def lock(code: str, state: str | None) -> Key:
        return striped(Key(one.client_id, ""), code_digest(code, state, one.client_secret))

    def flood() -> None:
        made_up = [forged(str(number)) for number in range(2 * PENDING)]
        # A code with the lock that this thread holds would wait for it.
        free = [each for each in made_up if lock(each["code"], None) != lock(redirect["code"], "s")]
        for each in free:
            with pytest.raises((GrantError, BusyError)):
                integration.callback(each, FROM_AMOCRM)
        store.trouble = OSError("no space left")

    with Integration(
        one.client_id, one.client_secret, one.redirect_uri, store=store, clock=Frozen(),
        rate_limiter=None, session=meanwhile(portal, flood, b"authorization_code"),
    ) as integration:  # fmt: skip
        redirect = agreed(integration, portal)
        with pytest.raises(TokenStoreError):
            integration.callback(redirect, state="s")
        store.trouble = None
        account = integration.callback(redirect, state="s")
        assert account.request.get(ACCOUNT).info.status_code == 200


def test_a_repeated_made_up_code_does_not_wait_for_the_first(
    integration: Integration, delayed: DelayedPortal, flood: Flood
) -> None:
    flood(1)
    with pytest.raises(BusyError, match="another thread") as busy:
        integration.callback(forged("0"), FROM_AMOCRM)
    assert busy.value.retryable
    assert delayed.codes == 1
