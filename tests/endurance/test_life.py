"""After any events in any order, an authorization that amoCRM has not withdrawn works.

A state machine over two processes that share a store, each with a clock of its own that may be
wrong; the portal (grace mode, reference 2.6) is the other half of the model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amocrm import (
    AmoCRM,
    AuthorizationError,
    GrantError,
    MemoryStore,
    RateLimitedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnexpectedReplyError,
)
from amocrm.auth.cooldowns import AFTER_401_COOLDOWN
from amocrm.auth.token_record import Record, read_record
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.auth.test_refresh_timing import DAY, Stepping
from tests.endurance.conftest import ROUNDS, auth_of

TOKENS = "/oauth2/access_token"
ACCOUNT = "/api/v4/account"
BOTH = ("one", "two")
FAULTS = (TransportError, ServerError, UnexpectedReplyError, RateLimitedError)
WHO = st.sampled_from(BOTH)


class Crash(BaseException):
    """The process is killed here."""


class CrashingSession(requests.Session):
    """Crashes on demand between the response to a grant and its save."""

    doomed = False

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        answer = super().send(request, **settings)
        if self.doomed and str(request.url).endswith(TOKENS):
            raise Crash
        return answer


class Life(RuleBasedStateMachine):
    """Two processes and a portal."""

    @initialize()
    def begin(self) -> None:
        self.clock = ManualClock()
        self.sandbox = Sandbox(clock=self.clock, rps=None, refresh_mode="grace")
        self.store, self.names = MemoryStore(), iter(range(1000))
        self.clocks = {who: Stepping(self.clock) for who in BOTH}
        self.sessions: dict[str, CrashingSession] = {}
        self.clients: dict[str, AmoCRM] = {}
        for who in BOTH:
            self.restart(who)
        self.authorised = False
        self.new_code("one")

    @rule(who=WHO)
    def restart(self, who: str) -> None:
        session = CrashingSession()
        self.sandbox.mount(session)
        self.sessions[who] = session
        self.clients[who] = AmoCRM(
            "example", auth_of(self.sandbox), session=session, clock=self.clocks[who],
            store=self.store, rate_limiter=None,
        )  # fmt: skip

    def patiently(self, do: Callable[[], object]) -> object:
        """Repeat a step while injected faults last longer than the client's retries."""
        for _ in range(20):
            try:
                return do()
            except FAULTS:
                self.clock.advance(1)
            except UnauthorizedError as error:
                # A refresh that failed by an injected fault has a cooldown.
                if "could not be refreshed" not in str(error):
                    raise
                self.clock.advance(AFTER_401_COOLDOWN)
        raise AssertionError("the weather should have cleared long ago")

    @rule(who=WHO)
    def call(self, who: str) -> None:
        if self.authorised:
            assert self.patiently(lambda: self.clients[who].request.get(ACCOUNT).data["id"])
        else:
            with pytest.raises((AuthorizationError, UnauthorizedError)):
                self.patiently(lambda: self.clients[who].request.get(ACCOUNT))

    @precondition(lambda self: self.authorised)
    @rule(threads=st.integers(2, 4))
    def call_together(self, threads: int) -> None:
        calls_before = len(self.sandbox.log)
        with ThreadPoolExecutor(threads * 2) as pool:
            calls = [pool.submit(self.call, who) for who in BOTH for _ in range(threads)]
            for call in calls:
                call.result()
        grants = [one for one in self.sandbox.log[calls_before:] if one.path == TOKENS]
        assert sum(not one.fault for one in grants) <= 2, (
            "one for each clock, without injected faults"
        )

    @rule(who=WHO)
    def refresh(self, who: str) -> None:
        if self.authorised:
            assert self.patiently(self.clients[who].connection.refresh_token)

    @rule(seconds_left=st.sampled_from([1000, 600, 200, 0, -100_000]))
    def age(self, seconds_left: int) -> None:
        self.clock.advance(DAY - seconds_left)

    @rule()
    def lose_an_answer(self) -> None:
        self.sandbox.inject("lost_after", path=TOKENS)

    @rule(fault=st.sampled_from(["server_error", "html", "lost_before", "too_many", "half_body"]))
    def spoil_a_grant(self, fault: str) -> None:
        self.sandbox.inject(fault, path=TOKENS)

    @precondition(lambda self: self.authorised)
    @rule(who=WHO)
    def crash(self, who: str) -> None:
        self.sessions[who].doomed = True
        # There is no crash if the other process has refreshed, or if no response comes.
        with contextlib.suppress(Crash, *FAULTS):
            self.clients[who].connection.refresh_token()
        self.restart(who)

    @precondition(lambda self: self.authorised)
    @rule()
    def move(self) -> None:
        self.sandbox.move(None, f"name{next(self.names)}")
        self.clock.advance(DAY)
        for who in BOTH:
            self.call(who)

    @rule()
    def withdraw(self) -> None:
        self.sandbox.uninstall()
        self.authorised = False

    @rule(who=WHO)
    def new_code(self, who: str) -> None:
        client = self.clients[who]
        if not self.authorised:
            # A new process does not know the new host yet.
            self.clients[who] = client = AmoCRM(
                client.connection.status().host, auth_of(self.sandbox),
                session=self.sessions[who], clock=self.clocks[who], store=self.store,
                rate_limiter=None,
            )  # fmt: skip
        while True:
            code = self.sandbox.issue_code()
            try:
                self.patiently(partial(client.connection.set_code, code))
            except GrantError as error:
                # A code works once: if its response is lost, a person agrees again.
                if "response was lost" not in str(error):
                    raise
            else:
                break
        self.authorised = True

    @rule(who=WHO, seconds=st.sampled_from([-400 * DAY, -2 * DAY, -600, 0, 600, 2 * DAY]))
    def set_clock(self, who: str, seconds: int) -> None:
        self.clocks[who].wrong_by = seconds

    @invariant()
    def what_is_stored_is_whole(self) -> None:
        key = Key(self.sandbox.integration.client_id, str(self.sandbox.account().id))
        text = self.store.load(key)
        if text is not None:
            assert isinstance(read_record(text, *key), Record)


TestLife = pytest.mark.endurance(Life.TestCase)
TestLife.settings = settings(
    max_examples=ROUNDS * 4,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
