"""Strangers at the public redirect and the uninstall hook: nobody else's calls fail by them."""

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


class Held:
    """A portal that answers made-up codes only when it is told to; everything else at once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.arrived = threading.Semaphore(0)
        self.go = threading.Event()
        self.codes = 0

    def respond(self, environ: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if b"made-up" in body:
            self.codes += 1
            self.arrived.release()
            assert self.go.wait(30)
        return self.sandbox.respond({**environ, "wsgi.input": io.BytesIO(body)})

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", SandboxAdapter(self.respond, self.sandbox.clock))
        return session


@pytest.fixture
def held(portal: Sandbox) -> Iterator[Held]:
    held = Held(portal)
    yield held
    held.go.set()


@pytest.fixture
def integration(held: Held, clock: ManualClock) -> Iterator[Integration]:
    one = held.sandbox.integration
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), session=held.session(), clock=clock, rate_limiter=None,
    ) as integration:  # fmt: skip
        yield integration


def forged(code: str) -> dict[str, str]:
    return {"code": f"made-up-{code}", "referer": HOST, "from_widget": "1"}


Flood = Callable[[int], list["Future[AmoCRM]"]]


@pytest.fixture
def flood(integration: Integration, held: Held) -> Iterator[Flood]:
    """Bring made-up codes, each in a thread of its own; as many as may are under way then."""
    pool = ThreadPoolExecutor(4)

    def flood(count: int) -> list[Future[AmoCRM]]:
        brought = [
            pool.submit(integration.callback, forged(str(number)), FROM_AMOCRM)
            for number in range(count)
        ]
        for _ in range(min(count, AT_A_TIME)):
            assert held.arrived.acquire(timeout=30)
        return brought

    yield flood
    held.go.set()
    pool.shutdown()


# The account's own calls -------------------------------------------------------------------------


@pytest.mark.parametrize("left", [1000, 600, 200, 0], ids=["fresh", "stale", "due", "expired"])
def test_made_up_codes_under_way_fail_no_call_of_the_account_they_name(
    integration: Integration, held: Held, clock: ManualClock, flood: Flood, left: int
) -> None:
    account = install(integration, held.sandbox)
    clock.advance(DAY - left)
    brought = flood(AT_A_TIME)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(account.request.get, ACCOUNT) for _ in range(10)]
        assert [call.result(30).info.status_code for call in calls] == [200] * 10
    assert not any(one.done() for one in brought)
    held.go.set()
    assert all(isinstance(one.exception(30), GrantError) for one in brought)
    assert account.request.get(ACCOUNT).info.status_code == 200


def test_an_old_hook_and_a_made_up_code_do_not_cost_a_good_pair(
    integration: Integration, held: Held, clock: ManualClock, flood: Flood
) -> None:
    removed: list[str] = []
    site = Client(integration.wsgi_app(on_removed=removed.append))
    account = install(integration, held.sandbox)
    hook = held.sandbox.uninstall_hook().params
    clock.advance(DAY + 1)
    brought = flood(AT_A_TIME)
    for _ in range(2):
        assert site.get("/", query_string=hook).status_code == 200
    held.go.set()
    assert all(isinstance(one.exception(30), GrantError) for one in brought)
    assert site.get("/", query_string=hook).status_code == 200
    assert (removed, integration.accounts()) == ([], [HOST])
    assert account.request.get(ACCOUNT).info.status_code == 200


# How many codes are sent -------------------------------------------------------------------------


def test_only_a_few_made_up_codes_are_under_way_at_a_time(held: Held, flood: Flood) -> None:
    flood(4)
    assert held.codes == AT_A_TIME
    assert not held.arrived.acquire(blocking=False)


class Frozen(ManualClock):
    """A clock that does not move while anybody sleeps: all come at the same moment."""

    def sleep(self, seconds: float) -> None:
        pass


def test_of_a_crowd_of_made_up_codes_few_leave_and_the_rest_is_told_to_come_later(
    held: Held,
) -> None:
    one, clock = held.sandbox.integration, Frozen()
    held.go.set()
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), session=held.session(), clock=clock, rate_limiter=None,
    ) as integration:  # fmt: skip
        site = Client(integration.wsgi_app())
        answers = [
            site.get("/", query_string=forged(str(number))).status_code for number in range(40)
        ]
        sent = AT_A_TIME + int(UNPROVEN_PATIENCE)
        assert answers == [400] * sent + [503] * (40 - sent)
        assert held.codes == sent
        clock.advance(100)
        assert site.get("/", query_string=forged("later")).status_code == 400


def test_a_made_up_code_is_sent_once_whatever_comes_of_it(
    integration: Integration, held: Held
) -> None:
    held.go.set()
    for fault in ("lost_after", "server_error", "too_many"):
        held.sandbox.inject(fault, path=TOKENS)
        before = held.codes
        site = Client(integration.wsgi_app())
        assert site.get("/", query_string=forged(fault)).status_code == 503
        assert held.codes == before + 1


def test_the_limit_spreads_what_waits_and_refuses_what_would_wait_too_long() -> None:
    clock = ManualClock()
    limit = InstallLimit(clock)
    begun = []
    for _ in range(6):
        with limit.slot():
            begun.append(clock.monotonic())
    assert [moment - begun[0] for moment in begun] == [0, 0, 1, 2, 3, 4]


def test_a_turn_is_given_back_whatever_happens() -> None:
    limit = InstallLimit(Frozen())
    for _ in range(AT_A_TIME + int(UNPROVEN_PATIENCE)):
        with pytest.raises(LookupError), limit.slot():
            raise LookupError
    with pytest.raises(BusyError, match="too many authorization codes"), limit.slot():
        pass


def test_made_up_codes_do_not_push_out_a_pair_that_is_not_saved_yet(portal: Sandbox) -> None:
    one, store = portal.integration, Broken()

    def lock(code: str, state: str | None) -> Key:
        return striped(Key(one.client_id, ""), code_digest(code, state, one.client_secret))

    def flood() -> None:
        made_up = [forged(str(number)) for number in range(2 * PENDING)]
        # One that falls on the lock that this very thread holds would wait for it.
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


def test_whoever_brings_the_same_made_up_code_again_does_not_wait_for_it(
    integration: Integration, held: Held, flood: Flood
) -> None:
    flood(1)
    with pytest.raises(BusyError, match="another thread") as busy:
        integration.callback(forged("0"), FROM_AMOCRM)
    assert busy.value.retryable
    assert held.codes == 1
