"""A server that answers anything at all gets an error of ours out of a client, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from amocrm import AmoCRM, AmoCRMError, AuthSettings, MemoryStore
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.hostile import cases
from tests.wire import Reply, Wire

pytestmark = pytest.mark.timeout(3600)  # 10,000 cases take their time

HOST, HERE = "example.amocrm.ru", "https://example.amocrm.ru"
ACCOUNT, LEADS, TOKENS = "/api/v4/account", "/api/v4/leads", "/oauth2/access_token"
LOOKUP = "/oauth2/account/current/subdomain"
DAY = 86_400

numbers: st.SearchStrategy[Any] = st.integers() | st.floats() | st.just(10**400)

words = st.text(max_size=10) | st.sampled_from(
    ["", HERE, "https://evil.example/", "//evil.example", f"{HERE}{LEADS}?page=2", "example", HOST,
     "other.amocrm.ru", "https://drive-b.amocrm.ru", "Token has been revoked", "Invalid account",
     "0", "1e999", "\u0661", "a" * 5000]
)  # fmt: skip
keys = words | st.sampled_from(
    ["_links", "_embedded", "next", "href", "leads", "id", "name", "access_token", "refresh_token",
     "expires_in", "server_time", "token_type", "subdomain", "domain", "drive_url", "hint", "title",
     "detail", "status", "validation-errors", "validation_errors", "errors", "error", "retry_after",
     "_total_items", "_page", "amojo_id", "account_id"]
)  # fmt: skip
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
listings = st.fixed_dictionaries(
    {},
    optional={
        "_links": st.fixed_dictionaries({"next": st.fixed_dictionaries({"href": words}) | anything})
        | anything,
        "_embedded": st.fixed_dictionaries({"leads": st.lists(anything, max_size=3) | anything})
        | anything,
        "_total_items": anything,
    },
)
pairs = st.fixed_dictionaries(
    {},
    optional={
        "access_token": st.just("new-access") | anything,
        "refresh_token": st.just("new-refresh") | anything,
        "expires_in": st.just(86_400) | anything,
        "server_time": anything,
        "token_type": anything,
    },
)
accounts = st.fixed_dictionaries({}, optional={"id": anything, "name": words, "drive_url": words})
refusals = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("hint", "title", "detail", "status", "validation-errors", "error", "errors"),
        words | anything,
    ),
)
shapes = anything | listings | pairs | accounts | refusals

header = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20
)


def written(value: Any, way: int, cut: float) -> bytes:
    """Write a body: well, in other encodings, or not to its end."""
    text = json.dumps(value, ensure_ascii=way != 1)
    body = text.encode("utf-8" if way < 3 else "utf-16", "surrogatepass")
    body = b"\xef\xbb\xbf" + body if way == 2 else body
    return body if cut > 0.9 else body[: int(len(body) * cut)]


bodies = (
    st.builds(written, shapes, st.integers(0, 3), st.just(1.0) | st.floats(0, 1))
    | st.binary()
    | st.sampled_from(
        [
            b"",
            b"null",
            b"[",
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"<html>",
            b"\x1f\x8b\x08\x00",
            b'"\\ud800"',
        ]
    )
)
statuses = st.sampled_from(
    [200, 200, 200, 200, 201, 202, 204, 206, 226, 299, 300, 302, 304, 308, 400, 401, 402, 403, 404,
     405, 409, 413, 422, 423, 429, 451, 499, 500, 502, 503, 504, 599, 600, 999]
)  # fmt: skip
headers = st.fixed_dictionaries(
    {
        "Content-Type": st.sampled_from(
            [
                "application/json",
                "application/hal+json; charset=utf-8",
                "application/problem+json",
                "text/html",
                "text/plain; charset=no-such",
                "",
                "/",
                "application/json; charset=utf-16",
            ]
        )
        | header
    },
    optional={
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
        | header,
        "Location": words.map(lambda text: text.encode("ascii", "ignore").decode()) | header,
        "Retry-After": st.sampled_from(
            ["0", "1", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 12]
        )
        | header,
        "Date": header,
        "X-Request-Id": header,
        "WWW-Authenticate": header,
        "Set-Cookie": header,
        "Content-Length": st.sampled_from(["0", "5", "-1", "x", "999999"]),
        "Transfer-Encoding": st.sampled_from(["identity", "gzip"]),
    },
)


def made(status: int, fields: dict[str, str], body: bytes) -> Reply:
    return Reply(status, body, tuple(fields.items()))


replies = st.builds(made, statuses, headers, bodies)


class Client:
    """A client that holds a pair, in a store, before a server that answers as it is told."""

    def __init__(self, clock: ManualClock) -> None:
        self.sandbox = Sandbox(("example",), clock=clock, rps=None)
        self.wire, self.store, self.clock = Wire(self.sandbox), MemoryStore(), clock
        one = self.sandbox.integration
        self.key = Key(one.client_id, str(self.sandbox.account().id))
        self.auth: AuthSettings = {
            "client_id": one.client_id, "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
        }  # fmt: skip
        first = self.open({"code": self.sandbox.issue_code()})
        first.connect()
        self.text = self.store.load(self.key)
        self.secrets = [
            one.client_secret,
            *(
                str((first.connection.get_token() or {})[name])
                for name in ("access_token", "refresh_token")
            ),
        ]

    def open(self, more: Any = None) -> AmoCRM:
        auth: Any = {**self.auth, **(more or {})}
        return AmoCRM(
            "example",
            auth,
            store=self.store,
            session=self.wire.session(),
            clock=self.clock,
            rate_limiter=None,
        )

    def restore(self) -> None:
        """Begin again from the first pair."""
        self.store.forget(self.key)
        assert self.text is not None
        assert self.store.save(self.key, self.text, None)
        del self.wire.sent[:]

    def answer(self, path: str, *turns: Reply) -> None:
        """Answer the calls of a path with each of these in turn, and then with the last."""
        left = list(turns)

        def twist(request: requests.PreparedRequest) -> Reply | None:
            if not urlsplit(str(request.url)).path.startswith(path):
                return None
            return left.pop(0) if len(left) > 1 else left[0]

        self.wire.twist = twist


@pytest.fixture
def client(clock: ManualClock) -> Client:
    return Client(clock)


def check(client: Client, act: Callable[[AmoCRM], object]) -> None:
    """Act: a result or an error of ours; no secret elsewhere, none told; a whole pair is stored."""
    crm = client.open()
    try:
        act(crm)
    except AmoCRMError as error:
        shown = f"{error}\n{error!r}\n{error.hint}"
        assert [secret for secret in client.secrets if secret in shown] == []
    assert client.wire.strays == []
    text = client.store.load(client.key)
    assert text is not None
    token = json.loads(text)["token"]
    assert isinstance(token["access_token"], str)
    client.wire.twist = lambda _: None
    # Another process reads it, and says what it is.
    assert client.open().connection.status().freshness is not None


CALLS: dict[str, Callable[[AmoCRM], object]] = {
    "get": lambda crm: crm.request.get(LEADS),
    "post": lambda crm: crm.request.post(LEADS, [{"name": "x"}]),
    "list": lambda crm: list(crm.leads.list()),
    "one by one": lambda crm: list(crm.listing(LEADS, ahead=0)),
    "first": lambda crm: crm.leads.list().first(),
    "one": lambda crm: crm.leads.get(7001),
    "create": lambda crm: crm.leads.create({"name": "x"}),
    "create many": lambda crm: list(crm.leads.create_many([{"name": "x"}, {"name": "y"}])),
    "update": lambda crm: crm.leads.update(7001, {"price": 1}),
    "notes": lambda crm: crm.leads(7001).notes.create({"note_type": "common", "params": {}}),
    "fields": lambda crm: crm.leads.cf({"id": 1})["Name"],
    "find": lambda crm: crm.contacts.find_or_create({"name": "x"}, phone="+79991234567"),
}  # fmt: skip


@given(st.sampled_from(sorted(CALLS)), st.lists(replies, min_size=1, max_size=3))
@cases
def test_a_call_ends_in_a_result_or_an_error_of_ours(
    client: Client, call: str, turns: list[Reply]
) -> None:
    client.restore()
    client.answer("/api/v4/", *turns)
    check(client, CALLS[call])


@given(st.lists(replies, min_size=1, max_size=2))
@cases
def test_files_end_in_a_result_or_an_error_of_ours(client: Client, turns: list[Reply]) -> None:
    for path in ("/v1.0/", ACCOUNT):
        client.restore()
        client.answer(path, *turns)
        check(client, lambda crm: crm.drive.upload(b"content", name="a.txt"))


@given(st.lists(replies, min_size=1, max_size=3), st.booleans())
@cases
def test_a_grant_ends_in_a_whole_pair_or_an_error_of_ours(
    client: Client, turns: list[Reply], is_code: bool
) -> None:
    client.restore()
    client.answer(TOKENS, *turns)
    if is_code:
        check(client, lambda crm: crm.connection.set_code("c0de"))
    else:
        check(client, lambda crm: crm.connection.refresh_token())


@given(replies, st.sampled_from([401, 404]))
@cases
def test_where_an_account_has_moved_is_a_host_of_amocrm_s_or_nowhere(
    client: Client, reply: Reply, status: int
) -> None:
    client.restore()

    def twist(request: requests.PreparedRequest) -> Reply | None:
        path = urlsplit(str(request.url)).path
        return Reply(status, b"{}") if path == TOKENS else reply if path == LOOKUP else None

    client.wire.twist = twist
    check(client, lambda crm: crm.connection.refresh_token())
