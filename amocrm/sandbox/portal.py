"""`Sandbox`: the object that tests and people work with.

A WSGI application over accounts in memory. One lock guards the state; no thread sleeps while it
holds the lock.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from errno import ECONNRESET
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal
from wsgiref.handlers import format_date_time

import requests

from amocrm.api_limits import ACCESS_TOKEN_SECONDS, REQUESTS_PER_SECOND
from amocrm.sandbox.clock import Clock, SystemClock
from amocrm.sandbox.control import dispatch as control
from amocrm.sandbox.control.feed import PARTS
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.data_admin import DataAdmin
from amocrm.sandbox.faults.effects import apply_fault, blocked
from amocrm.sandbox.faults.plan import FaultInjector, FaultPlan, Injected
from amocrm.sandbox.http.adapter import SandboxAdapter
from amocrm.sandbox.http.answer import Answer, BodyStream, Json, phrase
from amocrm.sandbox.http.exchange import Exchange
from amocrm.sandbox.http.guard import CONTROL, Guard, is_loopback
from amocrm.sandbox.http.problem import ProblemError, too_many
from amocrm.sandbox.http.rate_limit import RateLimiter, RateLimits, Verdict
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.http.request_log import Arrival, Log, Seen
from amocrm.sandbox.http.server import Served, serve
from amocrm.sandbox.oauth.tokens import RefreshMode
from amocrm.sandbox.page import app as page
from amocrm.sandbox.schema.document import Source, read_schema

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_CHUNK = 65536


class Sandbox(DataAdmin):
    """A strict local portal.

    Args:
        accounts: subdomains, or full hosts such as `shop.kommo.com`; the first is the default.
        rps: API requests that may pass in one second: of an integration in an account of amocrm.ru,
            of all together on amocrm.com and kommo.com; None switches the rate limiter off. By
            default as many as the schema says, or 7.
        limits: what is counted instead: per integration, per account, per address.
        refresh_mode: `strict` kills a refresh token when it is exchanged, `grace` when its
            successor is (reference 2.6).
        clock: a `ManualClock` for tests; the real one otherwise.
        seed: decides ids, secrets and the draws of the injected faults. Without one, secrets are
            random, and the injected faults are those of seed 0.
        faults: chances of injected faults; none by default.
        redirect_uri: setting of the first integration.
        client_id: of the first integration; made up by default.
        client_secret: of the first integration; made up by default.
        hook_url: of the first integration: what is called when an account removes it.
        token_lifetime: seconds that an access token of a pair lives.
        schema: what the first account is made of: a document, or the path of its file.

    Raises:
        SchemaError: the schema is bad.

    Attributes:
        rate_limiter: the limiter, should a test want other borders, or its counters per scope.
    """

    def __init__(
        self,
        accounts: Sequence[str] = ("example",),
        *,
        rps: int | Literal["default"] | None = "default",
        limits: RateLimits | None = None,
        refresh_mode: RefreshMode = "strict",
        clock: Clock | None = None,
        seed: int | None = None,
        faults: FaultPlan | None = None,
        redirect_uri: str = "http://127.0.0.1:3000/",
        client_id: str | None = None,
        client_secret: str | None = None,
        hook_url: str | None = None,
        token_lifetime: float = ACCESS_TOKEN_SECONDS,
        schema: Source | None = None,
    ) -> None:
        """Add the accounts and register the first integration; nothing is opened."""
        super().__init__(accounts, clock or SystemClock(), refresh_mode, seed, token_lifetime)
        self.integration = self._tokens.new_integration(
            redirect_uri, client_id, client_secret, hook_url
        )
        if schema is not None:
            self._schema = read_schema(schema)
            self._load(self._schema, None)
        rate: Entity = (self._schema or {}).get("rate", {})
        usual: int = rate.get("requests_per_second", REQUESTS_PER_SECOND)
        self.rate_limiter = RateLimiter(usual if rps == "default" else rps, limits)
        self._closing = threading.Event()
        self._log = Log(counters=self._router.counters)
        self._injector = FaultInjector(faults or FaultPlan(), seed or 0)

    def __repr__(self) -> str:
        """Name the accounts, and nothing secret."""
        return f"Sandbox({[one.host for one in self.accounts]})"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application; a lost answer really cuts the connection."""
        answer = self.respond(environ)
        self._pause(answer.late)
        if answer.ending == "none":
            raise _cut()
        start_response(f"{answer.status} {phrase(answer.status)}", list(answer.headers))
        return self._deliver(answer)

    def respond(self, environ: WSGIEnvironment) -> Answer:
        """Read a request, apply its fault, and answer."""
        try:
            request = IncomingRequest.read(environ, control.most_bytes(environ))
        except ProblemError as problem:
            return problem.answer()
        if environ.get(CONTROL):
            done = page.handle(self, request) or control.handle(self, request)
            if done is not None:
                return done
        with self._lock:
            uplink = self._injector.uplink()
        self._pause(uplink)
        with self._lock:
            answer = self._handle(request, uplink)
        self.feed.note(*_parts(request, answer))
        if request.method == "HEAD":
            answer = replace(answer, body=b"", pad=0)
        late = answer.late + self.faults.latency / 2
        return replace(answer, waited=uplink, late=late)

    def _handle(self, request: IncomingRequest, uplink: float) -> Answer:
        request = self._router.without_account(request)
        at, now = self.clock.monotonic(), self.clock.time()
        fault = self._injector.choose(request.method, request.path, request.body)
        verdict, arrival = self._arrive(request, at, now, fault.name if fault else "")
        answer: Answer | None = None
        account: Account | None = None
        if fault is None or fault.effect:
            answer, account = self._effect(request, verdict, now)
            self.webhooks.collect(self._router.accounts)
        out = apply_fault(fault, answer) if fault else answer
        out = self._finished(out or Answer(500), self._log.next_number)
        took = self.clock.monotonic() - at + uplink + out.late + self.faults.latency / 2
        self._log.add(
            request, arrival, out,
            status=0 if answer is None and out.ending == "none" else out.status,
            account=account.subdomain if account else "", duration=took,
        )  # fmt: skip
        if out.ending == "none":
            self.counters["lost"] += 1
        return out

    def _arrive(
        self, request: IncomingRequest, at: float, now: float, fault: str
    ) -> tuple[Verdict, Arrival]:
        zone, account, client_id, user_id = self._router.caller(request)
        if not request.path.startswith("/api/"):
            return Verdict.PASS, Arrival(at, now, fault, client_id=client_id, user_id=user_id)
        verdict, count, limit = self.rate_limiter.judge(at, zone, account, client_id)
        return verdict, Arrival(at, now, fault, verdict.value, count, limit, client_id, user_id)

    def _effect(
        self, request: IncomingRequest, verdict: Verdict, now: float
    ) -> tuple[Answer, Account | None]:
        if verdict is Verdict.TOO_MANY:
            return too_many(self.faults.retry_after).answer(), None
        if verdict is Verdict.BLOCKED:
            return blocked(), None
        return self._router.answer(request, now)

    def _finished(self, answer: Answer, number: int) -> Answer:
        headers = [*answer.headers, ("Date", format_date_time(self.clock.time()))]
        headers.append(("X-Request-Id", f"{number:032x}"))
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(answer.length)))
        return replace(answer, headers=tuple(headers))

    def _deliver(self, answer: Answer) -> Iterator[bytes]:
        stream = BodyStream(answer, self._pause)
        while chunk := stream.read(_CHUNK):
            yield chunk
        if answer.ending == "half":
            raise _cut()

    @property
    def log(self) -> list[Seen]:
        """Every request so far, in the order of arrival, without secrets."""
        with self._lock:
            return list(self._log.seen)

    def latest_requests(self, after: int = 0, limit: int = 100) -> list[Seen]:
        """Return the last requests of the log, in their order, with greater numbers only."""
        with self._lock:
            return [one for one in self._log.seen[-limit:] if one.number > after]

    def exchange(self, number: int) -> tuple[Seen, Exchange | None]:
        """Return a request of the log, and what was sent and answered, without secrets.

        The latter is kept of the last requests only.

        Raises:
            KeyError: there is no such request.
        """
        with self._lock:
            return self._log.entry(number), self._log.exchange(number)

    @property
    def counters(self) -> Counter[str]:
        """What was counted: requests, grants, refusals, losses, creations."""
        return self._log.counters

    @property
    def faults(self) -> FaultPlan:
        """The chances of injected faults; assign another `FaultPlan` to change them."""
        return self._injector.faults

    @faults.setter
    def faults(self, faults: FaultPlan) -> None:
        self._injector.faults = faults

    def busiest_second(self) -> int:
        """Return the most API requests that arrived within any one second."""
        with self._lock:
            return self._log.busiest_second()

    def inject(
        self,
        fault: str,
        method: str | None = None,
        path: str | None = None,
        times: int = 1,
        more_than: int | None = None,
        **options: Json,
    ) -> None:
        """Apply a fault to the next `times` matching requests.

        Args:
            fault: a name of `faults.KINDS`.
            method: only requests with this method.
            path: only paths that begin like this, or match this pattern of `fnmatch`.
            times: how many requests.
            more_than: only requests that write more items than this: amoCRM answers 504 if a
                request is too heavy (reference 3.3).
            options: of the fault; `effect` says whether the request has its effect all the same.

        Raises:
            ValueError: there is no such fault or option.
        """
        with self._lock:
            self._injector.inject(fault, method, path, times, more_than, options)

    @property
    def injected(self) -> list[Injected]:
        """The injected faults that wait for their request."""
        with self._lock:
            return self._injector.injected

    def clear_faults(self) -> None:
        """End every fault of requests: chances are 0, and injected faults are forgotten."""
        with self._lock:
            self._injector.faults = FaultPlan()
            self._injector.clear()

    def reset(self) -> None:
        """Begin again, as after the construction.

        The first accounts are founded anew, with their ids and their schema; what they held is
        gone, as are added accounts, the log, webhooks and faults. What stays: integrations,
        channels, the tokens and codes of the first accounts and users, apps that receive webhooks,
        and the clock. The numbers of requests and webhooks go on.
        """
        with self._lock:
            self._router.reset()
            self._found()
            self._tokens.retain(self.accounts)
            self._log.clear()
            self._injector.reset()
            self.rate_limiter.reset()
            self.webhooks.reset()
        self.feed.note(*PARTS)

    def session(self) -> requests.Session:
        """Return a `requests` session that sends every request here."""
        return self.mount(requests.Session())

    def mount(self, session: requests.Session) -> requests.Session:
        """Send every http and https request of a session here; return the session."""
        for scheme in ("https://", "http://"):
            session.mount(scheme, SandboxAdapter(self.respond, self.clock))
        return session

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: tuple[str, str] | None = None,
        threads: int = 40,
        hosts: Iterable[str] = (),
        control: bool | None = None,
    ) -> AbstractContextManager[Served]:
        """Serve over TCP while the block runs; port 0 takes a free one.

        Pages of the open web, which can make a browser call a port of its machine, are refused: a
        Host that is unknown is answered 421, and what another site sends to change something 403.
        By the real clock, webhooks are sent while the block runs.

        Args:
            host: address to listen on.
            port: to listen on.
            tls: PEM files of a certificate and its key, to serve HTTPS.
            threads: requests that are answered at once.
            hosts: names that clients call this portal by, besides `localhost`, addresses, and
                names under amocrm.ru, amocrm.com and kommo.com.
            control: serve `/_sandbox/`, by which anybody who reaches the port can do everything;
                None: only on an address of this machine.

        Raises:
            OSError: the port is busy.
        """
        if control is None and not is_loopback(host):
            sys.stderr.write(
                f"/_sandbox/ is not served, as others reach {host} (--i-know, control=True)\n"
            )
        allowed = is_loopback(host) if control is None else control
        served = serve(
            Guard(self, (host, *hosts), control=allowed), host, port,
            tls=tls, threads=threads, closing=self._closing,
            shake=lambda: self._pause(self.faults.handshake),
        )  # fmt: skip
        return self._sending(served, threads, has_page=allowed)

    @contextlib.contextmanager
    def _sending(
        self, serving: AbstractContextManager[Served], threads: int, *, has_page: bool
    ) -> Generator[Served]:
        # By another clock than the real one, a test decides when webhooks are sent.
        by_itself = isinstance(self.clock, SystemClock)
        with serving as served:
            self.webhooks.origin = served.url
            self.feed.open(threads)
            try:
                with self.webhooks.sending() if by_itself else contextlib.nullcontext():
                    yield replace(served, page=f"{served.url}/" if has_page else "")
            finally:
                self.feed.close()
                self.webhooks.origin = ""

    def _pause(self, seconds: float) -> None:
        # A server that closes must not wait for answers that are late by intent.
        if isinstance(self.clock, SystemClock):
            self._closing.wait(max(0.0, seconds))
        else:
            self.clock.sleep(seconds)


def _parts(request: IncomingRequest, answer: Answer) -> Iterator[str]:
    yield "requests"
    if request.method != "GET":
        yield "entities" if request.path.startswith("/api/") else "tokens"


def _cut() -> ConnectionResetError:
    # Servers drop the connection without an answer when the application raises this.
    return ConnectionResetError(ECONNRESET, "the sandbox cut the connection")
