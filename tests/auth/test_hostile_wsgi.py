"""The WSGI apps respond to every request, and act only on a valid state or signature."""

from __future__ import annotations

import io
import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import Integration, MemoryStore
from amocrm.auth.redirect.app import RedirectApp
from amocrm.auth.redirect.query import RedirectResult, read_redirect
from amocrm.sandbox import ManualClock, Sandbox
from tests.hostile import cases
from tests.wire import Wire

pytestmark = pytest.mark.timeout(3600)  # for 10,000 cases

HOST, STATE, CODE = "example.amocrm.ru", "st4te-0f-the-sessi0n", "c0de-0f-s0mebody"
TOKENS = "/oauth2/access_token"
MARKERS = {"from_widget", "from_exchange"}

latin = st.text(st.characters(max_codepoint=255))
field = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"))
"""Values of headers that a server accepts."""

methods = st.sampled_from(
    ["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "get", ""]
)  # fmt: skip
hosts = field | st.sampled_from(
    [
        HOST,
        "other.amocrm.ru",
        "127.0.0.1",
        "127.0.0.1:80",
        "evil.example",
        "a@b",
        "[::1]",
        "[",
        ":x",
        "x:y:z",
    ]
)
values = latin | st.text() | st.sampled_from(
    ["", STATE, CODE, HOST, "other.amocrm.ru", "evil.example", "access_denied", "1", "30000001",
     "\xff", "a b", "../..", "<script>", "%ff", "9" * 400, "1e999", "-1", "null", "[]"]
)  # fmt: skip
names = st.sampled_from(
    ["code", "state", "referer", "error", "signature", "account_id", "client_id", "client_uuid",
     "from_widget", "from_exchange", "platform", "page", "limit", "with", "query", "order[id]",
     "filter[id]", "filter[id][]", "filter[a][b][c]", "mode"]
)  # fmt: skip
pairs = st.lists(st.tuples(names | latin, values), max_size=6)


def spelled(query: list[tuple[str, str]], style: int) -> str:
    """Write a query as browsers do, or without escapes."""
    if style == 0:
        return urlencode(query, errors="surrogatepass")
    text = "&".join(f"{name}={value}" for name, value in query)
    raw = (
        text.encode("utf-8", "surrogatepass")
        if style == 1
        else quote(text, "&=%", errors="replace").encode()
    )
    return raw.decode("latin-1")


queries = latin | st.builds(spelled, pairs, st.integers(0, 2)) | st.builds(
    # Queries that are almost accepted.
    lambda state, marker, code: urlencode({"code": code, "referer": HOST} | state | marker),
    st.sampled_from([{}, {"state": STATE}, {"state": "another"}, {"state": ""}]),
    st.sampled_from([{}, {"from_widget": "1"}, {"from_exchange": ""}]),
    st.sampled_from([CODE, "", "a b", "\xff"]),
)  # fmt: skip

cookies = field | st.sampled_from(
    ["", f"__Host-amocrm_state={STATE}", f"amocrm_state={STATE}", "__Host-amocrm_state=",
     f"__Host-amocrm_state={STATE}; __Host-amocrm_state=other", f'__Host-amocrm_state="{STATE}"',
     "__Host-amocrm_state=\xff", "__Host-amocrm_state", f"x=y; __Host-amocrm_state={STATE}"]
)  # fmt: skip
page_counts = st.sampled_from(["", "0", "1", "5", "-1", "x", "9" * 30, "\xb2", "1.5"]) | field
kinds = field | st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "multipart/form-data", "text/plain; charset=utf-16", "application/json; charset=no-such", "/"]
)  # fmt: skip
bodies = st.binary() | st.builds(lambda pairs: urlencode(pairs, errors="replace").encode(), pairs)


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return f"{self.headers}\n{self.body.decode('utf-8', 'replace')}"


def send(app: Any, environ: dict[str, Any]) -> Answer:
    """Call an app as PEP 3333 says, and check its response."""
    began: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> object:
        began.append((status, headers))
        return lambda _: None

    answer = app(environ, start_response)
    try:
        body = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    assert len(began) == 1
    status, headers = began[0]
    assert re.fullmatch(r"[1-5][0-9]{2} [ -~]*", status)
    for name, value in headers:
        assert re.fullmatch(r"[!-9;-~]+", name)
        assert not re.search(r"[\r\n\0]", value)
        value.encode("latin-1")
    assert b"Traceback" not in body
    return Answer(int(status[:3]), headers, body)


@st.composite
def environs(draw: st.DrawFn, paths: st.SearchStrategy[str] = latin) -> dict[str, Any]:
    body = draw(bodies)
    environ = {
        "REQUEST_METHOD": draw(methods),
        "SCRIPT_NAME": draw(st.sampled_from(["", "/amo", "/\xff"])),
        "PATH_INFO": draw(paths | latin),
        "QUERY_STRING": draw(queries),
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": draw(st.sampled_from(["80", "443", "8080"])),
        "SERVER_PROTOCOL": draw(st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/0.9"])),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": draw(st.sampled_from(["http", "https"])),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    optional = {
        "HTTP_HOST": hosts, "HTTP_COOKIE": cookies, "CONTENT_TYPE": kinds,
        "CONTENT_LENGTH": page_counts | st.just(str(len(body))), "HTTP_AUTHORIZATION": field,
        "HTTP_X_FORWARDED_HOST": hosts, "HTTP_X_FORWARDED_PROTO": field, "HTTP_RANGE": field,
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "gzip", "\xff"]),
        "HTTP_ACCEPT_LANGUAGE": field, "HTTP_IF_NONE_MATCH": field, "HTTP_USER_AGENT": field,
        "REMOTE_ADDR": field,
    }  # fmt: skip
    for name, strategy in optional.items():
        if draw(st.booleans()):
            environ[name] = draw(strategy)
    return environ


# The app of an integration ------------------------------------------------------------------------


class Shop:
    """An integration that one account has installed, with a log of all its calls."""

    def __init__(self, sandbox: Sandbox, clock: ManualClock) -> None:
        uri = "https://shop.example/amo"
        one = sandbox.add_integration(uri)
        self.wire = Wire(sandbox)
        self.integration = Integration(
            one.client_id, one.client_secret, uri,
            store=MemoryStore(), session=self.wire.session(), clock=clock, rate_limiter=None,
        )  # fmt: skip
        redirect = sandbox.agree(self.integration.consent_url("first"))
        self.account = self.integration.callback(redirect.partition("?")[2], state="first")
        self.told: list[object] = []
        self.app = self.integration.wsgi_app(self.told.append, self.told.append)
        self.token = self.account.connection.get_token() or {}
        self.secrets = [
            one.client_secret, self.token["access_token"], self.token["refresh_token"], CODE, STATE,
        ]  # fmt: skip


@pytest.fixture
def shop(clock: ManualClock) -> Shop:
    return Shop(Sandbox(("example", "other"), clock=clock, rps=None), clock)


def is_proved(environ: dict[str, Any]) -> bool:
    """Tell whether the code of a query may be sent to amoCRM; written from the documented rule."""
    text = environ["QUERY_STRING"].encode("latin-1").decode("utf-8", "replace")
    query = dict(reversed(parse_qsl(text, keep_blank_values=True)))
    if environ["REQUEST_METHOD"].upper() != "GET" or not query.get("code"):
        return False
    has_cookie = re.search(r"__Host-amocrm_state=[^;\s]", environ.get("HTTP_COOKIE", ""))
    state = query.get("state") or "\0"
    return state in environ.get("HTTP_COOKIE", "") if has_cookie and state == STATE else any(
        marker in query for marker in MARKERS
    )  # fmt: skip


@given(environs(st.sampled_from(["/", "/install", "/install/", "/uninstall", "//", "/../install"])))
@cases
def test_the_installation_app_responds_and_sends_only_codes_with_a_valid_state(
    shop: Shop, environ: dict[str, Any]
) -> None:
    before = len(shop.wire.sent)
    answer = send(shop.app, dict(environ))
    assert answer.status in (200, 302, 400, 403, 404, 405, 500, 503)
    assert [secret for secret in shop.secrets if secret in answer.text] == []
    sent = shop.wire.sent[before:]
    if not is_proved(environ):
        assert sent == []
    assert shop.wire.strays == []
    assert answer.status != 302 or dict(answer.headers)["Location"].startswith(
        "https://www.amocrm.ru/oauth?"
    )
    assert shop.told == []
    assert shop.integration.accounts() == [HOST]
    assert shop.account.connection.get_token() == shop.token


# The app of the redirect server -------------------------------------------------------------------


@given(environs(st.sampled_from(["/", "/back", "/favicon.ico"])))
@cases
def test_the_redirect_app_accepts_only_redirects_with_its_state(
    environ: dict[str, Any],
) -> None:
    claimed: list[RedirectResult] = []

    def claim(result: RedirectResult) -> bool:
        claimed.append(result)
        return True

    app = RedirectApp(lambda query: read_redirect(query, STATE, HOST), claim)
    answer = send(app, dict(environ))
    assert answer.status in (200, 400, 404, 405)
    assert STATE not in answer.text
    assert CODE not in answer.text
    if claimed:
        query = environ["QUERY_STRING"].encode("latin-1").decode("utf-8", "replace")
        assert environ["REQUEST_METHOD"].upper() == "GET"
        assert ("state", STATE) in parse_qsl(query)
        (one,) = claimed
        assert one.error is not None or (one.code and one.code.split() == [one.code])


# The sandbox --------------------------------------------------------------------------------------

entities = ["leads", "contacts", "companies", "customers", "tasks", "users", "catalogs", "events"]
places = [
    "/oauth", TOKENS, "/oauth2/account/current/subdomain", "/api/v4/account",
    "/api/v2/salesbot/run",
    *(f"/api/v4/{name}" for name in entities), *(f"/api/v4/{name}/7001" for name in entities),
    *(f"/api/v4/{name}/{more}" for name in ("leads", "contacts") for more in (
        "tags", "notes", "custom_fields", "custom_fields/1", "7001/links", "7001/link", "x/notes",
        "pipelines", "pipelines/11/statuses", "unsorted", "unsorted/forms", "complex",
        "loss_reasons",
    )),
    "/api/v4/webhooks", "/api/v4/widgets", "/api/v4/calls", "/api/v4/talks/1/close",
    "/api/v4/sources",
    "/v1.0/files", "/v1.0/sessions", "/v1.0/sessions/upload/x", "/download/a/b/c",
    "/v2/origin/custom/x/connect", "/v2/origin/custom/x_y", "/v2/origin/custom/x/chats/y/history",
]  # fmt: skip
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "name", "price", "custom_fields_values", "field_id", "values", "value", "code",
             "_embedded", "tags", "contacts", "text", "entity_id", "entity_type", "note_type",
             "params", "grant_type", "client_id", "request_id", "to_entity_id", "settings"]
        ) | st.text(max_size=4),
        inner, max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@given(environs(st.sampled_from(places)), json_values, st.booleans(), st.data())
@cases
def test_the_sandbox_responds_to_any_request(
    sandbox: Sandbox, environ: dict[str, Any], value: Any, valid: bool, data: st.DataObject
) -> None:
    sandbox.rate_limiter.rps = None
    if valid:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {sandbox.issue_long_lived()}"
        environ["HTTP_HOST"], environ["wsgi.url_scheme"] = HOST, "https"
    if data.draw(st.booleans()):
        body = json.dumps(value if data.draw(st.booleans()) else [value]).encode()
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ["CONTENT_TYPE"] = "application/json"
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    answer = send(sandbox, environ)
    assert answer.status < 500, answer.text
    assert sandbox.integration.client_secret not in answer.text
