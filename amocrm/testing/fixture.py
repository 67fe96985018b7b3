"""`SandboxFixture`: a sandbox with one account for one test, and `sandbox`, which opens it."""

from __future__ import annotations

import copy
import dataclasses
import difflib
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from amocrm._support.clock import SystemClock
from amocrm.auth.settings import AuthSettings
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError
from amocrm.http.hosts import account_host
from amocrm.http.messages import Json, Timeout
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.sandbox import Account, FaultPlan, ManualClock, Sandbox, Seen
from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.plans import Plan
from amocrm.sandbox.engine.view import plain
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.rate_limit import Verdict
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.schema.document import Source
from amocrm.stores.store import TokenStore
from amocrm.testing.creations import KINDS, Creations
from amocrm.testing.refusals import reason, told

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REFUSED: Final = 400
"""The lowest status of an answer that refuses."""

_DELAYS: Final = ("latency", "jitter", "handshake", "retry_after")
"""Members of a FaultPlan that are seconds; the others are chances."""


class SandboxFixture(Sandbox):
    """A sandbox with one account, by a clock that stands still, for one test.

    It is all that `amocrm.sandbox.Sandbox` is, and it remembers what the code under test did.

    Args:
        account: the account's name, or its host, such as `mycompany.kommo.com`.
        schema: what the account is made of: a document of `amocrm sandbox clone`, or its path.
        plan: `basic`, `advanced` or `professional`; by default what the schema says, or all.
        rps: requests that may pass in one second; by default all of them may.
        faults: chances of faults: a `FaultPlan`, or its members, such as `{"lost_after": 0.1}`.
        seed: decides ids, secrets and the draws of the faults.

    Raises:
        ConfigurationError: an argument is wrong; the message names it.
    """

    def __init__(
        self,
        *,
        account: str = "example",
        schema: Source | None = None,
        plan: Plan | None = None,
        rps: int | None = None,
        faults: FaultPlan | Mapping[str, float | None] | None = None,
        seed: int | None = None,
    ) -> None:
        self._manual_clock = ManualClock(float(int(SystemClock().time())))
        self._clients: list[AmoCRM] = []
        self._reasons: dict[int, str] = {}
        self._creations = Creations()
        super().__init__(
            (_read_account(account),),
            rps=_read_rps(rps),
            clock=self._manual_clock,
            seed=seed,
            faults=_read_faults(faults),
            schema=schema,
        )
        if plan is not None:
            self.set_plan(plan)

    @property
    def clock(self) -> ManualClock:
        """The time of the sandbox and of its clients; only `clock.advance` moves it."""
        return self._manual_clock

    def client(
        self,
        auth: AuthSettings | None = None,
        *,
        account: str | Account | None = None,
        store: TokenStore | None = None,
        rate_limiter: RateLimiter | float | None = None,
        timeout: float | Timeout | None = None,
        user_agent: str | None = None,
        lenient: bool = False,
    ) -> AmoCRM:
        """Return a client of an account, connected and without a rate limit.

        It shares the clock with the sandbox, so no wait takes time. It is closed with the sandbox.

        Args:
            auth: as in `AmoCRM`; by default those of the integration, with a pair of tokens.
            account: the first one if None.
            store: as in `AmoCRM`, as all that follow.
            rate_limiter: by default there is none.
            timeout: of each attempt.
            user_agent: the name of your application.
            lenient: send what this version does not know.
        """
        where = self.account(account)
        one = self.integration
        client = AmoCRM(
            where.host,
            {
                "client_id": one.client_id,
                "client_secret": one.client_secret,
                "redirect_uri": one.redirect_uri,
            }
            if auth is None
            else auth,
            store=store,
            rate_limiter=rate_limiter,
            timeout=timeout,
            session=self.session(),
            user_agent=user_agent,
            lenient=lenient,
            clock=self.clock,
        )
        if auth is None:
            client.connection.set_token(self.issue_pair(where))
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the clients."""
        while self._clients:
            self._clients.pop().close()

    @property
    def calls(self) -> list[Seen]:
        """The requests to the API, in the order of arrival; `log` has those for tokens, too."""
        return [one for one in self.log if not one.path.startswith("/oauth")]

    def assert_no_refusals(self, allow: Iterable[int] = ()) -> None:
        """Check that no request was answered 400 or more.

        Faults that were injected do not count.

        Args:
            allow: statuses that are all right, such as 404.

        Raises:
            AssertionError: there was one; the message lists them.
        """
        __tracebackhide__ = True
        allowed, log = frozenset(allow), self.log
        refused = [
            (one, self._reasons.get(one.number, ""))
            for one in log
            if one.status >= _REFUSED and not one.fault and one.status not in allowed
        ]
        if refused:
            raise AssertionError(told(refused, len(log)))

    def created(self, kind: str, account: str | Account | None = None) -> list[dict[str, Json]]:
        """Return what requests created, as it is now, in the order of creation.

        What the test itself put into the sandbox, by `add` for example, is not among it.

        Args:
            kind: such as `leads`, `contacts`, `tasks`, `leads/notes`, `webhooks`.
            account: the first one if None.

        Raises:
            ConfigurationError: there is no such kind.
        """
        if kind not in KINDS:
            near = difflib.get_close_matches(str(kind), KINDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(KINDS)}"
            raise ConfigurationError(f"created has no kind {kind!r}", hint=hint)
        with self._lock:
            where = self.account(account)
            found = self._creations.of(where, kind)
            if kind in ENTITY_TYPES:
                return [plain(where, kind, one, copy.deepcopy) for one in found]
            return [
                {name: copy.deepcopy(one[name]) for name in one if not name.startswith("_")}
                for one in found
            ]

    def respond(self, environ: WSGIEnvironment) -> Answer:
        """Answer a request, and remember why it was refused."""
        answer = super().respond(environ)
        if answer.status >= _REFUSED:
            number = dict(answer.headers).get("X-Request-Id")
            if number is not None:
                self._reasons[int(number, 16)] = reason(answer.body)
        return answer

    def reset(self) -> None:
        """Begin again, as after the construction."""
        with self._lock:
            super().reset()
            self._reasons.clear()
            self._creations = Creations()

    def _effect(
        self, request: IncomingRequest, verdict: Verdict, now: float
    ) -> tuple[Answer, Account | None]:
        if request.method in ("GET", "DELETE"):
            return super()._effect(request, verdict, now)
        before = self._creations.state(self.accounts)
        effect = super()._effect(request, verdict, now)
        self._creations.note(self.accounts, before)
        return effect


@contextmanager
def sandbox(
    *,
    account: str = "example",
    schema: Source | None = None,
    plan: Plan | None = None,
    rps: int | None = None,
    faults: FaultPlan | Mapping[str, float | None] | None = None,
    seed: int | None = None,
) -> Generator[SandboxFixture]:
    """Open a sandbox with one account while the block runs; see `SandboxFixture`."""
    opened = SandboxFixture(
        account=account, schema=schema, plan=plan, rps=rps, faults=faults, seed=seed
    )
    try:
        yield opened
    finally:
        opened.close()


def _read_rps(rps: int | None) -> int | None:
    if rps is None or (isinstance(rps, int) and not isinstance(rps, bool) and rps > 0):
        return rps
    raise ConfigurationError("rps must be a whole number above 0, or None for no limit")


def _read_faults(faults: FaultPlan | Mapping[str, float | None] | None) -> FaultPlan | None:
    if faults is None:
        return None
    if isinstance(faults, FaultPlan):
        return dataclasses.replace(faults)  # A marker gives one plan to several tests.
    known = [one.name for one in dataclasses.fields(FaultPlan)]
    if not isinstance(faults, Mapping):
        raise ConfigurationError("faults must be a FaultPlan or a dict of its members")
    plan = FaultPlan()
    for name, value in faults.items():
        if name not in known:
            raise ConfigurationError(f"faults has no {name!r}", hint=f"one of {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ConfigurationError(f"{name} of faults must be a number that is not below 0")
        if name not in _DELAYS and value > 1:
            raise ConfigurationError(f"{name} of faults is a chance between 0 and 1, not {value}")
        setattr(plan, name, value)
    return plan


def _read_account(account: str) -> str:
    try:
        return account_host(account)
    except ConfigurationError:
        raise ConfigurationError(
            "account must be a name such as mycompany, or a host such as mycompany.kommo.com"
        ) from None
